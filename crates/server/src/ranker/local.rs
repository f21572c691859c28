//! Ranking in process: rows from the live state, scores from the predictor.
//!
//! The user's row and the context are handed over once, item rows with their numbers, so that the predictor computes
//! the common part once and keeps the item parts.

use super::remote::user_row;
use crate::state::live::Live;
use rankine_predict::{ItemInput, PredictError, Predictor, Request};
use rankine_recommend::rank::{RankError, RankRequest, Ranker, Ranking};
use std::sync::Arc;

/// See the module.
pub(crate) struct LocalRanker {
    predictor: Arc<Predictor>,
    live: Arc<Live>,
}

impl LocalRanker {
    pub(crate) fn new(predictor: Arc<Predictor>, live: Arc<Live>) -> Self {
        LocalRanker { predictor, live }
    }

    /// Inputs of the items; an unknown one has an empty row.
    fn inputs(&self, ids: &[i64]) -> Vec<ItemInput> {
        let rows = self
            .live
            .item_rows(ids)
            .into_iter()
            .map(Option::unwrap_or_default);
        ids.iter()
            .zip(rows)
            .map(|(&id, (row, version))| ItemInput { id, row, version })
            .collect()
    }
}

impl Ranker for LocalRanker {
    fn rank(&self, request: &RankRequest<'_>) -> Result<Ranking, RankError> {
        let question = Request {
            model: request.model.to_owned(),
            version: None,
            user: user_row(&self.live, request.user.id),
            context: self.live.context_row(request.as_of),
            items: self.inputs(request.items),
            deadline: None,
        };
        let answer = self
            .predictor
            .predict(&question)
            .map_err(|error| unavailable(request.model, &error))?;
        Ok(Ranking {
            scores: answer.scores,
            model: answer.model,
            version: answer.version,
        })
    }
}

fn unavailable(model: &str, error: &PredictError) -> RankError {
    let text = error.to_string();
    // the model is named by what this is put into
    let cause = text.strip_prefix(&format!("model {model}: ")).unwrap_or(&text);
    RankError::Unavailable {
        model: model.to_owned(),
        cause: cause.to_owned(),
    }
}
