//! Reciprocal rank, the mean of which over users is MRR@k: one over the place of the first hit.

use super::is;

/// 1 / place of the first relevant item; 0 where the list has none. `relevant` ascends.
#[must_use]
pub fn reciprocal_rank(list: &[u32], relevant: &[u32]) -> f64 {
    let first = list.iter().position(|item| is(relevant, *item));
    first.map_or(0.0, |place| 1.0 / (place as f64 + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hit_counts() {
        assert!((reciprocal_rank(&[5, 8, 3, 1], &[1, 3]) - 1.0 / 3.0).abs() < 1e-15);
        assert_eq!(reciprocal_rank(&[5, 8], &[1, 3]).to_bits(), 0.0_f64.to_bits());
    }
}
