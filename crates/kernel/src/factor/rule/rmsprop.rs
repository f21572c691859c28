//! RMSProp, lazy: s = alpha·s + (1 − alpha)·g²; w −= rate·g / (√s + epsilon). Tieleman and Hinton 2012. The gradient includes
//! l2·w; only rows of the sample move.

use super::adam::LEAST;
use super::{Constants, Kind, Rates, Step};
use crate::lanes::Arithmetic;
use crate::real::Real;

/// The marker the loops are compiled for.
pub(crate) struct RmsProp;

impl<T: Real> Step<T> for RmsProp {
    const STATES: usize = 1;

    fn constants(kind: &Kind, rates: &Rates, _t: u64) -> Constants<T> {
        let (alpha, epsilon) = match kind {
            Kind::RmsProp { alpha, epsilon } => (*alpha, *epsilon),
            Kind::Sgd
            | Kind::Adagrad { .. }
            | Kind::Ftrl { .. }
            | Kind::Adam { .. }
            | Kind::AdamW { .. }
            | Kind::Momentum { .. } => (0.99, 1e-8),
        };
        [rates.rate, rates.l2, alpha, epsilon, 0.0, 0.0].map(T::of)
    }

    #[inline(always)]
    unsafe fn step<L: Arithmetic<T>>(c: &[L; 6], w: L, g: L, [s, other]: [L; 2]) -> (L, [L; 2]) {
        let [rate, l2, alpha, epsilon, ..] = *c;
        // SAFETY: the caller runs on the machine of L.
        unsafe {
            let g = w.mul_add(l2, g);
            let square = g.mul(g);
            let s = s.sub(square).mul_add(alpha, square).max(L::splat(T::of(LEAST)));
            (w.sub(rate.mul(g).div(s.sqrt().add(epsilon))), [s, other])
        }
    }
}
