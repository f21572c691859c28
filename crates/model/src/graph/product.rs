//! Product: `Σ_k h[k]·p[k]·q[k]` of two vectors, h learnt, 1 at first. He et al. 2017, arXiv:1708.05031 (GMF).

use super::{Block, BlockSpec, Keep, Operation, View};
use rankine_kernel::Real;

/// The weighted inner product of two sources.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// Numbers of a vector.
    pub dim: usize,
}

impl Operation for Product {
    fn width(&self) -> usize {
        1
    }

    fn blocks(&self) -> Vec<BlockSpec> {
        let ones = BlockSpec::constant("", 1, 1.0, false);
        vec![BlockSpec {
            inputs: self.dim,
            ..ones
        }]
    }

    fn forward<T: Real>(
        &self,
        _rows: usize,
        from: &[View<'_, T>],
        blocks: &[Block<'_, T>],
        out: &mut [T],
        _keep: &mut Keep<T>,
    ) {
        for (i, out) in out.iter_mut().enumerate() {
            let pairs = from[0].row(i).iter().zip(from[1].row(i));
            *out = pairs.zip(blocks[0].weight).map(|((p, q), h)| *h * *p * *q).sum();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_factor_is_weighed() {
        let (p, q, h) = ([1.0, 2.0, -1.0, 0.5], [3.0, 4.0], [0.5, 2.0]);
        let block = Block {
            weight: &h,
            bias: &[],
        };
        let mut out = [0.0f64; 2];
        let from = [View::rows(&p, 2), View::same(&q)];
        Product { dim: 2 }.forward(2, &from, &[block], &mut out, &mut Keep::default());
        assert_eq!(out, [0.5 * 3.0 + 2.0 * 8.0, -0.5 * 3.0 + 2.0 * 2.0]);
    }
}
