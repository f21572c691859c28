//! The hinge on differences: the mean over candidates of `max(0, margin − (p − s))`.

use rankine_kernel::Real;

/// Turns the candidates' scores (−∞ for those that do not count) into their slopes but for a factor; returns the loss, the slope of p, and
/// that factor.
pub(super) fn row<T: Real>(scores: &mut [T], positive: T, margin: T) -> (T, T, T) {
    pairs(scores, |s| {
        let gap = margin + s - positive;
        if gap > T::ZERO {
            (gap, T::ONE)
        } else {
            (T::ZERO, T::ZERO)
        }
    })
}

/// The mean over the candidates that count of what `judge` says of each: value, and slope with respect to s (that of p is
/// its negative); what the slopes lack is the mean's share.
pub(super) fn pairs<T: Real>(scores: &mut [T], judge: impl Fn(T) -> (T, T)) -> (T, T, T) {
    let none = T::of(f64::NEG_INFINITY);
    let count = scores.iter().filter(|s| **s > none).count();
    let share = T::ONE / T::of(count.max(1) as f64);
    let (mut value, mut slope) = (T::ZERO, T::ZERO);
    for s in scores {
        let (v, g) = if *s > none { judge(*s) } else { (T::ZERO, T::ZERO) };
        value += v * share;
        *s = g;
        slope += g;
    }
    (value, -slope * share, share)
}
