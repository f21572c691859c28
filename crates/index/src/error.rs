//! What an index refuses: vectors that do not fit it, and files that are not its own.

use std::path::PathBuf;

/// A refused vector, query or file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// A vector or query of another width.
    #[error("vector of id {id:?}: expected {expected} numbers, got {got}")]
    Width {
        /// The id it was for; `None` for a query.
        id: Option<i64>,
        /// The index's width.
        expected: usize,
        /// What came.
        got: usize,
    },
    /// A vector or query with NaN or an infinity.
    #[error("vector of id {id:?}: number {position} is {value}, expected a finite one")]
    NotFinite {
        /// The id it was for; `None` for a query.
        id: Option<i64>,
        /// Which number, from 0.
        position: usize,
        /// Its value.
        value: f32,
    },
    /// A query made by another artefact version than the index.
    #[error("query of artefact version {got} asked of an index of version {expected}")]
    Version {
        /// The index's version.
        expected: u64,
        /// The query's.
        got: u64,
    },
    /// The same id twice where each may occur once.
    #[error("id {id} occurs twice")]
    Twice {
        /// The id.
        id: i64,
    },
    /// A setting of a graph outside its range.
    #[error("{key}: expected {least} to {most}, got {got}")]
    Setting {
        /// The setting.
        key: &'static str,
        /// The least it may be.
        least: usize,
        /// The most it may be.
        most: usize,
        /// What came.
        got: usize,
    },
    /// The graph could not be made or kept up; searches are exact.
    #[error("graph: {reason}")]
    Graph {
        /// The library's reason: memory.
        reason: String,
    },
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is not an index, is damaged, or is of an unknown format.
    #[error("{path}: not a readable index: {what}: expected {expected}, got {got}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What was looked at.
        what: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        got: String,
    },
}
