//! The one error type of this crate; each variant names the file and, where there is one, the line.
//!
//! The decision: bad *rows* are not errors (they are faults a caller may set aside, see
//! [`crate::RowFault`]); only what stops the reading is an error.

use std::path::PathBuf;

/// What can stop a file from being read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// A file could not be opened or created.
    #[error("{}: cannot open: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Reading failed midway (disk, or a damaged gzip or zstd stream).
    #[error("{}:{line}: cannot read on: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The last line that was read, counted from 1; 0 before the first.
        line: u64,
        /// What the system or the decompressor said.
        source: std::io::Error,
    },
    /// Writing, syncing or renaming failed.
    #[error("{}: cannot write: {source}", path.display())]
    Write {
        /// The file that was to appear.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A text file has no header line, or its header lacks or repeats a column.
    #[error("{}:1: {reason}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with the header.
        reason: String,
    },
    /// A row was refused while reading strictly.
    #[error("{}:{line}: {rule}: {reason}", path.display())]
    Rejected {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1 (for Parquet the row).
        line: u64,
        /// The short name of the rule that was broken.
        rule: &'static str,
        /// What was expected and what was there.
        reason: String,
    },
    /// A file whose rows were all left out.
    #[error("{}: no row can be read; the first is line {line}: {reason}", path.display())]
    NoRow {
        /// The file.
        path: PathBuf,
        /// The first row's line, counted from 1.
        line: u64,
        /// What was wrong with it.
        reason: String,
    },
    /// A Parquet file is damaged, or could not be encoded.
    #[error("{}: parquet: {reason}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the codec said.
        reason: String,
    },
    /// A Parquet column has a type that has no counterpart here, or another type than expected.
    #[error("{}: column `{column}`: expected {expected}, got {got}", path.display())]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column's name.
        column: String,
        /// What may stand there.
        expected: String,
        /// What stood there.
        got: String,
    },
    /// A column that is needed is not there.
    #[error("column `{column}` is missing; there are: {present}")]
    NoColumn {
        /// The name that was asked for.
        column: String,
        /// The names that exist, separated by commas.
        present: String,
    },
    /// The columns of one table differ in length.
    #[error("column `{column}` has {got} rows, expected {expected} as in the first column")]
    Lengths {
        /// The column that differs.
        column: String,
        /// Rows of the first column.
        expected: usize,
        /// Rows of this one.
        got: usize,
    },
    /// A row of a vector column has another width than the column.
    #[error("column `{column}`, row {row}: expected a vector of width {expected}, got {got}")]
    Width {
        /// The column.
        column: String,
        /// The row, counted from 0.
        row: usize,
        /// The column's width.
        expected: usize,
        /// The row's width.
        got: usize,
    },
}
