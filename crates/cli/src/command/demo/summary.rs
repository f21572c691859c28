//! What the demo did: steps with their seconds, models with their figures beside the best trivial baseline.

use rankine_pipeline::SplitReport;
use serde::Serialize;

use crate::{clock, output};

/// The table printed at the end.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    steps: Vec<Step>,
    models: Vec<TrainedModel>,
    seconds: f64,
    cold_test_users: f64,
    peak_memory_mib: Option<f64>,
    #[serde(skip)]
    begin: i64,
}

/// One step.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Step {
    name: String,
    /// What came of it, in a few words.
    pub(crate) outcome: String,
    seconds: f64,
    /// Whether its result was there already.
    pub(crate) skipped: bool,
}

/// A published model.
#[derive(Debug, Serialize)]
pub(crate) struct TrainedModel {
    pub(crate) name: String,
    pub(crate) version: u64,
    /// Training samples.
    pub(crate) samples: u64,
    /// ROC-AUC on the test samples; none for vectors.
    pub(crate) auc: Option<f64>,
    /// The best trivial baseline and its ROC-AUC on the same samples.
    pub(crate) baseline: Option<(String, f64)>,
}

impl Summary {
    /// A summary of work that began at `begin` (microseconds).
    pub(crate) fn new(begin: i64) -> Self {
        let (steps, models) = (Vec::new(), Vec::new());
        Self {
            steps,
            models,
            seconds: 0.0,
            cold_test_users: 0.0,
            peak_memory_mib: None,
            begin,
        }
    }

    /// Runs a step and keeps its time.
    ///
    /// # Errors
    /// The step's.
    pub(crate) fn time<T>(
        &mut self,
        name: &str,
        work: impl FnOnce(&mut Step) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let begin = clock::now_micros();
        let mut step = Step {
            name: name.to_owned(),
            ..Step::default()
        };
        let done = work(&mut step)?;
        step.seconds = (clock::now_micros() - begin) as f64 / 1e6;
        self.steps.push(step);
        Ok(done)
    }

    /// Closes the summary at `now` (microseconds).
    pub(crate) fn finish(&mut self, models: Vec<TrainedModel>, report: &SplitReport, now: i64) {
        self.models = models;
        self.cold_test_users = report.test.cold_user_share;
        self.seconds = (now - self.begin) as f64 / 1e6;
        self.peak_memory_mib = clock::peak_memory_mib();
    }

    /// The summary for people.
    pub(crate) fn text(&self) -> String {
        let step = |s: &Step| {
            let time = if s.skipped {
                "there".to_owned()
            } else {
                format!("{:.2} s", s.seconds)
            };
            vec![s.name.clone(), s.outcome.clone(), time]
        };
        let steps: Vec<Vec<String>> = self.steps.iter().map(step).collect();
        let models: Vec<Vec<String>> = self.models.iter().map(row).collect();
        format!(
            "\n{}\n\n{}\n\n{:.1} s in all, {:.0} MiB of memory at most\n",
            output::table(&["step", "", "time"], &steps),
            output::table(
                &["model", "version", "samples", "test auc", "best baseline", ""],
                &models
            ),
            self.seconds,
            self.peak_memory_mib.unwrap_or(0.0)
        )
    }
}

/// Versions and figures in a few words.
pub(crate) fn told(models: &[TrainedModel]) -> String {
    let one = |model: &TrainedModel| {
        let auc = model.auc.map(|auc| format!(" AUC {auc:.4}")).unwrap_or_default();
        format!("{} {}{auc}", model.name, model.version)
    };
    models.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn row(model: &TrainedModel) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
    vec![
        model.name.clone(),
        model.version.to_string(),
        model.samples.to_string(),
        number(model.auc),
        number(model.baseline.as_ref().map(|b| b.1)),
        model.baseline.as_ref().map(|b| b.0.clone()).unwrap_or_default(),
    ]
}
