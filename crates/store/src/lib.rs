//! Keyed feature rows, vectors and the append-only event log.
//!
//! Stands between the pipeline that computes feature rows and the server that reads them, and under the
//! server's `POST /events`. Three seams, nothing else: [`RowStore`] (memory, redb, Redis; one contract, one
//! conformance suite), [`vectors::VectorStore`] (embedded, pgvector, Redis) and [`EventLog`] (the truth from which all rows
//! can be rebuilt). Rows are text cells, so
//! that a Redis hash written here reads like SparrowRecSys's own and the other way round; types come back
//! through the schema of the reader. Refused: typed rows in the store (every store would need the schema).
//!
//! ```
//! use rankine_store::{Cells, MemoryRows, RowStore};
//! let store = MemoryRows::new();
//! let row = Cells::from([("userRatingCount".to_owned(), "12".to_owned())]);
//! store.put_many("uf", &[(6, row.clone())])?;
//! assert_eq!(store.get_many("uf", &[6, 7])?, vec![Some(row), None]);
//! # Ok::<(), rankine_store::StoreError>(())
//! ```

mod codec;
pub mod conformance;
mod error;
mod log;
mod memory_rows;
mod redb_rows;
mod redis_rows;
mod rows;
pub mod testing;
pub mod vectors;

pub use error::StoreError;
pub use log::{Appended, EventLog, LogHold, LogOptions, LogRecord, LogStats, Observer, ReplaySummary, Torn};
pub use memory_rows::MemoryRows;
pub use redb_rows::RedbRows;
pub use redis_rows::{RedisOptions, RedisRows, Scanned};
pub use rows::{Cells, RowStore, VECTOR_CELL, is_vector_family};
