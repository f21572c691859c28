//! From samples to a published version: what `train` and `demo` share.
//!
//! [`Job`] says what to learn from which files; [`mod@fit`] trains; [`mod@judge`] measures with the serving scorer beside the
//! baselines; [`mod@publish`] writes the artefact. The decision: a version is measured before it is published, with the
//! code that will serve it, so that no card carries a figure that serving does not have.

mod chronicle;
mod fit;
mod gate;
mod judge;
mod learnt;
mod linear;
mod origin;
mod publish;
mod ranked;
mod vectors;

use std::path::{Path, PathBuf};

use anyhow::Context;
use rankine_feature::Plan;
use rankine_model::outline::Outline;
use rankine_model::{ModelConfig, Network, Scorer};
use rankine_pipeline::SplitReport;
use rankine_train::SampleSource;
use rankine_train::metric::Evaluation;

use crate::dictionaries::Tables;
use crate::home::Home;
use crate::source::{Chained, Reading, Sifted};

pub(crate) use chronicle::chronicle;
pub(crate) use fit::{Fitted, attempt, fit};
pub(crate) use gate::gate;
pub(crate) use judge::{Baselines, judge};
pub(crate) use linear::{of_file, rejects};
pub(crate) use origin::{Origin, earlier_vectors};
pub(crate) use publish::publish;
pub(crate) use ranked::{content_slots, listed, lists, ranked, ranking_options};
pub(crate) use vectors::{Going, Liked, reads, train_vectors};

/// The samples a model learns from, watches and is judged on.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// Training samples, one file after another.
    pub(crate) train: Vec<PathBuf>,
    /// Samples that early stopping watches, likewise; none: `hold_out` of the training samples.
    pub(crate) valid: Vec<PathBuf>,
    /// Share of the training samples held out where there is no `valid` file.
    pub(crate) hold_out: f64,
    /// Samples the published figures come from, likewise; none: the validation samples.
    pub(crate) test: Vec<PathBuf>,
    /// How they were split, in words that can be repeated.
    pub(crate) split: String,
    /// Hash of the data, where known.
    pub(crate) hash: String,
    /// How files are read that are not Rankine's own.
    pub(crate) reading: Reading,
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
    /// What the conf reads from outside of them.
    pub(crate) tables: Tables,
    /// Whether to go on from the newest checkpoint.
    pub(crate) resume: bool,
    /// What training begins from.
    pub(crate) origin: Option<Origin>,
}

impl Job {
    /// Checks a model against its conf, given as `(text, file)`.
    ///
    /// # Errors
    /// All faults of the conf, or of the model file against it: another conf, a label or a slot it has not.
    pub(crate) fn new(
        name: &str,
        model: ModelConfig,
        conf: (String, String),
        files: Files,
    ) -> anyhow::Result<Self> {
        let plan = Plan::compile(&conf.0, &conf.1, None)?;
        Network::compile(&model, &plan)?;
        Ok(Self {
            name: name.to_owned(),
            model,
            conf,
            files,
            tables: Tables::default(),
            resume: false,
            origin: None,
        })
    }

    /// The same job of another model file.
    ///
    /// # Errors
    /// Faults of the model file against the conf.
    pub(crate) fn with_model(&self, model: ModelConfig) -> anyhow::Result<Self> {
        let job = Self::new(&self.name, model, self.conf.clone(), self.files.clone())?;
        Ok(job.reading(self.tables.clone()))
    }

    /// The network, for people to read.
    ///
    /// # Errors
    /// Faults of the model file against its conf; a job has none.
    pub(crate) fn outline(&self) -> anyhow::Result<Outline> {
        let plan = Plan::compile(&self.conf.0, &self.conf.1, None)?;
        Ok(Network::compile(&self.model, &plan)?.outline())
    }

    /// The same with dictionaries for its conf.
    pub(crate) fn reading(self, tables: Tables) -> Self {
        Self { tables, ..self }
    }
}

/// Samples of some file, streamed.
pub(crate) type Samples = Box<dyn SampleSource>;

/// A part of a job's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// What the model learns from.
    Train,
    /// What early stopping watches.
    Valid,
    /// Both of them.
    All,
    /// What the published figures come from: the test file, or the validation samples.
    Judge,
}

impl Job {
    /// Opens a part of the samples for the fields of `plan`.
    ///
    /// # Errors
    /// A file that is not there or lacks a column of the conf.
    pub(crate) fn open(&self, plan: &Plan, part: Part) -> anyhow::Result<Samples> {
        let files = &self.files;
        let labels = self.model.labels(plan.sample_spec());
        let reading = &files.reading;
        let whole = |path: &Path| reading.open(path, plan, &labels, self.model.loss.into());
        let of = |paths: Vec<&PathBuf>| -> anyhow::Result<Samples> {
            let parts = paths.into_iter().map(|path| whole(path));
            let mut parts = parts.collect::<anyhow::Result<Vec<_>>>()?;
            match parts.len() {
                1 => Ok(parts.remove(0)),
                _ => Ok(Box::new(Chained::new(parts))),
            }
        };
        let sifted = |held| {
            let (share, seed) = (files.hold_out, self.model.seed);
            let learnt = of(files.train.iter().collect())?;
            Ok(Box::new(Sifted::new(learnt, share, seed, held)) as Samples)
        };
        let drawn = files.valid.is_empty();
        match part {
            Part::Judge if !files.test.is_empty() => of(files.test.iter().collect()),
            Part::Train if drawn => sifted(false),
            Part::Valid | Part::Judge if drawn => sifted(true),
            Part::Train => of(files.train.iter().collect()),
            Part::Valid | Part::Judge => of(files.valid.iter().collect()),
            Part::All => of(files.train.iter().chain(&files.valid).collect()),
        }
    }
}

impl Files {
    /// The samples that `sample build` wrote for a conf.
    ///
    /// # Errors
    /// When they are not there, or a file is not the one that was written.
    pub(crate) fn of_home(home: &Home, conf: &str) -> anyhow::Result<Self> {
        let folder = home.samples(conf);
        let report = SplitReport::load(&folder).with_context(|| {
            format!(
                "no samples in {}; make them with `rankine sample build`",
                folder.display()
            )
        })?;
        report.verify(&folder).with_context(|| {
            format!(
                "the samples in {} are not whole; `rankine sample build` makes them again",
                folder.display()
            )
        })?;
        let file = |part: &str| folder.join(format!("{part}.parquet"));
        Ok(Self {
            train: vec![file("train")],
            valid: vec![file("valid")],
            hold_out: 0.0,
            test: vec![file("test")],
            split: serde_json::to_string(&report.split)?,
            hash: report.input,
            reading: Reading::default(),
        })
    }
}

/// Measures a fit on the samples to judge on, beside baselines fitted on the samples it learnt from.
///
/// # Errors
/// What evaluation reports.
pub(crate) fn measure(job: &Job, fitted: &Fitted) -> anyhow::Result<Evaluation> {
    let learnt = if job.model.train.refit {
        Part::All
    } else {
        Part::Train
    };
    let baselines = Baselines::fit(&fitted.plan, &mut *job.open(&fitted.plan, learnt)?)?;
    let network = Network::compile(&job.model, &fitted.plan)?;
    let scorer = Scorer::new(&network, &fitted.trained.parameters)?;
    let title = if job.files.test.is_empty() {
        "validation samples"
    } else {
        "test samples"
    };
    let mut samples = job.open(&fitted.plan, Part::Judge)?;
    judge(
        title,
        (&job.name, &fitted.plan, &scorer),
        &network,
        &mut *samples,
        &baselines,
    )
}
