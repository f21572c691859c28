//! RMSProp: s = alpha·s + (1 − alpha)·g²; w −= rate·g / (√s + epsilon). Tieleman and Hinton 2012.

use super::Rule;
use crate::real::Real;

/// The rule at one step.
#[derive(Clone, Copy)]
pub(super) struct Step<T> {
    rate: T,
    alpha: T,
    rest: T,
    epsilon: T,
}

impl<T: Real> Step<T> {
    pub(super) fn new(rate: f64, alpha: f64, epsilon: f64) -> Self {
        Step {
            rate: T::of(rate),
            alpha: T::of(alpha),
            rest: T::of(1.0 - alpha),
            epsilon: T::of(epsilon),
        }
    }
}

impl<T: Real> Rule<T> for Step<T> {
    #[inline(always)]
    fn step(self, w: &mut [T], g: &[T], state: &mut [T]) {
        for ((w, g), s) in w.iter_mut().zip(g).zip(state) {
            *s = self.alpha * *s + self.rest * *g * *g;
            *w -= self.rate * *g / (s.sqrt() + self.epsilon);
        }
    }
}
