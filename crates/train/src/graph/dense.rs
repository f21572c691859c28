//! Dense: back through activation and product.

use super::{Backward, Pass, spread};
use rankine_kernel::Real;
use rankine_model::graph::{Dense, View, concat};

impl Backward for Dense {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let rows = pass.rows;
        self.activation.backward(pass.out, pass.slope);
        let x = sources(rows, pass.from, &mut pass.keep.input);
        let mut dx = vec![T::ZERO; rows * self.inputs];
        pass.blocks[0].backward(rows, (x, pass.out), pass.slope, Some(&mut dx));
        spread(rows, &dx, pass.from, pass.to);
    }
}

/// The sources side by side, as forward saw them.
pub(super) fn sources<'a, T: Real>(rows: usize, from: &[View<'a, T>], input: &'a mut Vec<T>) -> &'a [T] {
    concat(rows, from, input)
}
