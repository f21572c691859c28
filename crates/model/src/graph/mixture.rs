//! Mixture: experts added up by the weights of a gate. Ma et al. 2018, MMoE (one gate per task over shared experts); Tang
//! et al. 2020, PLE (shared experts and the task's own).
//!
//! `g = softmax(x·W)`, `y = Σ_k g_k E_k`. Sources: the experts, equally long, then what the gate reads.

use super::interact::softmax;
use super::{Block, BlockSpec, Keep, Operation, View, concat};
use rankine_kernel::activation::Activation;
use rankine_kernel::{Real, dense};

/// Experts under a gate.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    /// Experts.
    pub experts: usize,
    /// Numbers of an expert.
    pub width: usize,
    /// Numbers that the gate reads.
    pub inputs: usize,
}

impl Operation for Mixture {
    fn width(&self) -> usize {
        self.width
    }

    fn blocks(&self) -> Vec<BlockSpec> {
        vec![BlockSpec::plain("", self.inputs, self.experts)]
    }

    /// Keeps the gate's weights.
    fn forward<T: Real>(
        &self,
        rows: usize,
        from: &[View<'_, T>],
        blocks: &[Block<'_, T>],
        out: &mut [T],
        keep: &mut Keep<T>,
    ) {
        let Keep {
            values: keep, input, ..
        } = keep;
        let (experts, gate) = from.split_at(self.experts);
        let x = concat(rows, gate, input);
        keep.clear();
        keep.resize(rows * self.experts, T::ZERO);
        dense::affine_batch(rows, x, blocks[0].weight, None, Activation::Linear, keep);
        out.fill(T::ZERO);
        let parts = out
            .chunks_exact_mut(self.width)
            .zip(keep.chunks_exact_mut(self.experts));
        for (i, (out, gate)) in parts.enumerate() {
            softmax(gate);
            for (g, expert) in gate.iter().zip(experts) {
                dense::axpy(*g, expert.row(i), out);
            }
        }
    }
}
