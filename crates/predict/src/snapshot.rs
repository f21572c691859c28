//! One view of all generations, taken at a request's entry and kept to its end.
//!
//! The decision here: a snapshot holds every model's generation, not only the one asked for first, so that a request
//! which scores twice (two users in one batch, two models) sees one state throughout.

use std::sync::Arc;

use rankine_dict::{Dictionary, Generation};
use rankine_feature::Field;
use rankine_model::Artefact;
use rustc_hash::FxHashMap;

use crate::ask::Gate;
use crate::conf::{Conf, Listed, ListedConfs};
use crate::config::ModelEntry;
use crate::dictionary::{DictionarySnapshot, VectorTable};
use crate::error::PredictError;
use crate::model::{Around, Engine, Served, item_key, user_key};

/// A configured model and the dictionaries that hold its versions.
pub(crate) struct Model {
    /// As configured.
    pub(crate) entry: ModelEntry,
    /// Its own bound of questions at once.
    pub(crate) gate: Option<Arc<Gate>>,
    /// One for the latest version, or one per pinned version.
    pub(crate) dictionaries: Vec<Dictionary<Served>>,
}

/// All configured models.
pub(crate) struct Models {
    /// In the order of the configuration.
    pub(crate) list: Vec<Model>,
    /// Names and aliases to places in `list`.
    pub(crate) places: FxHashMap<String, usize>,
    /// What they share.
    pub(crate) around: Arc<Around>,
}

/// All generations at one moment. Requests scored on one snapshot never see a swap.
#[derive(Clone)]
pub struct Snapshot {
    models: Arc<Models>,
    /// Per model, the generations loaded, highest version first.
    generations: Vec<Vec<Arc<Generation<Served>>>>,
    dictionaries: DictionarySnapshot,
    listed: Vec<Option<Arc<ListedConfs>>>,
}

/// What a model takes, for protocols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The model's name.
    pub name: String,
    /// Its kind, `widedeep` for instance.
    pub kind: String,
    /// The version described.
    pub version: u64,
    /// Every input field with type and side, in the schema's order.
    pub inputs: Vec<Field>,
    /// The user field that is the user's id: the samples' group field, else the first user field of type int.
    pub user_key: Option<Arc<str>>,
    /// The item field that is the item's id: the first item field of type int.
    pub item_key: Option<Arc<str>>,
}

impl Snapshot {
    pub(crate) fn of(models: &Arc<Models>) -> Self {
        // models before what they read: a model taken here was bound when it loaded, to what is taken next or older
        let generations = models.list.iter().map(Model::generations).collect();
        Self {
            models: Arc::clone(models),
            generations,
            dictionaries: models.around.snapshot(),
            listed: models.around.listed.iter().map(Listed::snapshot).collect(),
        }
    }

    /// The dictionaries that confs and items read.
    pub(crate) fn dictionaries(&self) -> &DictionarySnapshot {
        &self.dictionaries
    }

    /// Item vectors by the name of their dictionary.
    #[must_use]
    pub fn vectors(&self, dictionary: &str) -> Option<&VectorTable> {
        self.dictionaries.vectors(dictionary)
    }

    /// A model's own bound, if it has one.
    pub(crate) fn gate(&self, model: &str) -> Option<&Arc<Gate>> {
        let place = self.models.places.get(model)?;
        self.models.list[*place].gate.as_ref()
    }

    /// The conf of this name that came last: of the models that serve, else of the listed ones.
    pub(crate) fn newest_conf(&self, name: &str) -> Option<Arc<Conf>> {
        let confs = self.generations.iter().flatten().filter_map(|generation| {
            let scoring = generation.value.scoring.as_ref()?;
            (scoring.conf.name == name).then_some((generation.loaded_at, &scoring.conf))
        });
        let of_models = confs
            .max_by_key(|(loaded_at, _)| *loaded_at)
            .map(|(_, conf)| conf);
        let of_lists = || {
            self.listed
                .iter()
                .flatten()
                .flat_map(|generation| &generation.value)
        };
        let found = of_models.or_else(|| of_lists().rfind(|conf| conf.name == name));
        found.map(Arc::clone)
    }

