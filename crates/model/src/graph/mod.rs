//! Graph: a network as a list of nodes, each a layer over the values of nodes before it. Kinds with towers per task,
//! attention or crosses are graphs; those whose sum is fixed ([`crate::network`]) are not.
//!
//! ```text
//! inputs (by group) ─▶ dense, cross, attention, gates … ─▶ outputs: a logit each
//! ```
//!
//! Decision: a node's group is what its sources rest on, so what user and context decide is computed once per request
//! and what the item decides once per item, whatever the graph; a dense layer over several groups is a sum of their
//! products. Serving and training run the same forward code of a layer; training adds its way back.

/// Calls `$body` with the operation of a layer that is no input.
macro_rules! dispatch {
    ($layer:expr, $op:ident => $body:expr, $none:expr) => {
        match $layer {
            $crate::graph::Layer::Input(_) | $crate::graph::Layer::Sequence(_) => $none,
            $crate::graph::Layer::Dense($op) => $body,
            $crate::graph::Layer::Cross($op) => $body,
            $crate::graph::Layer::Interact($op) => $body,
            $crate::graph::Layer::Attention($op) => $body,
            $crate::graph::Layer::Gru($op) => $body,
            $crate::graph::Layer::Evolve($op) => $body,
            $crate::graph::Layer::Auxiliary($op) => $body,
            $crate::graph::Layer::Mixture($op) => $body,
            $crate::graph::Layer::Pairs($op) => $body,
            $crate::graph::Layer::Product($op) => $body,
            $crate::graph::Layer::Sum($op) => $body,
            $crate::graph::Layer::Both($op) => $body,
            $crate::graph::Layer::BatchNorm($op) => $body,
            $crate::graph::Layer::LayerNorm($op) => $body,
            $crate::graph::Layer::Prelu($op) => $body,
            $crate::graph::Layer::Dice($op) => $body,
            $crate::graph::Layer::Gelu($op) => $body,
            $crate::graph::Layer::Activate($op) => $body,
            $crate::graph::Layer::Concat($op) => $body,
            $crate::graph::Layer::Dropout($op) => $body,
        }
    };
}

pub mod activate;
pub mod attention;
pub mod auxiliary;
pub mod batchnorm;
pub mod behind;
pub mod both;
pub(crate) mod build;
pub mod concat;
pub mod cross;
pub mod dense;
pub mod dice;
pub mod dropout;
pub mod evolve;
pub mod gelu;
pub mod gru;
pub mod input;
pub mod interact;
pub mod layernorm;
pub mod mixture;
pub mod pairs;
pub mod prelu;
pub mod product;
mod scorer;
pub mod sequence;
pub mod sum;
#[cfg(test)]
pub(crate) mod tests;
mod view;

pub use activate::Activate;
pub use attention::Attention;
pub use auxiliary::Auxiliary;
pub use batchnorm::BatchNorm;
pub use behind::Behind;
pub use both::Both;
pub(crate) use build::SCORE;
pub use concat::Concat;
pub use cross::Cross;
pub use dense::Dense;
pub use dice::Dice;
pub use dropout::Dropout;
pub use evolve::Evolve;
pub use gelu::Gelu;
pub use gru::Gru;
pub use input::Input;
pub use interact::Interact;
pub use layernorm::LayerNorm;
pub use mixture::Mixture;
pub use pairs::Pairs;
pub use prelu::Prelu;
pub use product::Product;
pub(crate) use scorer::{GraphScorer, GraphScratch};
pub use sequence::Sequence;
pub use sum::Sum;
pub use view::{Keep, View, concat, concatenated};

use crate::network::TensorSpec;
use rankine_feature::Group;
use rankine_kernel::Real;

/// First numbers of a block's weight; biases begin at zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// Drawn, from what the model file says.
    Drawn,
    /// All this.
    Constant(f64),
    /// A mean of zeros and a variance of ones that follow what passes and are no parameters of the loss.
    Moving,
}

/// Parameters of a layer: `<node><name>.weight`, inputs × outputs, and `<node><name>.bias`, one per output.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockSpec {
    /// Behind the node's name: empty, or a dot and a word.
    pub name: &'static str,
    /// Rows of the weight.
    pub inputs: usize,
    /// Columns of the weight.
    pub outputs: usize,
    /// Whether there is a bias.
    pub bias: bool,
    /// First numbers.
    pub start: Start,
}

impl BlockSpec {
    /// A block that multiplies, with a bias.
    #[must_use]
    pub fn product(name: &'static str, inputs: usize, outputs: usize) -> BlockSpec {
        BlockSpec {
            name,
            inputs,
            outputs,
            bias: true,
            start: Start::Drawn,
        }
    }

