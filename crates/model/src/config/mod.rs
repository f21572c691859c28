//! The model file: a kind, the slots it reads, its shape, and how it is trained. It names slots, not positions.
//!
//! Read through `rankine-config`, so every fault has a line; compiled with a plan into a [`crate::Network`]. Everything
//! has a default but what only the author can know.

mod check;
mod effective;
mod gate;
pub(crate) mod graph;
mod init;
mod keys;
mod linear;
mod matrix;
mod metric;
mod objective;
mod optimizer;
mod set;
#[cfg(test)]
mod tests;
mod tower;

use check::Checker;
pub use effective::DEVIATION;
pub use gate::{Gate, GateConfig, GateMetric, GateSplit};
pub use graph::{
    AttentionConfig, CrossConfig, ExpertsConfig, HistoryConfig, JoinName, NormName, PairsConfig, TaskConfig,
};
pub use init::{Init, InitName, Spread};
pub use linear::{FactorRates, LinearConfig, LinearOptimizer, LinearOptimizerKind};
pub use matrix::{GraphName, MatrixConfig, SolverName};
pub use metric::{MetricName, Metrics};
pub use objective::{Draw, Hits, Meaning, Mix, Objective, ObjectiveConfig, ObjectiveKind};
pub use optimizer::{OptimizerKind, OptimizerSettings, Optimizers};
use rankine_config::{Faults, Located, Source};
use rankine_feature::SampleSpec;
use rankine_kernel::activation::Activation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
pub use tower::{CombineName, HalfName, PreferenceConfig, TowerConfig, TowersConfig};

/// The format this program reads.
pub const FORMAT: u32 = 1;

/// What a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Embedding + MLP ([`crate::model::embeddingmlp`]).
    EmbeddingMlp,
    /// Wide & Deep ([`crate::model::widedeep`]).
    WideDeep,
    /// DeepFM ([`crate::model::deepfm`]).
    DeepFm,
    /// Neural collaborative filtering ([`crate::model::neuralcf`]).
    NeuralCf,
    /// Towers of user, item and context ([`crate::model::dssm`]).
    Dssm,
    /// Towers of user and item for retrieval ([`crate::model::twotower`]).
    TwoTower,
    /// A user tower over an item table ([`crate::model::youtubednn`]).
    YoutubeDnn,
    /// Towers that do without what is known of ids ([`crate::model::dropoutnet`]).
    DropoutNet,
    /// Skip-gram vectors of items ([`crate::model::item2vec`]).
    Item2Vec,
    /// Logistic regression ([`crate::model::lr`]).
    Lr,
    /// Factorisation machine ([`crate::model::fm`]).
    Fm,
    /// Field-aware factorisation machine ([`crate::model::ffm`]).
    Ffm,
    /// Alternating least squares ([`crate::model::ials`]).
    Ials,
    /// Factors by pairs ([`crate::model::bpr`]).
    Bpr,
    /// Linear autoencoder ([`crate::model::ease`]).
    Ease,
    /// Neighbours ([`crate::model::itemknn`]).
    ItemKnn,
    /// The same for everybody ([`crate::model::popularity`]).
    Popularity,
    /// Random walks ([`crate::model::walk`]).
    Walk,
    /// Deep & Cross network, version 2 ([`crate::model::dcn`]).
    Dcn,
    /// Self-attention between fields ([`crate::model::autoint`]).
    AutoInt,
    /// Deep interest network ([`crate::model::din`]).
    Din,
    /// Deep interest evolution network ([`crate::model::dien`]).
    Dien,
    /// Experts under a gate per task ([`crate::model::mmoe`]).
    Mmoe,
    /// Shared and own experts per task, in levels ([`crate::model::ple`]).
    Ple,
    /// Clicks, and purchases after clicks ([`crate::model::esmm`]).
    Esmm,
}