    /// What a model takes.
    ///
    /// # Errors
    /// `UnknownModel`, `UnknownVersion`, `NotLoaded`, `NoScores`.
    pub fn metadata(&self, model: &str, version: Option<u64>) -> Result<Metadata, PredictError> {
        let (name, generation) = self.find(model, version)?;
        let plan = &engine(name, &generation.value)?.scoring.plan;
        Ok(Metadata {
            name: name.to_owned(),
            kind: kind(&generation.value),
            version: generation.version,
            inputs: plan.schema().all().to_vec(),
            user_key: user_key(plan),
            item_key: item_key(plan),
        })
    }

    /// The artefact of a model, for what the predictor does not do itself (vectors, metrics of the manifest), with the
    /// version it has.
    ///
    /// # Errors
    /// `UnknownModel`, `UnknownVersion`, `NotLoaded`.
    pub fn artefact(&self, model: &str, version: Option<u64>) -> Result<(u64, &Artefact), PredictError> {
        let (_, generation) = self.find(model, version)?;
        Ok((generation.version, &generation.value.artefact))
    }

    /// What a generation of this snapshot scores with, the vectors that its own version made included.
    pub(crate) fn engine<'a>(
        &'a self,
        name: &str,
        generation: &'a Generation<Served>,
    ) -> Result<Engine<'a>, PredictError> {
        let mut engine = engine(name, &generation.value)?;
        let fits = |vectors: &&VectorTable| {
            vectors.version() == generation.version
                && vectors.made_by(&generation.value.artefact.manifest().checksum)
                && Some(vectors.width()) == engine.scorer.vector_width()
        };
        engine.vectors = self.vectors(&engine.scoring.vectors).filter(fits);
        Ok(engine)
    }

    /// The name and generation that a model name or alias, and a version if any, stand for.
    pub(crate) fn find(
        &self,
        model: &str,
        version: Option<u64>,
    ) -> Result<(&str, &Arc<Generation<Served>>), PredictError> {
        let unknown = || PredictError::UnknownModel {
            model: model.to_owned(),
        };
        let place = *self.models.places.get(model).ok_or_else(unknown)?;
        let (configured, loaded) = (&self.models.list[place], &self.generations[place]);
        let name = configured.entry.name.as_str();
        let found = match version {
            Some(version) => loaded.iter().find(|g| g.version == version),
            None => loaded.first(),
        };
        found
            .map(|generation| (name, generation))
            .ok_or_else(|| match version {
                Some(version) => PredictError::UnknownVersion {
                    model: model.to_owned(),
                    version,
                },
                None => PredictError::NotLoaded {
                    model: model.to_owned(),
                    reason: configured.failure(),
                },
            })
    }
}

/// What a loaded model scores with.
pub(crate) fn engine<'a>(name: &str, served: &'a Served) -> Result<Engine<'a>, PredictError> {
    served.engine().ok_or_else(|| PredictError::NoScores {
        model: name.to_owned(),
        kind: kind(served),
    })
}

fn kind(served: &Served) -> String {
    served.artefact.manifest().kind.to_string()
}

impl Model {
    /// Loaded generations, highest version first.
    pub(crate) fn generations(&self) -> Vec<Arc<Generation<Served>>> {
        let mut loaded: Vec<_> = self
            .dictionaries
            .iter()
            .filter_map(Dictionary::snapshot)
            .collect();
        loaded.sort_by_key(|generation| std::cmp::Reverse(generation.version));
        loaded
    }

    fn failure(&self) -> Option<String> {
        self.dictionaries
            .iter()
            .find_map(|d| d.status().error)
            .map(|failure| failure.message)
    }
}
