//! What a predictor is opened with: which models, where, how many threads, which bounds.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rankine_dict::Clock;

use crate::dictionary::DictionaryEntry;

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
    /// Most MiB read per second while a version loads; 0 is unbounded.
    pub max_mb_s: u32,
    /// Questions at once; one more is told that the model is busy. 0: no bound of its own.
    pub permits: usize,
    /// A dictionary of item vectors that stand for the item tower's, as long as the version that made them serves; empty:
    /// none. Ids it does not have go through the tower.
    pub vectors: String,
}

/// Confs of one name, and with them a gate: a model trained with a conf of this name loads only if its hash is there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConfEntry {
    /// The conf's name.
    pub name: String,
    /// A conf file with its fit beside it (`feature.toml` and `fit.json`, `a.toml` and `a.fit.json`), or a folder of
    /// them, one or two levels deep.
    pub path: PathBuf,
    /// Most MiB read per second while loading; 0 is unbounded.
    pub max_mb_s: f64,
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

    /// The same with item vectors from a dictionary.
    #[must_use]
    pub fn vectors(mut self, dictionary: &str) -> Self {
        dictionary.clone_into(&mut self.vectors);
        self
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
    /// Items per task of a question; 0 adapts it to items, models and threads.
    pub question_task: usize,
    /// Listed confs.
    pub confs: Vec<ConfEntry>,
    /// Lookup dictionaries.
    pub dictionaries: Vec<DictionaryEntry>,
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
            question_task: 0,
            confs: Vec::new(),
            dictionaries: Vec::new(),
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
