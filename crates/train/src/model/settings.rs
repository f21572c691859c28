//! How a network is trained: the model file's training keys with every default resolved.

use std::time::Duration;

use rankine_kernel::optimiser::Optimiser;
use rankine_model::config::{
    CacheUse, CheckpointSettings, DEVIATION, Init, Meaning, OptimizerSettings, Spread, StopMetric,
    TrainSettings,
};
use rankine_model::{ModelConfig, Role, TableSpec};

use crate::checkpoint::Rhythm;
use crate::loss::Loss;
use crate::pattern::fits;
use crate::progress::EpochReport;
use crate::schedule::{Moment, Pace};

/// What early stopping watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// ROC-AUC on the validation samples.
    Auc,
    /// Mean loss on the validation samples.
    Loss,
    /// Share of the validation samples that are right at .5.
    Accuracy,
}

impl Watch {
    /// Whether a higher figure is better.
    #[must_use]
    pub fn higher_is_better(self) -> bool {
        self != Self::Loss
    }

    /// The watched figure of a report.
    #[must_use]
    pub fn figure(self, report: &EpochReport) -> f64 {
        match self {
            Self::Auc => report.valid_auc,
            Self::Loss => report.valid_loss,
            Self::Accuracy => report.valid_accuracy.unwrap_or(f64::NAN),
        }
    }
}

/// An optimiser with the L2 strength of the parameters it moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mover {
    /// The optimiser.
    pub optimiser: Optimiser,
    /// L2 strength.
    pub l2: f64,
}

impl Mover {
    fn new(settings: &OptimizerSettings) -> Self {
        Self {
            optimiser: settings.build(1.0),
            l2: settings.l2(),
        }
    }
}

/// How a run goes, beside what is learnt from each batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// The factor on learning rates from step to step.
    pub pace: Pace,
    /// Longest gradient of a step.
    pub clip: Option<f64>,
    /// Patterns of parameters that stay as they are.
    pub freeze: Vec<String>,
    /// Threads that learn at once.
    pub threads: usize,
    /// Most samples in memory.
    pub buffer: usize,
    /// Whether the parsed samples outlive the run.
    pub keep_samples: bool,
    /// When checkpoints are written, if at all.
    pub checkpoint: Option<Rhythm>,
    /// Whether the optimiser's state is published.
    pub keep_optimizer: bool,
}

impl Default for Course {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            clip: None,
            freeze: Vec::new(),
            threads: 1,
            buffer: 1 << 20,
            keep_samples: false,
            checkpoint: None,
            keep_optimizer: false,
        }
    }
}

impl Course {
    fn new(train: &TrainSettings) -> Self {
        Self {
            pace: train.schedule.as_ref().map(Pace::new).unwrap_or_default(),
            clip: train.clip.as_ref().map(|clip| clip.value),
            freeze: train.freeze.iter().map(|pattern| pattern.value.clone()).collect(),
            threads: train.threads().max(1),
            buffer: train.shuffle_buffer(),
            keep_samples: train.cache() == CacheUse::Keep,
            checkpoint: train.checkpoint.as_ref().map(rhythm),
            keep_optimizer: train.keep_optimizer,
        }
    }

    /// Whether a parameter stays as it is.
    #[must_use]
    pub fn is_frozen(&self, name: &str) -> bool {
        self.freeze.iter().any(|pattern| fits(pattern, name))
    }
}

/// Every 10 minutes where the file gives neither steps nor minutes.
fn rhythm(settings: &CheckpointSettings) -> Rhythm {
    let steps = settings.steps.as_ref().map(|steps| steps.value);
    let minutes = settings.minutes.as_ref().map(|minutes| minutes.value);
    let minutes = minutes.or(steps.is_none().then_some(10.0));
    Rhythm {
        steps,
        every: minutes.map(|minutes| Duration::from_secs_f64(minutes * 60.0)),
        keep: settings.keep.as_ref().map_or(2, |keep| keep.value),
    }
}

/// Everything about training that is not the network's shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Moves embedding and product tables.
    pub embedding: Mover,
    /// Moves wide and bias tables.
    pub wide: Mover,
    /// Moves dense tensors.
    pub dense: Mover,
    /// What the weights of dense layers are drawn from.
    pub init: Init,
    /// Share of the deep input that is dropped while learning.
    pub input_dropout: f64,
    /// Share of each hidden layer that is dropped while learning.
    pub hidden_dropout: f64,
    /// What is minimised.
    pub loss: Loss,
    /// What scores say, and so which figures an epoch has.
    pub meaning: Meaning,
    /// Seed of weights, masks and order.
    pub seed: u64,
    /// Samples per step.
    pub batch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Whether each epoch has an order of its own.
    pub shuffle: bool,
    /// Early stopping: what is watched, and the epochs without improvement that end the run.
    pub early_stop: Option<(Watch, usize)>,
    /// Factor on all learning rates after each epoch.
    pub rate_decay: f64,
    /// What each epoch leaves of the mean of the weights before it; 0 for no averaging.
    pub average: f64,
    /// How the run goes.
    pub course: Course,
}

