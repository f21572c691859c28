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
    /// A weighted sum of losses over the batch: `regression`, `sigmoid`, `ranknet`, `softmax`.
    Mix,
}

impl ObjectiveKind {
    /// Returns whether a key of `objective` changes anything.
    #[must_use]
    pub fn reads(self, key: &str) -> bool {
        let draws = matches!(self, Self::Inbatch | Self::Sampled | Self::Bpr | Self::Hinge);
        match key {
            "negatives" | "draw" | "hard" => draws,
            "logq" => matches!(self, Self::Inbatch | Self::Sampled),
            "hits" => draws || self == Self::Mix,
            "margin" => self == Self::Hinge,
            "regression" | "sigmoid" | "ranknet" | "softmax" => self == Self::Mix,
            _ => true,
        }
    }
}

/// What a model's score says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Meaning {
    /// How likely the label is.
    #[default]
    Probability,
    /// What the label will be.
    Number,
    /// Which of two items stands above the other, and no more.
    Order,
}

impl Meaning {
    /// Returns its name in manifests and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Meaning::Probability => "probability",
            Meaning::Number => "number",
            Meaning::Order => "order",
        }
    }
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

/// A loss of a mix that has but a weight.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PartConfig {
    /// What the loss is multiplied by; 1 unless given.
    #[serde(default)]
    pub weight: Option<Located<f64>>,
}

/// `objective.ranknet`: each sample above those of lower label.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RankNetConfig {
    /// What the loss is multiplied by; 1 unless given.
    #[serde(default)]
    pub weight: Option<Located<f64>>,
    /// Whether only samples of one user are compared.
    #[serde(default)]
    pub same_user: bool,
}

/// `objective.softmax`: a positive's item among the batch's.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SoftmaxConfig {
    /// What the loss is multiplied by; 1 unless given.
    #[serde(default)]
    pub weight: Option<Located<f64>>,
    /// Taken off the positive's score; 0 unless given.
    #[serde(default)]
    pub margin: Option<Located<f64>>,
    /// What scores are multiplied by; 1 unless given.
    #[serde(default)]
    pub gamma: Option<Located<f64>>,
    /// What a negative above the positive counts: its score s becomes `support·s + support − 1`; 1, as it is, unless given.
    #[serde(default)]
    pub support: Option<Located<f64>>,
    /// How many negatives count, the highest-scored ones; all where absent.
    #[serde(default)]
    pub negatives: Option<Located<usize>>,
}

/// A mix with every default filled in; a weight of 0 where a loss is not in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mix {
    /// Weight of the squared error to the product of the preferences.
    pub regression: f64,
    /// Weight of the cross-entropy of the logit.
    pub sigmoid: f64,
    /// Weight of the logistic loss over pairs of samples.
    pub ranknet: f64,
    /// Whether only pairs of one user count.
    pub same_user: bool,
    /// Weight of the softmax among the batch's items.
    pub softmax: f64,
    /// Taken off the positive's score.
    pub margin: f64,
    /// What scores are multiplied by.
    pub gamma: f64,
    /// What a negative above the positive counts.
    pub support: f64,
    /// How many negatives count.
    pub negatives: Option<usize>,
}

impl Mix {
    fn new(given: Option<&ObjectiveConfig>) -> Mix {
        let weight = |weight: Option<&Option<Located<f64>>>| weight.map_or(0.0, |w| number(w.as_ref(), 1.0));
        let softmax = given.and_then(|g| g.softmax.as_ref());
        let of = |pick: fn(&SoftmaxConfig) -> &Option<Located<f64>>, default| {
            number(softmax.and_then(|softmax| pick(softmax).as_ref()), default)
        };
        let ranknet = given.and_then(|g| g.ranknet.as_ref());
        Mix {
            regression: weight(given.and_then(|g| g.regression.as_ref()).map(|p| &p.weight)),
            sigmoid: weight(given.and_then(|g| g.sigmoid.as_ref()).map(|p| &p.weight)),
            ranknet: weight(ranknet.map(|p| &p.weight)),
            same_user: ranknet.is_some_and(|p| p.same_user),
            softmax: if given.is_none() {
                1.0
            } else {
                weight(softmax.map(|p| &p.weight))
            },
            margin: of(|s| &s.margin, 0.0),
            gamma: of(|s| &s.gamma, 1.0),
            support: of(|s| &s.support, 1.0),
            negatives: softmax.and_then(|s| s.negatives.as_ref()).map(|n| n.value),
        }
    }
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
    /// Of a mix: the squared error to the product of the preferences.
    #[serde(default)]
    pub regression: Option<PartConfig>,
    /// Of a mix: the cross-entropy of the logit.
    #[serde(default)]
    pub sigmoid: Option<PartConfig>,
    /// Of a mix: samples above those of lower label.
    #[serde(default)]
    pub ranknet: Option<RankNetConfig>,
    /// Of a mix: a positive's item among the batch's.
    #[serde(default)]
    pub softmax: Option<SoftmaxConfig>,
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
    /// The losses of `mix`.
    pub mix: Mix,
    /// The slot of the user.
    pub user: Option<u32>,
    /// The slot of the item.
    pub item: Option<u32>,
}

