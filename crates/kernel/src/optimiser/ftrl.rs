//! FTRL-Proximal: σ = (√(n+g²) − √n)/rate; z += g − σ·w; n += g²; w = 0 where |z| ≤ l1, else
//! −(z − sign(z)·l1) / ((beta + √n)/rate + l2). McMahan et al. 2013, "Ad click prediction: a view from the trenches".
//!
//! The paper begins at w = 0. A weight that begins elsewhere (a drawn embedding) has the z that would have led there.

use super::Rule;
use crate::real::Real;

/// The rule at one step.
#[derive(Clone, Copy)]
pub(super) struct Step<T> {
    /// 1 / rate.
    inverse: T,
    beta: T,
    l1: T,
    l2: T,
}

impl<T: Real> Step<T> {
    pub(super) fn new(rate: f64, beta: f64, (l1, l2): (f64, f64)) -> Self {
        Step {
            inverse: T::of(rate.recip()),
            beta: T::of(beta),
            l1: T::of(l1),
            l2: T::of(l2),
        }
    }

    /// `l1` with the sign of `of`.
    #[inline(always)]
    fn signed(self, of: T) -> T {
        if of < T::ZERO { T::ZERO - self.l1 } else { self.l1 }
    }
}

impl<T: Real> Rule<T> for Step<T> {
    #[inline(always)]
    fn step(self, w: &mut [T], g: &[T], state: &mut [T]) {
        let (z, n) = state.split_at_mut(w.len());
        for (((w, g), z), n) in w.iter_mut().zip(g).zip(z).zip(n) {
            let first = T::ZERO - *w * (self.beta * self.inverse + self.l2) - self.signed(*w);
            let begun = *n > T::ZERO || *w == T::ZERO;
            let before = if begun { *z } else { first };
            let sum = *n + *g * *g;
            let sigma = (sum.sqrt() - n.sqrt()) * self.inverse;
            *z = before + *g - sigma * *w;
            *n = sum;
            let pull = (self.beta + sum.sqrt()) * self.inverse + self.l2;
            let moved = (self.signed(*z) - *z) / pull;
            *w = if z.abs() > self.l1 { moved } else { T::ZERO };
        }
    }
}
