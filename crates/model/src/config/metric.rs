//! `metrics`: which figures an evaluation computes and tells.
//!
//! Decision: a figure that the model cannot have (a logloss of scores that order items, a GAUC of samples without users) is a
//! fault of the file and no dash in a table: it was asked for.

use super::{Checker, Meaning, ModelConfig};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The figures a model file may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricName {
    /// Area under the ROC curve.
    Auc,
    /// Average precision.
    PrAuc,
    /// Negative log-likelihood per row.
    Logloss,
    /// AUC within users.
    Gauc,
    /// Share right at .5.
    Accuracy,
    /// Mean squared error of the probability.
    Brier,
    /// NDCG@10 over users.
    Ndcg,
    /// Expected calibration error.
    Ece,
    /// Root of the mean squared error.
    Rmse,
    /// Mean absolute error.
    Mae,
}

impl MetricName {
    /// Every figure, in the order of tables.
    pub const ALL: [MetricName; 10] = [
        MetricName::Auc,
        MetricName::PrAuc,
        MetricName::Logloss,
        MetricName::Gauc,
        MetricName::Accuracy,
        MetricName::Brier,
        MetricName::Ndcg,
        MetricName::Ece,
        MetricName::Rmse,
        MetricName::Mae,
    ];

    /// Returns the name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            MetricName::Auc => "auc",
            MetricName::PrAuc => "pr_auc",
            MetricName::Logloss => "logloss",
            MetricName::Gauc => "gauc",
            MetricName::Accuracy => "accuracy",
            MetricName::Brier => "brier",
            MetricName::Ndcg => "ndcg",
            MetricName::Ece => "ece",
            MetricName::Rmse => "rmse",
            MetricName::Mae => "mae",
        }
    }

    /// Returns whether it is made user by user.
    #[must_use]
    pub fn is_by_user(self) -> bool {
        matches!(self, MetricName::Gauc | MetricName::Ndcg)
    }

    /// Returns whether scores that say `meaning` have it.
    #[must_use]
    pub fn is_of(self, meaning: Meaning) -> bool {
        match self {
            MetricName::Auc | MetricName::PrAuc | MetricName::Gauc | MetricName::Ndcg => true,
            MetricName::Rmse | MetricName::Mae => meaning != Meaning::Order,
            MetricName::Logloss | MetricName::Accuracy | MetricName::Brier | MetricName::Ece => {
                meaning == Meaning::Probability
            }
        }
    }
}

/// A set of figures; all of them unless told otherwise. Written as a list of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "Vec<MetricName>", into = "Vec<MetricName>")]
pub struct Metrics([bool; MetricName::ALL.len()]);

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics([true; MetricName::ALL.len()])
    }
}

impl Metrics {
    /// Returns whether a figure is among them.
    #[must_use]
    pub fn has(self, name: MetricName) -> bool {
        self.0[name as usize]
    }

    /// Returns whether they are all there are.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Metrics::default()
    }
}

impl From<Vec<MetricName>> for Metrics {
    fn from(names: Vec<MetricName>) -> Metrics {
        let mut metrics = Metrics([false; MetricName::ALL.len()]);
        names.into_iter().for_each(|name| metrics.0[name as usize] = true);
        metrics
    }
}

impl From<Metrics> for Vec<MetricName> {
    fn from(metrics: Metrics) -> Vec<MetricName> {
        let all = MetricName::ALL.into_iter();
        all.filter(|name| metrics.has(*name)).collect()
    }
}

impl ModelConfig {
    /// Returns the figures an evaluation computes: as given, or all.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        if self.metrics.is_empty() {
            return Metrics::default();
        }
        self.metrics
            .iter()
            .map(|given| given.value)
            .collect::<Vec<_>>()
            .into()
    }
}

impl Checker<'_> {
    /// Figures are named once, and the model's scores have them.
    pub(super) fn metrics(&mut self) {
        let (config, mut seen) = (self.config, BTreeSet::new());
        for given in &config.metrics {
            let name = given.value.name();
            if !seen.insert(given.value) {
                self.fault(given, "metrics", format!("metric `{name}` is given twice"));
            }
            let why = match config.meaning() {
                meaning if given.value.is_of(meaning) => continue,
                Meaning::Number => "this model's scores are numbers, no probabilities (`loss = \"mse\"`)",
                Meaning::Order | Meaning::Probability => {
                    "this model's scores order items, they are no probabilities"
                }
            };
            self.fault(given, "metrics", format!("there is no `{name}`: {why}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(more: &str) -> Vec<String> {
        let text =
            format!("format = 1\nkind = \"embeddingmlp\"\nconf = \"c\"\ndense = {{ slots = [1] }}\n{more}\n");
        match ModelConfig::parse(&text, "m.toml") {
            Ok(_) => Vec::new(),
            Err(faults) => faults.0.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn names_stand_in_the_order_of_tables_and_read_back() {
        for (at, name) in MetricName::ALL.into_iter().enumerate() {
            assert_eq!(name as usize, at);
            assert_eq!(serde_json::to_value(name).unwrap(), name.name());
        }
        let some = Metrics::from(vec![MetricName::Mae, MetricName::Auc]);
        assert_eq!(serde_json::to_string(&some).unwrap(), "[\"auc\",\"mae\"]");
        assert!(some.has(MetricName::Mae) && !some.has(MetricName::Gauc) && !some.is_all());
    }

    #[test]
    fn what_cannot_be_measured_is_told_with_its_line() {
        assert_eq!(faults("metrics = [\"auc\", \"gauc\", \"ece\"]"), [""; 0]);
        let typo = faults("metrics = [\"loglos\"]");
        assert!(
            typo[0].contains("m.toml:5:12") && typo[0].contains("did you mean `logloss`?"),
            "{typo:?}"
        );
        assert_eq!(
            faults("metrics = [\"rmse\", \"logloss\", \"rmse\"]\nloss = \"mse\""),
            [
                "m.toml:5:20: there is no `logloss`: this model's scores are numbers, no probabilities (`loss = \"mse\"`)",
                "m.toml:5:31: metric `rmse` is given twice",
            ]
        );
    }
}
