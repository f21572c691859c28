//! Both: `dy/da = (1 − p_a) / (1 − p_a p_b)`, and so of b.

use super::{Backward, Pass};
use rankine_kernel::Real;
use rankine_kernel::activation::sigmoid;
use rankine_model::graph::Both;

impl Backward for Both {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let [to_a, to_b] = pass.to else {
            return;
        };
        for i in 0..pass.rows {
            let (a, b) = (pass.from[0].row(i)[0], pass.from[1].row(i)[0]);
            to_a[i] += pass.slope[i] * slope(a, b);
            to_b[i] += pass.slope[i] * slope(b, a);
        }
    }
}

/// The slope in `a`; ½ where both are certain beyond what numbers hold.
fn slope<T: Real>(a: T, b: T) -> T {
    let (own, other) = (sigmoid(-a), sigmoid(-b));
    let whole = own + sigmoid(a) * other;
    if whole > T::ZERO { own / whole } else { T::of(0.5) }
}
