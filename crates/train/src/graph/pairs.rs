//! Pairs: a vector gets the sum of all others.

use super::{Backward, Pass};
use rankine_kernel::Real;
use rankine_model::graph::Pairs;

impl Backward for Pairs {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let mut sum = vec![T::ZERO; self.dim];
        for i in 0..pass.rows {
            let vectors = || {
                pass.from
                    .iter()
                    .flat_map(|view| view.row(i).chunks_exact(self.dim))
            };
            sum.fill(T::ZERO);
            vectors().for_each(|vector| rankine_kernel::dense::add(vector, &mut sum));
            for (view, to) in pass.from.iter().zip(pass.to.iter_mut()) {
                let to = to[i * view.width..][..view.width].chunks_exact_mut(self.dim);
                for (to, vector) in to.zip(view.row(i).chunks_exact(self.dim)) {
                    for ((to, sum), own) in to.iter_mut().zip(&sum).zip(vector) {
                        *to += pass.slope[i] * (*sum - *own);
                    }
                }
            }
        }
    }
}
