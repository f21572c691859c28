//! The one error type of this crate.
//!
//! The decision: what a file holds wrongly is told by the crate that reads it (`table`, `config`)
//! with file and line; this type adds what only imports, aggregates and samples can know.

use std::path::PathBuf;

use rankine_store::StoreError;
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
    /// PostgreSQL refused something, or could not be reached.
    #[error("postgres: cannot {action}: {reason}")]
    Postgres {
        /// What was tried.
        action: String,
        /// The server's words, or the connection's.
        reason: String,
        /// The server's five-character code; none where the connection itself failed.
        code: Option<String>,
    },
    /// A Kafka-protocol broker refused something, could not be reached, or sent what is no answer.
    #[error("kafka: cannot {action}: {reason}")]
    Kafka {
        /// What was tried.
        action: String,
        /// Why not.
        reason: String,
        /// Whether trying again may help.
        transient: bool,
    },
    /// Bytes of the replication stream that are no message of it.
    #[error("replication stream: {what}: expected {expected}, got {got}")]
    Replication {
        /// What was being read.
        what: &'static str,
        /// What should have stood there.
        expected: String,
        /// What did.
        got: String,
    },
    /// An embedded database refused something.
    #[error("{}: cannot {action} it: {reason}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: String,
        /// SQLite's words.
        reason: String,
    },
    /// A sample template that cannot be run as it is.
    #[error("template `{template}`: {reason}")]
    Template {
        /// Its name.
        template: String,
        /// Why, and what would do.
        reason: String,
    },
    /// The item model did not answer, or cannot make vectors.
    #[error("item model `{model}`: {reason}")]
    Embed {
        /// The model.
        model: String,
        /// Why.
        reason: String,
        /// Whether it may answer later.
        transient: bool,
    },
    /// The stream was told to stop while it waited for something to come back.
    #[error("stopped")]
    Stopped,
    /// A stream's configuration asks for what cannot be.
    #[error("stream: {reason}")]
    Stream {
        /// What, and what would do.
        reason: String,
    },
    /// A replication slot from which the stream cannot go on without a gap.
    #[error("replication slot `{slot}`: {reason}")]
    Slot {
        /// The slot.
        slot: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The source kept more log for the stream than it may: it was let go of, the stream begins again with a snapshot.
    #[error(
        "replication slot `{slot}`: given up, as the server kept {bytes} bytes of log for it ({allowed} are allowed)"
    )]
    Retained {
        /// The slot.
        slot: String,
        /// What was kept.
        bytes: u64,
        /// What may be.
        allowed: u64,
    },
    /// A table that the stream cannot be fed from as it is.
    #[error("table `{table}`: {reason}")]
    SourceTable {
        /// The table.
        table: String,
        /// Why, and what to do.
        reason: String,
    },
}

impl PipelineError {
    /// An error of the `postgres` client, with the server's words where it has some.
    pub(crate) fn postgres(action: impl Into<String>) -> impl FnOnce(postgres::Error) -> PipelineError {
        move |error| {
            let database = error.as_db_error();
            PipelineError::Postgres {
                action: action.into(),
                reason: database.map_or_else(|| error.to_string(), ToString::to_string),
                code: database.map(|e| e.code().code().to_owned()),
            }
        }
    }

    /// Whether trying again later may help: a lost connection, a server that starts or stops, a slot still held by a
    /// connection that has died. A wrong table or a wrong statement stays wrong.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        const CLASSES: [&str; 5] = ["08", "40", "53", "55", "57"];
        if let PipelineError::Postgres { code: Some(code), .. } = self {
            return CLASSES.iter().any(|class| code.starts_with(class));
        }
        matches!(
            self,
            PipelineError::Retained { .. }
                | PipelineError::Postgres { code: None, .. }
                | PipelineError::Embed { transient: true, .. }
                | PipelineError::Kafka { transient: true, .. }
                | PipelineError::Store(
                    StoreError::Postgres { transient: true, .. } | StoreError::Redis { .. }
                )
        )
    }

    /// Whether a statement failed on the values of a row, and would not on others: a value that cannot be cast, several rows
    /// where one is expected, a constraint, a row that is too large, what a function of the user's raises.
    pub(crate) fn is_about_data(&self) -> bool {
        const CLASSES: [&str; 7] = ["21", "22", "23", "38", "39", "54", "P0"];
        let PipelineError::Postgres { code: Some(code), .. } = self else {
            return false;
        };
        CLASSES.iter().any(|class| code.starts_with(class))
    }
}
