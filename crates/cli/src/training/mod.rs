//! From samples to a published version: what `train` and `demo` share.
//!
//! [`Job`] says what to learn from which files; [`fit`] trains; [`judge`] measures with the serving scorer beside the
//! baselines; [`publish`] writes the artefact. The decision: a version is measured before it is published, with the
//! code that will serve it, so that no card carries a figure that serving does not have.

mod fit;
mod judge;
mod publish;
mod vectors;

use std::path::PathBuf;

use anyhow::Context;
use rankine_feature::Plan;
use rankine_model::{ModelConfig, Network, Scorer};
use rankine_pipeline::SplitReport;
use rankine_train::metric::Evaluation;

use crate::home::Home;

pub(crate) use fit::{Fitted, fit};
pub(crate) use judge::{Baselines, judge};
pub(crate) use publish::publish;
pub(crate) use vectors::train_vectors;

/// The samples a model learns from, watches and is judged on.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// Training samples.
    pub(crate) train: PathBuf,
    /// Samples that early stopping watches; none: `hold_out` of the training samples.
    pub(crate) valid: Option<PathBuf>,
    /// Share of the training samples held out where there is no `valid` file.
    pub(crate) hold_out: f64,
    /// Samples the published figures come from; none: the validation samples.
    pub(crate) test: Option<PathBuf>,
    /// How they were split, in words that can be repeated.
    pub(crate) split: String,
    /// Hash of the data, where known.
    pub(crate) hash: String,
}

/// One training run: a model file, a conf, sample files.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Name to publish under.
    pub(crate) name: String,
    /// The model file.
    pub(crate) model: ModelConfig,
    /// The conf's text and the name of its file.
    pub(crate) conf: (String, String),
    /// The samples.
    pub(crate) files: Files,
}

impl Job {
    /// Checks a model against its conf, given as `(text, file)`.
    ///
    /// # Errors
    /// All faults of the conf, or a model that reads another one.
    pub(crate) fn new(
        name: &str,
        model: ModelConfig,
        conf: (String, String),
        files: Files,
    ) -> anyhow::Result<Self> {
        let plan = Plan::compile(&conf.0, &conf.1, None)?;
        let wanted = model.conf.as_deref().context("the model file names no conf")?;
        anyhow::ensure!(
            wanted == plan.name(),
            "the model file has conf = \"{wanted}\", but {} is the conf \"{}\"",
            conf.1,
            plan.name()
        );
        Ok(Self {
            name: name.to_owned(),
            model,
            conf,
            files,
        })
    }
}

impl Files {
    /// The samples that `sample build` wrote for a conf.
    ///
    /// # Errors
    /// When they are not there.
    pub(crate) fn of_home(home: &Home, conf: &str) -> anyhow::Result<Self> {
        let folder = home.samples(conf);
        let report = SplitReport::load(&folder).with_context(|| {
            format!(
                "no samples in {}; make them with `rankine sample build`",
                folder.display()
            )
        })?;
        let file = |part: &str| folder.join(format!("{part}.parquet"));
        Ok(Self {
            train: file("train"),
            valid: Some(file("valid")),
            hold_out: 0.0,
            test: Some(file("test")),
            split: serde_json::to_string(&report.split)?,
            hash: report.input,
        })
    }
}

/// The scorer that serving will make of the trained weights.
///
/// # Errors
/// Weights that do not fit the model file; training never makes such.
pub(crate) fn scorer(job: &Job, fitted: &Fitted) -> anyhow::Result<Scorer> {
    let network = Network::compile(&job.model, &fitted.plan)?;
    Ok(Scorer::new(&network, &fitted.trained.parameters)?)
}

/// Measures a fit on its judging samples, beside baselines fitted on its training samples.
///
/// # Errors
/// What evaluation reports.
pub(crate) fn measure(job: &Job, fitted: &mut Fitted) -> anyhow::Result<Evaluation> {
    let baselines = Baselines::fit(&fitted.plan, &fitted.train);
    let scorer = scorer(job, fitted)?;
    let title = if fitted.untouched {
        "test samples"
    } else {
        "validation samples"
    };
    let plan = fitted.plan.clone();
    judge(title, (&job.name, &plan, &scorer), &mut fitted.judge, &baselines)
}
