//! Trivial predictors every model is measured against.
//!
//! Flow: training rows → fit → scores for held-out rows → a line of the [`Evaluation`](crate::metric::Evaluation) beside
//! the model's. Decision: baselines see training rows only; [`PointInTime`] alone uses figures of the held-out rows, and
//! only those the samples carry as known before their time.

mod constant;
mod item_mean;
mod item_user_mean;
mod point_in_time;

pub use constant::Constant;
pub use item_mean::ItemMean;
pub use item_user_mean::ItemUserMean;
pub use point_in_time::PointInTime;

use rustc_hash::FxHashMap;

/// How many rows with the overall mean every id is given by default.
pub const SMOOTHING: f64 = 5.0;

/// The mean of `labels`; 0.5 when there are none.
fn mean(labels: &[f64]) -> f64 {
    if labels.is_empty() {
        0.5
    } else {
        labels.iter().sum::<f64>() / labels.len() as f64
    }
}

/// Smoothed means by id: `(sum + smoothing × overall) / (rows + smoothing)`.
#[derive(Debug, Clone, PartialEq)]
struct Means {
    overall: f64,
    by_id: FxHashMap<i64, f64>,
}

impl Means {
    /// Pairs `ids` and `labels` row by row, up to the shorter.
    fn fit(ids: &[i64], labels: &[f64], smoothing: f64) -> Means {
        let overall = mean(labels);
        let mut sums: FxHashMap<i64, (f64, f64)> = FxHashMap::default();
        for (id, label) in ids.iter().zip(labels) {
            let (sum, rows) = sums.entry(*id).or_default();
            (*sum, *rows) = (*sum + label, *rows + 1.0);
        }
        let smooth = |(sum, rows)| (sum + smoothing * overall) / (rows + smoothing);
        Means {
            overall,
            by_id: sums.into_iter().map(|(id, own)| (id, smooth(own))).collect(),
        }
    }

    /// The mean of `id`, or the overall mean when training never saw it.
    fn of(&self, id: i64) -> f64 {
        self.by_id.get(&id).copied().unwrap_or(self.overall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_rows_are_pulled_to_the_overall_mean() {
        let means = Means::fit(&[1, 1, 2], &[1.0, 1.0, 0.0], 1.0);
        let overall = 2.0 / 3.0;
        assert!((means.of(1) - (2.0 + overall) / 3.0).abs() < 1e-15);
        assert!((means.of(2) - overall / 2.0).abs() < 1e-15);
        assert!((means.of(99) - overall).abs() < 1e-15);
    }

    #[test]
    fn without_smoothing_they_are_plain_means() {
        let means = Means::fit(&[1, 1, 2], &[1.0, 0.0, 0.0], 0.0);
        assert_eq!((means.of(1), means.of(2)), (0.5, 0.0));
        assert_eq!(Means::fit(&[], &[], 0.0).of(1), 0.5);
    }
}