impl Kind {
    /// Returns the name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::EmbeddingMlp => "embeddingmlp",
            Kind::WideDeep => "widedeep",
            Kind::DeepFm => "deepfm",
            Kind::NeuralCf => "neuralcf",
            Kind::Dssm => "dssm",
            Kind::TwoTower => "twotower",
            Kind::YoutubeDnn => "youtubednn",
            Kind::DropoutNet => "dropoutnet",
            Kind::Item2Vec => "item2vec",
            Kind::Lr => "lr",
            Kind::Fm => "fm",
            Kind::Ffm => "ffm",
            Kind::Ials => "ials",
            Kind::Bpr => "bpr",
            Kind::Ease => "ease",
            Kind::ItemKnn => "itemknn",
            Kind::Popularity => "popularity",
            Kind::Walk => "walk",
            Kind::Dcn => "dcn",
            Kind::AutoInt => "autoint",
            Kind::Din => "din",
            Kind::Dien => "dien",
            Kind::Mmoe => "mmoe",
            Kind::Ple => "ple",
            Kind::Esmm => "esmm",
        }
    }

    /// Returns whether it learns several labels at once, named by `labels`.
    #[must_use]
    pub fn has_labels(self) -> bool {
        matches!(self, Kind::Mmoe | Kind::Ple | Kind::Esmm)
    }

    /// Returns whether it has towers in place of everything else.
    #[must_use]
    pub fn is_two_sided(self) -> bool {
        matches!(
            self,
            Kind::Dssm | Kind::TwoTower | Kind::YoutubeDnn | Kind::DropoutNet
        )
    }

    /// Returns whether it is one of `lr`, `fm` and `ffm`: a `linear` part alone, learnt sample by sample.
    #[must_use]
    pub fn is_linear(self) -> bool {
        matches!(self, Kind::Lr | Kind::Fm | Kind::Ffm)
    }
}

impl Kind {
    /// Returns whether it is one of `ials`, `bpr`, `ease`, `itemknn`, `popularity` and `walk`: a `matrix` part alone, learnt
    /// from who met what.
    #[must_use]
    pub fn is_matrix(self) -> bool {
        matches!(
            self,
            Kind::Ials | Kind::Bpr | Kind::Ease | Kind::ItemKnn | Kind::Popularity | Kind::Walk
        )
    }
}

/// What training minimises, and so what the output means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// Binary cross-entropy of the logit; a score is a probability.
    #[default]
    Bce,
    /// Squared error; a score is the output itself.
    Mse,
}

/// How several signs of a slot become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum PoolingName {
    /// Σ weight·row.
    Sum,
    /// Σ weight·row / Σ weight.
    #[default]
    Mean,
}

/// The activations a model file may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum ActivationName {
    /// y = x.
    Linear,
    /// y = max(x, 0).
    #[default]
    Relu,
    /// y = 1 / (1 + e^−x).
    Sigmoid,
    /// y = tanh x.
    Tanh,
    /// y = ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))).
    Gelu,
    /// y = x above 0, a x below, a learnt per unit.
    Prelu,
    /// PReLU whose turning point follows the data.
    Dice,
}

impl ActivationName {
    /// Returns the name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ActivationName::Linear => "linear",
            ActivationName::Relu => "relu",
            ActivationName::Sigmoid => "sigmoid",
            ActivationName::Tanh => "tanh",
            ActivationName::Gelu => "gelu",
            ActivationName::Prelu => "prelu",
            ActivationName::Dice => "dice",
        }
    }

    /// Returns the function that a dense layer applies itself; none for those that are nodes of their own.
    #[must_use]
    pub fn fused(self) -> Option<Activation> {
        match self {
            ActivationName::Linear => Some(Activation::Linear),
            ActivationName::Relu => Some(Activation::Relu),
            ActivationName::Sigmoid => Some(Activation::Sigmoid),
            ActivationName::Tanh => Some(Activation::Tanh),
            ActivationName::Gelu | ActivationName::Prelu | ActivationName::Dice => None,
        }
    }
}

/// One entry of `embedding`: sparse slots that share a table; each slot becomes a vector of its own.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingConfig {
    /// The slots, in the order of the model's input.
    pub slots: Vec<Located<u32>>,
    /// The table's name, unique in the model.
    pub table: Located<String>,
    /// Numbers per row.
    pub dim: Located<usize>,
    /// How several signs become one vector.
    #[serde(default)]
    pub pooling: PoolingName,
    /// Signs seen in fewer training samples share the missing row.
    #[serde(default = "one")]
    pub min_count: u32,
    /// L2 on each row: the ridge of that many doubting samples, however often the row is used.
    #[serde(default)]
    pub l2: Option<Located<f64>>,
    /// What first weights are drawn from; training's default where absent.
    #[serde(default)]
    pub init: Option<Located<Init>>,
    /// Signs share this many rows: a sign's key is its remainder; absent: every sign has a row of its own.
    #[serde(default)]
    pub buckets: Option<Located<u64>>,
    /// A row unused in this many trainings, each begun from the one before, is dropped at publishing; absent: never.
    #[serde(default)]
    pub expire: Option<Located<u32>>,
}

