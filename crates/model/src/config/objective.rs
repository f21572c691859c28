//! `objective`: what a two-sided model is taught by, sample by sample or against the other items of a batch.
//!
//! A kind has an objective of its own; the file may name another. What is learnt this way orders items for a user; only
//! `pointwise` gives a score that is a probability.

use super::check::Checker;
use super::{Kind, Loss, ModelConfig, StopMetric, number};
use crate::tower::Combination;
use rankine_config::Located;
use serde::{Deserialize, Serialize};

/// What is compared with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectiveKind {
    /// Each sample by itself, by `loss`.
    Pointwise,
    /// The softmax of a positive's item among the items of its batch.
    Inbatch,
    /// The softmax of a positive's item among drawn items.
    Sampled,
    /// Each positive's item above drawn items, by the logistic loss of the difference.
    Bpr,
    /// Each positive's item above drawn items, by a margin.
    Hinge,
}

/// How items are drawn from those of the training samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Draw {
    /// Each item as likely as any other.
    #[default]
    Uniform,
    /// In proportion to its positives to the power of ¾.
    Frequency,
}

/// Which items of a user's own are not held against a positive of that user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Hits {
    /// Only the positive's item itself.
    None,
    /// The user's positives in the batch.
    #[default]
    Batch,
    /// The user's positives in all training samples.
    All,
}

/// `objective` of a model file.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectiveConfig {
    /// What is compared with what.
    pub kind: Located<ObjectiveKind>,
    /// Items drawn per batch, shared by its samples.
    #[serde(default)]
    pub negatives: Option<Located<usize>>,
    /// How they are drawn.
    #[serde(default)]
    pub draw: Draw,
    /// How many of a sample's negatives count, the highest-scored ones; all where absent.
    #[serde(default)]
    pub hard: Option<Located<usize>>,
    /// Whether a softmax takes the logarithm of each item's chance of being met off its score.
    #[serde(default)]
    pub logq: Option<bool>,
    /// Which items of a user's own do not count.
    #[serde(default)]
    pub hits: Hits,
    /// The margin of `hinge`.
    #[serde(default)]
    pub margin: Option<Located<f64>>,
    /// The slot that says which user a sample is of; all sparse slots of the user tower where absent.
    #[serde(default)]
    pub user: Option<Located<u32>>,
    /// The slot that says which item a sample is of; all sparse slots of the item tower where absent.
    #[serde(default)]
    pub item: Option<Located<u32>>,
}

/// An objective with every default filled in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// What is compared with what.
    pub kind: ObjectiveKind,
    /// Items drawn per batch.
    pub negatives: usize,
    /// How they are drawn.
    pub draw: Draw,
    /// How many of a sample's negatives count.
    pub hard: Option<usize>,
    /// Whether a softmax is corrected for how often items are met.
    pub logq: bool,
    /// Which items of a user's own do not count.
    pub hits: Hits,
    /// The margin of `hinge`.
    pub margin: f64,
    /// The slot of the user.
    pub user: Option<u32>,
    /// The slot of the item.
    pub item: Option<u32>,
}

impl ModelConfig {
    /// Returns what the model is taught by: as given; `inbatch` for `twotower`, `sampled` for `youtubednn`, `pointwise` for
    /// every other kind. `sampled`, `bpr` and `hinge` draw 256 items per batch unless told otherwise.
    #[must_use]
    pub fn objective(&self) -> Objective {
        let own = if self.kind() == Kind::TwoTower {
            ObjectiveKind::Inbatch
        } else if self.kind() == Kind::YoutubeDnn {
            ObjectiveKind::Sampled
        } else {
            ObjectiveKind::Pointwise
        };
        let given = self.objective.as_ref();
        let kind = given.map_or(own, |g| g.kind.value);
        let drawn = match kind {
            ObjectiveKind::Pointwise | ObjectiveKind::Inbatch => 0,
            ObjectiveKind::Sampled | ObjectiveKind::Bpr | ObjectiveKind::Hinge => 256,
        };
        let slot = |slot: &Option<Located<u32>>| slot.as_ref().map(|s| s.value);
        Objective {
            kind,
            negatives: given
                .and_then(|g| g.negatives.as_ref())
                .map_or(drawn, |n| n.value),
            draw: given.map_or(Draw::default(), |g| g.draw),
            hard: given.and_then(|g| g.hard.as_ref()).map(|h| h.value),
            logq: given.and_then(|g| g.logq).unwrap_or(true),
            hits: given.map_or(Hits::default(), |g| g.hits),
            margin: number(given.and_then(|g| g.margin.as_ref()), 1.0),
            user: given.and_then(|g| slot(&g.user)),
            item: given.and_then(|g| slot(&g.item)),
        }
    }
}

impl Checker<'_> {
    /// Numbers of the objective, and what cannot be taught by it.
    pub(super) fn objective(&mut self) {
        let config = self.config;
        if let Some(given) = &config.objective {
            self.objective_numbers(given);
        }
        if !config.kind().is_two_sided() || config.objective().kind == ObjectiveKind::Pointwise {
            return;
        }
        let Some(towers) = &config.tower else {
            return;
        };
        let at = &config.kind;
        if towers.combination(config.kind()) == Combination::Concat {
            let message = "`combine = \"concat\"` ranks items alike for every user: only the objective `pointwise` can teach it";
            self.fault(at, "combine", message);
        }
        if towers.context.is_some() {
            let message = "a context's number is the same for every item of a request: only the objective `pointwise` can teach it";
            self.fault(at, "context", message);
        }
        if config.loss != Loss::Bce {
            self.fault(at, "loss", "`loss` is of the objective `pointwise` alone");
        }
        let stop = config.train.early_stop.as_ref();
        if stop.is_some_and(|stop| stop.metric == StopMetric::Logloss) {
            let message = "scores are no probabilities under this objective: `early_stop` can watch `auc`, not `logloss`";
            self.fault(at, "early_stop", message);
        }
    }

    fn objective_numbers(&mut self, given: &ObjectiveConfig) {
        let drawn = !matches!(
            given.kind.value,
            ObjectiveKind::Pointwise | ObjectiveKind::Inbatch
        );
        if let Some(negatives) = &given.negatives {
            self.within(negatives, "negatives", (usize::from(drawn), 1 << 16));
        }
        if let Some(hard) = &given.hard {
            self.within(hard, "hard", (1, 1 << 20));
        }
        if let Some(margin) = &given.margin {
            self.within(margin, "margin", (0.0, 1e3));
        }
    }
}
