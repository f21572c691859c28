//! The parts of the kinds that are graphs: `cross`, `attention`, `history`, `experts`, `task`.

use super::{ActivationName, Checker, Kind, check::MAX_SIZE};
use crate::graph::{Aim, Behind};
use rankine_config::Located;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// `norm`: what stands between a hidden layer's product and its activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NormName {
    /// Batch normalisation.
    Batch,
    /// Layer normalisation.
    Layer,
}

/// `cross`: the cross layers of `dcn`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CrossConfig {
    /// Layers.
    #[serde(default)]
    pub layers: Option<Located<usize>>,
    /// Numbers between the two thin matrices that stand for a full one; a full one where absent.
    #[serde(default)]
    pub rank: Option<Located<usize>>,
}

/// `pairs`: which vectors `deepfm` multiplies, and where the products go.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PairsConfig {
    /// Pairs of embedding slots, a product each; all pairs, added up, where absent.
    #[serde(default)]
    pub of: Vec<Located<Vec<u32>>>,
    /// Embedding slots that are multiplied and nothing more: hidden layers do not read them.
    #[serde(default)]
    pub only: Vec<Located<u32>>,
    /// Where the products go.
    #[serde(default)]
    pub join: JoinName,
}

/// Where products of pairs go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum JoinName {
    /// They are added to the logit.
    #[default]
    Sum,
    /// They stand beside the last hidden layer's outputs, and the output layer weighs each.
    Concat,
}

/// `attention`: the interacting layers of `autoint`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AttentionConfig {
    /// Layers; 2 unless given.
    #[serde(default)]
    pub layers: Option<Located<usize>>,
    /// Heads; 2 unless given.
    #[serde(default)]
    pub heads: Option<Located<usize>>,
    /// Numbers of a head; 8 unless given.
    #[serde(default)]
    pub dim: Option<Located<usize>>,
}

/// `history`: what the user did, and what of the candidate it is held against (`din`, `dien`).
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryConfig {
    /// List slots, latest entry first, that run side by side: ids of items, and what is known of each.
    pub slots: Vec<Located<u32>>,
    /// The candidate's slots, one for each list, of the same tables.
    pub target: Vec<Located<u32>>,
    /// Most entries, the latest; 50 unless given.
    #[serde(default)]
    pub length: Option<Located<usize>>,
    /// Numbers of the attention's hidden layer (`din`); 36 unless given.
    #[serde(default)]
    pub hidden: Option<Located<usize>>,
    /// Of that layer: `sigmoid` unless given.
    #[serde(default)]
    pub activation: Option<Located<ActivationName>>,
    /// Whether attention adds up to 1 (`din`).
    #[serde(default)]
    pub softmax: bool,
    /// What the loss of next entries counts (`dien`); 1 unless given, 0 for none.
    #[serde(default)]
    pub auxiliary: Option<Located<f64>>,
}

/// `experts`: the experts of `mmoe` and `ple`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExpertsConfig {
    /// Experts of all tasks; 4 unless given.
    #[serde(default)]
    pub shared: Option<Located<usize>>,
    /// Experts of each task alone (`ple`); 2 unless given.
    #[serde(default)]
    pub own: Option<Located<usize>>,
    /// Levels of experts and gates (`ple`); 2 unless given.
    #[serde(default)]
    pub levels: Option<Located<usize>>,
    /// Outputs of each layer of an expert.
    pub hidden: Vec<Located<usize>>,
}

/// `task`: what stands over the experts, for each label.
#[derive(Debug, Clone, Deserialize, Serialize, Default)]
#[serde(deny_unknown_fields)]
pub struct TaskConfig {
    /// Outputs of each layer.
    #[serde(default)]
    pub hidden: Vec<Located<usize>>,
    /// What each label's loss counts, in their order; 1 unless given.
    #[serde(default)]
    pub weights: Vec<Located<f64>>,
}

/// The value, or what stands for an absent one.
pub(crate) fn size(value: Option<&Located<usize>>, default: usize) -> usize {
    value.map_or(default, |value| value.value)
}

/// Plain numbers of sizes.
pub(crate) fn sizes(values: &[Located<usize>]) -> Vec<usize> {
    values.iter().map(|value| value.value).collect()
}

impl Kind {
    /// Returns whether networks of the kind are always graphs.
    #[must_use]
    pub fn is_graph(self) -> bool {
        matches!(
            self,
            Kind::Dcn | Kind::AutoInt | Kind::Din | Kind::Dien | Kind::Mmoe | Kind::Ple | Kind::Esmm
        )
    }

    /// Returns whether a network of the kind may be a graph: where hidden layers have a norm or an activation with parameters.
    fn may_be_graph(self) -> bool {
        let parts = matches!(
            self,
            Kind::EmbeddingMlp | Kind::WideDeep | Kind::DeepFm | Kind::NeuralCf
        );
        self.is_graph() || parts
    }
}

