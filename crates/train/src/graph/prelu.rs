//! PReLU: 1 above 0, the unit's slope below.

use super::{Backward, Pass};
use rankine_kernel::Real;
use rankine_model::graph::Prelu;

impl Backward for Prelu {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let block = &mut pass.blocks[0];
        for (i, dy) in pass.slope.chunks_exact(self.width).enumerate() {
            let to = &mut pass.to[0][i * self.width..][..self.width];
            for (k, x) in pass.from[0].row(i).iter().enumerate() {
                if *x > T::ZERO {
                    to[k] += dy[k];
                } else {
                    to[k] += dy[k] * block.weight[k];
                    block.weight_gradient[k] += dy[k] * *x;
                }
            }
        }
    }
}
