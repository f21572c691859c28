//! Bayesian personalised ranking: the mean over candidates of `ln(1 + e^(s − p))`; Rendle et al. 2009, arXiv:1205.2618.

use rankine_kernel::Real;
use rankine_kernel::activation::{sigmoid, softplus};

/// Turns the candidates' scores (−∞ for those that do not count) into their slopes but for a factor; returns the loss, the slope of p, and
/// that factor.
pub(super) fn row<T: Real>(scores: &mut [T], positive: T) -> (T, T, T) {
    super::hinge::pairs(scores, |s| {
        let gap = s - positive;
        (softplus(gap), sigmoid(gap))
    })
}