impl ModelConfig {
    /// Returns what the model is taught by: as given; `inbatch` for `twotower`, `sampled` for `youtubednn`, a `mix` of `softmax` alone for
    /// `dropoutnet`, `pointwise` for every other kind. `sampled`, `bpr` and `hinge` draw 256 items per batch unless told otherwise.
    #[must_use]
    pub fn objective(&self) -> Objective {
        let own = if self.kind() == Kind::TwoTower {
            ObjectiveKind::Inbatch
        } else if self.kind() == Kind::YoutubeDnn {
            ObjectiveKind::Sampled
        } else if self.kind() == Kind::DropoutNet {
            ObjectiveKind::Mix
        } else {
            ObjectiveKind::Pointwise
        };
        let given = self.objective.as_ref();
        let kind = given.map_or(own, |g| g.kind.value);
        let drawn = match kind {
            ObjectiveKind::Pointwise | ObjectiveKind::Inbatch | ObjectiveKind::Mix => 0,
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
            mix: Mix::new(given),
            user: given.and_then(|g| slot(&g.user)),
            item: given.and_then(|g| slot(&g.item)),
        }
    }
}

impl ModelConfig {
    /// Returns what a score says: a probability under `bce`, a number under `mse`; an order alone of the `matrix` kinds and of
    /// two-sided ones under any objective but `pointwise`.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        let kind = self.kind();
        let compares = kind.is_two_sided() && self.objective().kind != ObjectiveKind::Pointwise;
        if kind.is_matrix() || compares {
            return Meaning::Order;
        }
        match self.loss {
            Loss::Bce => Meaning::Probability,
            Loss::Mse => Meaning::Number,
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
    }

    /// What is watched must be a figure of what scores say.
    pub(super) fn watched(&mut self) {
        let config = self.config;
        let metric = config.train.early_stop.as_ref().map(|stop| stop.metric);
        let message = match (metric, config.meaning()) {
            (Some(StopMetric::Logloss), Meaning::Order) => {
                "scores are no probabilities under this objective: `early_stop` can watch `auc`, not `logloss`"
            }
            (Some(StopMetric::Accuracy), Meaning::Order | Meaning::Number) => {
                "scores are no probabilities: `early_stop` cannot watch `accuracy`"
            }
            _ => return,
        };
        self.fault(&config.kind, "early_stop", message);
    }

    fn objective_numbers(&mut self, given: &ObjectiveConfig) {
        let drawn = !matches!(
            given.kind.value,
            ObjectiveKind::Pointwise | ObjectiveKind::Inbatch | ObjectiveKind::Mix
        );
        self.mix(given);
        self.objective_reads(given);
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

    /// Keys that the objective does not read; those of a mix are told by [`Checker::mix`].
    fn objective_reads(&mut self, given: &ObjectiveConfig) {
        let kind = given.kind.value;
        let keys = [
            ("negatives", given.negatives.is_some()),
            ("hard", given.hard.is_some()),
            ("logq", given.logq.is_some()),
            ("margin", given.margin.is_some()),
        ];
        for (key, _) in keys
            .into_iter()
            .filter(|(key, there)| *there && kind != ObjectiveKind::Mix && !kind.reads(key))
        {
            self.fault(&given.kind, key, format!("this objective does not read `{key}`"));
        }
    }

    /// The losses of a mix, and that there are some.
    fn mix(&mut self, given: &ObjectiveConfig) {
        let parts = [
            given.regression.as_ref().map(|p| &p.weight),
            given.sigmoid.as_ref().map(|p| &p.weight),
            given.ranknet.as_ref().map(|p| &p.weight),
            given.softmax.as_ref().map(|p| &p.weight),
        ];
        let some = parts.iter().any(Option::is_some);
        let is_mix = given.kind.value == ObjectiveKind::Mix;
        if is_mix && !some {
            let message = "`mix` needs one of `regression`, `sigmoid`, `ranknet`, `softmax`";
            self.fault(&given.kind, "kind", message);
        }
        if some && !is_mix {
            let message = "`regression`, `sigmoid`, `ranknet` and `softmax` are of `kind = \"mix\"` alone";
            self.fault(&given.kind, "kind", message);
        }
        let beside = given.hard.is_some() || given.margin.is_some() || given.negatives.is_some();
        if is_mix && (beside || given.logq.is_some()) {
            let message = "a mix draws no items: `negatives` and `margin` stand in its `softmax`, `hard` and `logq` are not its";
            self.fault(&given.kind, "kind", message);
        }
        for weight in parts.into_iter().flatten().flatten() {
            self.within(weight, "weight", (1e-6, 1e6));
        }
        let Some(softmax) = &given.softmax else {
            return;
        };
        let numbers = [
            (&softmax.margin, "margin", (0.0, 1e3)),
            (&softmax.gamma, "gamma", (1e-4, 1e4)),
            (&softmax.support, "support", (1.0, 1e3)),
        ];
        for (value, key, range) in numbers {
            if let Some(value) = value {
                self.within(value, key, range);
            }
        }
        if let Some(negatives) = &softmax.negatives {
            self.within(negatives, "negatives", (1, 1 << 20));
        }
    }
}
