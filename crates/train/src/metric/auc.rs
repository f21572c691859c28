//! ROC-AUC: how often a positive is scored above a negative.
//!
//! Decision: exact, from sorted rows with ties averaged; the histogram that the progress bar shows is another thing.

use super::{Ranked, valid};

/// Area under the ROC curve, ties counted half; `None` unless both classes have weight.
///
/// Order: one label and one score per row, higher score = more likely positive. Cost: O(n log n).
pub fn auc(labels: &[f64], scores: &[f64], weights: Option<&[f64]>) -> Option<f64> {
    valid(labels, scores, weights)?;
    Ranked::new(labels, scores)?.auc(weights)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::golden;
    use super::*;

    /// The definition, pair by pair.
    fn by_pairs(labels: &[f64], scores: &[f64], weights: &[f64]) -> Option<f64> {
        let (mut won, mut all) = (0.0, 0.0);
        for i in (0..labels.len()).filter(|i| labels[*i] > 0.5) {
            for j in (0..labels.len()).filter(|j| labels[*j] <= 0.5) {
                let share = if scores[i] > scores[j] {
                    1.0
                } else {
                    0.5 * f64::from(scores[i] == scores[j])
                };
                won += weights[i] * weights[j] * share;
                all += weights[i] * weights[j];
            }
        }
        (all > 0.0).then(|| won / all)
    }

    #[test]
    fn agrees_with_the_oracle() {
        let (labels, scores, weights) = golden::rows();
        golden::assert_agrees(auc(&labels, &scores, None), "auc");
        golden::assert_agrees(auc(&labels, &scores, Some(&weights)), "auc_weighted");
    }

    #[test]
    fn constant_scores_are_a_half() {
        assert_eq!(auc(&[1.0, 0.0, 0.0], &[0.3, 0.3, 0.3], None), Some(0.5));
    }

    proptest! {
        #[test]
        fn equals_its_definition(rows in prop::collection::vec((0..2_u8, 0..6_u8, 0.0..2.0_f64), 0..30)) {
            let labels: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.1)).collect();
            let weights: Vec<f64> = rows.iter().map(|r| r.2).collect();
            match (auc(&labels, &scores, Some(&weights)), by_pairs(&labels, &scores, &weights)) {
                (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-12),
                (a, b) => prop_assert_eq!(a, b),
            }
        }

        #[test]
        fn reversing_the_scores_mirrors_it(rows in prop::collection::vec((0..2_u8, 0..6_u8), 1..30)) {
            let labels: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.1)).collect();
            let mirrored: Vec<f64> = scores.iter().map(|s| -s).collect();
            if let (Some(a), Some(b)) = (auc(&labels, &scores, None), auc(&labels, &mirrored, None)) {
                prop_assert!((a + b - 1.0).abs() < 1e-12);
            }
        }
    }
}
