//! Nesterov's momentum in the form of Sutskever et al. 2013: v = momentum·v + g; w −= rate·(g + momentum·v).

use super::Rule;
use crate::real::Real;

/// The rule at one step.
#[derive(Clone, Copy)]
pub(super) struct Step<T> {
    rate: T,
    momentum: T,
}

impl<T: Real> Step<T> {
    pub(super) fn new(rate: f64, momentum: f64) -> Self {
        Step {
            rate: T::of(rate),
            momentum: T::of(momentum),
        }
    }
}

impl<T: Real> Rule<T> for Step<T> {
    #[inline(always)]
    fn step(self, w: &mut [T], g: &[T], state: &mut [T]) {
        for ((w, g), v) in w.iter_mut().zip(g).zip(state) {
            *v = self.momentum * *v + *g;
            *w -= self.rate * (*g + self.momentum * *v);
        }
    }
}
