//! The softmax of a positive's score p among candidates' scores s: `−ln(e^p / (e^p + Σ e^s))`.

use rankine_kernel::{Real, softmax};

/// Turns the candidates' scores (−∞ for those that do not count) into their slopes; returns the loss and the slope of p.
pub(super) fn row<T: Real>(scores: &mut [T], positive: T) -> (T, T) {
    let (top, sum) = softmax::powers(scores, positive);
    let own = (positive - top).exp();
    let sum = sum + own;
    let inverse = T::ONE / sum;
    scores.iter_mut().for_each(|s| *s *= inverse);
    let value = T::of(sum.to_f64().ln()) + top - positive;
    (value, own * inverse - T::ONE)
}
