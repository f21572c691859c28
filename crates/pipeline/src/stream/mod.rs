//! The change stream: a row that was inserted, changed or deleted in a table becomes a vector that searches find.
//!
//! The second user of this crate beside samples, and the one that never ends: source → rules → lookup join → feature
//! rows → embedder → vectors, a micro-batch at a time. The decision: a source's position is confirmed only after the
//! batch's results are on disk, and every step is idempotent by key and position, so that a crash costs a replay and
//! nothing else.

mod allowance;
mod bytes;
pub mod change;
pub mod config;
pub mod dead;
mod dimension;
pub mod embedder;
pub mod features;
mod feed;
pub mod file;
mod generation;
pub mod insert;
pub mod joined;
pub mod kafka;
pub mod lookup;
pub mod lookup_postgres;
pub mod lookup_sqlite;
pub mod moment;
mod onward;
pub mod postgres;
pub mod rules;
mod run;
mod sort;
pub mod source;
pub mod state;
pub mod statement;
pub mod status;
pub mod users;
mod worker;

pub use change::{Cell, Change, Fields, Kind, Position};
pub use embedder::{Embedded, Embedder, Embedders, Identity};
pub use joined::JoinedRow;
pub use lookup::{Dimension, Found, Lookup, Resting};
pub use run::run;
pub use source::{Arrival, Backfill, Opened, Past, Retained, Source};
pub use state::State;
pub use status::{Status, Trace};
pub use users::{UserRows, Users};
pub use worker::{Parts, Settings};
