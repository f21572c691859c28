//! AdamW, lazy: w −= rate·decay·w, then Adam's step, whose gradient has no l2. Loshchilov and Hutter 2019. Only weights of the
//! sample's rows, and the bias, decay.

use super::adam::{corrected, moved};
use super::{Constants, Kind, Rates, Step};
use crate::lanes::Arithmetic;
use crate::real::Real;

/// The marker the loops are compiled for.
pub(crate) struct AdamW;

impl<T: Real> Step<T> for AdamW {
    const STATES: usize = 2;

    fn constants(kind: &Kind, rates: &Rates, t: u64) -> Constants<T> {
        let (beta, epsilon, decay) = match kind {
            Kind::AdamW { beta, epsilon, decay } => (*beta, *epsilon, *decay),
            Kind::Sgd
            | Kind::Adagrad { .. }
            | Kind::Ftrl { .. }
            | Kind::Adam { .. }
            | Kind::Momentum { .. }
            | Kind::RmsProp { .. } => ((0.9, 0.999), 1e-8, 0.01),
        };
        let (rate, root) = corrected(rates.rate, beta, t);
        [rate, root, epsilon, 1.0 - rates.rate * decay, beta.0, beta.1].map(T::of)
    }

    #[inline(always)]
    unsafe fn step<L: Arithmetic<T>>(c: &[L; 6], w: L, g: L, moments: [L; 2]) -> (L, [L; 2]) {
        // SAFETY: the caller runs on the machine of L.
        unsafe {
            let (step, moments) = moved(c, g, moments);
            (w.mul(c[3]).sub(step), moments)
        }
    }
}
