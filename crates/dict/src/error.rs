//! What can go wrong while a dictionary is looked at or loaded; every variant keeps the old generation serving.

use std::path::PathBuf;

/// A fault of scanning, loading or starting a dictionary.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DictError {
    /// The folder or file could not be listed.
    #[error("{path}: cannot be listed: {source}")]
    Scan {
        /// What was listed.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The parser refused a candidate.
    #[error("{path}: version {version} refused: {message}")]
    Refused {
        /// Where the candidate lies.
        path: PathBuf,
        /// Its version.
        version: u64,
        /// The parser's words.
        message: String,
    },
    /// The candidate may be good, but something it needs is not there yet.
    #[error("{path}: version {version} waits: {message}")]
    Waits {
        /// Where the candidate lies.
        path: PathBuf,
        /// Its version.
        version: u64,
        /// What for.
        message: String,
    },
    /// The parser panicked; a fault in the code, treated as a refusal so that the process lives on.
    #[error("{path}: version {version} made its parser panic: {message}")]
    Panicked {
        /// Where the candidate lies.
        path: PathBuf,
        /// Its version.
        version: u64,
        /// The panic's text where it had one.
        message: String,
    },
    /// The folder is pinned to a version that is not there.
    #[error("{path}: pinned to version {version}, which is not there")]
    Pinned {
        /// The folder.
        path: PathBuf,
        /// The version.
        version: u64,
    },
    /// Nothing to load was found.
    #[error("{path}: holds no version to load")]
    Empty {
        /// Where was looked.
        path: PathBuf,
    },
    /// The loader thread could not be started.
    #[error("dictionary {name}: loader thread not started: {source}")]
    Thread {
        /// The dictionary's name.
        name: String,
        /// The system's reason.
        source: std::io::Error,
    },
}
