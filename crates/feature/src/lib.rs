//! Schemas, samples, operators, plan, groups, extraction: the one framework that makes features, offline and online.
//!
//! Flow: a conf (TOML) is compiled into a [`Plan`]; rows of values go in, side by side; a [`Part`] per [`Group`] comes
//! out, holding signs (hashed categories with weights) and floats, found by slot. Decision: one compiled plan for both
//! worlds, with everything resolved to indices and all reshaping in small operators, rather than two implementations that
//! are kept equal by tests.
//!
//! ```
//! use rankine_feature::{Part, Plan, Rows, Scratch, Value, sign};
//!
//! let conf = r#"
//! format = 1
//! name = "tiny"
//! schema.user = [{ name = "lastMovie", type = "int" }]
//! schema.item = [{ name = "movieId", type = "int" }, { name = "averageRating", type = "float" }]
//!
//! [[feature]]
//! name = "movie"
//! class = "id"
//! slot = 1
//! depend = ["movieId"]
//!
//! [[feature]]
//! name = "last"
//! class = "id"
//! slot = 2
//! share = 1
//! depend = ["lastMovie"]
//!
//! [[feature]]
//! name = "pair"
//! class = "cross"
//! slot = 3
//! depend = ["last", "movie"]
//! "#;
//! let plan = Plan::compile(conf, "tiny.toml", None)?;
//! let (mut s, [mut common, mut item, mut cross]) = (Scratch::default(), <[Part; 3]>::default());
//! let row = Rows { user: &[Value::Int(7)], item: &[Value::Int(5), Value::Float(3.5)], context: &[] };
//! plan.common(row.user, row.context, &mut s, &mut common);
//! plan.item(row.item, &mut s, &mut item);
//! plan.cross(row, &common, &item, &mut s, &mut cross);
//!
//! let pair = plan.slot(3).map(|slot| cross.sparse(slot.index).0[0]);
//! assert_eq!(pair, Some(sign::cross(3, &[sign::int(1, 7), sign::int(1, 5)])));
//! # Ok::<(), rankine_feature::Faults>(())
//! ```

pub mod canonical;
mod compile;
mod conf;
mod cut;
mod dictionary;
mod error;
mod extractor;
pub mod farmhash;
mod fit;
mod half;
pub mod import;
pub mod json;
pub mod operator;
mod outline;
mod part;
mod plan;
mod sample;
mod schema;
pub mod sign;
pub mod text;
mod trace;
mod value;

pub use dictionary::{DictionarySpec, Key, Lookup, MemoryDictionary};
pub use error::FeatureError;
pub use extractor::{Content, Extractor};
pub use fit::{Fit, FitEntry, Fitter};
pub use outline::FeatureOutline;
pub use part::{Part, Scratch};
pub use plan::{Group, Plan, Rows, SlotKind, SlotSpec};
pub use rankine_config::{Fault, Faults};
pub use sample::Sample;
pub use schema::{Field, FieldType, SampleSpec, Schema, Side};
pub use trace::Traced;
pub use value::Value;
