//! FTRL-Proximal: n' = n + g²; z += g − (√n' − √n)/rate·w; w = −(z − clamp(z, ±l1)) / ((beta + √n')/rate + l2).
//! McMahan et al. 2013, Ad click prediction: a view from the trenches. States: z, n.

use super::{Constants, Kind, Rates, Step};
use crate::lanes::Arithmetic;
use crate::real::Real;

/// The marker the loops are compiled for.
pub(crate) struct Ftrl;

impl<T: Real> Step<T> for Ftrl {
    const STATES: usize = 2;

    fn constants(kind: &Kind, rates: &Rates, _t: u64) -> Constants<T> {
        let beta = match kind {
            Kind::Ftrl { beta } => *beta,
            Kind::Sgd
            | Kind::Adagrad { .. }
            | Kind::Adam { .. }
            | Kind::AdamW { .. }
            | Kind::Momentum { .. }
            | Kind::RmsProp { .. } => 1.0,
        };
        [1.0 / rates.rate, rates.l1, -rates.l1, beta, rates.l2, 0.0].map(T::of)
    }

    #[inline(always)]
    unsafe fn step<L: Arithmetic<T>>(c: &[L; 6], w: L, g: L, [z, n]: [L; 2]) -> (L, [L; 2]) {
        let [per_rate, l1, minus_l1, beta, l2, _] = *c;
        // SAFETY: the caller runs on the machine of L.
        unsafe {
            let more = g.mul_add(g, n);
            let root = more.sqrt();
            let z = z.add(g).sub(root.sub(n.sqrt()).mul(per_rate).mul(w));
            let beyond = z.min(l1).max(minus_l1).sub(z);
            (beyond.div(beta.add(root).mul_add(per_rate, l2)), [z, more])
        }
    }
}
