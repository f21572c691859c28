//! AdamW: w −= rate·decay·w, then Adam's step. Loshchilov and Hutter 2019, arXiv:1711.05101. Over rows of a table only
//! the rows of the batch decay.

use super::Rule;
use crate::real::Real;

/// The rule at one step.
#[derive(Clone, Copy)]
pub(super) struct Step<T> {
    adam: super::adam::Step<T>,
    kept: T,
}

impl<T: Real> Step<T> {
    /// `lost` is the rate times the decay.
    pub(super) fn new(adam: super::adam::Step<T>, lost: f64) -> Self {
        Step {
            adam,
            kept: T::of(1.0 - lost),
        }
    }
}

impl<T: Real> Rule<T> for Step<T> {
    #[inline(always)]
    fn step(self, w: &mut [T], g: &[T], state: &mut [T]) {
        for w in w.iter_mut() {
            *w *= self.kept;
        }
        self.adam.step(w, g, state);
    }
}
