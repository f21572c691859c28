//! The server's configuration: what was written, and the checks that make it usable.
//!
//! Read through `rankine-config`, so that all faults of a file are told in one pass. `config/server.toml` in the
//! repository is the commented reference; a test holds it equal to the defaults here.

mod arrivals;
mod check;

pub use arrivals::{ArrivalsConfig, InsertConfig};

use crate::error::ServerError;
use rankine_feature::FieldType;
use rankine_predict::{ConfEntry, DictionaryEntry, DictionaryKind, ModelEntry, VersionPolicy};
use rankine_recommend::Quotas;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Name of the model whose vectors recall uses.
pub const VECTOR_MODEL: &str = "item2vec";
/// Ranker by item vectors.
pub const EMB: &str = "emb";
/// Ranker by smoothed rating.
pub const POPULARITY: &str = "popularity";

/// Everything the server is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Folder with `data/`, `events/`, `features/`, `models/`.
    pub home: PathBuf,
    /// Threads that compute; 0 is one per core.
    pub threads: usize,
    /// The model that ranks when a request names none.
    pub default_model: String,
    /// Listed confs: the gate of models trained with one of these names.
    pub conf: Vec<ConfConfig>,
    /// Lookup dictionaries.
    pub dictionary: Vec<DictionaryConfig>,
    /// Addresses.
    pub listen: Listen,
    /// Limits.
    pub limits: Limits,
    /// The log of served samples.
    pub samples: SamplesConfig,
    /// Where feature rows are kept.
    pub store: StoreConfig,
    /// Who ranks.
    pub ranker: RankerConfig,
    /// Candidates per recall strategy.
    pub quotas: Quotas,
    /// Who chooses what is ranked.
    pub coarse: CoarseConfig,
    /// The user tower that recalls and ranks from live behaviour.
    pub tower: TowerConfig,
    /// Items that come into being while the server runs.
    pub arrivals: ArrivalsConfig,
    /// The page that inserts films into the stream's source.
    pub insert: InsertConfig,
    /// Models to serve.
    pub model: Vec<ModelConfig>,
}

/// Confs of one name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConfConfig {
    /// The conf's name.
    pub name: String,
    /// A conf file or a folder of them, relative to the home folder.
    pub path: PathBuf,
    /// Most MiB read per second while loading; 0 is unbounded.
    pub max_mb_s: u32,
}

/// What a dictionary file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DictionaryKindConfig {
    /// Item rows by id.
    #[default]
    Items,
    /// Item vectors by id.
    Vectors,
    /// Words by line.
    Vocabulary,
    /// Boundaries by feature.
    Boundaries,
    /// Values by key.
    Keyed,
}

/// One dictionary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DictionaryConfig {
    /// The name confs and requests use.
    pub name: String,
    /// What the file holds.
    pub kind: DictionaryKindConfig,
    /// The file, relative to the home folder.
    pub path: PathBuf,
    /// Most MiB read per second while loading; 0 is unbounded.
    pub max_mb_s: u32,
    /// Of tab-separated keyed values: the key's type, `int` or `string`.
    pub key: String,
    /// Of tab-separated keyed values: the value's type.
    pub value: String,
}

impl Default for DictionaryConfig {
    fn default() -> Self {
        DictionaryConfig {
            name: String::new(),
            kind: DictionaryKindConfig::default(),
            path: PathBuf::new(),
            max_mb_s: 0,
            key: "string".to_owned(),
            value: "string".to_owned(),
        }
    }
}

/// Addresses; an empty text switches a port off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// Recommendation API and pages. Without it the process is a predictor that takes no events.
    pub site: String,
    /// TensorFlow Serving REST, `/v1/predict`, metrics, status.
    pub rest: String,
    /// gRPC: `rankine.v1.Predictor`, health, reflection.
    pub grpc: String,
}

/// The log of served samples: of some requests to the unified predictor, features and scores as they were served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplesConfig {
    /// Part of the requests that is logged, 0 to 1; 0 switches the log off.
    pub rate: f64,
    /// Folder, relative to the home folder.
    pub path: PathBuf,
    /// Requests that may wait to be written; one more is not logged.
    pub queue: usize,
    /// Memory for requests that wait and rows of files under way, MiB; what does not fit is not logged.
    pub memory_mb: usize,
    /// Rows of a file.
    pub rows: usize,
    /// Longest time a row waits for its file, seconds.
    pub flush_s: u64,
}

