//! An activation of its own: by the value, as in a dense layer.

use super::{Backward, Pass};
use rankine_kernel::Real;
use rankine_model::graph::Activate;

impl Backward for Activate {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        self.activation.backward(pass.out, pass.slope);
        rankine_kernel::dense::add(pass.slope, &mut pass.to[0]);
    }
}
