//! Concat: each source gets its stretch.

use super::{Backward, Pass, spread};
use rankine_kernel::Real;
use rankine_model::graph::Concat;

impl Backward for Concat {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        spread(pass.rows, pass.slope, pass.from, pass.to);
    }
}
