//! How well an item was liked in the training rows: popularity by mean label.
//!
//! Decision: smoothed by default with five rows of the overall mean, because an item rated once is not a certain thing.

use super::{Labels, Means, SMOOTHING};

/// Predicts `(Σ labels of the item + k × overall mean) / (rows of the item + k)`; an unseen item gets the overall mean.
///
/// ```
/// use rankine_train::baseline::ItemMean;
/// let baseline = ItemMean::fit_smoothed(&[1, 1, 2, 2], &[1.0, 1.0, 0.0, 0.0], 2.0);
/// assert_eq!(baseline.predict(&[1, 2, 3]), [0.75, 0.25, 0.5]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ItemMean {
    means: Means,
}

impl ItemMean {
    /// Fits on training rows (item and label of each) with the default smoothing of 5.
    pub fn fit<'a>(items: &[i64], labels: impl Into<Labels<'a>>) -> ItemMean {
        ItemMean::fit_smoothed(items, labels, SMOOTHING)
    }

    /// Fits with `smoothing` ≥ 0 rows of the overall mean added to each item.
    pub fn fit_smoothed<'a>(items: &[i64], labels: impl Into<Labels<'a>>, smoothing: f64) -> ItemMean {
        ItemMean {
            means: Means::fit(items, labels, smoothing),
        }
    }

    /// One probability per held-out row, given its item.
    pub fn predict(&self, items: &[i64]) -> Vec<f64> {
        items.iter().map(|item| self.means.of(*item)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_evidence_moves_further() {
        let mut items = vec![1];
        items.extend([2; 20]);
        items.extend([3; 21]);
        let labels: Vec<f64> = items.iter().map(|item| f64::from(*item < 3)).collect();
        let scores = ItemMean::fit(&items, &labels).predict(&[1, 2, 3, 4]);
        assert!(
            scores[1] > scores[0] && scores[0] > scores[3] && scores[3] > scores[2],
            "{scores:?}"
        );
    }
}
