//! Item mean plus user mean: good items for generous users. The baseline that is hard to beat.
//!
//! Decision: the plain sum of two smoothed means, not a least-squares fit of biases: it is what one writes in SQL in a
//! minute, and on SparrowRecSys's samples it beats that project's NeuralCF and EmbeddingMLP.

use super::{Labels, Means, SMOOTHING};

/// Predicts item mean + user mean − overall mean, both smoothed as in [`ItemMean`](super::ItemMean).
///
/// ```
/// use rankine_train::baseline::ItemUserMean;
/// let baseline = ItemUserMean::fit_smoothed(&[1, 2], &[7, 7], &[1.0, 0.0], 0.0);
/// assert_eq!(baseline.predict(&[1, 2, 3], &[7, 7, 8]), [1.0, 0.0, 0.5]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ItemUserMean {
    items: Means,
    users: Means,
}

impl ItemUserMean {
    /// Fits on training rows (item, user, label of each) with the default smoothing of 5.
    pub fn fit<'a>(items: &[i64], users: &[i64], labels: impl Into<Labels<'a>>) -> ItemUserMean {
        ItemUserMean::fit_smoothed(items, users, labels, SMOOTHING)
    }

    /// Fits with `smoothing` ≥ 0 rows of the overall mean added to each item and each user.
    pub fn fit_smoothed<'a>(
        items: &[i64],
        users: &[i64],
        labels: impl Into<Labels<'a>>,
        smoothing: f64,
    ) -> ItemUserMean {
        let labels = labels.into();
        ItemUserMean {
            items: Means::fit(items, labels, smoothing),
            users: Means::fit(users, labels, smoothing),
        }
    }

    /// One score per held-out row, given its item and user. Scores can leave 0 … 1 a little: they are not cut, since
    /// cutting would tie rows; logloss and Brier clip for themselves.
    pub fn predict(&self, items: &[i64], users: &[i64]) -> Vec<f64> {
        let overall = self.items.overall;
        items
            .iter()
            .zip(users)
            .map(|(item, user)| self.items.of(*item) + self.users.of(*user) - overall)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::ItemMean;
    use crate::metric::auc;

    #[test]
    fn knowing_the_user_helps_when_users_differ() {
        let rows: Vec<(i64, i64)> = (0..20)
            .flat_map(|item| (0..10).map(move |user| (item, user)))
            .collect();
        let label = |(item, user): &(i64, i64)| f64::from(item + 2 * user > 19);
        let (items, users): (Vec<i64>, Vec<i64>) = rows.iter().copied().unzip();
        let labels: Vec<f64> = rows.iter().map(label).collect();
        let alone = auc(&labels, &ItemMean::fit(&items, &labels).predict(&items), None).unwrap();
        let both = auc(
            &labels,
            &ItemUserMean::fit(&items, &users, &labels).predict(&items, &users),
            None,
        )
        .unwrap();
        assert!(alone < 0.85 && both > 0.99, "{alone} {both}");
    }
}
