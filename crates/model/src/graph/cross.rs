//! Cross layer: `y = x₀ ⊙ (x·W + b) + x`; with a rank `y = x₀ ⊙ ((x·V)·U + b) + x`. Wang et al. 2021, DCN V2,
//! arXiv:2008.13535. Sources: x₀, then x, equally long.

use super::{Block, BlockSpec, Keep, Operation, View, concat};
use rankine_kernel::activation::Activation;
use rankine_kernel::{Real, dense};

/// A cross layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Cross {
    /// Numbers of x₀, x and y.
    pub width: usize,
    /// Numbers between V and U; none for a full matrix.
    pub rank: Option<usize>,
}

impl Operation for Cross {
    fn width(&self) -> usize {
        self.width
    }

    fn blocks(&self) -> Vec<BlockSpec> {
        match self.rank {
            None => vec![BlockSpec::product("", self.width, self.width)],
            Some(rank) => vec![
                BlockSpec::plain(".v", self.width, rank),
                BlockSpec::product(".u", rank, self.width),
            ],
        }
    }

    /// Keeps `x·W + b`, and behind it `x·V` where there is a rank.
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
        let n = rows * self.width;
        keep.clear();
        keep.resize(n + rows * self.rank.unwrap_or(0), T::ZERO);
        let (sums, low) = keep.split_at_mut(n);
        let x = concat(rows, &from[1..], input);
        let (last, linear) = (blocks[blocks.len() - 1], Activation::Linear);
        if self.rank.is_some() {
            dense::affine_batch(rows, x, blocks[0].weight, None, linear, low);
            dense::affine_batch(rows, low, last.weight, Some(last.bias), linear, sums);
        } else {
            dense::affine_batch(rows, x, last.weight, Some(last.bias), linear, sums);
        }
        let parts = out
            .chunks_exact_mut(self.width)
            .zip(sums.chunks_exact(self.width));
        for (i, (y, s)) in parts.enumerate() {
            let x = &x[i * self.width..][..self.width];
            for (k, y) in y.iter_mut().enumerate() {
                *y = from[0].row(i)[k] * s[k] + x[k];
            }
        }
    }
}
