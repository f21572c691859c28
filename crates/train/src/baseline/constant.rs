//! The share of positives among the training rows, whoever asks for whatever.
//!
//! Decision: kept although its AUC is 0.5 by definition, because its logloss is the line below which a model knows
//! nothing.

use super::Labels;

/// Predicts the mean training label for every row.
///
/// ```
/// let baseline = rankine_train::baseline::Constant::fit(&[1.0, 0.0, 0.0, 1.0]);
/// assert_eq!(baseline.predict(2), [0.5, 0.5]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    mean: f64,
}

impl Constant {
    /// Fits on the training rows' labels; 0.5 without any.
    pub fn fit<'a>(labels: impl Into<Labels<'a>>) -> Constant {
        Constant {
            mean: labels.into().mean(),
        }
    }

    /// One probability per held-out row.
    pub fn predict(&self, rows: usize) -> Vec<f64> {
        vec![self.mean; rows]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_logloss_is_the_entropy_of_the_labels() {
        let labels = [1.0, 0.0, 0.0, 0.0];
        let scores = Constant::fit(&labels).predict(4);
        let entropy = -(0.25 * 0.25_f64.ln() + 0.75 * 0.75_f64.ln());
        assert!((crate::metric::logloss(&labels, &scores, None).unwrap() - entropy).abs() < 1e-15);
        assert_eq!(crate::metric::auc(&labels, &scores, None), Some(0.5));
    }
}
