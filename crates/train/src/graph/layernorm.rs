//! Layer normalisation: `dx = (g − mean g − x̂ · mean(g x̂)) / √(v + ε)` within a row, g the gradient times γ.

use super::{Backward, Pass};
use rankine_kernel::Real;
use rankine_model::graph::LayerNorm;

impl Backward for LayerNorm {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let (block, share) = (&mut pass.blocks[0], T::of(1.0 / self.width as f64));
        for (i, dy) in pass.slope.chunks_exact(self.width).enumerate() {
            let (mean, inverse) = (pass.keep.values[2 * i], pass.keep.values[2 * i + 1]);
            let normal = |x: T| (x - mean) * inverse;
            let (mut plain, mut by_value) = (T::ZERO, T::ZERO);
            for (k, x) in pass.from[0].row(i).iter().enumerate() {
                let x = normal(*x);
                block.weight_gradient[k] += dy[k] * x;
                block.bias_gradient[k] += dy[k];
                plain += dy[k] * block.weight[k] * share;
                by_value += dy[k] * block.weight[k] * x * share;
            }
            let to = &mut pass.to[0][i * self.width..][..self.width];
            for (k, x) in pass.from[0].row(i).iter().enumerate() {
                to[k] += inverse * (dy[k] * block.weight[k] - plain - normal(*x) * by_value);
            }
        }
    }
}
