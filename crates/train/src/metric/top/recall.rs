//! Recall@k: the share of what is relevant that the list has.

use super::hits;

/// |list ∩ relevant| / |relevant|; 0 where nothing is relevant. `relevant` ascends.
#[must_use]
pub fn recall(list: &[u32], relevant: &[u32]) -> f64 {
    hits(list, relevant) as f64 / relevant.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_three() {
        assert!((recall(&[5, 1, 8, 3], &[1, 3, 7]) - 2.0 / 3.0).abs() < 1e-15);
        assert_eq!(recall(&[5], &[]).to_bits(), 0.0_f64.to_bits());
    }
}
