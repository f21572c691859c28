//! The faults of the kernel: only files and memory can fail here, shapes are the caller's promise.

use std::path::PathBuf;

/// What can go wrong while a file is mapped or read as numbers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// The file cannot be opened or mapped.
    #[error("cannot map {path}: {source}", path = path.display())]
    Map {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The system gives no memory for a table.
    #[error("no memory for a table segment of {bytes} bytes: {source}")]
    Memory {
        /// Bytes asked for.
        bytes: usize,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A table is full: rows are numbered in 32 bits.
    #[error("a table holds at most {limit} rows")]
    Rows {
        /// The most rows.
        limit: usize,
    },
    /// A matrix has no Cholesky factor: it is not positive definite, or holds something that is no number.
    #[error("a matrix of order {order} is not positive definite: pivot {pivot} is {value}")]
    Definite {
        /// Rows of the matrix.
        order: usize,
        /// The row, from 0.
        pivot: usize,
        /// What its root should have been taken of.
        value: f64,
    },
    /// A byte range does not lie inside the file.
    #[error("{path}: bytes {start}..{end} lie outside the file of {length} bytes", path = path.display())]
    Range {
        /// The file.
        path: PathBuf,
        /// First byte asked for.
        start: usize,
        /// One past the last byte asked for.
        end: usize,
        /// Bytes in the file.
        length: usize,
    },
    /// A range that should hold numbers does not start or end on a number's boundary.
    #[error("{path}: bytes {start}..{end} are not aligned for numbers of {size} bytes", path = path.display())]
    Alignment {
        /// The file.
        path: PathBuf,
        /// First byte asked for.
        start: usize,
        /// One past the last byte asked for.
        end: usize,
        /// Bytes of one number.
        size: usize,
    },
}
