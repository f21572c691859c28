//! PostgreSQL as a source: a publication and a logical replication slot, a snapshot, then the stream.

mod decode;
mod slot;
mod source;
mod table;
mod wire;

pub use source::{PostgresOptions, PostgresSource};
pub(crate) use table::quoted;

use crate::error::PipelineError;

/// Reads a message of the replication stream as [`PostgresSource`] does, without a server; whether it tells of rows. For messages that
/// were recorded, and for what `fuzz/` makes up.
///
/// # Errors
/// [`PipelineError::Replication`] with what was expected and what came.
pub fn recorded(message: &[u8]) -> Result<bool, PipelineError> {
    use decode::Message::{Delete, Insert, Truncate, Update};
    let message = decode::decode(message)?;
    Ok(matches!(
        message,
        Insert { .. } | Update { .. } | Delete { .. } | Truncate { .. }
    ))
}
