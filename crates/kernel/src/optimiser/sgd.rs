//! Plain stochastic gradient descent: w −= rate·g.

use super::Rule;
use crate::real::Real;

/// The rule at one step.
#[derive(Clone, Copy)]
pub(super) struct Step<T> {
    rate: T,
}

impl<T: Real> Step<T> {
    pub(super) fn new(rate: f64) -> Self {
        Step { rate: T::of(rate) }
    }
}

impl<T: Real> Rule<T> for Step<T> {
    #[inline(always)]
    fn step(self, w: &mut [T], g: &[T], state: &mut [T]) {
        let _ = state;
        for (w, g) in w.iter_mut().zip(g) {
            *w -= self.rate * *g;
        }
    }
}
