//! Adam: m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²; w −= rate/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + epsilon).
//! Kingma and Ba 2015, arXiv:1412.6980. Over rows of a table it is the lazy form: only rows of the batch move.

use super::Rule;
use crate::real::Real;

/// The rule at one step.
#[derive(Clone, Copy)]
pub(super) struct Step<T> {
    rate: T,
    keep: (T, T),
    take: (T, T),
    root: T,
    epsilon: T,
}

impl<T: Real> Step<T> {
    pub(super) fn new(t: u64, rate: f64, beta: (f64, f64), epsilon: f64) -> Self {
        let t = i32::try_from(t).unwrap_or(i32::MAX);
        Step {
            rate: T::of(rate / (1.0 - beta.0.powi(t))),
            keep: (T::of(beta.0), T::of(beta.1)),
            take: (T::of(1.0 - beta.0), T::of(1.0 - beta.1)),
            root: T::of((1.0 - beta.1.powi(t)).sqrt().recip()),
            epsilon: T::of(epsilon),
        }
    }
}

impl<T: Real> Rule<T> for Step<T> {
    #[inline(always)]
    fn step(self, w: &mut [T], g: &[T], state: &mut [T]) {
        let (m, v) = state.split_at_mut(w.len());
        for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
            *m = self.keep.0 * *m + self.take.0 * *g;
            *v = self.keep.1 * *v + self.take.1 * *g * *g;
            *w -= self.rate * *m / (v.sqrt() * self.root + self.epsilon);
        }
    }
}
