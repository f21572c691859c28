//! Batch normalisation: `y = γ (x − m) / √(v + ε) + β` of each number. Ioffe and Szegedy 2015, arXiv:1502.03167.
//!
//! Serving takes the moving mean and variance; training those of the batch, and moves the former by a tenth.

use super::{Block, BlockSpec, Keep, Operation, Start, View};
use rankine_kernel::Real;

/// What keeps the quotient finite.
pub const EPSILON: f64 = 1e-5;

/// What a batch adds to the moving figures.
pub const MOMENTUM: f64 = 0.1;

/// A batch normalisation.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNorm {
    /// Numbers of source and value.
    pub width: usize,
}

/// A moving mean (weight) and variance (bias).
pub(super) fn moving(outputs: usize) -> BlockSpec {
    BlockSpec {
        name: ".moving",
        inputs: 1,
        outputs,
        bias: true,
        start: Start::Moving,
    }
}

impl Operation for BatchNorm {
    fn width(&self) -> usize {
        self.width
    }

    fn blocks(&self) -> Vec<BlockSpec> {
        vec![BlockSpec::constant("", self.width, 1.0, true), moving(self.width)]
    }

    fn forward<T: Real>(
        &self,
        _rows: usize,
        from: &[View<'_, T>],
        blocks: &[Block<'_, T>],
        out: &mut [T],
        keep: &mut Keep<T>,
    ) {
        let keep = &mut keep.values;
        let [scale, moving] = [blocks[0], blocks[1]];
        keep.clear();
        keep.extend(moving.bias.iter().map(|v| T::ONE / (*v + T::of(EPSILON)).sqrt()));
        for (i, out) in out.chunks_exact_mut(self.width).enumerate() {
            for (k, (out, x)) in out.iter_mut().zip(from[0].row(i)).enumerate() {
                *out = scale.weight[k] * ((*x - moving.weight[k]) * keep[k]) + scale.bias[k];
            }
        }
    }
}
