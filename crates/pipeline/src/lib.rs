//! From foreign files to a typed catalogue and an event log, and from those to samples.
//!
//! Where it sits: the offline upper line of the flow (DESIGN section 1), and the aggregates that the
//! server feeds live. The decision: every source format is reduced to the same three things (items,
//! users, events ordered by time and sequence) before anything else looks at it.

pub mod catalogue;
mod error;
pub mod events;

pub use catalogue::{Catalogue, Item, User};
pub use error::PipelineError;
pub use events::Event;
