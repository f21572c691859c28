//! Rankers.
