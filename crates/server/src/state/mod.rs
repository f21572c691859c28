//! The live state: catalogue, users, feature rows, event writer and rankers; everything a request reads.
//!
//! One writer changes it (the event log's observer), any number of requests read it; a reader holds a lock only to
//! clone an `Arc`. The public methods, one file per subject, are the only questions the API and the pages may ask.

mod arrivals;
mod events;
mod films;
pub(crate) mod live;
mod open;
mod recommend;
mod record;
mod report;
mod search;
mod sink;
mod stored;
mod taste;
pub(crate) mod tower;
mod users;
mod vectors;
pub mod view;

use crate::arrivals::exposure::Exposure;
use crate::arrivals::watch::Insertion;
use crate::arrivals::{Arrivals, Polling};
use crate::compute::Pool;
use crate::config::{RankerKind, ServerConfig};
use crate::error::ApiError;
use crate::metrics::Metrics;
use crate::ranker::Rankers;
use crate::samples::SampleLog;
use live::Live;
pub(crate) use open::item as arrived;
use rankine_predict::{FeatureRows, Predictor};
use rankine_recommend::Recommender;
use rankine_store::EventLog;
pub(crate) use search::words_of;
use search::{ArrivedTitles, TitleIndex};
use sink::RowSink;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::Semaphore;
use vectors::VectorSource;

/// The live state of a server; shared as `Arc<State>`.
pub struct State {
    config: ServerConfig,
    clock: rankine_dict::Clock,
    started: i64,
    live: Arc<Live>,
    titles: TitleIndex,
    arrived_titles: ArrivedTitles,
    recommender: Recommender,
    rankers: Rankers,
    vectors: VectorSource,
    arrivals: Option<Arc<Arrivals>>,
    /// Keeps up with the stream behind them.
    #[expect(dead_code, reason = "its drop ends the thread")]
    polling: Option<Polling>,
    exposure: Exposure,
    insertion: Option<Insertion>,
    predictor: Arc<Predictor>,
    /// None in a process without a site: it takes no events.
    log: Option<EventLog>,
    sink: Option<Arc<RowSink>>,
    /// Fills the store after opening.
    filling: Option<JoinHandle<()>>,
    pool: Pool,
    /// Places of the unified predictor.
    questions: Arc<Semaphore>,
    samples: Option<SampleLog>,
    metrics: Arc<Metrics>,
}

impl State {
    /// The configuration it was opened with.
    pub fn config(&self) -> &ServerConfig {
        &self.config
    }

    /// Names that `model=` accepts, in the order shown to people; aliases left out.
    pub fn model_names(&self) -> Vec<String> {
        self.config.rankers()
    }

    /// The model that ranks when a request names none.
    pub fn default_model(&self) -> &str {
        &self.config.default_model
    }

    /// The name behind a model's name or alias.
    ///
    /// # Errors
    /// [`ApiError::Parameter`] with the names there are.
    pub fn canonical_model(&self, name: Option<&str>) -> Result<String, ApiError> {
        let name = name.unwrap_or(&self.config.default_model);
        self.config.canonical(name).ok_or_else(|| {
            let known = format!(
                "one of {}{}",
                self.config.rankers().join(", "),
                self.unlisted(name)
            );
            ApiError::parameter("model", known, Some(name))
        })
    }

    /// What makes a published model one of those that rank; empty for a name under which nothing is published.
    fn unlisted(&self, name: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let published = name.chars().all(plain) && self.config.models_dir().join(name).is_dir();
        let listed = self.config.model.iter().any(|model| model.name == name);
        match published && !listed && !name.is_empty() {
            true => format!(
                " ({name} is published and not listed: add [[model]] name = \"{name}\" to the server's configuration)"
            ),
            false => String::new(),
        }
    }

    /// The predictor behind the TensorFlow Serving port.
    pub fn predictor(&self) -> &Arc<Predictor> {
        &self.predictor
    }

    /// Kind and state of everything loaded: models, listed confs, dictionaries.
    pub(crate) fn dictionaries(&self) -> Vec<(&'static str, rankine_dict::Status)> {
        let models = self
            .predictor
            .status()
            .into_iter()
            .flat_map(|model| model.dictionaries);
        let others = self.predictor.dictionary_status().into_iter();
        let others = others.map(|state| (state.kind, state.status));
        models.map(|status| ("model", status)).chain(others).collect()
    }

    /// Microseconds UTC.
    pub(crate) fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Places for requests of the unified predictor, gRPC and REST together.
    pub fn questions(&self) -> &Arc<Semaphore> {
        &self.questions
    }

    /// The live feature rows, for requests that leave fields out.
    pub fn rows(&self) -> Arc<dyn FeatureRows> {
        self.live.clone()
    }

    /// The log of served samples, if there is one.
    pub(crate) fn samples(&self) -> Option<&SampleLog> {
        self.samples.as_ref()
    }

    /// The metrics of both ports.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Where requests are worked on.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Runs `work` in its turn: the one way from an async handler to the state.
    ///
    /// # Errors
    /// [`ApiError::Overloaded`] at once when all permits are taken; else what `work` answers.
    pub async fn compute<T, F>(self: &Arc<Self>, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&State) -> Result<T, ApiError> + Send + 'static,
    {
        let state = self.clone();
        match self.config.ranker.kind {
            RankerKind::Local => self.pool.compute(move || work(&state)).await,
            // ranking waits for the network then, which must not hold a turn
            RankerKind::Remote => self.pool.block(move || work(&state)).await,
        }
    }

    /// Runs `work` that waits for the disk, such as recording an event, on a thread of its own.
    ///
    /// # Errors
    /// As [`State::compute`].
    pub async fn block<T, F>(self: &Arc<Self>, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&State) -> Result<T, ApiError> + Send + 'static,
    {
        let state = self.clone();
        self.pool.block(move || work(&state)).await
    }
}
