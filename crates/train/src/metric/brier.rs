//! Brier score: the mean squared error of a probability (Brier 1950).
//!
//! Decision: scores are clipped to 0 … 1 first, as a forecast outside could only be meant as its nearer end.

use super::weighted_mean;

/// Mean of (p − y)²; labels 0 … 1, scores are probabilities. Lower is better, a constant 0.5 gets 0.25.
pub fn brier(labels: &[f64], scores: &[f64], weights: Option<&[f64]>) -> Option<f64> {
    weighted_mean(labels, scores, weights, |label, score| {
        (score.clamp(0.0, 1.0) - label).powi(2)
    })
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    #[test]
    fn agrees_with_the_oracle() {
        let (labels, scores, _) = golden::rows();
        golden::assert_agrees(brier(&labels, &scores, None), "brier");
    }

    #[test]
    fn by_hand() {
        assert_eq!(brier(&[1.0, 0.0], &[0.5, 0.5], None), Some(0.25));
        assert_eq!(brier(&[1.0, 0.0], &[2.0, 0.5], Some(&[3.0, 1.0])), Some(0.0625));
    }
}
