//! PReLU: `y = x` above 0, `a x` below, a slope per number, ¼ at first. He et al. 2015, arXiv:1502.01852.

use super::{Block, BlockSpec, Keep, Operation, View};
use rankine_kernel::Real;

/// A rectifier with learnt slopes.
#[derive(Debug, Clone, PartialEq)]
pub struct Prelu {
    /// Numbers of source and value.
    pub width: usize,
}

impl Operation for Prelu {
    fn width(&self) -> usize {
        self.width
    }

    fn blocks(&self) -> Vec<BlockSpec> {
        vec![BlockSpec::constant("", self.width, 0.25, false)]
    }

    fn forward<T: Real>(
        &self,
        _rows: usize,
        from: &[View<'_, T>],
        blocks: &[Block<'_, T>],
        out: &mut [T],
        _keep: &mut Keep<T>,
    ) {
        for (i, out) in out.chunks_exact_mut(self.width).enumerate() {
            let values = out.iter_mut().zip(from[0].row(i)).zip(blocks[0].weight);
            for ((out, x), a) in values {
                *out = if *x > T::ZERO { *x } else { *a * *x };
            }
        }
    }
}
