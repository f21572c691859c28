//! Hit rate@k: 1 where anything relevant is in the list, else 0; over users, the share of lists that hit.

use super::hits;

/// Returns 1 if any of the list is relevant, else 0; `relevant` ascends.
#[must_use]
pub fn hit_rate(list: &[u32], relevant: &[u32]) -> f64 {
    f64::from(u8::from(hits(list, relevant) > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_enough() {
        assert_eq!(hit_rate(&[4, 9, 2], &[2, 3]).to_bits(), 1.0_f64.to_bits());
        assert_eq!(hit_rate(&[4, 9], &[2, 3]).to_bits(), 0.0_f64.to_bits());
    }
}
