//! What a predictor refuses, and why; protocols map each variant to their own status.

use rankine_dict::DictError;

/// A refused configuration or request. A bad *item* is none of these: it is an [`crate::ItemFault`] of the response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    /// Two models share a name or alias, or a model has none.
    #[error("model {name}: name or alias is empty or taken by another model")]
    Name {
        /// The name in question.
        name: String,
    },
    /// A model pinned to no version at all, or to version 0.
    #[error("model {name}: pinned versions must be one or more numbers above 0")]
    Pinned {
        /// The model.
        name: String,
    },
    /// A dictionary did not start.
    #[error("model {name}: {source}")]
    Dict {
        /// The model.
        name: String,
        /// Why.
        source: DictError,
    },
    /// The scoring pool did not start.
    #[error("scoring pool not started: {message}")]
    Pool {
        /// Why.
        message: String,
    },
    /// No such model is configured (client fault).
    #[error("model {model}: not served here")]
    UnknownModel {
        /// The name asked for.
        model: String,
    },
    /// The model is configured, the version is not loaded (client fault).
    #[error("model {model}: version {version} is not loaded")]
    UnknownVersion {
        /// The model.
        model: String,
        /// The version asked for.
        version: u64,
    },
    /// The model is configured and nothing of it has loaded yet (not the client's fault).
    #[error("model {model}: no version has loaded{}", because(reason.as_deref()))]
    NotLoaded {
        /// The model.
        model: String,
        /// The last load failure, if there was one.
        reason: Option<String>,
    },
    /// The model gives vectors and no scores (client fault).
    #[error("model {model}: kind {kind} does not score")]
    NoScores {
        /// The model.
        model: String,
        /// Its kind.
        kind: String,
    },
    /// The model has no tower of that side, so no vectors (client fault).
    #[error("model {model}: kind {kind} has no {side} tower")]
    NoVectors {
        /// The side whose vectors were wanted.
        side: &'static str,
        /// The model.
        model: String,
        /// Its kind.
        kind: String,
    },
    /// A user or context value does not fit the model's schema (client fault).
    #[error("{side} field {field}: expected {expected}, got {got}")]
    Input {
        /// `user` or `context`.
        side: &'static str,
        /// The field.
        field: String,
        /// Its declared type.
        expected: String,
        /// What came.
        got: String,
    },
    /// Extraction or the model failed for the whole request; a fault in the code.
    #[error("model {model}: common part failed: {message}")]
    Common {
        /// The model.
        model: String,
        /// What is known of it.
        message: String,
    },
    /// As many requests as permitted are under way; try again later.
    #[error("overloaded: {permits} requests are under way")]
    Overloaded {
        /// The bound.
        permits: usize,
        /// When to try again, milliseconds: about what a request takes at present.
        retry_ms: u64,
    },
    /// A question is wrong in itself (client fault).
    #[error("{place}: {message}")]
    Question {
        /// Where: `asks[1].models[0]`.
        place: String,
        /// Expected and got.
        message: String,
    },
    /// Whoever asked has left.
    #[error("cancelled")]
    Cancelled,
    /// The deadline passed before all items were scored.
    #[error("deadline passed after {scored} of {items} items")]
    Deadline {
        /// Items scored by then.
        scored: usize,
        /// Items asked for.
        items: usize,
    },
}

fn because(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |r| format!(": {r}"))
}
impl PredictError {
    /// The refusal of one request more than `permits`, which may come back after `wait`.
    pub(crate) fn overloaded(permits: usize, wait: std::time::Duration) -> Self {
        PredictError::Overloaded {
            permits,
            retry_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
