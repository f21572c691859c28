//! The rankers of the server: one name in, the ranker behind it out.
//!
//! `popularity` and `emb` are `rankine-recommend`'s own; all other names are models, ranked in process ([`local`])
//! or by another process ([`remote`]). Which of the two is one word in the configuration.

mod grpc;
mod local;
pub mod remote;

use crate::config::{EMB, POPULARITY, RankerKind, ServerConfig};
use crate::error::ServerError;
use crate::state::live::Live;
use crate::state::tower::UserTower;
use grpc::GrpcRanker;
use local::LocalRanker;
use rankine_predict::Predictor;
use rankine_recommend::rank::{EmbRanker, PopularityRanker, RankError, RankRequest, Ranker, Ranking};
use remote::RemoteRanker;
use std::sync::Arc;
use std::time::Duration;

/// All rankers, chosen by the request's model name.
pub(crate) struct Rankers {
    popularity: PopularityRanker,
    models: Box<dyn Ranker>,
}

impl Rankers {
    /// The rankers of a configuration.
    ///
    /// # Errors
    /// [`ServerError::Part`] where the client of a remote predictor does not start.
    pub(crate) fn new(
        config: &ServerConfig,
        predictor: Arc<Predictor>,
        live: Arc<Live>,
        tower: Option<Arc<UserTower>>,
    ) -> Result<Self, ServerError> {
        let popularity = PopularityRanker::new(live.catalogue.clone());
        let models: Box<dyn Ranker> = match config.ranker.kind {
            RankerKind::Local => {
                let patience = Duration::from_millis(config.limits.deadline_ms);
                Box::new(LocalRanker::new(predictor, live, patience).with(tower))
            }
            RankerKind::Remote => {
                let timeout = Duration::from_millis(config.ranker.timeout_ms);
                match config.ranker.url.strip_prefix("grpc://") {
                    Some(address) => Box::new(GrpcRanker::new(address, timeout, live)?),
                    None => Box::new(RemoteRanker::new(&config.ranker.url, timeout, live)),
                }
            }
        };
        Ok(Rankers { popularity, models })
    }

    fn rank_by(&self, models: &dyn Ranker, request: &RankRequest<'_>) -> Result<Ranking, RankError> {
        match request.model {
            POPULARITY => self.popularity.rank(request),
            EMB => EmbRanker.rank(request),
            _ => models.rank(request),
        }
    }
}

impl Ranker for Rankers {
    fn rank(&self, request: &RankRequest<'_>) -> Result<Ranking, RankError> {
        self.rank_by(&*self.models, request)
    }

    fn once(&self) -> Option<Box<dyn Ranker + '_>> {
        let models = self.models.once()?;
        Some(Box::new(Once { all: self, models }))
    }
}

/// The rankers for one request.
struct Once<'a> {
    all: &'a Rankers,
    models: Box<dyn Ranker + 'a>,
}

impl Ranker for Once<'_> {
    fn rank(&self, request: &RankRequest<'_>) -> Result<Ranking, RankError> {
        self.all.rank_by(&*self.models, request)
    }
}
