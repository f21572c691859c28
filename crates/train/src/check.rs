//! Finite differences: what every hand-written gradient is compared with. Tests only.
//!
//! Central differences in f64 with a step of 1e-5 leave an error near 1e-9 on smooth functions; relu's kink is avoided
//! by continuous random inputs.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// `n` numbers from −1 to 1.
pub(crate) fn random(n: usize, seed: u64) -> Vec<f64> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    (0..n).map(|_| random.random_range(-1.0..1.0)).collect()
}

/// Panics unless `gradient` is the gradient of `cost` at `at`, within 1e-6 relative to 1 + |gradient|.
pub(crate) fn differences(at: &[f64], gradient: &[f64], mut cost: impl FnMut(&[f64]) -> f64) {
    assert_eq!(at.len(), gradient.len());
    let mut moved = at.to_vec();
    for i in 0..at.len() {
        let step = 1e-5;
        moved[i] = at[i] + step;
        let above = cost(&moved);
        moved[i] = at[i] - step;
        let below = cost(&moved);
        moved[i] = at[i];
        let numeric = (above - below) / (2.0 * step);
        let error = (numeric - gradient[i]).abs() / (1.0 + numeric.abs());
        assert!(
            error < 1e-6,
            "component {i}: analytic {} numeric {numeric}",
            gradient[i]
        );
    }
}
