//! Adagrad: s += g²; w −= rate·g / (√s + epsilon). Duchi, Hazan and Singer 2011.

use super::Rule;
use crate::real::Real;

/// The rule at one step.
#[derive(Clone, Copy)]
pub(super) struct Step<T> {
    rate: T,
    epsilon: T,
}

impl<T: Real> Step<T> {
    pub(super) fn new(rate: f64, epsilon: f64) -> Self {
        Step {
            rate: T::of(rate),
            epsilon: T::of(epsilon),
        }
    }
}

impl<T: Real> Rule<T> for Step<T> {
    #[inline(always)]
    fn step(self, w: &mut [T], g: &[T], state: &mut [T]) {
        for ((w, g), s) in w.iter_mut().zip(g).zip(state) {
            *s += *g * *g;
            *w -= self.rate * *g / (s.sqrt() + self.epsilon);
        }
    }
}
