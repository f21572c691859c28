//! A hidden layer as a tower serves it: the product, and what stands behind it ([`Behind`]).
//!
//! Decision: a batch norm whose figures stand still is a scale and a shift, so it goes into the product's weights when the model
//! is opened, and a function that needs no parameters goes with it. What is left runs the very layers that graphs run.

use super::dense::Dense;
use crate::error::ModelError;
use crate::graph::batchnorm::EPSILON;
use crate::graph::{Behind, Block, Keep, Layer, View};
use crate::scorer::Assembly;
use rankine_kernel::Real;
use smallvec::SmallVec;

/// A product with what stands behind it.
pub(crate) struct Stacked<T> {
    dense: Dense<T>,
    behind: Vec<(Layer, Vec<Dense<T>>)>,
}

impl<T: Real> Stacked<T> {
    /// The layer of this name, inputs and outputs; one without inputs has no weights.
    pub(crate) fn new(
        from: &Assembly<'_, T>,
        (name, inputs, outputs): &(String, usize, usize),
        behind: Behind,
    ) -> Result<Stacked<T>, ModelError> {
        let mut layers = Vec::new();
        for (name, layer) in behind.layers(name, *outputs) {
            let blocks = from.blocks(&name, &layer)?;
            layers.push((layer, blocks));
        }
        let weight = match *inputs {
            0 => Vec::new(),
            inputs => from.tensor(&format!("{name}.weight"), &[inputs, *outputs])?,
        };
        let mut stacked = Stacked {
            dense: Dense {
                weight,
                bias: from.tensor(&format!("{name}.bias"), &[*outputs])?,
                activation: behind.own(),
            },
            behind: layers,
        };
        stacked.fold();
        Ok(stacked)
    }

    /// Takes a batch norm, and then a function of each number, into the product.
    fn fold(&mut self) {
        if let Some((Layer::BatchNorm(_), blocks)) = self.behind.first()
            && let [scale, moving] = &blocks[..]
        {
            normed(&mut self.dense, scale, moving);
            self.behind.remove(0);
        }
        if let Some((Layer::Activate(function), _)) = self.behind.first() {
            self.dense.activation = function.activation;
            self.behind.remove(0);
        }
    }

    /// Computes one row: `y` is the input and becomes the output, `x` and `keep` are working memory.
    pub(crate) fn row(&self, x: &mut Vec<T>, y: &mut Vec<T>, keep: &mut Keep<T>) {
        std::mem::swap(x, y);
        if x.is_empty() {
            y.clone_from(&self.dense.bias);
        } else {
            self.dense.forward(1, x, y);
        }
        for (layer, blocks) in &self.behind {
            std::mem::swap(x, y);
            // What it holds is overwritten, so only growth is filled.
            y.resize(x.len(), T::ZERO);
            let blocks = blocks.iter().map(|block| Block {
                weight: &block.weight,
                bias: &block.bias,
            });
            let blocks: SmallVec<[Block<'_, T>; 2]> = blocks.collect();
            layer.forward(1, &[View::same(x)], &blocks, y, keep);
        }
    }
}

/// `γ (x·W + b − m) / √(v + ε) + β` as one product; each number is rounded once.
fn normed<T: Real>(dense: &mut Dense<T>, scale: &Dense<T>, moving: &Dense<T>) {
    let outputs = dense.bias.len();
    let factor = |k: usize| {
        let deviation = (moving.bias[k].to_f64() + EPSILON).sqrt();
        scale.weight[k].to_f64() / deviation
    };
    let factors: Vec<f64> = (0..outputs).map(factor).collect();
    for row in dense.weight.chunks_exact_mut(outputs.max(1)) {
        let weights = row.iter_mut().zip(&factors);
        weights.for_each(|(w, factor)| *w = T::of(w.to_f64() * factor));
    }
    for (k, bias) in dense.bias.iter_mut().enumerate() {
        let centred = bias.to_f64() - moving.weight[k].to_f64();
        *bias = T::of(centred * factors[k] + scale.bias[k].to_f64());
    }
}
