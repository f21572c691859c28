//! Adam, lazy: only rows of the sample move; t counts samples. m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²;
//! w −= rate·m̂ / (√v̂ + epsilon), hats divided by 1 − βᵗ. Kingma and Ba 2015. The gradient includes l2·w.

use super::{Constants, Kind, Rates, Step};
use crate::lanes::Arithmetic;
use crate::real::Real;

/// The least second moment and what a first moment is rounded by: without gradients both would fade into denormal numbers.
const LEAST: f64 = 1e-30;
const TINY: f64 = 1e-18;

/// The marker the loops are compiled for.
pub(crate) struct Adam;

impl<T: Real> Step<T> for Adam {
    const STATES: usize = 2;

    fn constants(kind: &Kind, rates: &Rates, t: u64) -> Constants<T> {
        let ((one, two), epsilon) = match kind {
            Kind::Adam { beta, epsilon } => (*beta, *epsilon),
            Kind::Sgd | Kind::Adagrad { .. } | Kind::Ftrl { .. } => ((0.9, 0.999), 1e-8),
        };
        let t = i32::try_from(t).unwrap_or(i32::MAX);
        let (rate, root) = (rates.rate / (1.0 - one.powi(t)), 1.0 / (1.0 - two.powi(t)).sqrt());
        [rate, root, epsilon, rates.l2, one, two].map(T::of)
    }

    #[inline(always)]
    unsafe fn step<L: Arithmetic<T>>(c: &[L; 6], w: L, g: L, [m, v]: [L; 2]) -> (L, [L; 2]) {
        let [rate, root, epsilon, l2, one, two] = *c;
        // SAFETY: the caller runs on the machine of L.
        unsafe {
            let g = w.mul_add(l2, g);
            let tiny = L::splat(T::of(TINY));
            let m = m.sub(g).mul_add(one, g).add(tiny).sub(tiny);
            let square = g.mul(g);
            let v = v.sub(square).mul_add(two, square).max(L::splat(T::of(LEAST)));
            let step = rate.mul(m).div(v.sqrt().mul_add(root, epsilon));
            (w.sub(step), [m, v])
        }
    }
}
