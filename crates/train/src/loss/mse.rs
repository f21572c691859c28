//! Squared error `(z − y)²`: the loss of regressions; no sigmoid.

use rankine_kernel::Real;

/// `(z − y)²`.
pub(super) fn value<T: Real>(z: T, y: T) -> T {
    (z - y) * (z - y)
}

/// `2 (z − y)`.
pub(super) fn slope<T: Real>(z: T, y: T) -> T {
    (z - y) + (z - y)
}

#[cfg(test)]
mod tests {
    #[test]
    fn values_by_hand() {
        assert!((super::value(3.0_f64, 1.0) - 4.0).abs() < 1e-15);
        assert!((super::slope(3.0_f64, 1.0) - 4.0).abs() < 1e-15);
    }
}
