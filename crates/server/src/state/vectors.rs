//! The item vectors that serve now, following the predictor's generation of the vector model.
//!
//! A request takes [`VectorSource::current`] once. When the predictor has swapped in another version, the first
//! request to notice builds the search over it; others go on with the old one meanwhile.

use arc_swap::ArcSwapOption;
use rankine_predict::Predictor;
use rankine_recommend::ItemVectors;
use std::sync::{Arc, Mutex};

/// The vectors of one model.
pub(crate) struct VectorSource {
    model: String,
    current: ArcSwapOption<ItemVectors>,
    building: Mutex<()>,
}

impl VectorSource {
    pub(crate) fn new(model: &str) -> Self {
        VectorSource {
            model: model.to_owned(),
            current: ArcSwapOption::empty(),
            building: Mutex::default(),
        }
    }

    /// The vectors of the predictor's version; the last ones while that is being built; none before the first.
    pub(crate) fn current(&self, predictor: &Predictor) -> Option<Arc<ItemVectors>> {
        let now = self.current.load_full();
        let snapshot = predictor.snapshot();
        let Ok((version, artefact)) = snapshot.artefact(&self.model, None) else {
            return now;
        };
        if now.as_ref().is_some_and(|v| v.version() == version) {
            return now;
        }
        let Some((ids, width, rows)) = artefact.vectors() else {
            return now;
        };
        let Ok(_building) = self.building.try_lock() else {
            return now;
        };
        match ItemVectors::new(ids, width, rows, version) {
            Ok(built) => self.current.store(Some(Arc::new(built))),
            Err(error) => tracing::error!(%error, "item vectors were not taken over"),
        }
        self.current.load_full()
    }
}
