//! The one error of this crate.
//!
//! Every variant names the thing at fault (path and offset, family and key, address), because the reader of
//! the message is an operator who has to find it.

use std::path::PathBuf;

/// What can go wrong in a row store or the event log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file operation failed.
    #[error("{path}: cannot {action}: {source}")]
    Io {
        /// What was being done, as a verb phrase.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The embedded database refused or failed.
    #[error("{path}: cannot {action}: {source}")]
    Redb {
        /// What was being done.
        action: &'static str,
        /// The database file.
        path: PathBuf,
        /// redb's reason, boxed because it is large.
        source: Box<redb::Error>,
    },
    /// Redis refused, failed, or could not be reached in time (after one reconnect).
    #[error("redis at {address}: cannot {action}: {source}")]
    Redis {
        /// What was being done.
        action: &'static str,
        /// Host and port, without credentials.
        address: String,
        /// The client's reason, boxed because it is large.
        source: Box<redis::RedisError>,
    },
    /// A family name that no store accepts: 1 to 32 ASCII letters, digits or `_`.
    #[error("row family {family:?}: expected 1 to 32 ASCII letters, digits or underscores")]
    Family {
        /// The name as given.
        family: String,
    },
    /// A vector family takes rows of exactly one cell named `vector`.
    #[error("row {family}:{key}: a vector family takes one cell named \"vector\", got {got:?}")]
    VectorRow {
        /// The family.
        family: String,
        /// The row's key.
        key: i64,
        /// The cell names found.
        got: Vec<String>,
    },
    /// Stored bytes that are not a row.
    #[error("row {family}:{key}: stored bytes are damaged: {reason}")]
    RowDamaged {
        /// The family.
        family: String,
        /// The row's key.
        key: i64,
        /// What was expected.
        reason: &'static str,
    },
    /// The event log is damaged before its end; nothing after the offset was read and nothing was changed.
    #[error("{path}: damaged at byte {offset}: {reason}")]
    LogDamaged {
        /// The log file.
        path: PathBuf,
        /// Where the damaged record starts.
        offset: u64,
        /// What was found.
        reason: String,
    },
    /// Another process has the event log open for writing.
    #[error("{path}: the event log is open in another process")]
    LogLocked {
        /// The lock file.
        path: PathBuf,
    },
    /// An earlier write or fsync failed; the log refuses appends until it is opened again.
    #[error("{path}: the event log stopped after a failed write: {reason}")]
    LogStopped {
        /// The folder of the log.
        path: PathBuf,
        /// The first failure.
        reason: String,
    },
    /// A record above the configured size.
    #[error("event of {bytes} bytes is larger than the limit of {limit}")]
    EventTooLarge {
        /// Size of the encoded record.
        bytes: usize,
        /// The configured limit.
        limit: usize,
    },
    /// An event that cannot be encoded as the caller gave it.
    #[error("event cannot be logged: {reason}")]
    EventRefused {
        /// Why.
        reason: String,
    },
    /// PostgreSQL refused, failed, or could not be reached (after one reconnect).
    #[error("postgres at {address}: cannot {action}: {reason}")]
    Postgres {
        /// What was being done.
        action: &'static str,
        /// Host, port and database, without credentials.
        address: String,
        /// The server's or the client's words, with its code where there is one.
        reason: String,
        /// Whether trying again may help: the connection was lost, the server is away, starts or is busy.
        transient: bool,
    },
    /// A generation of vectors that nobody prepared.
    #[error("vectors {set}/{version}: there is no such generation")]
    Generation {
        /// The set.
        set: String,
        /// The artefact version.
        version: u64,
    },
    /// A generation exists in another shape.
    #[error("vectors {set}/{version}: expected shape {expected}, got {got}")]
    Shape {
        /// The set.
        set: String,
        /// The artefact version.
        version: u64,
        /// Width and metric that stand.
        expected: String,
        /// Those that were asked for.
        got: String,
    },
    /// A vector that does not fit its generation.
    #[error("vectors {set}/{version}: {}: expected {expected}, got {got}", .id.map_or("query".to_owned(), |id| format!("id {id}")))]
    Vector {
        /// The set.
        set: String,
        /// The artefact version.
        version: u64,
        /// Whose; none for a query.
        id: Option<i64>,
        /// What a vector has to be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// The generation that serves cannot be discarded.
    #[error("vectors {set}/{version}: this generation serves; switch to another before it is discarded")]
    Serving {
        /// The set.
        set: String,
        /// The artefact version.
        version: u64,
    },
    /// The embedded index refused.
    #[error("vectors {set}/{version}: {source}")]
    Index {
        /// The set.
        set: String,
        /// The artefact version.
        version: u64,
        /// The index's reason.
        source: rankine_index::IndexError,
    },
    /// A store broke its contract (only the conformance suite returns this).
    #[error("contract broken: {rule}: {detail}")]
    Contract {
        /// The rule of [`crate::RowStore`].
        rule: &'static str,
        /// Expected and got.
        detail: String,
    },
    /// A server needed by a test did not start.
    #[error("cannot start {program}: {reason}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        reason: String,
    },
}

impl StoreError {
    /// Whether a file of the embedded database is damaged or no database, so that opening it again will not help.
    pub fn is_damage(&self) -> bool {
        let StoreError::Redb { source, .. } = self else {
            return false;
        };
        let kinds = [std::io::ErrorKind::InvalidData, std::io::ErrorKind::UnexpectedEof];
        matches!(&**source, redb::Error::Corrupted(_))
            || matches!(&**source, redb::Error::Io(error) if kinds.contains(&error.kind()))
    }
}
