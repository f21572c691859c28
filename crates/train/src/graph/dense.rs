//! Dense: back through activation and product.

use super::{Backward, Pass, spread};
use rankine_kernel::Real;
use rankine_model::graph::{Dense, concatenated};

impl Backward for Dense {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let rows = pass.rows;
        self.activation.backward(pass.out, pass.slope);
        let x = concatenated(rows, pass.from, &pass.keep.input);
        let mut dx = vec![T::ZERO; rows * self.inputs];
        pass.blocks[0].backward(rows, (x, pass.out), pass.slope, Some(&mut dx));
        spread(rows, &dx, pass.from, pass.to);
    }
}
