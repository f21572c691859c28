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

/// Labels of the training rows, each with how much it counts: a row of weight 2 is two rows.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    values: &'a [f64],
    weights: Option<&'a [f64]>,
}

impl<'a> Labels<'a> {
    /// Labels and the weight of each; `None` where all count alike.
    #[must_use]
    pub fn weighted(values: &'a [f64], weights: Option<&'a [f64]>) -> Self {
        Self { values, weights }
    }

    /// Each label with its weight.
    fn pairs(self) -> impl Iterator<Item = (f64, f64)> + use<'a> {
        let weight = move |row: usize| {
            self.weights
                .map_or(1.0, |weights| weights.get(row).copied().unwrap_or(1.0))
        };
        self.values
            .iter()
            .enumerate()
            .map(move |(row, label)| (*label, weight(row)))
    }

    /// The mean; 0.5 when there are none, or none that counts.
    fn mean(self) -> f64 {
        let add = |(sum, all): (f64, f64), (label, weight): (f64, f64)| (sum + weight * label, all + weight);
        let (sum, all) = self.pairs().fold((0.0, 0.0), add);
        if all > 0.0 { sum / all } else { 0.5 }
    }
}

impl<'a> From<&'a [f64]> for Labels<'a> {
    fn from(values: &'a [f64]) -> Self {
        Self::weighted(values, None)
    }
}

impl<'a, const N: usize> From<&'a [f64; N]> for Labels<'a> {
    fn from(values: &'a [f64; N]) -> Self {
        Self::weighted(values, None)
    }
}

impl<'a> From<&'a Vec<f64>> for Labels<'a> {
    fn from(values: &'a Vec<f64>) -> Self {
        Self::weighted(values, None)
    }
}

/// The mean of `values`; 0.5 when there are none.
fn mean(values: &[f64]) -> f64 {
    Labels::from(values).mean()
}

/// Smoothed means by id: `(Σ w·label + smoothing × overall) / (Σ w + smoothing)`.
#[derive(Debug, Clone, PartialEq)]
struct Means {
    overall: f64,
    by_id: FxHashMap<i64, f64>,
}

impl Means {
    /// Pairs `ids` and `labels` row by row, up to the shorter.
    fn fit<'a>(ids: &[i64], labels: impl Into<Labels<'a>>, smoothing: f64) -> Means {
        let labels = labels.into();
        let overall = labels.mean();
        let mut sums: FxHashMap<i64, (f64, f64)> = FxHashMap::default();
        for (id, (label, weight)) in ids.iter().zip(labels.pairs()) {
            let (sum, rows) = sums.entry(*id).or_default();
            (*sum, *rows) = (*sum + weight * label, *rows + weight);
        }
        let smooth = |(sum, rows)| match rows + smoothing > 0.0 {
            true => (sum + smoothing * overall) / (rows + smoothing),
            false => overall,
        };
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
    fn a_row_of_weight_two_is_two_rows() {
        let (ids, labels, weights) = ([1, 2, 1, 3], [1.0, 0.0, 0.0, 1.0], [2.0, 1.0, 0.5, 0.0]);
        let (twice, again) = ([1, 1, 2, 2, 1], [1.0, 1.0, 0.0, 0.0, 0.0]);
        let halves = [1.0, 1.0, 0.5, 0.5, 0.5];
        let one = Labels::weighted(&labels, Some(&weights));
        let other = Labels::weighted(&again, Some(&halves));
        assert_eq!(one.mean(), other.mean());
        let (one, other) = (Means::fit(&ids, one, 5.0), Means::fit(&twice, other, 5.0));
        assert_eq!(
            [one.of(1), one.of(2), one.of(3)],
            [other.of(1), other.of(2), other.of(3)]
        );
        assert_eq!(
            Means::fit(&[1], Labels::weighted(&[1.0], Some(&[0.0])), 0.0).of(1),
            0.5
        );
    }

    #[test]
    fn without_smoothing_they_are_plain_means() {
        let means = Means::fit(&[1, 1, 2], &[1.0, 0.0, 0.0], 0.0);
        assert_eq!((means.of(1), means.of(2)), (0.5, 0.0));
        assert_eq!(Means::fit(&[], &[], 0.0).of(1), 0.5);
    }
}
