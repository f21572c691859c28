//! What a predictor is opened with: which models, where, how many threads, which bounds.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rankine_dict::Clock;

/// Which versions of a model serve.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum VersionPolicy {
    /// The highest that loads.
    #[default]
    Latest,
    /// These; the highest of them answers requests that name no version.
    Pinned(Vec<u64>),
}

/// One model to serve.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelEntry {
    /// The name requests use.
    pub name: String,
    /// Folder of version folders, relative to the models folder; empty: the name.
    pub path: PathBuf,
    /// Other names for it.
    pub aliases: Vec<String>,
    /// Which versions serve.
    pub versions: VersionPolicy,
}

impl ModelEntry {
    /// The newest version of the model of this name, in the folder of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// The same with one more alias.
    #[must_use]
    pub fn alias(mut self, alias: &str) -> Self {
        self.aliases.push(alias.to_owned());
        self
    }
}

/// A predictor's configuration.
#[derive(Clone)]
pub struct PredictConfig {
    /// The folder the models' paths are relative to.
    pub models_dir: PathBuf,
    /// What is served.
    pub models: Vec<ModelEntry>,
    /// Threads of the scoring pool; 0 = one per core.
    pub threads: usize,
    /// Longest time a new version stays unseen.
    pub poll: Duration,
    /// Items per task; requests of at most this many are scored on the calling thread. Handing work to another thread
    /// costs about as much as scoring a hundred items.
    pub task: usize,
    /// Requests at once; one more is refused.
    pub permits: usize,
    /// Bound of cached item parts, bytes per model generation; 0 turns the cache off.
    pub item_cache_bytes: usize,
    /// Where load times come from.
    pub clock: Clock,
}

impl PredictConfig {
    /// Defaults: one thread per core, 500 ms, tasks of 1,024, 64 permits, 64 MiB of item parts per generation.
    pub fn new(models_dir: impl Into<PathBuf>, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self {
            models_dir: models_dir.into(),
            models: Vec::new(),
            threads: 0,
            poll: Duration::from_millis(500),
            task: 1024,
            permits: 64,
            item_cache_bytes: 64 << 20,
            clock: Arc::new(clock),
        }
    }

    /// The same with one more model.
    #[must_use]
    pub fn model(mut self, entry: ModelEntry) -> Self {
        self.models.push(entry);
        self
    }
}
