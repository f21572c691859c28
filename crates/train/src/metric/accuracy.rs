//! Accuracy: the share of rows on the right side of a threshold.
//!
//! Decision: a score must be *above* the threshold to count as positive, as in Keras's `BinaryAccuracy`.

use super::{positive, weighted_mean};

/// The weighted share of rows where `score > threshold` agrees with the label. Higher is better.
pub fn accuracy(labels: &[f64], scores: &[f64], weights: Option<&[f64]>, threshold: f64) -> Option<f64> {
    weighted_mean(labels, scores, weights, |label, score| {
        f64::from((score > threshold) == positive(label))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_itself_is_negative() {
        assert_eq!(
            accuracy(&[1.0, 0.0, 1.0, 0.0], &[0.9, 0.5, 0.5, 0.6], None, 0.5),
            Some(0.5)
        );
    }

    #[test]
    fn weights_count() {
        assert_eq!(
            accuracy(&[1.0, 0.0], &[0.9, 0.9], Some(&[3.0, 1.0]), 0.5),
            Some(0.75)
        );
    }

    #[test]
    fn the_oracles_rows_counted_by_hand() {
        let (labels, scores, _) = super::super::golden::rows();
        let right = labels
            .iter()
            .zip(&scores)
            .filter(|(y, s)| (**s > 0.5) == (**y == 1.0))
            .count();
        assert_eq!(accuracy(&labels, &scores, None, 0.5), Some(right as f64 / 500.0));
    }
}
