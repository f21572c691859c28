//! Schemas, samples, operators, plan, groups, extraction.

mod error;
mod fit;
pub mod json;
mod part;
mod plan;
mod schema;
pub mod text;
mod value;

pub use error::FeatureError;
pub use fit::{Fit, FitEntry, Fitter};
pub use part::{Part, Scratch};
pub use plan::{Group, Plan, Rows, SlotKind, SlotSpec};
pub use rankine_config::{Fault, Faults};
pub use schema::{Field, FieldType, SampleSpec, Schema, Side};
pub use value::Value;