/// `dense`: slots of floats that enter the input as they are.
#[derive(Debug, Clone, Deserialize, Serialize, Default)]
#[serde(deny_unknown_fields)]
pub struct DenseConfig {
    /// The slots, in the order of the model's input.
    pub slots: Vec<Located<u32>>,
}

/// `wide`: sparse slots with one weight per sign, added straight to the logit.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WideConfig {
    /// The slots.
    pub slots: Vec<Located<u32>>,
    /// Signs seen in fewer training samples share the missing row.
    #[serde(default = "one")]
    pub min_count: u32,
    /// L2 on each row: the ridge of that many doubting samples, however often the row is used.
    #[serde(default)]
    pub l2: Option<Located<f64>>,
    /// Signs share this many rows: a sign's key is its remainder; absent: every sign has a row of its own.
    #[serde(default)]
    pub buckets: Option<Located<u64>>,
    /// A row unused in this many trainings, each begun from the one before, is dropped at publishing; absent: never.
    #[serde(default)]
    pub expire: Option<Located<u32>>,
}

/// `gmf`: the product of user and item vectors (`neuralcf`), in tables of its own.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GmfConfig {
    /// Numbers per row.
    pub dim: Located<usize>,
    /// Slots of user and item; those of `embedding` where absent. Given, the model needs no `embedding`.
    #[serde(default)]
    pub slots: Vec<Located<u32>>,
    /// Signs seen in fewer training samples share the missing row.
    #[serde(default = "one")]
    pub min_count: u32,
    /// L2 on each row: the ridge of that many doubting samples, however often the row is used.
    #[serde(default)]
    pub l2: Option<Located<f64>>,
    /// What first weights are drawn from; training's default where absent.
    #[serde(default)]
    pub init: Option<Located<Init>>,
    /// Signs share this many rows on each side: a sign's key is its remainder; absent: every sign has a row of its own.
    #[serde(default)]
    pub buckets: Option<Located<u64>>,
    /// A row unused in this many trainings, each begun from the one before, is dropped at publishing; absent: never.
    #[serde(default)]
    pub expire: Option<Located<u32>>,
}

/// `bias`: a weight per user and item (`neuralcf`); `bias = {}` is enough.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BiasConfig {
    /// Signs seen in fewer training samples share the missing row.
    #[serde(default = "one")]
    pub min_count: u32,
    /// L2 on each row: the ridge of that many doubting samples, however often the row is used.
    #[serde(default)]
    pub l2: Option<Located<f64>>,
    /// Signs share this many rows in each slot: a sign's key is its remainder; absent: every sign has a row of its own.
    #[serde(default)]
    pub buckets: Option<Located<u64>>,
    /// A row unused in this many trainings, each begun from the one before, is dropped at publishing; absent: never.
    #[serde(default)]
    pub expire: Option<Located<u32>>,
}

/// `dropout`: shares of numbers zeroed while learning.
#[derive(Debug, Clone, Deserialize, Serialize, Default)]
#[serde(deny_unknown_fields)]
pub struct DropoutConfig {
    /// Of the input of the first hidden layer.
    #[serde(default)]
    pub input: Option<Located<f64>>,
    /// Of each hidden layer's output.
    #[serde(default)]
    pub hidden: Option<Located<f64>>,
}

/// `train`: the loop.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainSettings {
    /// Samples per step.
    pub batch: Option<Located<usize>>,
    /// Passes over the samples, at most.
    pub epochs: Option<Located<u32>>,
    /// When to stop before that.
    pub early_stop: Option<EarlyStop>,
    /// Whether each epoch has its own order.
    pub shuffle: bool,
    /// Factor on the learning rates after each epoch.
    pub lr_decay: Option<Located<f64>>,
    /// What each epoch leaves of the mean of the weights before it; that mean is judged and published.
    pub average: Option<Located<f64>>,
    /// Whether, once early stopping has chosen the number of epochs, the model is trained anew for that many on training
    /// and validation samples together.
    pub refit: bool,
    /// Threads that update at once; 1 unless given. More than one is not deterministic.
    pub threads: Option<Located<usize>>,
    /// How long the parsed samples are kept.
    pub cache: Option<Located<CacheUse>>,
    /// Samples kept in memory and mixed: all of them where there are no more, else a window over blocks of the cache file.
    pub shuffle_buffer: Option<Located<usize>>,
    /// When the state of the run is written, so that it can be resumed.
    pub checkpoint: Option<CheckpointSettings>,
    /// Whether the optimiser's state is published beside the weights, for a training that begins from them.
    pub keep_optimizer: bool,
    /// Parameters that stay as they are, by patterns with `*` and `?`: `emb.<table>`, `<layer>.weight`, `<layer>.bias`.
    pub freeze: Vec<Located<String>>,
    /// Names in the version that training begins from, and theirs here.
    pub rename: BTreeMap<String, String>,
    /// How learning rates change from step to step.
    pub schedule: Option<Schedule>,
    /// Longest gradient of a step: a longer one is scaled to it.
    pub clip: Option<Located<f64>>,
}

