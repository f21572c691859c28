//! What a dictionary tells about itself, for `/status`, metrics and tests.

use std::path::PathBuf;

/// A candidate that did not load; kept until it loads, vanishes or is overtaken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The version refused; 0 where scanning itself failed or the source is a plain file.
    pub version: u64,
    /// Where it lies.
    pub path: PathBuf,
    /// Why, in words.
    pub message: String,
    /// When, microseconds UTC of the dictionary's clock.
    pub at: i64,
}

/// One dictionary's state at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// The dictionary's name.
    pub name: String,
    /// Number of the serving generation; 0 while nothing is loaded.
    pub generation: u64,
    /// Version of the serving generation; `None` while nothing is loaded.
    pub version: Option<u64>,
    /// When it was swapped in, microseconds UTC.
    pub loaded_at: i64,
    /// How long its load took, microseconds.
    pub load_micros: u64,
    /// Why something newer is not serving, if so.
    pub error: Option<Failure>,
    /// Loads that succeeded since start (a counter).
    pub loads: u64,
    /// Loads and scans that failed since start (a counter).
    pub failures: u64,
    /// Bytes of the files that the serving generation was read from.
    pub bytes: u64,
    /// Older generations that a reader still holds.
    pub old_generations: usize,
    /// Readers that hold one of these.
    pub old_readers: usize,
}