impl Default for SamplesConfig {
    fn default() -> Self {
        SamplesConfig {
            rate: 0.0,
            path: PathBuf::from("logs/samples"),
            queue: 1_000,
            memory_mb: 64,
            rows: 100_000,
            flush_s: 60,
        }
    }
}

/// Limits that keep one client from costing the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest body in MiB.
    pub body_mb: usize,
    /// Most items in one prediction request.
    pub items: usize,
    /// Requests at work at once.
    pub permits: usize,
    /// Items per task of a question; 0 adapts it.
    pub task: usize,
    /// Longest work on a request.
    pub deadline_ms: u64,
    /// Largest `size` parameter.
    pub size: usize,
    /// Connections open at once, per port.
    pub connections: usize,
    /// Longest time a request's head may take to arrive.
    pub head_ms: u64,
    /// Users known only from posted events, at most.
    pub new_users: usize,
}

/// Kind of row store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// `features/rows.redb` in the home folder.
    Embedded,
    /// A Redis server.
    Redis,
}

/// Where feature rows are kept for other readers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Kind.
    pub kind: StoreKind,
    /// Address, for Redis.
    pub url: String,
}

/// Kind of ranker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RankerKind {
    /// Models in this process.
    Local,
    /// Models behind TensorFlow Serving REST.
    Remote,
}

/// Who ranks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RankerConfig {
    /// Kind.
    pub kind: RankerKind,
    /// Address of the remote predictor.
    pub url: String,
    /// Longest wait for it.
    pub timeout_ms: u64,
}

/// The coarse ranking: a cheap model that leaves the others fewer candidates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CoarseConfig {
    /// Its name, one of the models; empty: all candidates are ranked by the model asked for.
    pub model: String,
    /// How many candidates it keeps.
    pub keep: usize,
}

impl Default for CoarseConfig {
    fn default() -> Self {
        CoarseConfig {
            model: String::new(),
            keep: 200,
        }
    }
}

/// A two-sided model on pretrained vectors whose user tower runs at request time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TowerConfig {
    /// Its name, one of the models, with `vectors`; empty: none.
    pub model: String,
    /// The vector model, one of the models, whose vectors of what a user likes are averaged: those that it learnt from.
    pub history: String,
}

/// One model to serve.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// The name requests use.
    pub name: String,
    /// Folder of versions, relative to the models folder; empty is the name.
    pub path: PathBuf,
    /// The one version to serve; 0 is the newest.
    pub version: u64,
    /// Other names.
    pub alias: Vec<String>,
    /// Most MiB read per second while a version loads; 0 is unbounded.
    pub max_mb_s: u32,
    /// Questions at once; one more is told that the model is busy. 0: only `limits.permits` counts.
    pub permits: usize,
    /// The dictionary of its item vectors (kind `dssm`); empty: its item tower computes them.
    pub vectors: String,
}

