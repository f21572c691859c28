//! The predictor: configured models in dictionaries, a scoring pool, and permits in front of both.
//!
//! The decision here: a request is admitted or refused before anything is queued, and takes its snapshot at entry.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rankine_dict::{Dictionary, Options, Source};
use rayon::{ThreadPool, ThreadPoolBuilder};
use rustc_hash::FxHashMap;

use crate::ask::{Gate, Pads};
use crate::conf::{ConfParser, Confs, Listed};
use crate::config::{ConfEntry, ModelEntry, PredictConfig, VersionPolicy};
use crate::dictionary::{Dictionaries, VectorTable};
use crate::error::PredictError;
use crate::items::{Items, KnownItems};
use crate::model::{Around, Last, Opener, Served};
use crate::request::{Request, Response};
use crate::score::{self, Tasks};
use crate::snapshot::{Metadata, Model, Models, Snapshot};
use crate::status::{DictionaryState, ModelStatus};

/// Serves models from version folders. Share it as an `Arc`; dropping it stops its threads.
pub struct Predictor {
    models: Arc<Models>,
    pub(crate) pool: ThreadPool,
    task: usize,
    pub(crate) question_task: usize,
    pub(crate) gate: Arc<Gate>,
    pub(crate) pads: Pads,
}

impl Predictor {
    /// Opens every configured model; one that does not load yet is no error and is served once it does.
    ///
    /// # Errors
    /// `Name`, `Pinned`, `Dict`, `Pool`.
    pub fn open(config: PredictConfig) -> Result<Self, PredictError> {
        let places = places(&config.models)?;
        let around = open_around(&config)?;
        let list = config
            .models
            .iter()
            .map(|entry| open_model(&config, entry, &around))
            .collect::<Result<_, _>>()?;
        let pool = ThreadPoolBuilder::new()
            .num_threads(config.threads)
            .thread_name(|i| format!("predict-{i}"));
        let pool = pool.build().map_err(|fault| PredictError::Pool {
            message: fault.to_string(),
        })?;
        Ok(Self {
            models: Arc::new(Models { list, places, around }),
            pool,
            task: config.task.max(1),
            question_task: config.question_task,
            gate: Gate::new(config.permits),
            pads: Pads::default(),
        })
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
    /// Blocks until all items are scored; call it from a thread that may block.
    ///
    /// # Errors
    /// `UnknownModel`, `UnknownVersion`, `NotLoaded`, `NoScores`, `Input`, `Common`, `Overloaded`, `Deadline`.
    pub fn predict_on(&self, snapshot: &Snapshot, request: &Request) -> Result<Response, PredictError> {
        self.score(snapshot, request, &request.items)
    }

    /// Scores items that the feature rows know, on a snapshot taken now; `request.items` is not read. Rows are asked for
    /// where an item's part is not kept, so a call whose items are all kept handles none.
    ///
    /// # Errors
    /// As [`Predictor::predict_on`].
    pub fn predict_known(&self, request: &Request, items: KnownItems<'_>) -> Result<Response, PredictError> {
        self.predict_known_on(&self.snapshot(), request, items)
    }

    /// The same on the given snapshot.
    ///
    /// # Errors
    /// As [`Predictor::predict_on`].
    pub fn predict_known_on(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        items: KnownItems<'_>,
    ) -> Result<Response, PredictError> {
        self.score(snapshot, request, &items)
    }

    fn score(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        items: &dyn Items,
    ) -> Result<Response, PredictError> {
        let _permit = self.permit()?;
        let (name, generation) = snapshot.find(&request.model, request.version)?;
        let engine = snapshot.engine(name, generation)?;
        let admit = |gate: &Arc<Gate>| {
            let refused = |wait| PredictError::overloaded(gate.load().1, wait);
            gate.admit().map_err(refused)
        };
        let _own = snapshot.gate(&request.model).map(admit).transpose()?;
        let tasks = Tasks {
            pool: &self.pool,
            size: self.task,
        };
        let bound = engine.scoring.conf.bound(snapshot.dictionaries());
        let bound = bound.map_err(|fault| PredictError::NotLoaded {
            model: name.to_owned(),
            reason: Some(fault.to_string()),
        })?;
        let (scores, faults) = score::score((engine, &bound), request, items, tasks)?;
        Ok(Response {
            model: name.to_owned(),
            version: generation.version,
            scores,
            faults,
        })
    }

    /// All generations now. Old ones live as long as a snapshot that holds them.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.models)
    }

    /// What a model takes now.
    ///
    /// # Errors
    /// `UnknownModel`, `UnknownVersion`, `NotLoaded`, `NoScores`.
    pub fn metadata(&self, model: &str, version: Option<u64>) -> Result<Metadata, PredictError> {
        self.snapshot().metadata(model, version)
    }

    /// Every model's state, in the order of the configuration.
    #[must_use]
    pub fn status(&self) -> Vec<ModelStatus> {
        let snapshot = self.snapshot();
        self.models
            .list
            .iter()
            .map(|model| status_of(&snapshot, model))
            .collect()
    }

    /// State of one model by name or alias.
    ///
    /// # Errors
    /// `UnknownModel`.
    pub fn model_status(&self, model: &str) -> Result<ModelStatus, PredictError> {
        let place = self.models.places.get(model);
        let place = place.ok_or_else(|| PredictError::UnknownModel {
            model: model.to_owned(),
        })?;
        Ok(status_of(&self.snapshot(), &self.models.list[*place]))
    }

