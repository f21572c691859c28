//! Attention of a target on a sequence: Deep Interest Network's local activation unit. Zhou et al. 2018,
//! arXiv:1706.06978.
//!
//! `a_t = w·f([e_t | q | e_t − q | e_t ⊙ q]·W + b) + c`, `y = Σ_t a_t e_t`, weights as they are, as in the paper, or made a
//! softmax. Sources: the target q, then the sequence; an empty sequence gives zeros. Where f has parameters (Dice, the paper's, or
//! PReLU) they are a third and a fourth block, and Dice's figures those of all entries.

use super::behind::alone;
use super::sequence::entries;
use super::{Block, BlockSpec, Keep, Layer, Operation, Start, View};
use crate::config::ActivationName;
use crate::graph::interact::softmax;
use rankine_kernel::activation::Activation;
use rankine_kernel::{Real, dense};

/// A target's attention on a sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// Numbers of the target and of an entry.
    pub dim: usize,
    /// Most entries.
    pub length: usize,
    /// Numbers of the hidden layer.
    pub hidden: usize,
    /// Of the hidden layer.
    pub activation: ActivationName,
    /// Whether the weights are made to add up to 1.
    pub softmax: bool,
}

impl Attention {
    /// Numbers kept of each entry: the hidden layer's input, its value, the weight.
    #[must_use]
    pub fn kept(&self) -> usize {
        4 * self.dim + self.hidden + 1
    }

    /// The activation as a layer, where the hidden layer's product does not apply it itself.
    #[must_use]
    pub fn bend(&self) -> Option<Layer> {
        alone(self.activation, self.hidden)
    }
}

impl Operation for Attention {
    fn width(&self) -> usize {
        self.dim
    }

    fn blocks(&self) -> Vec<BlockSpec> {
        let own = self.bend().map_or(Vec::new(), |layer| layer.blocks());
        let named = |block: BlockSpec| BlockSpec {
            name: match block.start {
                Start::Moving => ".slope.moving",
                Start::Drawn | Start::Constant(_) => ".slope",
            },
            ..block
        };
        let products = [
            BlockSpec::product(".hidden", 4 * self.dim, self.hidden),
            BlockSpec::product(".weight", self.hidden, 1),
        ];
        products.into_iter().chain(own.into_iter().map(named)).collect()
    }

    fn forward<T: Real>(
        &self,
        rows: usize,
        from: &[View<'_, T>],
        blocks: &[Block<'_, T>],
        out: &mut [T],
        keep: &mut Keep<T>,
    ) {
        let bend = |layer: &Layer, rows: usize, x: View<'_, T>, out: &mut [T], keep: &mut Keep<T>| {
            layer.forward(rows, &[x], &blocks[2..], out, keep);
        };
        self.compute(rows, from, [blocks[0], blocks[1]], (out, keep), bend);
    }
}

impl Attention {
    /// Computes `rows` rows; `bend` computes the activation where it is a layer. Keeps of all entries of all rows the inputs, then
    /// the hidden values, then the weights; what `bend` reads as `input`, what it keeps as `inner`.
    pub fn compute<T: Real>(
        &self,
        rows: usize,
        from: &[View<'_, T>],
        [first, last]: [Block<'_, T>; 2],
        (out, keep): (&mut [T], &mut Keep<T>),
        bend: impl FnOnce(&Layer, usize, View<'_, T>, &mut [T], &mut Keep<T>),
    ) {
        let Keep {
            values,
            input: product,
            inner,
        } = keep;
        let total: usize = (0..rows).map(|i| entries(from[1].row(i))).sum();
        values.clear();
        values.resize(total * self.kept(), T::ZERO);
        let (inputs, rest) = values.split_at_mut(total * 4 * self.dim);
        let (hidden, weights) = rest.split_at_mut(total * self.hidden);
        self.inputs(rows, from, inputs);
        let layer = self.bend().filter(|_| total > 0);
        let own = self.activation.fused().unwrap_or(Activation::Linear);
        dense::affine_batch(total, inputs, first.weight, Some(first.bias), own, hidden);
        if let Some(layer) = layer {
            product.clear();
            product.extend_from_slice(hidden);
            let mut kept = Keep {
                values: std::mem::take(inner),
                ..Keep::default()
            };
            bend(&layer, total, View::rows(product, self.hidden), hidden, &mut kept);
            *inner = kept.values;
        }
        let plain = Activation::Linear;
        dense::affine_batch(total, hidden, last.weight, Some(last.bias), plain, weights);
        self.weigh(from[1], weights, out);
    }

    /// Writes the sums of the entries by their weights, which become a softmax where they should.
    fn weigh<T: Real>(&self, sequences: View<'_, T>, mut weights: &mut [T], out: &mut [T]) {
        out.fill(T::ZERO);
        for (i, out) in out.chunks_exact_mut(self.dim).enumerate() {
            let sequence = sequences.row(i);
            let (own, others) = weights.split_at_mut(entries(sequence));
            if self.softmax {
                softmax(own);
            }
            for (entry, a) in sequence.chunks_exact(self.dim).zip(own.iter()) {
                dense::axpy(*a, entry, out);
            }
            weights = others;
        }
    }

    /// Writes `[e | q | e − q | e ⊙ q]` of every entry of every row.
    fn inputs<T: Real>(&self, rows: usize, from: &[View<'_, T>], out: &mut [T]) {
        let mut out = out.chunks_exact_mut(4 * self.dim);
        for i in 0..rows {
            let (q, sequence) = (from[0].row(i), from[1].row(i));
            let there = sequence.chunks_exact(self.dim).take(entries(sequence));
            for (e, out) in there.zip(&mut out) {
                for k in 0..self.dim {
                    out[k] = e[k];
                    out[self.dim + k] = q[k];
                    out[2 * self.dim + k] = e[k] - q[k];
                    out[3 * self.dim + k] = e[k] * q[k];
                }
            }
        }
    }
}
