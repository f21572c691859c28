//! MAE: the mean absolute error.

use super::weighted_mean;

/// The weighted mean of |score − label|. Lower is better.
pub fn mae(labels: &[f64], scores: &[f64], weights: Option<&[f64]>) -> Option<f64> {
    weighted_mean(labels, scores, weights, |label, score| (score - label).abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(mae(&[1.0, 5.0], &[4.0, 1.0], None), Some(3.5));
        assert_eq!(mae(&[1.0, 5.0], &[4.0, 1.0], Some(&[3.0, 1.0])), Some(3.25));
        assert_eq!(mae(&[1.0], &[1.0, 2.0], None), None);
    }
}
