//! The softmax of a positive's score p among candidates' scores s: `−ln(e^p / (e^p + Σ e^s))`.

use rankine_kernel::{Real, softmax};

/// Turns the candidates' scores (−∞ for those that do not count) into powers, which are their slopes but for a factor; returns the loss,
/// the slope of p, and that factor. Whoever multiplies the powers by vectors applies it to those, which are shorter.
pub(super) fn row<T: Real>(scores: &mut [T], positive: T) -> (T, T, T) {
    let (top, sum) = softmax::powers(scores, positive);
    let own = (positive - top).exp();
    let sum = sum + own;
    let inverse = T::ONE / sum;
    let value = T::of(sum.to_f64().ln()) + top - positive;
    (value, own * inverse - T::ONE, inverse)
}
