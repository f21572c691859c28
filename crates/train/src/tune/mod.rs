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
use rankine_model::config::StopMetric;
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
    /// What is looked at on the validation samples.
    #[serde(default)]
    pub metric: StopMetric,
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
        self.metric == StopMetric::Auc
    }

    /// The figure of an epoch.
    pub fn figure(&self, report: &crate::EpochReport) -> f64 {
        match self.metric {
            StopMetric::Auc => report.valid_auc,
            StopMetric::Logloss => report.valid_loss,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
