//! TOML with positions: every fault of a file in one pass, nearest key.