impl Default for TrainSettings {
    fn default() -> Self {
        TrainSettings {
            batch: None,
            epochs: None,
            early_stop: None,
            shuffle: true,
            lr_decay: None,
            average: None,
            refit: false,
            threads: None,
            cache: None,
            shuffle_buffer: None,
            checkpoint: None,
            keep_optimizer: false,
            freeze: Vec::new(),
            rename: BTreeMap::new(),
            schedule: None,
            clip: None,
        }
    }
}

impl TrainSettings {
    /// Samples per step; 1024 unless given.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch.as_ref().map_or(1024, |b| b.value)
    }

    /// Most passes over the samples; 10 unless given.
    #[must_use]
    pub fn epochs(&self) -> u32 {
        self.epochs.as_ref().map_or(10, |e| e.value)
    }

    /// Threads that update at once; 1 unless given.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.as_ref().map_or(1, |t| t.value)
    }

    /// How long the parsed samples are kept; for the run unless given.
    #[must_use]
    pub fn cache(&self) -> CacheUse {
        self.cache.as_ref().map_or(CacheUse::Run, |c| c.value)
    }

    /// Samples kept in memory and mixed; 2²⁰ unless given.
    #[must_use]
    pub fn shuffle_buffer(&self) -> usize {
        self.shuffle_buffer.as_ref().map_or(1 << 20, |b| b.value)
    }

    /// Factor on the learning rates after each epoch; 1 unless given.
    #[must_use]
    pub fn lr_decay(&self) -> f64 {
        number(self.lr_decay.as_ref(), 1.0)
    }

    /// What each epoch leaves of the mean of the weights before it; 0, no averaging, unless given.
    #[must_use]
    pub fn average(&self) -> f64 {
        number(self.average.as_ref(), 0.0)
    }
}

/// `train.checkpoint`: the state of a run is written every so many steps or minutes, whichever comes first.
#[derive(Debug, Clone, Deserialize, Serialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointSettings {
    /// Steps from one to the next.
    pub steps: Option<Located<u64>>,
    /// Minutes from one to the next.
    pub minutes: Option<Located<f64>>,
    /// How many are kept; 2 unless given.
    pub keep: Option<Located<usize>>,
}

/// `train.schedule`: a factor on all learning rates, step by step.
#[derive(Debug, Clone, Deserialize, Serialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// What follows the warm-up.
    pub kind: ScheduleKind,
    /// Steps in which the factor rises to 1 in a line; 0 unless given.
    pub warmup: Option<Located<u64>>,
    /// `step`: epochs from one change to the next; 1 unless given.
    pub every: Option<Located<u32>>,
    /// `step`, `exponential`: the factor of each change; 0.1 unless given.
    pub factor: Option<Located<f64>>,
    /// Where the factor ends or stays; 0 unless given.
    pub floor: Option<Located<f64>>,
}

/// How learning rates go on after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleKind {
    /// As they are.
    #[default]
    Constant,
    /// `factor` after every `every` epochs.
    Step,
    /// `factor` per epoch, step by step.
    Exponential,
    /// Down to `floor` in half a cosine over all epochs.
    Cosine,
}

/// How long the binary cache of parsed samples lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum CacheUse {
    /// Written in the first epoch, removed with the run.
    #[default]
    Run,
    /// Kept for the next run over the same file, conf and slots.
    Keep,
}

/// `train.early_stop`: give up when the validation metric has not improved for `patience` epochs.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStop {
    /// What is watched.
    #[serde(default)]
    pub metric: StopMetric,
    /// Epochs without improvement that are borne.
    pub patience: u32,
}

