//! Precision@k: the share of the list that is relevant. A list shorter than k is filled with what is not.

use super::hits;

/// |list ∩ relevant| / k; `relevant` ascends.
#[must_use]
pub fn precision(list: &[u32], relevant: &[u32], k: usize) -> f64 {
    hits(list, relevant) as f64 / k.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_five_places() {
        assert!((precision(&[5, 1, 8, 3], &[1, 3, 7], 5) - 0.4).abs() < 1e-15);
    }
}
