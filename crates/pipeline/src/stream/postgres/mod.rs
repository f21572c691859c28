//! PostgreSQL as a source: a publication and a logical replication slot, a snapshot, then the stream.

mod decode;
mod slot;
mod source;
mod table;
mod wire;

pub use source::{PostgresOptions, PostgresSource};
pub(crate) use table::quoted;
