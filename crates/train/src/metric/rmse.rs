//! RMSE: the root of the mean squared error.
//!
//! Decision: scores are taken as they are, not clipped: of a model of values an overshoot is an error like any other.

use super::weighted_mean;

/// √ of the weighted mean of (score − label)². Lower is better.
pub fn rmse(labels: &[f64], scores: &[f64], weights: Option<&[f64]>) -> Option<f64> {
    weighted_mean(labels, scores, weights, |label, score| (score - label).powi(2)).map(f64::sqrt)
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(rmse(&[1.0, 5.0], &[4.0, 1.0], None), Some(12.5_f64.sqrt()));
        assert_eq!(rmse(&[1.0, 5.0], &[4.0, 1.0], Some(&[1.0, 0.0])), Some(3.0));
        assert_eq!(rmse(&[], &[], None), None);
    }

    #[test]
    fn is_the_root_of_the_oracles_brier_score() {
        let (labels, scores, _) = golden::rows();
        let squared = rmse(&labels, &scores, None).map(|v| v * v);
        golden::assert_agrees(squared, "brier");
    }
}
