//! What can go wrong when cells, JSON values and fit files are read.
//!
//! Faults of a conf are [`crate::Faults`] (many at once, with lines); this enum is for single values and files. Extraction
//! itself has no errors: whatever the values are, it answers.

/// An error of reading a value or a fit file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// A text cell or JSON value does not fit its declared type.
    #[error("expected {expected}, got {got}")]
    Type {
        /// The declared type, as written in a conf.
        expected: String,
        /// The value, shortened.
        got: String,
    },
    /// The text uses an escape that does not exist.
    #[error("unknown escape in {got}; known are \\N \\\\ \\t \\n \\r \\, \\: \\e")]
    Escape {
        /// The cell, shortened.
        got: String,
    },
    /// A line has another number of cells than there are fields.
    #[error("expected {expected} cells, got {got}")]
    Cells {
        /// Fields of the schema.
        expected: usize,
        /// Cells of the line.
        got: usize,
    },
    /// A value of a row does not fit its field.
    #[error("field `{field}`: {reason}")]
    Field {
        /// The field's name.
        field: String,
        /// What was expected and got.
        reason: String,
    },
    /// Bytes that are no canonical slots.
    #[error("not canonical slots from byte {at} on")]
    Canonical {
        /// Where the slot begins that cannot be read.
        at: usize,
    },
    /// A fit file is not what [`crate::Fit`] writes.
    #[error("fit is not readable: {message}")]
    Fit {
        /// What the JSON reader says, with line and column.
        message: String,
    },
    /// A fit of a format this build does not know.
    #[error("fit has format {got}, this build reads {expected}")]
    Format {
        /// The number this build reads.
        expected: u32,
        /// The number in the file.
        got: u32,
    },
    /// A dictionary lacks a column that a conf reads, or has it with another type.
    #[error("dictionary `{dictionary}`, column `{column}`: expected {expected}, got {got}")]
    Column {
        /// The dictionary's name.
        dictionary: String,
        /// The column's name.
        column: String,
        /// The type that the conf declares.
        expected: String,
        /// What is there.
        got: String,
    },
    /// A plan reads a dictionary that is not there.
    #[error("dictionary `{dictionary}` is not loaded")]
    Dictionary {
        /// The dictionary's name.
        dictionary: String,
    },
    /// A foreign feature configuration that cannot be read.
    #[error("not a feature configuration: {message}")]
    Import {
        /// What is wrong, with line and column where the JSON reader knows them.
        message: String,
    },
}