/// What early stopping watches on the validation samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum StopMetric {
    /// ROC-AUC, higher is better.
    #[default]
    Auc,
    /// Log loss, lower is better.
    Logloss,
    /// Share right at .5, higher is better.
    Accuracy,
}

/// `item2vec`: skip-gram with negative sampling (kind `item2vec` only).
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Item2VecSettings {
    /// Numbers per vector.
    pub dim: Located<usize>,
    /// Neighbours on either side.
    pub window: Located<usize>,
    /// Noise items per neighbour.
    pub negatives: Located<usize>,
    /// Passes over the sentences.
    pub epochs: Located<u32>,
    /// First learning rate.
    pub lr: Located<f64>,
    /// Items seen fewer times get no vector.
    pub min_count: u32,
    /// Which events make the sentences.
    pub events: SentenceEvents,
}

/// `item2vec.events`: which of a user's likes the vectors learn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum SentenceEvents {
    /// The training samples with label 1: nothing that validation and test samples hold, so that recall may be measured.
    #[default]
    Train,
    /// Every imported positive: for serving alone, no figure on held-out samples may rest on it.
    All,
}

/// A value that no file gives.
fn anywhere<T>(value: T) -> Located<T> {
    Located { value, span: 0..0 }
}

impl Default for Item2VecSettings {
    fn default() -> Self {
        Item2VecSettings {
            dim: anywhere(32),
            window: anywhere(5),
            negatives: anywhere(5),
            epochs: anywhere(5),
            lr: anywhere(0.025),
            min_count: 1,
            events: SentenceEvents::Train,
        }
    }
}

/// A model file.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Format of the file.
    pub format: Located<u32>,
    /// What the model is.
    pub kind: Located<Kind>,
    /// Name of the conf it reads; for `item2vec` the one whose samples it learns from.
    #[serde(default)]
    pub conf: Option<String>,
    /// The label it learns, one of the conf's; [`ModelConfig::label`] for where it is absent.
    #[serde(default)]
    pub label: Option<Located<String>>,
    /// The labels it learns, for a kind that learns several at once; in place of `label`.
    #[serde(default)]
    pub labels: Vec<Located<String>>,
    /// Seed of everything random.
    #[serde(default = "seed")]
    pub seed: u64,
    /// Sparse slots of the deep part.
    #[serde(default)]
    pub embedding: Vec<EmbeddingConfig>,
    /// Dense slots of the deep part.
    #[serde(default)]
    pub dense: DenseConfig,
    /// The wide part.
    #[serde(default)]
    pub wide: Option<WideConfig>,
    /// The product part.
    #[serde(default)]
    pub gmf: Option<GmfConfig>,
    /// Weights of ids.
    #[serde(default)]
    pub bias: Option<BiasConfig>,
    /// Slots of a linear model (`lr`, `fm`, `ffm`).
    #[serde(default)]
    pub linear: Option<LinearConfig>,
    /// Who met what (`ials`, `bpr`, `ease`, `itemknn`, `popularity`, `walk`).
    #[serde(default)]
    pub matrix: Option<MatrixConfig>,
    /// The sides of a two-sided model (`dssm`, `twotower`, `youtubednn`, `dropoutnet`).
    #[serde(default)]
    pub tower: Option<TowersConfig>,
    /// Cross layers (`dcn`).
    #[serde(default)]
    pub cross: Option<CrossConfig>,
    /// Which vectors are multiplied, and where the products go (`deepfm`).
    #[serde(default)]
    pub pairs: Option<PairsConfig>,
    /// Interacting layers (`autoint`).
    #[serde(default)]
    pub attention: Option<AttentionConfig>,
    /// The user's history and the candidate's slots it is held against (`din`, `dien`).
    #[serde(default)]
    pub history: Option<HistoryConfig>,
    /// Experts (`mmoe`, `ple`).
    #[serde(default)]
    pub experts: Option<ExpertsConfig>,
    /// What stands over the experts for each label (`mmoe`, `ple`).
    #[serde(default)]
    pub task: Option<TaskConfig>,
    /// What a two-sided model is taught by; the kind's own where absent.
    #[serde(default)]
    pub objective: Option<ObjectiveConfig>,
    /// Outputs of each hidden layer.
    #[serde(default)]
    pub hidden: Vec<Located<usize>>,
    /// Of each hidden layer.
    #[serde(default)]
    pub activation: ActivationName,
    /// Between a hidden layer's product and its activation.
    #[serde(default)]
    pub norm: Option<NormName>,
    /// What the weights of dense layers are drawn from; `glorot_uniform` where absent.
    #[serde(default)]
    pub init: Option<Located<Init>>,
    /// While learning.
    #[serde(default)]
    pub dropout: DropoutConfig,
    /// What is minimised.
    #[serde(default)]
    pub loss: Loss,
    /// The figures an evaluation computes and tells; all of them where the key is absent (an empty list is refused).
    #[serde(default)]
    pub metrics: Vec<Located<MetricName>>,
    /// How parameters move.
    #[serde(default)]
    pub optimizer: Optimizers,
    /// The loop.
    #[serde(default)]
    pub train: TrainSettings,
    /// Skip-gram settings.
    #[serde(default)]
    pub item2vec: Item2VecSettings,
    /// What a new version may lose against the serving one.
    #[serde(default)]
    pub gate: Option<GateConfig>,
    #[serde(skip)]
    text: String,
    #[serde(skip)]
    file: String,
}

