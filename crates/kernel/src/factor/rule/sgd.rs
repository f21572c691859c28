//! Plain gradient descent: w −= rate·(g + l2·w).

use super::{Constants, Kind, Rates, Step};
use crate::lanes::Arithmetic;
use crate::real::Real;

/// The marker the loops are compiled for.
pub(crate) struct Sgd;

impl<T: Real> Step<T> for Sgd {
    const STATES: usize = 0;

    fn constants(_kind: &Kind, rates: &Rates, _t: u64) -> Constants<T> {
        [rates.rate, rates.l2, 0.0, 0.0, 0.0, 0.0].map(T::of)
    }

    #[inline(always)]
    unsafe fn step<L: Arithmetic<T>>(c: &[L; 6], w: L, g: L, s: [L; 2]) -> (L, [L; 2]) {
        // SAFETY: the caller runs on the machine of L.
        unsafe { (w.sub(c[0].mul(w.mul_add(c[1], g))), s) }
    }
}
