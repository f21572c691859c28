//! Product: each vector gets the other's numbers by their weights, each weight the product it weighs.

use super::{Backward, Pass};
use rankine_kernel::Real;
use rankine_model::graph::Product;

impl Backward for Product {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let [to_p, to_q] = pass.to else {
            return;
        };
        let block = &mut pass.blocks[0];
        for (i, slope) in pass.slope.iter().enumerate() {
            let (p, q) = (pass.from[0].row(i), pass.from[1].row(i));
            for k in 0..self.dim {
                let at = i * self.dim + k;
                block.weight_gradient[k] += *slope * p[k] * q[k];
                to_p[at] += *slope * block.weight[k] * q[k];
                to_q[at] += *slope * block.weight[k] * p[k];
            }
        }
    }
}
