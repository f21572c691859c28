//! Samples: built from events, split, written, and read back.
//!
//! `build` replays events through the aggregates and emits one sample per rated event; `split` says which part
//! each goes to; `report` is the split's record (`split.json`); `reader` turns sample files, ours or foreign,
//! into rows of values for a conf. Decision: every field of the aggregates is a column, whatever a conf uses of
//! it, so that one set of sample files serves many confs.

mod binding;
mod build;
pub(crate) mod cells;
pub(crate) mod columns;
mod reader;
mod report;
mod split;

pub use build::{Samples, build_samples, write_samples};
pub use reader::{SampleOptions, SampleReader, SampleRow, TimeUnit};
pub use report::{PartReport, SplitReport, input_hash};
pub use split::{Part, Split};

/// The parts of a split, in the order train, valid, test.
pub const PARTS: [(Part, &str); 3] = [
    (Part::Train, "train"),
    (Part::Valid, "valid"),
    (Part::Test, "test"),
];

/// Columns of a sample file that are no features: 1.0 or 0.0; 1.0; instant of the event; its rating.
pub const LABEL: &str = "label";
/// The sample's weight.
pub const WEIGHT: &str = "weight";
/// The event's time.
pub const TIME: &str = "time";
/// The rating the label was made of.
pub const RATING: &str = "rating";

#[cfg(test)]
mod tests;
