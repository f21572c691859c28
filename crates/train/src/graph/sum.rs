//! Sum: every part gets the sum's gradient.

use super::{Backward, Pass};
use rankine_kernel::Real;
use rankine_model::graph::Sum;

impl Backward for Sum {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        for (view, to) in pass.from.iter().zip(pass.to.iter_mut()) {
            let rows = to
                .chunks_exact_mut(view.width)
                .zip(pass.slope.chunks_exact(self.width));
            for (to, slope) in rows {
                to.chunks_exact_mut(self.width)
                    .for_each(|part| rankine_kernel::dense::add(slope, part));
            }
        }
    }
}
