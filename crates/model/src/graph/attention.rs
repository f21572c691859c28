//! Attention of a target on a sequence: Deep Interest Network's local activation unit. Zhou et al. 2018,
//! arXiv:1706.06978.
//!
//! `a_t = w·f([e_t | q | e_t − q | e_t ⊙ q]·W + b) + c`, `y = Σ_t a_t e_t`, weights as they are, as in the paper, or made a
//! softmax. Sources: the target q, then the sequence; an empty sequence gives zeros.

use super::sequence::entries;
use super::{Block, BlockSpec, Keep, Operation, View};
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
    pub activation: Activation,
    /// Whether the weights are made to add up to 1.
    pub softmax: bool,
}

impl Attention {
    /// Numbers kept of each entry: the hidden layer's input, its value, the weight.
    #[must_use]
    pub fn kept(&self) -> usize {
        4 * self.dim + self.hidden + 1
    }
}

impl Operation for Attention {
    fn width(&self) -> usize {
        self.dim
    }

    fn blocks(&self) -> Vec<BlockSpec> {
        vec![
            BlockSpec::product(".hidden", 4 * self.dim, self.hidden),
            BlockSpec::product(".weight", self.hidden, 1),
        ]
    }

    /// Keeps of all entries of all rows the inputs, then the hidden values, then the weights.
    fn forward<T: Real>(
        &self,
        rows: usize,
        from: &[View<'_, T>],
        blocks: &[Block<'_, T>],
        out: &mut [T],
        keep: &mut Keep<T>,
    ) {
        let keep = &mut keep.values;
        let total: usize = (0..rows).map(|i| entries(from[1].row(i))).sum();
        keep.clear();
        keep.resize(total * self.kept(), T::ZERO);
        let (inputs, rest) = keep.split_at_mut(total * 4 * self.dim);
        let (hidden, weights) = rest.split_at_mut(total * self.hidden);
        self.inputs(rows, from, inputs);
        let [first, last] = [blocks[0], blocks[1]];
        dense::affine_batch(
            total,
            inputs,
            first.weight,
            Some(first.bias),
            self.activation,
            hidden,
        );
        dense::affine_batch(
            total,
            hidden,
            last.weight,
            Some(last.bias),
            Activation::Linear,
            weights,
        );
        let mut weights = weights;
        out.fill(T::ZERO);
        for (i, out) in out.chunks_exact_mut(self.dim).enumerate() {
            let sequence = from[1].row(i);
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
}

impl Attention {
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
