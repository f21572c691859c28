//! The predictor itself.

use crate::config::PredictConfig;
use crate::error::PredictError;
use crate::request::{Request, Response};
use crate::snapshot::Snapshot;
use crate::status::ModelStatus;

/// Serves models from version folders.
pub struct Predictor {}

impl Predictor {
    /// Opens every configured model; one that does not load yet is no error.
    ///
    /// # Errors
    /// `Name`, `Pinned`, `Dict`, `Pool`.
    pub fn open(config: PredictConfig) -> Result<Self, PredictError> {
        let _ = config;
        todo!()
    }

    /// Scores on a snapshot taken now.
    ///
    /// # Errors
    /// As [`Predictor::predict_on`].
    pub fn predict(&self, request: &Request) -> Result<Response, PredictError> {
        self.predict_on(&self.snapshot(), request)
    }

    /// Scores on the given snapshot: for several requests that must see one state.
    ///
    /// # Errors
    /// `UnknownModel`, `UnknownVersion`, `NotLoaded`, `NoScores`, `Input`, `Common`, `Overloaded`, `Deadline`.
    pub fn predict_on(&self, snapshot: &Snapshot, request: &Request) -> Result<Response, PredictError> {
        let _ = (snapshot, request);
        todo!()
    }

    /// All generations now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        todo!()
    }

    /// Every model's state, in the order of the configuration.
    #[must_use]
    pub fn status(&self) -> Vec<ModelStatus> {
        todo!()
    }
}
