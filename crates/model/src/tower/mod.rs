//! Towers: what a two-sided model consists of, in place of the deep part.
//!
//! Each tower has its own input (embedding columns, then dense slots) and its own stack of layers. Decision: a tower rests
//! on one group alone, so that its output is computed once per request or once per item row, and a candidate costs one dot.

mod combination;
mod excitation;
mod preference;
mod scorer;
mod split;
#[cfg(test)]
mod tests;

pub use combination::Combination;
pub use preference::{ABSENT, Preference};
pub use split::{Halves, split};

pub(crate) use scorer::TowerScorer;

use crate::config::ActivationName;
use crate::graph::{Behind, Layer, behind};
use crate::network::{Network, TensorSpec, layer_tensors, width};
use rankine_feature::Group;
use std::ops::Range;

/// Name of the weights that combine the two vectors.
pub(crate) const COMBINE: &str = "combine.weight";

/// A sub-network over one side.
#[derive(Debug, Clone, PartialEq)]
pub struct Tower {
    /// `user`, `item` or `context`: the names of its tensors begin with it.
    pub name: &'static str,
    /// Its columns, in input order.
    pub columns: Vec<usize>,
    /// Its dense slots, behind the columns: a stretch of [`Network::dense`].
    pub dense: Range<usize>,
    /// Outputs of each layer. All but the last have the network's norm and activation, the last has `last`.
    pub outputs: Vec<usize>,
    /// The activation of the last layer.
    pub last: ActivationName,
    /// Numbers that the fields are squeezed to, where they are weighed ([`Tower::excitation`]).
    pub squeezed: Option<usize>,
    /// The part of its input that may be missing, whose m ends the input.
    pub preference: Option<Preference>,
}

/// The towers of a two-sided model: `logit = scale · combine(user, item) / temperature + context`.
#[derive(Debug, Clone, PartialEq)]
pub struct Towers {
    /// Gives the user vector.
    pub user: Tower,
    /// Gives the item vector, as long as the user's.
    pub item: Tower,
    /// Gives one number; without an input it is a bias.
    pub context: Tower,
    /// Numbers of a user's or an item's vector.
    pub dim: usize,
    /// How the two vectors become one number.
    pub combination: Combination,
    /// What that number is divided by.
    pub temperature: f64,
    /// What a learnt factor of that number begins as, the one number of `combine.weight`; none where there is no such factor.
    pub scale: Option<f64>,
    /// The group of the one side that is there, the other's vector being ones; none where both are.
    pub only: Option<Group>,
}

impl Tower {
    /// A tower that reads nothing and gives a bias.
    #[must_use]
    pub(crate) fn constant(name: &'static str) -> Tower {
        Tower {
            name,
            columns: Vec::new(),
            dense: 0..0,
            outputs: vec![1],
            last: ActivationName::Linear,
            squeezed: None,
            preference: None,
        }
    }

    /// A tower that is not there.
    #[must_use]
    pub(crate) fn absent(name: &'static str) -> Tower {
        Tower {
            outputs: Vec::new(),
            ..Tower::constant(name)
        }
    }

    /// Returns the numbers of its vector: the last layer's outputs, or the input where there is no layer.
    #[must_use]
    pub fn vector_width(&self, network: &Network) -> usize {
        let input = || self.input_width(network);
        self.outputs.last().copied().unwrap_or_else(input)
    }

    /// Returns the numbers of each field of its input, in order: one per column, one per dense slot.
    #[must_use]
    pub fn fields(&self, network: &Network) -> Vec<usize> {
        let columns = self.columns.iter().map(|c| network.dim(*c));
        let dense = network.dense[self.dense.clone()].iter().map(width);
        columns.chain(dense).collect()
    }

    /// Returns (name, inputs, outputs) of the two layers that weigh the fields; none where they are not weighed.
    #[must_use]
    pub fn excitation(&self, network: &Network) -> Vec<(String, usize, usize)> {
        let Some(squeezed) = self.squeezed else {
            return Vec::new();
        };
        let (fields, name) = (self.fields(network).len(), self.name);
        vec![
            (format!("{name}.squeeze"), fields, squeezed),
            (format!("{name}.excite"), squeezed, fields),
        ]
    }

