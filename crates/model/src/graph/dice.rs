//! Dice: `y = p x + (1 − p) a x`, `p = σ((x − m) / √(v + ε))`: PReLU whose turning point follows the data. Zhou et al. 2018,
//! Deep Interest Network, arXiv:1706.06978.
//!
//! Serving takes the moving mean and variance; training those of the batch. a is 0 at first.

use super::batchnorm::{EPSILON, moving};
use super::{Block, BlockSpec, Keep, Operation, View};
use rankine_kernel::Real;
use rankine_kernel::activation::sigmoid;

/// A rectifier that turns where the data is.
#[derive(Debug, Clone, PartialEq)]
pub struct Dice {
    /// Numbers of source and value.
    pub width: usize,
}

impl Operation for Dice {
    fn width(&self) -> usize {
        self.width
    }

    fn blocks(&self) -> Vec<BlockSpec> {
        vec![
            BlockSpec::constant("", self.width, 0.0, false),
            moving(self.width),
        ]
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
        let [slope, moving] = [blocks[0], blocks[1]];
        keep.clear();
        keep.extend(moving.bias.iter().map(|v| T::ONE / (*v + T::of(EPSILON)).sqrt()));
        for (i, out) in out.chunks_exact_mut(self.width).enumerate() {
            for (k, (out, x)) in out.iter_mut().zip(from[0].row(i)).enumerate() {
                let p = sigmoid((*x - moving.weight[k]) * keep[k]);
                *out = p * *x + (T::ONE - p) * slope.weight[k] * *x;
            }
        }
    }
}
