//! Calibration: whether 30 % means 30 % (expected calibration error, Naeini et al. 2015), and the bins of a reliability plot.
//!
//! ECE = Σ_b (w_b / w) |mean prediction_b − share of positives_b| over 15 bins of equal width. Decision: bins of equal width
//! and not of equal size, as in most papers, so that figures compare; a bin without rows contributes nothing.

use serde::{Deserialize, Serialize};

use super::valid;

/// Bins of equal width.
pub const BINS: usize = 15;

/// One bin of predictions.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Mean of the predictions in it.
    pub predicted: f64,
    /// Mean of their labels.
    pub observed: f64,
    /// Sum of their weights.
    pub weight: f64,
}

/// The bins that have rows, from the lowest predictions; scores are probabilities and clipped to 0 … 1. None without rows.
pub fn calibration(labels: &[f64], scores: &[f64], weights: Option<&[f64]>) -> Option<Vec<CalibrationBin>> {
    valid(labels, scores, weights)?;
    let mut bins = [CalibrationBin::default(); BINS];
    for (row, (label, score)) in labels.iter().zip(scores).enumerate() {
        let (score, weight) = (score.clamp(0.0, 1.0), weights.map_or(1.0, |w| w[row]));
        let bin = &mut bins[place(score)];
        bin.predicted += weight * score;
        bin.observed += weight * label;
        bin.weight += weight;
    }
    let full = bins.iter_mut().filter(|bin| bin.weight > 0.0);
    let means = full.map(|bin| CalibrationBin {
        predicted: bin.predicted / bin.weight,
        observed: bin.observed / bin.weight,
        weight: bin.weight,
    });
    let means: Vec<CalibrationBin> = means.collect();
    (!means.is_empty()).then_some(means)
}

/// The bin of a score in 0 … 1.
pub(super) fn place(score: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the bins"
    )]
    let bin = (score * BINS as f64) as usize;
    bin.min(BINS - 1)
}

/// Mean distance between prediction and truth over the bins. Lower is better.
pub fn ece(labels: &[f64], scores: &[f64], weights: Option<&[f64]>) -> Option<f64> {
    let bins = calibration(labels, scores, weights)?;
    let total: f64 = bins.iter().map(|bin| bin.weight).sum();
    let off = |bin: &CalibrationBin| bin.weight * (bin.predicted - bin.observed).abs();
    Some(bins.iter().map(off).sum::<f64>() / total)
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    #[test]
    fn by_hand() {
        // bin 1 (0.1): observed 0.5; bin 12 (0.8 and 0.85): observed 1
        let (labels, scores) = ([1.0, 0.0, 1.0, 1.0], [0.1, 0.1, 0.81, 0.85]);
        let expected = 0.5 * 0.4 + 0.5 * 0.17;
        assert!((ece(&labels, &scores, None).unwrap() - expected).abs() < 1e-12);
        let bins = calibration(&labels, &scores, Some(&[1.0, 3.0, 1.0, 1.0])).unwrap();
        assert_eq!((bins.len(), bins[0].weight, bins[0].observed), (2, 4.0, 0.25));
        assert!((bins[1].predicted - 0.83).abs() < 1e-12);
    }

    #[test]
    fn a_share_predicted_for_all_is_calibrated_and_useless() {
        let labels = [1.0, 0.0, 0.0, 1.0];
        assert_eq!(ece(&labels, &[0.5; 4], None), Some(0.0));
        assert_eq!(ece(&labels, &[2.0; 4], None), Some(0.5));
    }

    #[test]
    fn agrees_with_a_count_over_the_oracles_rows() {
        let (labels, scores, weights) = golden::rows();
        let mut sum = 0.0;
        for bin in 0..BINS {
            let (low, high) = (bin as f64 / 15.0, (bin + 1) as f64 / 15.0);
            let inside = |i: &usize| scores[*i] >= low && (scores[*i] < high || bin == BINS - 1);
            let rows: Vec<usize> = (0..labels.len()).filter(inside).collect();
            sum += rows
                .iter()
                .map(|i| weights[*i] * (scores[*i] - labels[*i]))
                .sum::<f64>()
                .abs();
        }
        let expected = sum / weights.iter().sum::<f64>();
        let found = ece(&labels, &scores, Some(&weights)).unwrap();
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }

    #[test]
    fn nothing_is_none() {
        assert_eq!(ece(&[], &[], None), None);
        assert_eq!(ece(&[1.0], &[f64::NAN], None), None);
        assert_eq!(ece(&[1.0], &[0.5], Some(&[0.0])), None);
    }
}