    /// Returns the numbers of its dense slots.
    #[must_use]
    pub fn dense_width(&self, network: &Network) -> usize {
        network.dense[self.dense.clone()].iter().map(width).sum()
    }

    /// Returns the numbers of one sample's dense block before this tower's.
    #[must_use]
    pub fn dense_from(&self, network: &Network) -> usize {
        network.dense[..self.dense.start].iter().map(width).sum()
    }

    /// Returns the shortest range of one sample's dense block that holds all the tower reads: its own numbers, and those that say
    /// whether its preference is missing.
    #[must_use]
    pub fn dense_read(&self, network: &Network) -> Range<usize> {
        let from = self.dense_from(network);
        let own = from..from + self.dense_width(network);
        match self.absent_dense(network) {
            Some(absent) if own.is_empty() => absent,
            Some(absent) => own.start.min(absent.start)..own.end.max(absent.end),
            None => own,
        }
    }

    /// Returns the numbers of one sample's input.
    #[must_use]
    pub fn input_width(&self, network: &Network) -> usize {
        let columns: usize = self.columns.iter().map(|c| network.dim(*c)).sum();
        columns + self.dense_width(network) + usize::from(self.preference.is_some())
    }

    /// Returns (name, inputs, outputs) of each layer; its tensors are `<name>.weight` and `<name>.bias`, the former only
    /// where there are inputs.
    #[must_use]
    pub fn layers(&self, network: &Network) -> Vec<(String, usize, usize)> {
        let mut inputs = self.input_width(network);
        let mut layers = Vec::with_capacity(self.outputs.len());
        for (i, outputs) in self.outputs.iter().enumerate() {
            layers.push((format!("{}.{i}", self.name), inputs, *outputs));
            inputs = *outputs;
        }
        layers
    }

    /// Returns what stands behind the product of layer `i`.
    #[must_use]
    pub fn behind(&self, network: &Network, i: usize) -> Behind {
        if i + 1 < self.outputs.len() {
            network.behind
        } else {
            self.last.into()
        }
    }

    /// Returns the layers of their own behind all products, with their names.
    #[must_use]
    pub fn all_behind(&self, network: &Network) -> Vec<(String, Layer)> {
        let layers = self.layers(network).into_iter().enumerate();
        layers
            .flat_map(|(i, (name, _, outputs))| self.behind(network, i).layers(&name, outputs))
            .collect()
    }
}

impl Towers {
    /// Returns the towers: user, item, context.
    #[must_use]
    pub fn all(&self) -> [&Tower; 3] {
        [&self.user, &self.item, &self.context]
    }

    /// Returns whether the side that rests on a group is there.
    #[must_use]
    pub fn has(&self, group: Group) -> bool {
        self.only.is_none_or(|only| only == group)
    }

    /// Returns the inputs of the layer of one output that combines the vectors; none where there is no such layer. Its
    /// tensor is `combine.weight`; the context's bias is its bias.
    #[must_use]
    pub fn weights(&self) -> Option<usize> {
        match self.combination {
            _ if !self.has(Group::Common) => None,
            Combination::Dot | Combination::Cosine => self.scale.map(|_| 1),
            Combination::Product => Some(self.dim),
            Combination::Concat => Some(2 * self.dim),
        }
    }

    /// Returns every dense tensor the towers need.
    pub(crate) fn tensors(&self, network: &Network) -> Vec<TensorSpec> {
        let layers = |tower: &Tower| [tower.layers(network), tower.excitation(network)].concat();
        let layers = self.all().into_iter().flat_map(layers);
        // a tower that reads nothing is its bias
        let some = |tensor: &TensorSpec| !tensor.shape.contains(&0);
        let weights = self.weights().map(|inputs| TensorSpec {
            name: COMBINE.to_owned(),
            shape: vec![inputs],
        });
        let behind = self.all().into_iter().flat_map(|tower| tower.all_behind(network));
        let behind = behind.flat_map(|(name, layer)| behind::tensors(&name, &layer));
        layers
            .flat_map(layer_tensors)
            .filter(some)
            .chain(behind)
            .chain(weights)
            .collect()
    }
}