impl super::ModelConfig {
    /// What an output that learns a label, by its number, is to training.
    pub(crate) fn aim(&self, label: usize) -> Aim {
        let weights = self.task.as_ref().map(|task| &task.weights);
        let weight = weights.and_then(|weights| weights.get(label));
        Aim::Label {
            label,
            weight: weight.map_or(1.0, |weight| weight.value),
        }
    }

    /// Returns whether the network of the file is a graph.
    #[must_use]
    pub fn is_graph(&self) -> bool {
        let behind = Behind::of(self).fused().is_none();
        // a product alone has no hidden layers
        let behind = behind && (self.kind() != Kind::NeuralCf || !self.hidden.is_empty());
        self.kind().is_graph() || (self.kind().may_be_graph() && (behind || self.pairs.is_some()))
    }
}

impl Checker<'_> {
    /// Sizes of the parts of graphs.
    pub(super) fn graphs(&mut self) {
        let config = self.config;
        if let Some(cross) = &config.cross {
            self.some(cross.layers.as_ref(), "layers", 16);
            self.some(cross.rank.as_ref(), "rank", MAX_SIZE);
        }
        if let Some(pairs) = &config.pairs {
            self.pairs(pairs);
        }
        if let Some(attention) = &config.attention {
            self.some(attention.layers.as_ref(), "layers", 16);
            self.some(attention.heads.as_ref(), "heads", 64);
            self.some(attention.dim.as_ref(), "dim", 1024);
        }
        if let Some(history) = &config.history {
            self.history(history);
        }
        if let Some(experts) = &config.experts {
            self.some(experts.shared.as_ref(), "shared", 64);
            self.some(experts.own.as_ref(), "own", 64);
            self.some(experts.levels.as_ref(), "levels", 8);
            experts
                .hidden
                .iter()
                .for_each(|size| self.within(size, "hidden", (1, MAX_SIZE)));
        }
        if let Some(task) = &config.task {
            task.hidden
                .iter()
                .for_each(|size| self.within(size, "hidden", (1, MAX_SIZE)));
            task.weights
                .iter()
                .for_each(|weight| self.within(weight, "weights", (0.0, 1e6)));
            self.weights_of_labels(&task.weights);
        }
    }

    /// A weight for each label, one of them above zero; none at all counts every label once.
    fn weights_of_labels(&mut self, weights: &[Located<f64>]) {
        let Some(first) = weights.first() else {
            return;
        };
        let (labels, given) = (self.config.labels.len(), weights.len());
        if given != labels {
            let message = format!("{given} weights for {labels} labels, expected one for each");
            self.fault(first, "weights", message);
        } else if weights.iter().all(|weight| weight.value <= 0.0) {
            self.fault(first, "weights", "every weight is 0: nothing would be learnt");
        }
    }

    /// Pairs are of two different slots, each pair is given once, and what is only multiplied is multiplied.
    fn pairs(&mut self, pairs: &PairsConfig) {
        let mut seen = BTreeSet::new();
        for pair in &pairs.of {
            let [a, b] = pair.value[..] else {
                let message = format!("`of` has pairs of slots, this has {}", pair.value.len());
                self.fault(pair, "of", message);
                continue;
            };
            if a == b {
                self.fault(pair, "of", format!("slot {a} is paired with itself"));
            }
            if !seen.insert((a.min(b), a.max(b))) {
                self.fault(pair, "of", format!("slots {a} and {b} are paired twice"));
            }
        }
        let paired = |slot: u32| seen.iter().any(|(a, b)| *a == slot || *b == slot);
        let idle = pairs.only.iter().filter(|slot| !paired(slot.value));
        for slot in idle.filter(|_| !pairs.of.is_empty()) {
            let message = format!("slot {} is in no pair of `of`: nothing would read it", slot.value);
            self.fault(slot, "only", message);
        }
    }

    fn some(&mut self, value: Option<&Located<usize>>, key: &str, most: usize) {
        if let Some(value) = value {
            self.within(value, key, (1, most));
        }
    }

    fn history(&mut self, history: &HistoryConfig) {
        self.some(history.length.as_ref(), "length", 10_000);
        self.some(history.hidden.as_ref(), "hidden", MAX_SIZE);
        if let Some(auxiliary) = &history.auxiliary {
            self.within(auxiliary, "auxiliary", (0.0, 1e6));
        }
        let at = history.slots.first().or(history.target.first());
        match at {
            None => self.fault(&self.config.kind, "history", "`history` has no slots"),
            Some(at) if history.slots.len() != history.target.len() => {
                let message = format!(
                    "`history` has {} slots and {} of the target: each list is held against one",
                    history.slots.len(),
                    history.target.len()
                );
                self.fault(at, "target", message);
            }
            Some(_) => {}
        }
    }
}