    /// A block that multiplies, without a bias.
    #[must_use]
    pub fn plain(name: &'static str, inputs: usize, outputs: usize) -> BlockSpec {
        BlockSpec {
            bias: false,
            ..BlockSpec::product(name, inputs, outputs)
        }
    }

    /// One row of `outputs` equal numbers.
    #[must_use]
    pub fn constant(name: &'static str, outputs: usize, value: f64, bias: bool) -> BlockSpec {
        BlockSpec {
            name,
            inputs: 1,
            outputs,
            bias,
            start: Start::Constant(value),
        }
    }
}

/// Parameters of a block, for reading.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a, T> {
    /// inputs × outputs.
    pub weight: &'a [T],
    /// One per output, or nothing.
    pub bias: &'a [T],
}

/// What a node computes.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is the layer of its file")]
pub enum Layer {
    Input(Input),
    Sequence(Sequence),
    Dense(Dense),
    Cross(Cross),
    Interact(Interact),
    Attention(Attention),
    Gru(Gru),
    Evolve(Evolve),
    Auxiliary(Auxiliary),
    Mixture(Mixture),
    Pairs(Pairs),
    Product(Product),
    Sum(Sum),
    Both(Both),
    BatchNorm(BatchNorm),
    LayerNorm(LayerNorm),
    Prelu(Prelu),
    Dice(Dice),
    Gelu(Gelu),
    Activate(Activate),
    Concat(Concat),
    Dropout(Dropout),
}

/// What every layer but the inputs says of itself.
pub trait Operation {
    /// Numbers of its value.
    fn width(&self) -> usize;

    /// Its parameters, in a fixed order.
    fn blocks(&self) -> Vec<BlockSpec> {
        Vec::new()
    }

    /// Writes `rows` rows of [`Operation::width`] numbers. Rows do not know of one another. `keep` is working memory; what
    /// the way back needs may stay in it.
    fn forward<T: Real>(
        &self,
        rows: usize,
        from: &[View<'_, T>],
        blocks: &[Block<'_, T>],
        out: &mut [T],
        keep: &mut Keep<T>,
    );
}

impl Layer {
    /// Returns its parameters.
    #[must_use]
    pub fn blocks(&self) -> Vec<BlockSpec> {
        dispatch!(self, op => op.blocks(), Vec::new())
    }

    /// Computes `rows` rows of a layer that is no input.
    pub fn forward<T: Real>(
        &self,
        rows: usize,
        from: &[View<'_, T>],
        blocks: &[Block<'_, T>],
        out: &mut [T],
        keep: &mut Keep<T>,
    ) {
        dispatch!(self, op => op.forward(rows, from, blocks, out, keep), ());
    }
}

/// A layer with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Unique; the names of its tensors begin with it.
    pub name: String,
    /// What it computes.
    pub layer: Layer,
    /// The nodes it reads, all before it.
    pub from: Vec<usize>,
    /// Numbers of its value.
    pub width: usize,
    /// What it rests on.
    pub group: Group,
}

/// What an output's node means to training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aim {
    /// Learns this label, by number, the loss times `weight`.
    Label {
        /// Number of the label among those of the model file.
        label: usize,
        /// What its loss counts.
        weight: f64,
    },
    /// Is itself to be small: a loss that a layer computes, times `weight`. Never served.
    Small {
        /// What it counts.
        weight: f64,
    },
    /// Follows from others and learns nothing.
    Nothing,
}

/// A named output: a node of one number.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// What requests call it.
    pub name: String,
    /// The node; its number is a logit (or the answer itself for `mse`).
    pub node: usize,
    /// What training makes of it.
    pub aim: Aim,
}

/// A network as nodes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// In an order in which each reads only what stands before it.
    pub nodes: Vec<Node>,
    /// The first is the model's score.
    pub outputs: Vec<Output>,
}

impl Graph {
    /// Returns the outputs that are served.
    pub fn served(&self) -> impl Iterator<Item = &Output> {
        self.outputs
            .iter()
            .filter(|output| !matches!(output.aim, Aim::Small { .. }))
    }

    /// Returns every dense tensor the graph needs.
    #[must_use]
    pub fn tensors(&self) -> Vec<TensorSpec> {
        let nodes = self.nodes.iter();
        nodes
            .flat_map(|node| behind::tensors(&node.name, &node.layer))
            .collect()
    }

    /// Returns for each node whether a served output rests on it.
    #[must_use]
    pub fn live(&self) -> Vec<bool> {
        let mut live = vec![false; self.nodes.len()];
        self.served().for_each(|output| live[output.node] = true);
        for at in (0..self.nodes.len()).rev() {
            if live[at] {
                self.nodes[at].from.iter().for_each(|from| live[*from] = true);
            }
        }
        live
    }
}

/// What a value of both rests on.
#[must_use]
pub fn joined(a: Group, b: Group) -> Group {
    if a == b { a } else { Group::Cross }
}
