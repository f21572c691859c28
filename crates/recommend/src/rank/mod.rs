//! The ranking port: ids and an as-of time in, one score per item out.
//!
//! Declared here because recommending needs it, implemented here for the two rankers that need no trained network
//! and in the server for models in process or elsewhere. [`conformance::check`] is the contract as a test.

pub mod conformance;
mod emb;
mod popularity;

pub use emb::EmbRanker;
pub use popularity::PopularityRanker;

use crate::user::UserState;
use crate::vectors::ItemVectors;

/// What is to be ranked.
#[derive(Clone, Copy)]
pub struct RankRequest<'a> {
    /// For whom.
    pub user: &'a UserState,
    /// Items; none twice.
    pub items: &'a [i64],
    /// Name of the model.
    pub model: &'a str,
    /// The time of the request, microseconds since 1970 UTC; features use events before it.
    pub as_of: i64,
    /// Item vectors of this request, if any are loaded.
    pub vectors: Option<&'a ItemVectors>,
}

/// Scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// One per item in request order, higher is better, NaN where the item could not be scored.
    pub scores: Vec<f32>,
    /// Name of the model that scored.
    pub model: String,
    /// Its version; 0 for a ranker without an artefact.
    pub version: u64,
}

/// Why nothing was ranked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RankError {
    /// No ranker knows the model.
    #[error("unknown model `{model}`, known are {}", known.join(", "))]
    UnknownModel {
        /// The name asked for.
        model: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The model is known but cannot answer now.
    #[error("model `{model}` is not available: {cause}")]
    Unavailable {
        /// Its name.
        model: String,
        /// Why.
        cause: String,
    },
    /// The model serves, and has as many requests as it takes at once: ask again later.
    #[error("model `{model}` is overloaded")]
    Overloaded {
        /// Its name.
        model: String,
    },
    /// The model did not answer within the time it had.
    #[error("model `{model}` did not answer in time: {cause}")]
    Late {
        /// Its name.
        model: String,
        /// How far it came.
        cause: String,
    },
    /// The model cannot rank for this user; another one may.
    #[error("model `{model}` cannot rank for user {user}: {cause}")]
    NoUserVector {
        /// Its name.
        model: String,
        /// The user.
        user: i64,
        /// Why.
        cause: &'static str,
    },
    /// The answer does not have one score per item.
    #[error("model `{model}` answered {got} scores for {expected} items")]
    Count {
        /// Its name.
        model: String,
        /// Number of items.
        expected: usize,
        /// Number of scores.
        got: usize,
    },
}

/// A ranker.
///
/// # Contract
/// One score per item in request order; the score of an item does not depend on the other items or their order;
/// an unknown item gets NaN or a score, never an error; no items, no scores.
pub trait Ranker: Send + Sync {
    /// Scores the items.
    ///
    /// # Errors
    /// [`RankError`], when nothing can be scored at all.
    fn rank(&self, request: &RankRequest<'_>) -> Result<Ranking, RankError>;

    /// A ranker for the several rankings of one request, which must see one state of the models and end in one time; `None`
    /// where each ranking stands alone.
    fn once(&self) -> Option<Box<dyn Ranker + '_>> {
        None
    }
}
