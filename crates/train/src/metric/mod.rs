//! How good scores are: ROC-AUC, PR-AUC, logloss, GAUC, accuracy, Brier score, calibration, RMSE, MAE and NDCG, always
//! beside baselines.
//!
//! Flow: held-out labels + scores of models and of trivial baselines → [`Evaluation`] → text, Markdown, JSON. Decision:
//! metrics take plain f64 slices, row by row, and answer `None` where the figure is not defined (one class only, no
//! rows, lengths that differ, a score that is not a number); a made-up 0.5 or 0 would be read as a result.
//!
//! A label above 0.5 is positive. Weights are 0 or more; `None` means 1 each.
//!
//! ```
//! use rankine_train::metric;
//!
//! let (labels, scores) = ([0.0, 0.0, 1.0, 1.0], [0.1, 0.4, 0.35, 0.8]);
//! assert_eq!(metric::auc(&labels, &scores, None), Some(0.75));
//! assert_eq!(metric::auc(&[1.0, 1.0], &[0.2, 0.3], None), None);
//! ```

mod accuracy;
mod auc;
mod brier;
mod ece;
mod evaluation;
mod gauc;
mod intervals;
mod logloss;
mod mae;
mod ndcg;
mod pr_auc;
mod ranked;
mod report;
mod rmse;
mod slice;
pub mod top;

pub use accuracy::accuracy;
pub use auc::auc;
pub use brier::brier;
pub use ece::{BINS, CalibrationBin, calibration, ece};
pub use evaluation::{Difference, Evaluation, Evaluator, Line, Measures, Observed};
pub use gauc::{Gauc, gauc};
pub use intervals::{Bounds, Intervals};
pub use logloss::{CLIP, logloss};
pub use mae::mae;
pub use ndcg::{Ties, ndcg, ndcg_by_group};
pub use pr_auc::pr_auc;
pub use ranked::Ranked;
pub(crate) use report::markdown_cell;
pub use rmse::rmse;
pub use slice::{Slice, SliceRows};

/// Says whether a label counts as positive.
fn positive(label: f64) -> bool {
    label > 0.5
}

/// Checks rows once for all metrics: equal lengths, nothing `NaN`, weights finite and not negative.
fn valid(labels: &[f64], scores: &[f64], weights: Option<&[f64]>) -> Option<()> {
    let lengths = labels.len() == scores.len() && weights.is_none_or(|w| w.len() == labels.len());
    let numbers = labels.iter().chain(scores).all(|v| !v.is_nan());
    let weighted = weights.is_none_or(|w| w.iter().all(|v| v.is_finite() && *v >= 0.0));
    (lengths && numbers && weighted).then_some(())
}

/// The weighted mean of `cost(label, score)`; `None` when the weights sum to nothing.
fn weighted_mean(
    labels: &[f64],
    scores: &[f64],
    weights: Option<&[f64]>,
    cost: impl Fn(f64, f64) -> f64,
) -> Option<f64> {
    valid(labels, scores, weights)?;
    let weight = |row: usize| weights.map_or(1.0, |w| w[row]);
    let total: f64 = (0..labels.len()).map(weight).sum();
    let sum: f64 = (0..labels.len())
        .map(|row| weight(row) * cost(labels[row], scores[row]))
        .sum();
    (total > 0.0).then(|| sum / total)
}

#[cfg(test)]
pub(crate) mod golden {
    //! The oracle file: figures of scikit-learn on one set of rows.

    /// The committed oracle.
    pub(crate) fn oracle() -> serde_json::Value {
        serde_json::from_str(include_str!("../../tests/data/golden_metrics.json")).unwrap()
    }

    /// One array of the oracle.
    pub(crate) fn numbers(value: &serde_json::Value) -> Vec<f64> {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect()
    }

    /// Labels, scores and weights of the oracle.
    pub(crate) fn rows() -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let oracle = oracle();
        (
            numbers(&oracle["y"]),
            numbers(&oracle["s"]),
            numbers(&oracle["w"]),
        )
    }

    /// Fails unless `found` agrees with the oracle's figure `name` within 1e-12.
    pub(crate) fn assert_agrees(found: Option<f64>, name: &str) {
        let (found, expected) = (found.unwrap(), oracle()[name].as_f64().unwrap());
        assert!(
            (found - expected).abs() < 1e-12,
            "{name}: {found} against {expected}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels, scores, weights.
    type Case = (&'static [f64], &'static [f64], Option<&'static [f64]>);

    #[test]
    fn undefined_is_none_everywhere() {
        let cases: [Case; 5] = [
            (&[], &[], None),
            (&[1.0, 0.0], &[0.5], None),
            (&[1.0, 0.0], &[0.5, f64::NAN], None),
            (&[1.0, 0.0], &[0.5, 0.1], Some(&[0.0, 0.0])),
            (&[1.0, 0.0], &[0.5, 0.1], Some(&[1.0, -1.0])),
        ];
        for (labels, scores, weights) in cases {
            assert_eq!(auc(labels, scores, weights), None);
            assert_eq!(pr_auc(labels, scores, weights), None);
            assert_eq!(logloss(labels, scores, weights), None);
            assert_eq!(accuracy(labels, scores, weights, 0.5), None);
            assert_eq!(brier(labels, scores, weights), None);
            assert_eq!(ece(labels, scores, weights), None);
            assert_eq!(rmse(labels, scores, weights), None);
            assert_eq!(mae(labels, scores, weights), None);
        }
    }
}
