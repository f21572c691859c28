//! The softmax of a positive's score p among candidates' scores s: `−ln(e^p / (e^p + Σ e^s))`.

use rankine_kernel::{Real, dense, softmax};

/// Turns the candidates' scores (−∞ for those that do not count) into `share` times their slopes; returns the loss and the slope of p.
pub(super) fn row<T: Real>(scores: &mut [T], positive: T, share: T) -> (T, T) {
    let (top, sum) = softmax::powers(scores, positive);
    let own = (positive - top).exp();
    let sum = sum + own;
    let inverse = T::ONE / sum;
    dense::scale(inverse * share, scores);
    let value = T::of(sum.to_f64().ln()) + top - positive;
    (value, own * inverse - T::ONE)
}
