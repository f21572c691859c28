//! Binary cross-entropy on the logit, in the form that never overflows: `ln(1 + e^z) − y·z`, slope `σ(z) − y`.

use super::{Judged, TOGETHER};
use rankine_kernel::logistic::logistic;
use rankine_kernel::{Real, activation};

/// The cost of logit `z` where the probability should be `y`.
pub(super) fn value<T: Real>(z: T, y: T) -> T {
    activation::softplus(z) - y * z
}

/// `σ(z) − y`.
pub(super) fn slope<T: Real>(z: T, y: T) -> T {
    activation::sigmoid(z) - y
}

/// Everything from one exponential.
#[inline]
pub(super) fn all<T: Real>(z: T, y: T) -> Judged<T> {
    let e = (-z.abs()).exp();
    let (high, top) = if z > T::ZERO { (z, T::ONE) } else { (T::ZERO, e) };
    let answer = top / (T::ONE + e);
    // The value is only reported: f64's logarithm is faster than `ln_1p` and exact enough.
    let log = T::of((1.0 + e.to_f64()).ln());
    Judged {
        value: high + log - y * z,
        slope: answer - y,
        answer,
    }
}

/// Everything of many outputs.
pub(super) fn each<T: Real>(z: &[T], y: &[T], judged: &mut [Judged<T>; TOGETHER]) {
    let (mut answers, mut costs) = ([T::ZERO; TOGETHER], [T::ZERO; TOGETHER]);
    logistic(z, &mut answers[..z.len()], &mut costs[..z.len()]);
    let said = answers.into_iter().zip(costs).zip(z.iter().zip(y));
    for (judged, ((answer, cost), (&z, &y))) in judged.iter_mut().zip(said) {
        *judged = Judged {
            value: cost - y * z,
            slope: answer - y,
            answer,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_by_hand_and_at_the_extremes() {
        assert!((value(0.0_f64, 1.0) - 2.0_f64.ln()).abs() < 1e-15);
        assert!((value(2.0_f64, 0.0) - (1.0 + 2.0_f64.exp()).ln()).abs() < 1e-15);
        assert!((value(-800.0_f32, 1.0) - 800.0).abs() < 1e-3);
        assert!(value(800.0_f32, 1.0).abs() < 1e-6);
        assert!((slope(0.0_f64, 1.0) + 0.5).abs() < 1e-15);
    }
}
