//! What can go wrong on this side of the border, each with its status.

use rankine_feature::{Faults, FeatureError};
use rankine_model::ModelError;

use crate::Status;

/// A failed call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CError {
    /// A pointer that must not be NULL is.
    #[error("{argument}: expected a pointer, got NULL")]
    Null {
        /// The argument's name in the header.
        argument: &'static str,
    },
    /// A text that is not UTF-8.
    #[error("{argument}: expected UTF-8, byte {at} is not")]
    Utf8 {
        /// The argument's name in the header.
        argument: &'static str,
        /// The first byte that does not belong.
        at: usize,
    },
    /// Faults of a conf, one a line.
    #[error(transparent)]
    Conf(#[from] Faults),
    /// Statistics that are none.
    #[error("fit: {source}")]
    Fit {
        /// What the reader says.
        source: FeatureError,
    },
    /// A conf that needs statistics and was given none.
    #[error("the conf needs statistics of training rows; give the text of its fit.json")]
    Unfitted,
    /// A conf that reads dictionaries, which this interface cannot load.
    #[error("the conf reads the dictionary @{dictionary}, which this interface does not load")]
    Dictionary {
        /// The first of them.
        dictionary: String,
    },
    /// An artefact that does not open.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An artefact of vectors.
    #[error("the artefact holds vectors: it has no conf and scores nothing")]
    Vectors,
    /// A row that does not fit.
    #[error(transparent)]
    Row(#[from] FeatureError),
    /// A row that is no JSON object.
    #[error("expected a JSON object: {message}")]
    Json {
        /// What the reader says.
        message: String,
    },
    /// Scoring without a row.
    #[error("no row has been extracted yet")]
    NoRow,
    /// Scoring without a model.
    #[error("the extractor was made of a plan, not of a model")]
    NoModel,
}

impl CError {
    /// The status that the caller gets.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            CError::Null { .. } | CError::Utf8 { .. } => Status::Invalid,
            CError::Conf(_)
            | CError::Fit { .. }
            | CError::Unfitted
            | CError::Dictionary { .. }
            | CError::Model(_)
            | CError::Vectors => Status::Conf,
            CError::Row(_) | CError::Json { .. } => Status::Row,
            CError::NoRow | CError::NoModel => Status::State,
        }
    }
}
