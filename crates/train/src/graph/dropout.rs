//! Dropout: the graph masks value and gradient; the rest passes.

use super::{Backward, Pass};
use rankine_kernel::Real;
use rankine_model::graph::Dropout;

impl Backward for Dropout {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        rankine_kernel::dense::add(pass.slope, &mut pass.to[0]);
    }
}
