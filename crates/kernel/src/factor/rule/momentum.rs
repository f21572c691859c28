//! Heavy ball, lazy: v = momentum·v + g; w −= rate·v. Polyak 1964. The gradient includes l2·w; only rows of the sample move.

use super::adam::settled;
use super::{Constants, Kind, Rates, Step};
use crate::lanes::Arithmetic;
use crate::real::Real;

/// The marker the loops are compiled for.
pub(crate) struct Momentum;

impl<T: Real> Step<T> for Momentum {
    const STATES: usize = 1;

    fn constants(kind: &Kind, rates: &Rates, _t: u64) -> Constants<T> {
        let momentum = match kind {
            Kind::Momentum { momentum } => *momentum,
            Kind::Sgd
            | Kind::Adagrad { .. }
            | Kind::Ftrl { .. }
            | Kind::Adam { .. }
            | Kind::AdamW { .. }
            | Kind::RmsProp { .. } => 0.9,
        };
        [rates.rate, rates.l2, momentum, 0.0, 0.0, 0.0].map(T::of)
    }

    #[inline(always)]
    unsafe fn step<L: Arithmetic<T>>(c: &[L; 6], w: L, g: L, [v, other]: [L; 2]) -> (L, [L; 2]) {
        let [rate, l2, momentum, ..] = *c;
        // SAFETY: the caller runs on the machine of L.
        unsafe {
            let g = w.mul_add(l2, g);
            let v = settled(v.mul_add(momentum, g));
            (w.sub(rate.mul(v)), [v, other])
        }
    }
}
