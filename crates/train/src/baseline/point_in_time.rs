//! Item mean plus user mean as they were known just before each row: the live figures a server could have used.
//!
//! Flow: the samples' own columns (`movieAvgRating`, `userAvgRating`) → sum → probability. Decision: the columns are
//! mean ratings in stars, so their sum is turned into a probability by a logistic fit on the training rows (Platt 1999),
//! which keeps the order and hence every ranking metric as it is.

use rankine_kernel::activation::sigmoid;

use super::{Labels, mean};

/// Predicts σ(a (item mean + user mean) + b); a missing mean counts as the training rows' average of that column.
///
/// ```
/// use rankine_train::baseline::PointInTime;
/// let items = [Some(4.5), Some(2.0), None, Some(4.0)];
/// let users = [Some(4.0), Some(3.0), Some(3.5), None];
/// let baseline = PointInTime::fit(&items, &users, &[1.0, 0.0, 0.0, 1.0]);
/// let scores = baseline.predict(&items, &users);
/// assert!(scores[0] > scores[1] && scores.iter().all(|p| (0.0..=1.0).contains(p)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointInTime {
    item: f64,
    user: f64,
    slope: f64,
    bias: f64,
}

/// Keeps the slope finite when the sum separates the classes perfectly.
const RIDGE: f64 = 1e-3;

impl PointInTime {
    /// Fits the two defaults and the logistic curve on training rows; means and label of each row, any scale.
    pub fn fit<'a>(
        item_means: &[Option<f64>],
        user_means: &[Option<f64>],
        labels: impl Into<Labels<'a>>,
    ) -> PointInTime {
        let known = |means: &[Option<f64>]| {
            means
                .iter()
                .flatten()
                .copied()
                .filter(|v| v.is_finite())
                .collect::<Vec<_>>()
        };
        let average = |means: &[Option<f64>]| {
            Some(known(means))
                .filter(|v| !v.is_empty())
                .map_or(0.0, |v| mean(&v))
        };
        let raw = PointInTime {
            item: average(item_means),
            user: average(user_means),
            slope: 0.0,
            bias: 0.0,
        };
        let sums: Vec<f64> = item_means
            .iter()
            .zip(user_means)
            .map(|(item, user)| raw.sum(*item, *user))
            .collect();
        let (slope, bias) = logistic(&sums, labels.into());
        PointInTime { slope, bias, ..raw }
    }

    /// One probability per held-out row, given the two means its sample carries.
    pub fn predict(&self, item_means: &[Option<f64>], user_means: &[Option<f64>]) -> Vec<f64> {
        let rows = item_means.iter().zip(user_means);
        rows.map(|(item, user)| sigmoid(self.slope * self.sum(*item, *user) + self.bias))
            .collect()
    }

    fn sum(&self, item: Option<f64>, user: Option<f64>) -> f64 {
        let or = |value: Option<f64>, default| value.filter(|v| v.is_finite()).unwrap_or(default);
        or(item, self.item) + or(user, self.user)
    }
}

/// Slope and bias of a logistic regression on one input, by damped Newton steps on the standardised input.
fn logistic(inputs: &[f64], labels: Labels<'_>) -> (f64, f64) {
    let rows = inputs.len().min(labels.values.len());
    let inputs = &inputs[..rows];
    let centre = mean(inputs);
    let spread = (inputs.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / rows.max(1) as f64).sqrt();
    let scale = if spread > 1e-12 { spread } else { 1.0 };
    let (mut slope, mut bias) = (0.0, 0.0);
    for _ in 0..50 {
        let (step_slope, step_bias) = newton_step(inputs, labels, (slope, bias), (centre, scale));
        slope += step_slope.clamp(-2.0, 2.0);
        bias += step_bias.clamp(-2.0, 2.0);
        if step_slope.abs().max(step_bias.abs()) < 1e-10 {
            break;
        }
    }
    (slope / scale, bias - slope * centre / scale)
}

