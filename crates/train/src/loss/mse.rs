//! Squared error `(z − y)²`: the loss of regressions; no sigmoid.

use super::Judged;
use rankine_kernel::Real;

/// `(z − y)²`.
pub(super) fn value<T: Real>(z: T, y: T) -> T {
    (z - y) * (z - y)
}

/// `2 (z − y)`.
pub(super) fn slope<T: Real>(z: T, y: T) -> T {
    (z - y) + (z - y)
}

/// Both, and the number itself as the answer.
#[inline]
pub(super) fn all<T: Real>(z: T, y: T) -> Judged<T> {
    Judged {
        value: value(z, y),
        slope: slope(z, y),
        answer: z,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn values_by_hand() {
        assert!((super::value(3.0_f64, 1.0) - 4.0).abs() < 1e-15);
        assert!((super::slope(3.0_f64, 1.0) - 4.0).abs() < 1e-15);
    }
}
