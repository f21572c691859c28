//! The search for a model file's best keys, on validation samples: `rankine tune`.
//!
//! Flow: [`space`] (what may vary) → [`plan`] (which trial next, with how many epochs) → a training each → [`journal`] (one
//! line per ended trial) → a table and a picture. Decision: a trial's values depend on the seed and its number alone, and
//! what has ended stands in the journal; so a search that was killed goes on where it was, with the trials it would have had.

mod journal;
mod plan;
mod report;
mod space;

pub use journal::{Journal, Trial};
pub use plan::{Next, next, rungs, values};
pub use report::{picture, ranked, table};
pub use space::{Choice, Draw};

use rankine_config::{Faults, Located, Source};
use serde::Deserialize;

/// How trials are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// All with all epochs.
    #[default]
    Random,
    /// Successive halving (Jamieson and Talwalkar 2016): few epochs for all, more for the best of them.
    Halving,
}

/// What trials are judged by, on the validation samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum TuneMetric {
    /// ROC-AUC of the best epoch.
    #[default]
    Auc,
    /// Loss of the best epoch.
    Logloss,
    /// Share of the samples that are right at .5, of the best epoch.
    Accuracy,
    /// NDCG of lists over all items, of the last epoch.
    Ndcg,
}

impl TuneMetric {
    /// Its name in tables and pictures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auc => "valid auc",
            Self::Logloss => "valid loss",
            Self::Accuracy => "valid accuracy",
            Self::Ndcg => "valid NDCG@10",
        }
    }
}

/// A tune file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuneConfig {
    /// Format of the file: 1.
    pub format: Located<u32>,
    /// The model file whose keys vary; relative to the tune file.
    pub model: String,
    /// How trials are chosen.
    #[serde(default)]
    pub strategy: Strategy,
    /// Trials.
    pub trials: Located<usize>,
    /// Of `halving`: what part goes on to the next rung, 1 / this; 3 unless given.
    #[serde(default)]
    pub eta: Option<Located<usize>>,
    /// Of `halving`: epochs of the first rung; 1 unless given.
    #[serde(default)]
    pub first: Option<Located<u32>>,
    /// Epochs of a trial at most; the model file's unless given.
    #[serde(default)]
    pub epochs: Option<Located<u32>>,
    /// What is looked at on the validation samples; of kinds learnt from who met what, `ndcg`.
    #[serde(default)]
    pub metric: TuneMetric,
    /// Seed of the draws.
    #[serde(default = "seed")]
    pub seed: u64,
    /// What may vary, by dotted key of the model file.
    pub space: std::collections::BTreeMap<String, Located<Choice>>,
}

fn seed() -> u64 {
    1
}

impl TuneConfig {
    /// Reads a tune file.
    ///
    /// # Errors
    /// All faults with their lines.
    pub fn parse(text: &str, file: &str) -> Result<TuneConfig, Faults> {
        let config: TuneConfig = rankine_config::parse(text, file)?;
        let source = Source::new(text, file);
        let mut faults = Vec::new();
        if config.format.value != 1 {
            let message = format!("unknown format {}, expected 1", config.format.value);
            faults.push(source.fault(config.format.span.clone(), "format", message));
        }
        if !(1..=100_000).contains(&config.trials.value) {
            let message = format!("`trials` is {}, expected 1 to 100000", config.trials.value);
            faults.push(source.fault(config.trials.span.clone(), "trials", message));
        }
        if let Some(eta) = config.eta.as_ref().filter(|eta| eta.value < 2) {
            let message = format!("`eta` is {}, expected 2 or more", eta.value);
            faults.push(source.fault(eta.span.clone(), "eta", message));
        }
        for (key, choice) in &config.space {
            if let Some(message) = choice.value.fault() {
                faults.push(source.fault(choice.span.clone(), key, format!("`{key}`: {message}")));
            }
        }
        Faults(faults).check()?;
        Ok(config)
    }

    /// Whether a higher figure is better.
    pub fn higher(&self) -> bool {
        self.metric != TuneMetric::Logloss
    }

    /// The best figure of a training's epochs and its epoch; none where trials are judged by lists.
    pub fn best(&self, history: &[crate::EpochReport]) -> Option<(f64, usize)> {
        let figure = |report: &crate::EpochReport| match self.metric {
            TuneMetric::Auc => report.valid_auc,
            TuneMetric::Logloss => report.valid_loss,
            TuneMetric::Accuracy => report.valid_accuracy.unwrap_or(f64::NAN),
            TuneMetric::Ndcg => f64::NAN,
        };
        let better = |a: f64, b: f64| if self.higher() { a > b } else { a < b };
        let mut best = None;
        for report in history {
            let figure = figure(report);
            if figure.is_finite() && best.is_none_or(|(own, _)| better(figure, own)) {
                best = Some((figure, report.epoch));
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_epoch_is_the_first_of_the_best_figure() {
        let text =
            "format = 1\nmodel = \"m\"\ntrials = 1\nmetric = \"auc\"\n[space]\nseed = { choices = [1] }\n";
        let history: Vec<crate::EpochReport> = [f64::NAN, 0.6, 0.7, 0.7]
            .iter()
            .zip(1..)
            .map(|(&valid_auc, epoch)| crate::EpochReport {
                epoch,
                loss: 0.5,
                auc: 0.5,
                valid_loss: 1.0 / epoch as f64,
                valid_auc,
                valid_accuracy: (epoch != 4).then_some(valid_auc),
                samples_per_s: 1.0,
                elapsed_s: 1.0,
                ..crate::EpochReport::default()
            })
            .collect();
        let best = |metric: &str| {
            let text = text.replace("\"auc\"", metric);
            TuneConfig::parse(&text, "t.toml").unwrap().best(&history)
        };
        assert_eq!(best("\"auc\""), Some((0.7, 3)));
        assert_eq!(best("\"logloss\""), Some((0.25, 4)));
        assert_eq!(best("\"accuracy\""), Some((0.7, 3)));
        assert_eq!(best("\"ndcg\""), None);
    }

    #[test]
    fn faults_have_lines_and_nearest_keys() {
        let text = "format = 1\nmodel = \"m.toml\"\ntrials = 0\nstrategy = \"halvin\"\n\
                    [space]\n\"train.batch\" = { choices = [] }\n\"seed\" = { low = 2, high = 1, kind = \"integer\" }\n";
        let faults = TuneConfig::parse(text, "t.toml").unwrap_err().to_string();
        assert!(faults.contains("t.toml:4:12: unknown value `halvin`"), "{faults}");
        let text = text.replace("halvin", "halving");
        let faults = TuneConfig::parse(&text, "t.toml").unwrap_err().to_string();
        assert!(faults.contains("t.toml:3:10: `trials` is 0"), "{faults}");
        assert!(
            faults.contains("t.toml:6:17: `train.batch`: expected `choices`, or `low` and `high`"),
            "{faults}"
        );
        assert!(faults.contains("`seed`: `low` is 2, above `high`, 1"), "{faults}");
    }
}
