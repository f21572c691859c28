//! PR-AUC as average precision.
//!
//! Decision: the step-wise sum of scikit-learn (`average_precision_score`), not the trapezoid, which is too optimistic
//! (Davis and Goadrich 2006). All rows of one score form one threshold.

use super::{Ranked, valid};

/// Average precision, Σₙ (Rₙ − Rₙ₋₁) Pₙ over falling thresholds; `None` without weight on positives.
///
/// A random order gives the share of positives, not 0.5. Cost: O(n log n).
pub fn pr_auc(labels: &[f64], scores: &[f64], weights: Option<&[f64]>) -> Option<f64> {
    valid(labels, scores, weights)?;
    Ranked::new(labels, scores)?.areas(weights).1
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    #[test]
    fn agrees_with_the_oracle() {
        let (labels, scores, _) = golden::rows();
        golden::assert_agrees(pr_auc(&labels, &scores, None), "pr_auc");
    }

    #[test]
    fn by_hand() {
        // thresholds: + (P 1, R 1/2), − , + (P 2/3, R 1)
        let found = pr_auc(&[1.0, 0.0, 1.0], &[0.9, 0.8, 0.7], None).unwrap();
        assert!((found - (0.5 + 0.5 * 2.0 / 3.0)).abs() < 1e-15);
        assert_eq!(pr_auc(&[1.0, 0.0, 0.0, 0.0], &[0.1; 4], None), Some(0.25));
        assert_eq!(pr_auc(&[0.0, 0.0], &[0.9, 0.8], None), None);
    }

    #[test]
    fn a_weight_of_two_is_the_row_twice() {
        let weighted = pr_auc(&[1.0, 0.0, 1.0], &[0.5, 0.6, 0.2], Some(&[2.0, 1.0, 1.0])).unwrap();
        let repeated = pr_auc(&[1.0, 1.0, 0.0, 1.0], &[0.5, 0.5, 0.6, 0.2], None).unwrap();
        assert!((weighted - repeated).abs() < 1e-15);
    }
}