impl Settings {
    /// The settings of a model file.
    #[must_use]
    pub fn new(config: &ModelConfig) -> Self {
        let early_stop = config.train.early_stop.as_ref().map(|stop| {
            let watch = match stop.metric {
                StopMetric::Auc => Watch::Auc,
                StopMetric::Logloss => Watch::Loss,
                StopMetric::Accuracy => Watch::Accuracy,
            };
            (watch, stop.patience as usize)
        });
        Self {
            embedding: Mover::new(&config.optimizer.embedding),
            wide: Mover::new(config.optimizer.wide()),
            dense: Mover::new(&config.optimizer.dense),
            init: config.init(),
            input_dropout: config.input_dropout(),
            hidden_dropout: config.hidden_dropout(),
            loss: config.loss.into(),
            meaning: config.meaning(),
            seed: config.seed,
            batch: config.train.batch().max(1),
            epochs: config.train.epochs() as usize,
            shuffle: config.train.shuffle,
            early_stop,
            rate_decay: config.train.lr_decay(),
            average: config.train.average(),
            course: Course::new(&config.train),
        }
    }

    /// What moves a table, with the table's own L2 strength if it has one.
    #[must_use]
    pub fn mover(&self, table: &TableSpec) -> Mover {
        let mover = if table.role == Role::Wide {
            self.wide
        } else {
            self.embedding
        };
        Mover {
            l2: table.l2.unwrap_or(mover.l2),
            ..mover
        }
    }

    /// What the first weights of a table of so many rows are drawn from: wide tables start at zero.
    #[must_use]
    pub fn spread(&self, table: &TableSpec, rows: usize) -> Spread {
        let usual = Init::normal(if table.role == Role::Wide { 0.0 } else { DEVIATION });
        table.init.unwrap_or(usual).spread(rows, table.dim)
    }

    /// The factor on learning rates in `epoch` (from 1).
    #[must_use]
    pub fn rate_factor(&self, epoch: usize) -> f64 {
        self.rate_decay
            .powi(i32::try_from(epoch).unwrap_or(i32::MAX).saturating_sub(1))
    }

    /// The factor on learning rates in a step of `epoch`: of the epoch and of the schedule.
    #[must_use]
    pub fn factor(&self, epoch: usize, (step, per_epoch): (u64, u64)) -> f64 {
        let at = Moment {
            step,
            per_epoch,
            epochs: self.epochs,
        };
        self.rate_factor(epoch) * self.course.pace.factor(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        format = 1
        kind = "neuralcf"
        conf = "movie"
        seed = 7
        embedding = [{ slots = [1], table = "user", dim = 4, l2 = 0.5, init = 0.2 }, { slots = [2], table = "item", dim = 4 }]
        bias = { }
        hidden = [4]
        loss = "mse"
        dropout = { input = 0.1, hidden = 0.2 }
        [optimizer.embedding]
        kind = "adagrad"
        lr = 0.05
        l2 = 0.01
        [optimizer.wide]
        kind = "sgd"
        [train]
        batch = 64
        epochs = 3
        lr_decay = 0.5
        early_stop = { metric = "logloss", patience = 4 }
    "#;

    fn table(role: Role, l2: Option<f64>, init: Option<f64>) -> TableSpec {
        TableSpec {
            name: "t".into(),
            dim: 1,
            role,
            min_count: 1,
            l2,
            init: init.map(Init::normal),
            buckets: None,
            expire: None,
        }
    }

    #[test]
    fn keys_reach_their_settings_and_defaults_fill_the_rest() {
        let settings = Settings::new(&ModelConfig::parse(FILE, "m.toml").unwrap());
        assert_eq!(
            (settings.seed, settings.batch, settings.epochs, settings.shuffle),
            (7, 64, 3, true)
        );
        assert_eq!((settings.input_dropout, settings.hidden_dropout), (0.1, 0.2));
        assert_eq!(
            (settings.loss, settings.early_stop),
            (Loss::Mse, Some((Watch::Loss, 4)))
        );
        assert!(matches!(
            settings.embedding.optimiser,
            Optimiser::Adagrad { rate: 0.05, .. }
        ));
        assert_eq!(settings.wide.optimiser, Optimiser::Sgd { rate: 0.001 });
        assert_eq!((settings.rate_factor(1), settings.rate_factor(3)), (1.0, 0.25));
    }

    #[test]
    fn a_table_s_own_numbers_win_and_wide_tables_start_at_zero() {
        let settings = Settings::new(&ModelConfig::parse(FILE, "m.toml").unwrap());
        let own = table(Role::Embedding, Some(0.5), Some(0.2));
        assert_eq!(
            (settings.mover(&own).l2, settings.spread(&own, 9)),
            (0.5, Spread::Normal(0.2))
        );
        let plain = table(Role::Product, None, None);
        assert_eq!(
            (settings.mover(&plain).l2, settings.spread(&plain, 9)),
            (0.01, Spread::Normal(DEVIATION))
        );
        let wide = table(Role::Wide, None, None);
        assert_eq!(
            (settings.mover(&wide), settings.spread(&wide, 9)),
            (settings.wide, Spread::Normal(0.0))
        );
    }

    #[test]
    fn the_watched_figure_is_the_one_named() {
        let report = EpochReport {
            epoch: 1,
            loss: 0.1,
            auc: 0.2,
            valid_loss: 0.3,
            valid_auc: 0.4,
            valid_accuracy: Some(0.5),
            ..EpochReport::default()
        };
        assert_eq!(
            (Watch::Auc.figure(&report), Watch::Loss.figure(&report)),
            (0.4, 0.3)
        );
        assert_eq!(Watch::Accuracy.figure(&report).to_bits(), 0.5_f64.to_bits());
        assert!(Watch::Accuracy.higher_is_better());
        assert!(Watch::Auc.higher_is_better() && !Watch::Loss.higher_is_better());
    }
}
