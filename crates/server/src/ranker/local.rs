//! Ranking in process: rows from the live state, scores from the predictor.
//!
//! The user's row and the context are handed over once, items by id and row number: the predictor computes the common
//! part once, keeps the item parts, and asks for the rows of those it does not have.

use super::remote::user_row;
use crate::state::live::Live;
use crate::state::tower::UserTower;
use rankine_predict::{KnownItems, PredictError, Predictor, Request, Snapshot};
use rankine_recommend::rank::{RankError, RankRequest, Ranker, Ranking};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// See the module.
pub(crate) struct LocalRanker {
    predictor: Arc<Predictor>,
    live: Arc<Live>,
    patience: Duration,
    tower: Option<Arc<UserTower>>,
}

impl LocalRanker {
    /// A ranker that gives each request `patience`; nobody waits for it longer.
    pub(crate) fn new(predictor: Arc<Predictor>, live: Arc<Live>, patience: Duration) -> Self {
        LocalRanker {
            predictor,
            live,
            patience,
            tower: None,
        }
    }

    /// The same, with the tower that makes the user rows of its model.
    #[must_use]
    pub(crate) fn with(self, tower: Option<Arc<UserTower>>) -> Self {
        LocalRanker { tower, ..self }
    }
}

impl Ranker for LocalRanker {
    fn rank(&self, request: &RankRequest<'_>) -> Result<Ranking, RankError> {
        self.begin().rank(request)
    }

    fn once(&self) -> Option<Box<dyn Ranker + '_>> {
        Some(Box::new(self.begin()))
    }
}

impl LocalRanker {
    fn begin(&self) -> Once<'_> {
        Once {
            ranker: self,
            snapshot: self.predictor.snapshot(),
            deadline: Instant::now() + self.patience,
        }
    }
}

/// One request's ranker: all its rankings on one snapshot and before one deadline.
struct Once<'a> {
    ranker: &'a LocalRanker,
    snapshot: Snapshot,
    deadline: Instant,
}

impl Ranker for Once<'_> {
    fn rank(&self, request: &RankRequest<'_>) -> Result<Ranking, RankError> {
        let LocalRanker { predictor, live, .. } = self.ranker;
        let tower = self
            .ranker
            .tower
            .as_ref()
            .filter(|tower| tower.serves(request.model));
        let user = match tower {
            Some(tower) => tower.row(&self.snapshot, request.user).unwrap_or_default(),
            None => user_row(live, request.user.id),
        };
        let question = Request {
            model: request.model.to_owned(),
            user,
            context: live.context_row(request.as_of),
            deadline: Some(self.deadline),
            ..Request::default()
        };
        let keys = live.item_keys(request.items);
        let items = KnownItems {
            keys: &keys,
            rows: &**live,
        };
        let answer = predictor
            .predict_known_on(&self.snapshot, &question, items)
            .map_err(|error| refused(request.model, &error))?;
        Ok(Ranking {
            scores: answer.scores,
            model: answer.model,
            version: answer.version,
        })
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other fault, later ones too, means that the model does not answer"
)]
fn refused(model: &str, error: &PredictError) -> RankError {
    let text = error.to_string();
    // the model is named by what this is put into
    let cause = text.strip_prefix(&format!("model {model}: ")).unwrap_or(&text);
    let (model, cause) = (model.to_owned(), cause.to_owned());
    match error {
        PredictError::Overloaded { .. } => RankError::Overloaded { model },
        PredictError::Deadline { .. } => RankError::Late { model, cause },
        _ => RankError::Unavailable { model, cause },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::live::tests::writer;
    use rankine_predict::PredictConfig;
    use rankine_recommend::UserState;

    fn ask(permits: usize) -> RankError {
        let mut config = PredictConfig::new("nowhere", || 0);
        config.permits = permits;
        let predictor = Arc::new(Predictor::open(config).unwrap());
        let ranker = LocalRanker::new(predictor, writer().live(), Duration::from_secs(60));
        let request = RankRequest {
            user: &UserState::new(6),
            items: &[1, 2],
            model: "widedeep",
            as_of: 0,
            vectors: None,
        };
        ranker.rank(&request).unwrap_err()
    }

    #[test]
    fn an_overloaded_predictor_is_not_one_without_the_model() {
        let model = "widedeep".to_owned();
        assert_eq!(ask(0), RankError::Overloaded { model });
        assert!(matches!(ask(1), RankError::Unavailable { .. }));
    }

    #[test]
    fn a_deadline_says_how_far_it_came() {
        let error = PredictError::Deadline { scored: 1, items: 2 };
        let cause = "deadline passed after 1 of 2 items".to_owned();
        let model = "m".to_owned();
        assert_eq!(refused("m", &error), RankError::Late { model, cause });
    }
}
