//! Adagrad: g += l2·w; s += g²; w −= rate·g / √s. Duchi, Hazan and Singer 2011. Vector registers take the processor's
//! approximate reciprocal root; no epsilon, for s starts above zero.

use super::{Constants, Kind, Rates, Step};
use crate::lanes::Arithmetic;
use crate::real::Real;

/// The marker the loops are compiled for.
pub(crate) struct Adagrad;

impl<T: Real> Step<T> for Adagrad {
    const STATES: usize = 1;

    fn constants(_kind: &Kind, rates: &Rates, _t: u64) -> Constants<T> {
        [rates.rate, rates.l2, 0.0, 0.0, 0.0, 0.0].map(T::of)
    }

    #[inline(always)]
    unsafe fn step<L: Arithmetic<T>>(c: &[L; 6], w: L, g: L, [s, other]: [L; 2]) -> (L, [L; 2]) {
        // SAFETY: the caller runs on the machine of L.
        unsafe {
            let g = w.mul_add(c[1], g);
            let s = g.mul_add(g, s);
            (w.sub(c[0].mul(g).mul(s.rsqrt())), [s, other])
        }
    }
}
