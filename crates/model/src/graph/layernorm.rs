//! Layer normalisation: `y = γ (x − m) / √(v + ε) + β`, m and v those of the row. Ba et al. 2016, arXiv:1607.06450.

use super::batchnorm::EPSILON;
use super::{Block, BlockSpec, Keep, Operation, View};
use rankine_kernel::Real;

/// A layer normalisation.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNorm {
    /// Numbers of source and value.
    pub width: usize,
}

impl Operation for LayerNorm {
    fn width(&self) -> usize {
        self.width
    }

    fn blocks(&self) -> Vec<BlockSpec> {
        vec![BlockSpec::constant("", self.width, 1.0, true)]
    }

    /// Keeps of each row the mean and `1 / √(v + ε)`.
    fn forward<T: Real>(
        &self,
        _rows: usize,
        from: &[View<'_, T>],
        blocks: &[Block<'_, T>],
        out: &mut [T],
        keep: &mut Keep<T>,
    ) {
        let keep = &mut keep.values;
        keep.clear();
        let count = T::of(self.width as f64);
        for (i, out) in out.chunks_exact_mut(self.width).enumerate() {
            let x = from[0].row(i);
            let mean = x.iter().copied().sum::<T>() / count;
            let variance = x.iter().map(|x| (*x - mean) * (*x - mean)).sum::<T>() / count;
            let inverse = T::ONE / (variance + T::of(EPSILON)).sqrt();
            for (k, (out, x)) in out.iter_mut().zip(x).enumerate() {
                *out = blocks[0].weight[k] * ((*x - mean) * inverse) + blocks[0].bias[k];
            }
            keep.extend([mean, inverse]);
        }
    }
}
