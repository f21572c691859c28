//! Towers: what a two-sided model consists of, in place of the deep part.
//!
//! Each tower has its own input (embedding columns, then dense slots) and its own stack of layers. Decision: a tower rests
//! on one group alone, so that its output is computed once per request or once per item row, and a candidate costs one dot.

mod scorer;
#[cfg(test)]
mod tests;

pub(crate) use scorer::TowerScorer;

use crate::network::{Network, TensorSpec, layer_tensors, width};
use std::ops::Range;

/// A sub-network over one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tower {
    /// `user`, `item` or `context`: the names of its tensors begin with it.
    pub name: &'static str,
    /// Its columns, in input order.
    pub columns: Vec<usize>,
    /// Its dense slots, behind the columns: a stretch of [`Network::dense`].
    pub dense: Range<usize>,
    /// Outputs of each layer. All but the last have the network's activation, the last is linear.
    pub outputs: Vec<usize>,
}

/// The towers of a two-sided model: `logit = user · item + context`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Towers {
    /// Gives the user vector.
    pub user: Tower,
    /// Gives the item vector, as long as the user's.
    pub item: Tower,
    /// Gives one number; without an input it is a bias.
    pub context: Tower,
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
        }
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

    /// Returns the numbers of one sample's input.
    #[must_use]
    pub fn input_width(&self, network: &Network) -> usize {
        let columns: usize = self.columns.iter().map(|c| network.dim(*c)).sum();
        columns + self.dense_width(network)
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
}

impl Towers {
    /// Returns the towers: user, item, context.
    #[must_use]
    pub fn all(&self) -> [&Tower; 3] {
        [&self.user, &self.item, &self.context]
    }

    /// Returns the numbers of a user's or an item's vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.user.outputs.last().copied().unwrap_or(0)
    }

    /// Returns every dense tensor the towers need.
    pub(crate) fn tensors(&self, network: &Network) -> Vec<TensorSpec> {
        let layers = self.all().into_iter().flat_map(|tower| tower.layers(network));
        // a tower that reads nothing is its bias
        let some = |tensor: &TensorSpec| !tensor.shape.contains(&0);
        layers.flat_map(layer_tensors).filter(some).collect()
    }
}
