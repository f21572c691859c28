//! The one error type of this crate.
//!
//! The decision: what a file holds wrongly is told by the crate that reads it (`table`, `config`)
//! with file and line; this type adds what only imports, aggregates and samples can know.

use std::path::PathBuf;

use rankine_table::TableError;

/// What can stop an import, a check, or the building of samples.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// A file could not be read or written, or strict reading met a bad row.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The home folder holds no imported data.
    #[error("{}: no imported data here; run `rankine data import` first", home.display())]
    NotImported {
        /// The home folder.
        home: PathBuf,
    },
    /// A file of the home folder does not hold what this program writes there.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was expected and what was there.
        reason: String,
    },
}