impl Default for ServerConfig {
    fn default() -> Self {
        let model = |name: &str, alias: &[&str]| ModelConfig {
            name: name.to_owned(),
            alias: alias.iter().map(|&a| a.to_owned()).collect(),
            ..ModelConfig::default()
        };
        ServerConfig {
            home: PathBuf::from(".rankine"),
            threads: 0,
            default_model: "widedeep".to_owned(),
            conf: Vec::new(),
            dictionary: Vec::new(),
            listen: Listen::default(),
            limits: Limits::default(),
            samples: SamplesConfig::default(),
            store: StoreConfig::default(),
            ranker: RankerConfig::default(),
            quotas: Quotas::default(),
            coarse: CoarseConfig::default(),
            tower: TowerConfig::default(),
            arrivals: ArrivalsConfig::default(),
            insert: InsertConfig::default(),
            model: vec![
                model("embeddingmlp", &[]),
                model("widedeep", &[]),
                model("neuralcf", &["nerualcf", "recmodel"]),
                model(VECTOR_MODEL, &[]),
            ],
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Listen {
            site: "127.0.0.1:6010".to_owned(),
            rest: "127.0.0.1:8501".to_owned(),
            grpc: "127.0.0.1:8500".to_owned(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body_mb: 8,
            items: 10_000,
            permits: 64,
            task: 0,
            deadline_ms: 2_000,
            size: 500,
            connections: 400,
            head_ms: 20_000,
            new_users: 100_000,
        }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        StoreConfig {
            kind: StoreKind::Embedded,
            url: String::new(),
        }
    }
}

impl Default for RankerConfig {
    fn default() -> Self {
        RankerConfig {
            kind: RankerKind::Local,
            url: String::new(),
            timeout_ms: 1_000,
        }
    }
}

impl ServerConfig {
    /// Defaults for a home folder.
    pub fn for_home(home: impl Into<PathBuf>) -> Self {
        ServerConfig {
            home: home.into(),
            ..ServerConfig::default()
        }
    }

    /// Reads a configuration text that a layer above checks: what types say only.
    fn written(text: &str, file: &str) -> Result<Self, ServerError> {
        rankine_config::parse(text, file).map_err(|faults| ServerError::Config {
            faults: faults.to_string(),
        })
    }

    /// Reads and checks a configuration text; `file` is its name in messages.
    ///
    /// # Errors
    /// [`ServerError::Config`] with every fault.
    pub fn parse(text: &str, file: &str) -> Result<Self, ServerError> {
        let (config, faults) = rankine_config::parse_partial::<Self>(text, file);
        let mut told: Vec<String> = faults.0.iter().map(ToString::to_string).collect();
        if let Some(config) = &config {
            told.extend(config.told(file, text));
        }
        match config {
            Some(config) if told.is_empty() => Ok(config),
            _ => Err(ServerError::Config {
                faults: told.join("\n"),
            }),
        }
    }

    /// Names that rank, in order: the models, then `emb` and `popularity`.
    pub fn rankers(&self) -> Vec<String> {
        let models = self
            .model
            .iter()
            .map(|m| m.name.as_str())
            .filter(|&name| name != VECTOR_MODEL);
        models.chain([EMB, POPULARITY]).map(str::to_owned).collect()
    }

    /// The name behind a name or alias; none where no ranker has it.
    pub fn canonical(&self, name: &str) -> Option<String> {
        if [EMB, POPULARITY].contains(&name) {
            return Some(name.to_owned());
        }
        let model = self
            .model
            .iter()
            .find(|m| names_of(m).any(|known| known == name))?;
        (model.name != VECTOR_MODEL).then(|| model.name.clone())
    }

    /// A model that this process answers predictions of: the default one, or the first; none where another process has them.
    pub fn predicted(&self) -> Option<&str> {
        let default = self.canonical(&self.default_model);
        let mut models = self.model.iter().map(|model| model.name.as_str());
        let first = models.clone().next();
        let found = models.find(|name| default.as_deref() == Some(name)).or(first);
        found.filter(|_| self.ranker.kind == RankerKind::Local)
    }

    /// Folder of model folders.
    pub fn models_dir(&self) -> PathBuf {
        self.home.join("models")
    }

    /// The models as the predictor wants them.
    pub(crate) fn entries(&self) -> Vec<ModelEntry> {
        self.model.iter().map(entry).collect()
    }

    /// Listed confs for the predictor.
    pub(crate) fn conf_entries(&self) -> Vec<ConfEntry> {
        let entry = |conf: &ConfConfig| ConfEntry {
            name: conf.name.clone(),
            path: self.home.join(&conf.path),
            max_mb_s: f64::from(conf.max_mb_s),
        };
        self.conf.iter().map(entry).collect()
    }

    /// Dictionaries for the predictor; those with faults, which [`ServerConfig::check`] tells, left out.
    pub fn dictionary_entries(&self) -> Vec<DictionaryEntry> {
        self.dictionary
            .iter()
            .filter_map(|one| one.entry(&self.home).ok())
            .collect()
    }

    /// Largest body in bytes.
    pub fn body_bytes(&self) -> usize {
        self.limits.body_mb.saturating_mul(1 << 20)
    }

    /// Largest body the site takes, in bytes: an event is small, whatever predictions may be.
    pub fn event_bytes(&self) -> usize {
        self.body_bytes().min(64 << 10)
    }

    /// Reads a configuration file without [`ServerConfig::check`]ing it: flags may still complete it.
    ///
    /// # Errors
    /// [`ServerError::Home`] where it cannot be read, [`ServerError::Config`] with every fault.
    pub fn load(path: &Path) -> Result<Self, ServerError> {
        let text = std::fs::read_to_string(path).map_err(|error| ServerError::Home {
            what: "server configuration",
            path: path.to_owned(),
            cause: error.to_string(),
        })?;
        Self::written(&text, &path.display().to_string())
    }
}

impl DictionaryConfig {
    fn entry(&self, home: &Path) -> Result<DictionaryEntry, String> {
        let kind = match self.kind {
            DictionaryKindConfig::Items => DictionaryKind::Items,
            DictionaryKindConfig::Vectors => DictionaryKind::Vectors,
            DictionaryKindConfig::Vocabulary => DictionaryKind::Vocabulary,
            DictionaryKindConfig::Boundaries => DictionaryKind::Boundaries,
            DictionaryKindConfig::Keyed => DictionaryKind::Keyed,
        };
        let fault = |key: &str, expected: &str, got: &str| {
            format!(
                "dictionary \"{}\": {key}: expected {expected}, got \"{got}\"",
                self.name
            )
        };
        let key =
            FieldType::from_name(&self.key).filter(|ty| matches!(ty, FieldType::Int | FieldType::String));
        let value = FieldType::from_name(&self.value);
        Ok(DictionaryEntry {
            name: self.name.clone(),
            kind,
            path: home.join(&self.path),
            max_mb_s: f64::from(self.max_mb_s),
            key: key.ok_or_else(|| fault("key", "int or string", &self.key))?,
            value: value.ok_or_else(|| fault("value", "a type of a conf", &self.value))?,
        })
    }
}

fn names_of(model: &ModelConfig) -> impl Iterator<Item = &str> {
    std::iter::once(model.name.as_str()).chain(model.alias.iter().map(String::as_str))
}

fn entry(model: &ModelConfig) -> ModelEntry {
    let versions = if model.version == 0 {
        VersionPolicy::Latest
    } else {
        VersionPolicy::Pinned(vec![model.version])
    };
    ModelEntry {
        name: model.name.clone(),
        path: model.path.clone(),
        aliases: model.alias.clone(),
        versions,
        max_mb_s: model.max_mb_s,
        permits: model.permits,
        vectors: model.vectors.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = include_str!("../../../config/server.toml");

    #[test]
    fn the_reference_file_is_the_defaults() {
        let written = ServerConfig::parse(REFERENCE, "server.toml").unwrap();
        assert_eq!(written, ServerConfig::default());
    }

    #[test]
    fn the_reference_file_names_every_key() {
        let all = toml::to_string(&ServerConfig::default()).unwrap();
        let keys = |text: &str| -> std::collections::BTreeSet<String> {
            let key = |line: &str| line.split_once(" = ").map(|(key, _)| key.to_owned());
            text.lines()
                .filter(|line| !line.starts_with('#'))
                .filter_map(key)
                .collect()
        };
        assert_eq!(keys(&all), keys(REFERENCE));
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(ServerConfig::parse("", "x").unwrap(), ServerConfig::default());
    }

    #[test]
    fn an_unknown_key_is_told_with_its_line() {
        let error = ServerConfig::parse("threads = 2\n[limits]\npermit = 3\n", "s.toml").unwrap_err();
        assert!(error.to_string().contains("s.toml:3"), "{error}");
        assert!(error.to_string().contains("permits"), "{error}");
    }

    #[test]
    fn all_faults_of_meaning_are_told_at_once() {
        let text = "default_model = \"x\"\n[limits]\npermits = 0\n[store]\nkind = \"redis\"\n[ranker]\nkind = \"remote\"";
        let error = ServerConfig::parse(text, "s.toml").unwrap_err().to_string();
        for part in ["default_model", "limits.permits", "store.url", "ranker.url"] {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert_eq!(error.lines().count(), 4);
    }

    #[test]
    fn aliases_lead_to_the_name_and_vectors_do_not_rank() {
        let config = ServerConfig::default();
        assert_eq!(config.canonical("nerualcf").as_deref(), Some("neuralcf"));
        assert_eq!(config.canonical("emb").as_deref(), Some("emb"));
        assert_eq!(config.canonical("item2vec"), None);
        assert_eq!(
            config.rankers(),
            ["embeddingmlp", "widedeep", "neuralcf", "emb", "popularity"]
        );
    }

    #[test]
    fn a_predictor_alone_needs_no_default_model() {
        let text = "[listen]\nsite = \"\"\n[[model]]\nname = \"shop\"\n[[model]]\nname = \"b\"\n";
        let config = ServerConfig::parse(text, "s.toml").unwrap();
        assert_eq!(config.predicted(), Some("shop"));
        let config = ServerConfig::parse(&format!("default_model = \"b\"\n{text}"), "s.toml").unwrap();
        assert_eq!(config.predicted(), Some("b"));
        let none = format!("ranker = {{ kind = \"remote\", url = \"http://x\" }}\n{text}");
        assert_eq!(ServerConfig::parse(&none, "s.toml").unwrap().predicted(), None);
        assert!(ServerConfig::parse(&text.replace("\"\"", "\"a:1\""), "s.toml").is_err());
    }

    #[test]
    fn dictionaries_and_confs_are_read_and_their_faults_told() {
        let text = r#"
conf = [{ name = "films", path = "confs/films" }]
[[dictionary]]
name = "prices"
kind = "keyed"
path = "/data/prices.tsv"
max_mb_s = 20
value = "float"
"#;
        let config = ServerConfig::parse(text, "s.toml").unwrap();
        let entry = &config.dictionary_entries()[0];
        assert_eq!(
            (entry.kind, entry.value),
            (DictionaryKind::Keyed, FieldType::Float)
        );
        assert_eq!(
            (entry.max_mb_s, entry.path.as_path()),
            (20.0, Path::new("/data/prices.tsv"))
        );
        assert_eq!(config.conf_entries()[0].path, Path::new(".rankine/confs/films"));
        let bad = "dictionary = [{ name = \"a\", path = \"x\", key = \"float\" }, { name = \"a\", value = \"number\" }]";
        let told = ServerConfig::parse(bad, "s.toml").unwrap_err().to_string();
        assert_eq!(told.lines().count(), 4, "{told}");
    }

    #[test]
    fn a_coarse_model_and_its_vectors_are_ones_that_are_there() {
        let good = r#"
coarse = { model = "dssm", keep = 100 }
dictionary = [{ name = "films", kind = "vectors", path = "films.parquet" }]
model = [{ name = "widedeep" }, { name = "dssm", vectors = "films" }]
"#;
        let config = ServerConfig::parse(good, "s.toml").unwrap();
        assert_eq!(
            (config.coarse.keep, config.entries()[1].vectors.as_str()),
            (100, "films")
        );
        let told = |text: &str| ServerConfig::parse(text, "s.toml").unwrap_err().to_string();
        let bad = told(
            &good
                .replace("kind = \"vectors\"", "kind = \"items\"")
                .replace("\"dssm\", keep = 100", "\"dsm\", keep = 0"),
        );
        let expected = "s.toml: coarse.keep: expected at least 1, got 0\n\
                        s.toml: coarse.model: expected one of widedeep, dssm, emb, popularity, got \"dsm\"\n\
                        s.toml: model \"dssm\": vectors: expected a dictionary of kind \"vectors\", got \"films\"";
        assert_eq!(bad, expected);
    }

    #[test]
    fn a_name_taken_twice_is_refused() {
        let text =
            "[[model]]\nname = \"embeddingmlp\"\n[[model]]\nname = \"b\"\nalias = [\"embeddingmlp\"]\n";
        assert!(
            ServerConfig::parse(text, "s")
                .unwrap_err()
                .to_string()
                .contains("taken")
        );
    }
}
