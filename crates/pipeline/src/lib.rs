//! From foreign files to a typed catalogue and an event log, and from those to samples.
//!
//! Where it sits: the offline upper line of the flow and the aggregates that the
//! server feeds live. The decision: every source format is reduced to the same three things (items,
//! users, events ordered by time and sequence) before anything else looks at it.

pub mod aggregate;
pub mod binning;
pub mod catalogue;
pub mod check;
pub mod describe;
mod error;
pub mod events;
pub mod extract;
pub mod import;
pub mod rows;
pub mod sample;
pub mod sample_log;
pub mod sample_sql;
pub mod sparrow_redis;
pub mod stream;
pub mod users_sqlite;

pub use aggregate::{AggregateConfig, Aggregates};
pub use catalogue::{Catalogue, Item, User};
pub use error::PipelineError;
pub use events::Event;
pub use import::{ImportOptions, ImportSummary, import};
pub use sample::{Samples, Split, SplitReport, build_samples, write_samples};
