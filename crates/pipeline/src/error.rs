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
    /// A sample file is not the one its record was written with.
    #[error("{}: damaged: expected {expected}, got {got}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Size and hash in the record.
        expected: String,
        /// What is there.
        got: String,
    },
    /// A mapping file is wrong; all its faults, one a line.
    #[error(transparent)]
    Mapping(#[from] rankine_config::Faults),
    /// The folder to import holds no format we know.
    #[error("{}: no known format here; looked for {looked_for}; found {found}", source_path.display())]
    UnknownFormat {
        /// The folder or file that was to be imported.
        source_path: PathBuf,
        /// What each format needs.
        looked_for: String,
        /// The files that are there.
        found: String,
    },
    /// The format that was asked for does not fit the folder.
    #[error("{}: not in format `{format}`, which needs {needs}", source_path.display())]
    WrongFormat {
        /// The folder or file that was to be imported.
        source_path: PathBuf,
        /// The format that was asked for.
        format: String,
        /// What it needs, or the formats there are.
        needs: String,
    },
    /// Another process imports into this home now.
    #[error("{}: another import is running in this home", home.display())]
    Busy {
        /// The home folder.
        home: PathBuf,
    },
    /// A server has the event log of this home open, and would go on with the old data.
    #[error("{}: a server runs on this home; stop it, then import", home.display())]
    Serving {
        /// The home folder.
        home: PathBuf,
    },
    /// A record of the live log whose body is not an event.
    #[error("live event {seq}: {reason}")]
    LogEvent {
        /// Its sequence number.
        seq: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Split fractions that leave no training part, or are no fractions.
    #[error("split: valid {valid} and test {test} must be at least 0 and together less than 1")]
    Split {
        /// Fraction for validation.
        valid: f64,
        /// Fraction for the test.
        test: f64,
    },
    /// A sample file lacks a column that the conf needs.
    #[error("{}: no column `{column}` ({needed_as}); the file has: {present}", path.display())]
    SampleColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What it is needed for.
        needed_as: &'static str,
        /// The columns there are.
        present: String,
    },
    /// A cell of a sample file does not fit its field.
    #[error("{}:{line}: field `{field}`: {reason}", path.display())]
    SampleCell {
        /// The file.
        path: PathBuf,
        /// The line (for Parquet the row), counted from 1.
        line: u64,
        /// The field.
        field: String,
        /// What was expected and what was there.
        reason: String,
    },
    /// A feature cell in a row store does not fit its field.
    #[error("row {key}: field `{field}`: {reason}")]
    RowCell {
        /// The row's key.
        key: i64,
        /// The field.
        field: String,
        /// What was expected and what was there.
        reason: String,
    },
    /// A row store failed.
    #[error(transparent)]
    Store(#[from] rankine_store::StoreError),
}