impl ModelConfig {
    /// Reads a model file.
    ///
    /// # Errors
    /// All faults with their lines: syntax, unknown and missing keys, types, numbers that make no sense, and keys that mean
    /// nothing to the kind. Slots are checked when a [`crate::Network`] is compiled, for that takes a plan.
    pub fn parse(text: &str, file: &str) -> Result<ModelConfig, Faults> {
        Self::read(text, file, true)
    }

    /// Reads the model file of a published artefact: keys that mean nothing to the kind are passed over, as they were when it
    /// was trained.
    ///
    /// # Errors
    /// All other faults of [`ModelConfig::parse`].
    pub fn parse_published(text: &str, file: &str) -> Result<ModelConfig, Faults> {
        Self::read(text, file, false)
    }

    fn read(text: &str, file: &str, strict: bool) -> Result<ModelConfig, Faults> {
        let (config, mut faults) = rankine_config::parse_partial::<ModelConfig>(text, file);
        let Some(mut config) = config else {
            faults.check()?;
            return Err(Faults(vec![Source::new(text, file).fault(
                0..0,
                "",
                "not readable",
            )]));
        };
        if config.kind().is_matrix() {
            // what they score is no probability
            config.loss = Loss::Mse;
        }
        config.text = text.to_owned();
        config.file = file.to_owned();
        check::check(&config, &mut faults.0);
        if strict {
            keys::check(&config, &mut faults.0);
            check::unread(&config, &mut faults.0);
        }
        faults.check()?;
        Ok(config)
    }

    /// Returns the text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the same model file with exactly `epochs` epochs and no early stop.
    #[must_use]
    pub fn for_epochs(&self, epochs: u32) -> ModelConfig {
        let mut fixed = self.clone();
        let span = fixed.format.span.clone();
        fixed.train.epochs = Some(Located { value: epochs, span });
        fixed.train.early_stop = None;
        fixed
    }

    /// Returns the label that is learnt: the given one, or the first of the conf's, or `label` where it names none.
    #[must_use]
    pub fn label<'a>(&'a self, conf: &'a SampleSpec) -> &'a str {
        let first = || conf.label.first().map_or("label", String::as_str);
        let given = self.label.as_ref().or(self.labels.first());
        given.map_or_else(first, |given| &given.value)
    }

    /// Returns all labels that are learnt, in the order of the file: `labels`, or [`ModelConfig::label`] alone.
    #[must_use]
    pub fn labels<'a>(&'a self, conf: &'a SampleSpec) -> Vec<&'a str> {
        if self.labels.is_empty() {
            return vec![self.label(conf)];
        }
        self.labels.iter().map(|label| label.value.as_str()).collect()
    }

    /// Returns what the model is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind.value
    }

    /// Returns the share of the input that is dropped while learning.
    #[must_use]
    pub fn input_dropout(&self) -> f64 {
        number(self.dropout.input.as_ref(), 0.0)
    }

    /// Returns the share of each hidden layer that is dropped while learning.
    #[must_use]
    pub fn hidden_dropout(&self) -> f64 {
        number(self.dropout.hidden.as_ref(), 0.0)
    }

    pub(crate) fn source(&self) -> Source<'_> {
        Source::new(&self.text, &self.file)
    }
}

pub(crate) fn number(value: Option<&Located<f64>>, default: f64) -> f64 {
    value.map_or(default, |v| v.value)
}

fn one() -> u32 {
    1
}

fn seed() -> u64 {
    1
}