/// Solves the 2 × 2 system of one Newton step, with a small ridge.
fn newton_step(
    inputs: &[f64],
    labels: Labels<'_>,
    at: (f64, f64),
    (centre, scale): (f64, f64),
) -> (f64, f64) {
    let (mut g, mut h) = ([-RIDGE * at.0, -RIDGE * at.1], [RIDGE, 0.0, RIDGE]);
    for (input, (label, weight)) in inputs.iter().zip(labels.pairs()) {
        let x = (input - centre) / scale;
        let p = sigmoid(at.0 * x + at.1);
        let (error, curve) = (weight * (label - p), weight * p * (1.0 - p));
        g = [g[0] + error * x, g[1] + error];
        h = [h[0] + curve * x * x, h[1] + curve * x, h[2] + curve];
    }
    let determinant = h[0] * h[2] - h[1] * h[1];
    (
        (h[2] * g[0] - h[1] * g[1]) / determinant,
        (h[0] * g[1] - h[1] * g[0]) / determinant,
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metric::{auc, logloss};

    fn stars() -> (Vec<Option<f64>>, Vec<Option<f64>>, Vec<f64>) {
        let item = |i: u32| (!i.is_multiple_of(11)).then(|| 2.0 + f64::from(i * 37 % 100) / 40.0);
        let user = |i: u32| (!i.is_multiple_of(13)).then(|| 2.5 + f64::from(i * 61 % 100) / 60.0);
        let label = |i: u32| {
            let noise = f64::from(i * 89 % 97) / 97.0 * 3.0 - 1.5;
            f64::from(item(i).unwrap_or(3.2) + user(i).unwrap_or(3.3) + noise > 6.6)
        };
        (
            (0..1_000).map(item).collect(),
            (0..1_000).map(user).collect(),
            (0..1_000).map(label).collect(),
        )
    }

    #[test]
    fn probabilities_are_calibrated_and_keep_the_order() {
        let (items, users, labels) = stars();
        let scores = PointInTime::fit(&items, &users, &labels).predict(&items, &users);
        assert!((mean(&scores) - mean(&labels)).abs() < 1e-4);
        let filled = |means: &[Option<f64>]| {
            let known: Vec<f64> = means.iter().flatten().copied().collect();
            means
                .iter()
                .map(|v| v.unwrap_or_else(|| mean(&known)))
                .collect::<Vec<f64>>()
        };
        let sums: Vec<f64> = filled(&items)
            .iter()
            .zip(filled(&users))
            .map(|(a, b)| a + b)
            .collect();
        assert_eq!(auc(&labels, &scores, None), auc(&labels, &sums, None));
        let constant = vec![mean(&labels); labels.len()];
        assert!(logloss(&labels, &scores, None) < logloss(&labels, &constant, None));
    }

    #[test]
    fn separable_one_class_and_empty_stay_finite() {
        let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
        let cases = [
            (some(&[1.0, 5.0]), vec![0.0, 1.0]),
            (some(&[1.0, 5.0]), vec![1.0, 1.0]),
            (vec![], vec![]),
        ];
        for (means, labels) in cases {
            let scores = PointInTime::fit(&means, &means, &labels).predict(&[Some(5.0), None], &[None, None]);
            assert!(scores.iter().all(|p| p.is_finite()), "{scores:?}");
        }
    }

    proptest! {
        #[test]
        fn the_gradient_is_zero_at_the_fit(rows in prop::collection::vec((0.5..5.0_f64, 0..2_u8), 5..60)) {
            let (inputs, labels): (Vec<f64>, Vec<f64>) = rows.iter().map(|r| (r.0, f64::from(r.1))).unzip();
            let (slope, bias) = logistic(&inputs, Labels::from(&labels));
            let error: f64 = inputs.iter().zip(&labels).map(|(x, y)| y - sigmoid(slope * x + bias)).sum();
            prop_assert!(error.abs() < 0.1, "{} {} {}", error, slope, bias);
        }
    }
}
