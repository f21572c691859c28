//! The predictor: user, context and items in, one score per item out, in request order.
//!
//! In the flow: `server` (or any caller) hands a [`Request`] of named values; the predictor takes one snapshot of all
//! model generations, extracts the common part once, item parts once per row version, cross parts per candidate, and
//! scores on its own CPU pool. The decision behind it: a score depends on the user, the context and *its* item only,
//! computed in a fixed order of sums, so it has the same bits whatever the batch, the cache or the thread.
//! Refused: batching across requests, and features computed anywhere but here.
//!
//! ```
//! use rankine_predict::{ItemInput, ModelEntry, PredictConfig, PredictError, Predictor, Request, Row};
//! use rankine_feature::Value;
//!
//! let models = std::env::temp_dir().join("rankine-predict-doc");
//! let config = PredictConfig::new(models, || 0).model(ModelEntry::named("widedeep").alias("recmodel"));
//! let predictor = Predictor::open(config)?;
//! let request = Request {
//!     model: "recmodel".into(),
//!     user: Row::of([("userId", Value::Int(6))]),
//!     items: vec![ItemInput { id: 52, row: Row::of([("movieId", Value::Int(52))]), version: 0 }],
//!     ..Request::default()
//! };
//! // Nothing is published there yet; as soon as a version is, the same request gets its score.
//! assert!(matches!(predictor.predict(&request), Err(PredictError::NotLoaded { .. })));
//! # Ok::<(), PredictError>(())
//! ```

mod ask;
mod cache;
mod conf;
mod config;
mod dictionary;
mod embed;
mod error;
mod explain;
mod items;
mod made;
mod model;
mod predictor;
mod project;
mod request;
mod row;
mod rows;
mod score;
mod snapshot;
mod spare;
mod status;

pub use ask::{
    Absence, Answer, Ask, Cancel, ConfAnswer, ConfSlots, ItemScore, ItemSlots, ModelAnswer, ModelError,
    ModelFault, ModelScores, Permit, Question, QuestionItem, Reason, SlotContent, SlotData, Tap, Tapped,
};
pub use config::{ConfEntry, ModelEntry, PredictConfig, VersionPolicy};
pub use dictionary::{DictionaryEntry, DictionaryKind, RowFile, VectorTable, dictionary};
pub use embed::{ItemVectorRows, Wanted, embed, embed_side, item_rows};
pub use error::PredictError;
pub use explain::{ExplainedFeature, ExplainedField, Explanation};
pub use items::{ItemKey, KnownItems};
pub use predictor::Predictor;
pub use rankine_dict::Clock;
pub use request::{ItemFault, ItemInput, Request, Response};
pub use row::{Row, RowLayout};
pub use rows::{FeatureRows, NoRows};
pub use snapshot::{Metadata, Snapshot};
pub use status::{DictionaryState, ModelStatus};
