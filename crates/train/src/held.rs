//! What validation samples say of a model as it is: mean loss, ROC-AUC and accuracy, for the loops of all kinds.
//!
//! Decision: a figure that the model's scores do not mean is not computed: an order has no loss and no accuracy, a number no
//! accuracy.

use rankine_model::config::Meaning;

use crate::loss::Loss;
use crate::metric;

/// Judged samples: what was right, what the model put out, how much it counts.
pub(crate) struct Held {
    loss: Loss,
    cost: f64,
    labels: Vec<f64>,
    outputs: Vec<f64>,
    weights: Vec<f64>,
}

/// Figures of validation samples; not numbers where they are not defined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figures {
    /// Mean loss.
    pub(crate) loss: f64,
    /// ROC-AUC.
    pub(crate) auc: f64,
    /// Share that was right at .5; of probabilities.
    pub(crate) accuracy: Option<f64>,
}

impl Figures {
    /// Those of no samples.
    pub(crate) const NONE: Figures = Figures {
        loss: f64::NAN,
        auc: f64::NAN,
        accuracy: None,
    };
}

impl Held {
    pub(crate) fn new(loss: Loss) -> Held {
        Held {
            loss,
            cost: 0.0,
            labels: Vec::new(),
            outputs: Vec::new(),
            weights: Vec::new(),
        }
    }

    /// Takes a sample: the raw output (a logit under cross-entropy), label and weight.
    pub(crate) fn add(&mut self, output: f64, label: f64, weight: f64) {
        self.cost += weight * self.loss.value(output, label);
        self.labels.push(label);
        self.outputs.push(output);
        self.weights.push(weight);
    }

    /// The figures of all of them, where scores say what `meaning` says.
    pub(crate) fn figures(&self, meaning: Meaning) -> Figures {
        let rows = (&self.labels[..], &self.outputs[..], Some(&self.weights[..]));
        let auc = metric::auc(rows.0, rows.1, rows.2).unwrap_or(f64::NAN);
        let total: f64 = self.weights.iter().sum();
        Figures {
            loss: match meaning {
                Meaning::Order => f64::NAN,
                Meaning::Probability | Meaning::Number => self.cost / total,
            },
            auc,
            accuracy: match meaning {
                // a probability above one half is a logit above 0
                Meaning::Probability => metric::accuracy(rows.0, rows.1, rows.2, 0.0),
                Meaning::Number | Meaning::Order => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_that_the_scores_mean() {
        let mut held = Held::new(Loss::Bce);
        for (output, label, weight) in [(2.0, 1.0, 1.0), (-1.0, 0.0, 1.0), (0.5, 0.0, 2.0)] {
            held.add(output, label, weight);
        }
        let found = held.figures(Meaning::Probability);
        let cost = [(-2.0_f64, 1.0), (-1.0, 1.0), (0.5, 2.0)].map(|(z, w)| w * z.exp().ln_1p());
        assert!((found.loss - cost.iter().sum::<f64>() / 4.0).abs() < 1e-12);
        assert_eq!((found.auc, found.accuracy), (1.0, Some(0.5)));
        let number = held.figures(Meaning::Number);
        assert_eq!((number.loss, number.accuracy), (found.loss, None));
        let order = held.figures(Meaning::Order);
        assert!(order.loss.is_nan() && order.accuracy.is_none() && order.auc == 1.0);
    }
}
