//! Adam, lazy: only rows of the sample move; t counts samples. m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²;
//! w −= rate·m̂ / (√v̂ + epsilon), hats divided by 1 − βᵗ. Kingma and Ba 2015. The gradient includes l2·w.

use super::{Constants, Kind, Rates, Step};
use crate::lanes::Arithmetic;
use crate::real::Real;

/// The least second moment and what a first moment is rounded by: without gradients both would fade into denormal numbers.
pub(super) const LEAST: f64 = 1e-30;
const TINY: f64 = 1e-18;

/// The marker the loops are compiled for.
pub(crate) struct Adam;

impl<T: Real> Step<T> for Adam {
    const STATES: usize = 2;

    fn constants(kind: &Kind, rates: &Rates, t: u64) -> Constants<T> {
        let (beta, epsilon) = match kind {
            Kind::Adam { beta, epsilon } => (*beta, *epsilon),
            Kind::Sgd
            | Kind::Adagrad { .. }
            | Kind::Ftrl { .. }
            | Kind::AdamW { .. }
            | Kind::Momentum { .. }
            | Kind::RmsProp { .. } => ((0.9, 0.999), 1e-8),
        };
        let (rate, root) = corrected(rates.rate, beta, t);
        [rate, root, epsilon, rates.l2, beta.0, beta.1].map(T::of)
    }

    #[inline(always)]
    unsafe fn step<L: Arithmetic<T>>(c: &[L; 6], w: L, g: L, moments: [L; 2]) -> (L, [L; 2]) {
        // SAFETY: the caller runs on the machine of L.
        unsafe {
            let (step, moments) = moved(c, w.mul_add(c[3], g), moments);
            (w.sub(step), moments)
        }
    }
}

/// The rate, and the factor on √v, that bias correction leaves at step `t`.
pub(super) fn corrected(rate: f64, (one, two): (f64, f64), t: u64) -> (f64, f64) {
    let t = i32::try_from(t).unwrap_or(i32::MAX);
    (rate / (1.0 - one.powi(t)), 1.0 / (1.0 - two.powi(t)).sqrt())
}

/// What gradient `g` takes off a weight, and the moments after it; `c[3]` is not read.
///
/// # Safety
/// The machine has the instructions of L.
#[inline(always)]
pub(super) unsafe fn moved<T: Real, L: Arithmetic<T>>(c: &[L; 6], g: L, [m, v]: [L; 2]) -> (L, [L; 2]) {
    let [rate, root, epsilon, _, one, two] = *c;
    // SAFETY: the caller's promise.
    unsafe {
        let m = settled(m.sub(g).mul_add(one, g));
        let square = g.mul(g);
        let v = v.sub(square).mul_add(two, square).max(L::splat(T::of(LEAST)));
        (rate.mul(m).div(v.sqrt().mul_add(root, epsilon)), [m, v])
    }
}

/// A sum of gradients without what is tinier than any of them.
///
/// # Safety
/// As [`moved`].
#[inline(always)]
pub(super) unsafe fn settled<T: Real, L: Arithmetic<T>>(m: L) -> L {
    // SAFETY: the caller's promise.
    unsafe {
        let tiny = L::splat(T::of(TINY));
        m.add(tiny).sub(tiny)
    }
}
