//! Ranking in process: rows from the live state, scores from the predictor.
//!
//! The user's row and the context are handed over once, items by id and row number: the predictor computes the common
//! part once, keeps the item parts, and asks for the rows of those it does not have.

use super::remote::user_row;
use crate::state::live::Live;
use rankine_predict::{KnownItems, PredictError, Predictor, Request};
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
}

impl Ranker for LocalRanker {
    fn rank(&self, request: &RankRequest<'_>) -> Result<Ranking, RankError> {
        let question = Request {
            model: request.model.to_owned(),
            user: user_row(&self.live, request.user.id),
            context: self.live.context_row(request.as_of),
            ..Request::default()
        };
        let keys = self.live.item_keys(request.items);
        let items = KnownItems {
            keys: &keys,
            rows: &*self.live,
        };
        let answer = self
            .predictor
            .predict_known(&question, items)
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
