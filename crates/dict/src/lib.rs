//! Generation-swapped dictionaries: watch, load aside, verify, warm, swap.
