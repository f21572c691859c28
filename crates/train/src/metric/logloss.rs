//! Logloss: the negative log-likelihood of the labels per row.
//!
//! Decision: scores are clipped to `CLIP … 1 − CLIP` with Keras's 1e-7, so that one certain mistake costs 16.1 and not
//! infinity; scikit-learn's own clip depends on the type of the array it is given.

use super::weighted_mean;

/// How close to 0 and 1 a probability may come.
pub const CLIP: f64 = 1e-7;

/// Mean of −(y ln p + (1 − y) ln(1 − p)), natural logarithm; labels 0 … 1, scores are probabilities. Lower is better.
pub fn logloss(labels: &[f64], scores: &[f64], weights: Option<&[f64]>) -> Option<f64> {
    weighted_mean(labels, scores, weights, |label, score| {
        let p = score.clamp(CLIP, 1.0 - CLIP);
        -(label * p.ln() + (1.0 - label) * (1.0 - p).ln())
    })
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    #[test]
    fn agrees_with_the_oracle() {
        let (labels, scores, weights) = golden::rows();
        golden::assert_agrees(logloss(&labels, &scores, None), "logloss");
        golden::assert_agrees(logloss(&labels, &scores, Some(&weights)), "logloss_weighted");
    }

    #[test]
    fn a_coin_costs_ln_2_and_certainty_is_bounded() {
        assert!((logloss(&[1.0, 0.0], &[0.5, 0.5], None).unwrap() - 2.0_f64.ln()).abs() < 1e-15);
        assert!((logloss(&[1.0], &[0.0], None).unwrap() + CLIP.ln()).abs() < 1e-12);
        assert!((logloss(&[1.0], &[-3.0], None).unwrap() + CLIP.ln()).abs() < 1e-12);
    }
}