    /// Looks for new versions of every model now, on the calling thread. Failures are in [`Predictor::status`].
    pub fn reload(&self) {
        for listed in &self.models.around.listed {
            if let Err(fault) = listed.dictionary.reload() {
                tracing::debug!(conf = listed.name, %fault, "nothing newer");
            }
        }
        if let Some(dictionaries) = self.models.around.dictionaries.get() {
            dictionaries.reload();
        }
        for dictionary in self.models.list.iter().flat_map(|model| &model.dictionaries) {
            if let Err(fault) = dictionary.reload() {
                tracing::debug!(dictionary = dictionary.name(), %fault, "nothing newer");
            }
        }
    }

    /// State of the listed confs, then of the lookup dictionaries, each in the order of the configuration.
    #[must_use]
    pub fn dictionary_status(&self) -> Vec<DictionaryState> {
        let around = &self.models.around;
        let confs = around.listed.iter().map(|listed| DictionaryState {
            kind: "conf",
            status: listed.dictionary.status(),
        });
        let lookups = around
            .dictionaries
            .get()
            .map(Dictionaries::status)
            .unwrap_or_default();
        let lookups = lookups.into_iter().map(|(kind, status)| DictionaryState {
            kind: kind.name(),
            status,
        });
        confs.chain(lookups).collect()
    }
}

fn places(models: &[ModelEntry]) -> Result<FxHashMap<String, usize>, PredictError> {
    let mut places = FxHashMap::default();
    for (place, entry) in models.iter().enumerate() {
        for name in std::iter::once(&entry.name).chain(&entry.aliases) {
            if name.is_empty() || places.insert(name.clone(), place).is_some() {
                return Err(PredictError::Name { name: name.clone() });
            }
        }
    }
    Ok(places)
}

/// Opens what models share: dictionaries first, they are what confs read; then listed confs, the gate of models.
fn open_around(config: &PredictConfig) -> Result<Arc<Around>, PredictError> {
    let confs: Arc<Confs> = Arc::default();
    let listed = config.confs.iter().map(|entry| open_conf(config, entry, &confs));
    let around = Arc::new(Around {
        listed: listed.collect::<Result<_, _>>()?,
        confs,
        dictionaries: OnceLock::new(),
    });
    let weak = Arc::downgrade(&around);
    let rebind = move || {
        if let Some(around) = weak.upgrade() {
            around.rebind();
        }
    };
    let options = Options {
        swapped: Some(Arc::new(rebind)),
        ..options(config)
    };
    let opened = Dictionaries::open(&config.dictionaries, &options);
    let opened = opened.map_err(|(name, source)| PredictError::Dict { name, source })?;
    drop(around.dictionaries.set(opened));
    Ok(around)
}

fn open_conf(config: &PredictConfig, entry: &ConfEntry, confs: &Arc<Confs>) -> Result<Listed, PredictError> {
    let parser = ConfParser {
        name: entry.name.clone(),
        confs: Arc::clone(confs),
        max_mb_s: entry.max_mb_s,
    };
    let source = Source::File(entry.path.clone());
    let opened = Dictionary::open(&entry.name, source, options(config), parser);
    let dictionary = opened.map_err(|source| PredictError::Dict {
        name: entry.name.clone(),
        source,
    })?;
    Ok(Listed {
        name: entry.name.clone(),
        dictionary,
    })
}

fn options(config: &PredictConfig) -> Options {
    Options {
        poll: config.poll,
        notices: true,
        clock: Arc::clone(&config.clock),
        swapped: None,
    }
}

fn open_model(
    config: &PredictConfig,
    entry: &ModelEntry,
    around: &Arc<Around>,
) -> Result<Model, PredictError> {
    let path = if entry.path.as_os_str().is_empty() {
        Path::new(&entry.name)
    } else {
        &entry.path
    };
    let folder = config.models_dir.join(path);
    let sources = match &entry.versions {
        VersionPolicy::Latest => vec![(entry.name.clone(), Source::Versions(folder))],
        VersionPolicy::Pinned(versions) if versions.is_empty() || versions.contains(&0) => {
            return Err(PredictError::Pinned {
                name: entry.name.clone(),
            });
        }
        VersionPolicy::Pinned(versions) => versions
            .iter()
            .map(|v| (format!("{}/{v}", entry.name), Source::Pinned(folder.clone(), *v)))
            .collect(),
    };
    let open = |(name, source): (String, Source)| {
        let opener = Opener {
            item_cache_bytes: config.item_cache_bytes,
            max_mb_s: entry.max_mb_s,
            vectors: entry.vectors.clone(),
            around: Arc::clone(around),
            last: Last::default(),
        };
        open_dictionary(config, &name, source, opener)
    };
    let dictionaries = sources.into_iter().map(open).collect::<Result<_, _>>()?;
    Ok(Model {
        entry: entry.clone(),
        gate: (entry.permits > 0).then(|| Gate::new(entry.permits)),
        dictionaries,
    })
}

fn open_dictionary(
    config: &PredictConfig,
    name: &str,
    source: Source,
    opener: Opener,
) -> Result<Dictionary<Served>, PredictError> {
    let opened = Dictionary::open(name, source, options(config), opener);
    opened.map_err(|source| PredictError::Dict {
        name: name.to_owned(),
        source,
    })
}

fn status_of(snapshot: &Snapshot, model: &Model) -> ModelStatus {
    let default = model.generations().into_iter().next();
    let scoring = default
        .as_ref()
        .and_then(|generation| generation.value.scoring.as_ref());
    let engine = default
        .as_ref()
        .and_then(|generation| snapshot.engine(&model.entry.name, generation).ok());
    ModelStatus {
        item_vectors: engine.and_then(|engine| engine.vectors).map(VectorTable::len),
        name: model.entry.name.clone(),
        aliases: model.entry.aliases.clone(),
        version: default.as_ref().map(|generation| generation.version),
        item_cache_bytes: scoring.map_or(0, |s| s.cache.bytes()),
        dictionaries: model.dictionaries.iter().map(Dictionary::status).collect(),
    }
}
