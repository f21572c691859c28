//! Fits the conf's statistics, then the model. Samples are streamed from their files; only their encoded form is kept.

use std::path::Path;
use std::sync::Arc;

use rankine_feature::Plan;
use rankine_model::config::Meaning;
use rankine_model::{Kind, ModelConfig, Network};
use rankine_train::checkpoint::Checkpoints;
use rankine_train::early_stop::unwatched;
use rankine_train::encode::fitted;
use rankine_train::linear::Place;
use rankine_train::matrix;
use rankine_train::ranking::{Ranking, Verdict};
use rankine_train::source::for_each;
use rankine_train::tensorboard::{EventWriter, of_config};
use rankine_train::{Frame, Progress, RowsSource, SampleSource, Trained, process_cpu_seconds, train_in};

use super::judge::measurable;
use super::{Job, Part, of_file};
use crate::home::Home;
use crate::{clock, output};

/// A trained model.
pub(crate) struct Fitted {
    /// The conf with its statistics.
    pub(crate) plan: Arc<Plan>,
    /// Lists over all items, once they are measured.
    pub(crate) ranking: Option<Ranking>,
    /// What the gate said, where it was asked.
    pub(crate) gate: Option<Verdict>,
    /// Weights and history.
    pub(crate) trained: Trained,
    /// CPU seconds of all threads for statistics, encoding, training and validation.
    pub(crate) cpu_s: f64,
    /// Wall seconds of the same.
    pub(crate) wall_s: f64,
}

/// Trains the job's model; TensorBoard events go to the home's `logs`.
///
/// # Errors
/// Unreadable samples, a model file that asks for what the conf lacks, a loss that is no longer finite.
pub(crate) fn fit(job: &Job, home: &Home, progress: &mut dyn Progress) -> anyhow::Result<Fitted> {
    job.watches()?;
    let (begin, cpu) = (clock::now_micros(), process_cpu_seconds());
    let mut events = events(home, &job.name)?;
    let (mut plan, mut learn) = job.with_statistics(Part::Train)?;
    let network = Network::compile(&job.model, &plan)?;
    told(&job.model, Some(&network), &mut events)?;
    let mut valid = job.open(&plan, Part::Valid)?;
    measurable(network.metrics, &*valid)?;
    let mut samples = Learnt {
        plan: &plan,
        learn: (Part::Train, &mut *learn),
        judge: (Part::Valid, &mut *valid),
    };
    let mut trained = job.train(home, &mut samples, progress, Some(&mut events))?;
    events.ended(clock::now_micros() as f64 / 1e6)?;
    if job.model.kind().is_matrix() {
        // they learn without them, and are judged on them
        trained.valid_samples = for_each(&mut *samples.judge.1, |_| Ok(()))?;
    }
    if job.model.train.early_stop.is_some() && !chosen(&trained) {
        output::note(
            "train.early_stop: the validation samples have no figure to watch (one class alone?); no epoch is the best, the last one's \
             weights are kept",
        );
    }
    if job.model.train.refit {
        (plan, trained) = refit(job, home, trained, progress)?;
    }
    let cpu_s = process_cpu_seconds() - cpu;
    Ok(Fitted {
        plan,
        ranking: None,
        gate: None,
        trained,
        cpu_s,
        wall_s: (clock::now_micros() - begin) as f64 / 1e6,
    })
}

/// Trains the job's model for its figures on the validation samples alone: no events, no second training on all samples.
///
/// # Errors
/// As [`fit`].
pub(crate) fn attempt(
    job: &Job,
    home: &Home,
    progress: &mut dyn Progress,
) -> anyhow::Result<(Arc<Plan>, Trained)> {
    job.watches()?;
    let (plan, mut learn) = job.with_statistics(Part::Train)?;
    let mut valid = job.open(&plan, Part::Valid)?;
    let mut samples = Learnt {
        plan: &plan,
        learn: (Part::Train, &mut *learn),
        judge: (Part::Valid, &mut *valid),
    };
    let trained = job.train(home, &mut samples, progress, None)?;
    Ok((plan, trained))
}

/// Whether any epoch was the best by the figure that is watched.
pub(super) fn chosen(trained: &Trained) -> bool {
    trained.history.iter().any(|epoch| epoch.best)
}

/// Tells TensorBoard what is trained: the effective model file, its values, the network where there is one.
pub(super) fn told(
    model: &ModelConfig,
    network: Option<&Network>,
    events: &mut EventWriter,
) -> anyhow::Result<()> {
    let config = model.effective();
    let now = clock::now_micros() as f64 / 1e6;
    events.hyper(&of_config(&config), &figures(model), now)?;
    events.text("config", 0, &format!("```toml\n{}\n```", config.trim_end()))?;
    if let Some(network) = network {
        events.network(&network.outline())?;
    }
    Ok(())
}

/// The figures that each epoch of a training has.
fn figures(model: &ModelConfig) -> Vec<&'static str> {
    let kind = model.kind();
    if kind.is_closed() {
        return Vec::new();
    }
    let mut figures = vec!["epoch/loss"];
    if kind.is_matrix() || kind == Kind::Item2Vec {
        return figures;
    }
    figures.extend(["epoch/auc", "epoch/valid_auc"]);
    if model.meaning() != Meaning::Order {
        figures.push("epoch/valid_loss");
    }
    if model.meaning() == Meaning::Probability {
        figures.extend(["epoch/accuracy", "epoch/valid_accuracy"]);
    }
    figures
}

/// Where TensorBoard's events of a run go that begins now; there is a folder once nothing refuses the run any more.
///
/// # Errors
/// The disk's.
pub(super) fn events(home: &Home, name: &str) -> anyhow::Result<EventWriter> {
    let folder = home.run_log(name, clock::now_micros());
    let seconds = || clock::now_micros() as f64 / 1e6;
    Ok(EventWriter::later(&folder, "train", seconds)?)
}

/// Samples of one training, each with the part of the job it is.
pub(super) struct Learnt<'a> {
    /// The conf they are read with.
    pub(super) plan: &'a Arc<Plan>,
    /// What is learnt.
    pub(super) learn: (Part, &'a mut dyn SampleSource),
    /// What early stopping watches; of part [`Part::Judge`] it is empty.
    pub(super) judge: (Part, &'a mut dyn SampleSource),
}

/// Trains anew on training and validation samples together, for as many epochs as early stopping chose.
fn refit(
    job: &Job,
    home: &Home,
    first: Trained,
    progress: &mut dyn Progress,
) -> anyhow::Result<(Arc<Plan>, Trained)> {
    let (plan, mut all) = job.with_statistics(Part::All)?;
    let mut again = job.clone();
    again.model = job.model.for_epochs(u32::try_from(first.best_epoch)?);
    let mut nothing = RowsSource::default();
    let mut samples = Learnt {
        plan: &plan,
        learn: (Part::All, &mut *all),
        judge: (Part::Judge, &mut nothing),
    };
    let again = again.train(home, &mut samples, progress, None)?;
    let (history, best_epoch, valid_samples) = (first.history, first.best_epoch, first.valid_samples);
    Ok((
        plan,
        Trained {
            history,
            best_epoch,
            valid_samples,
            ..again
        },
    ))
}

impl Job {
    /// Refuses early stopping that has nothing to watch, before a file is read.
    fn watches(&self) -> anyhow::Result<()> {
        let nothing = self.files.valid.is_empty() && self.files.hold_out <= 0.0;
        if nothing && self.model.train.early_stop.is_some() {
            return Err(unwatched().into());
        }
        Ok(())
    }

    /// Trains by the model's kind: sample by sample, or in batches over encoded samples.
    fn train(
        &self,
        home: &Home,
        samples: &mut Learnt<'_>,
        progress: &mut dyn Progress,
        events: Option<&mut EventWriter>,
    ) -> anyhow::Result<Trained> {
        if self.model.kind().is_linear() {
            return self.train_linear(home, samples, progress, events);
        }
        if self.model.kind().is_matrix() {
            let what = format!("{:?}", self.model.matrix);
            let (frame, plan) = (self.frame(home, samples, &what)?, samples.plan);
            let learn = &mut *samples.learn.1;
            return Ok(matrix::train(
                &self.model,
                plan,
                learn,
                &frame,
                (progress, events),
            )?);
        }
        let frame = self.frame(
            home,
            samples,
            &read(&Network::compile(&self.model, samples.plan)?),
        )?;
        let plan = samples.plan.clone();
        let (learn, judge) = (&mut *samples.learn.1, &mut *samples.judge.1);
        Ok(train_in(
            &self.model,
            plan,
            (learn, judge),
            &frame,
            (progress, events),
        )?)
    }

    /// Where a run that reads `what` of samples keeps them and its checkpoints. What is trained anew on all samples is a run of its own.
    pub(super) fn frame(&self, home: &Home, samples: &Learnt<'_>, what: &str) -> anyhow::Result<Frame> {
        let name = match samples.learn.0 {
            Part::All => format!("{}.all", self.name),
            Part::Train | Part::Valid | Part::Judge => self.name.clone(),
        };
        let checkpoints = home.checkpoints(&name);
        anew(&checkpoints, self.resume && samples.learn.0 == Part::Train);
        let from = self.origin.as_ref().map(|origin| &origin.start.from);
        Ok(Frame {
            place: Some(Place {
                folder: home.cache(),
                fingerprint: self.fingerprint(samples, &format!("{what} {from:?}"))?,
                name: name.clone(),
            }),
            checkpoints: Some(checkpoints),
            watched: self.watched(samples.judge.0)?,
            resume: self.resume,
            start: self.origin.as_ref().map(|origin| origin.start.clone()),
        })
    }

    /// The validation files that epochs are judged by, a line each; none where they are drawn from the training samples, or no epoch
    /// is judged.
    fn watched(&self, judge: Part) -> anyhow::Result<String> {
        let judged = judge == Part::Valid && !self.model.kind().is_matrix();
        let files = self.files.valid.iter().filter(|_| judged);
        let lines = files.map(|path| Ok(format!("validation {}", of_file(path)?)));
        Ok(lines.collect::<anyhow::Result<Vec<_>>>()?.join("\n"))
    }

    /// Removes what a published run no longer needs.
    pub(crate) fn forget_checkpoints(&self, home: &Home) {
        for name in [self.name.clone(), format!("{}.all", self.name)] {
            // what stays is passed over by the next run that is not resumed
            let _ = std::fs::remove_dir_all(home.checkpoints(&name));
        }
    }

    /// The conf with statistics of a part of the samples, and that part.
    fn with_statistics(&self, part: Part) -> anyhow::Result<(Arc<Plan>, super::Samples)> {
        let bare = Arc::new(Plan::compile(&self.conf.0, &self.conf.1, None)?);
        let bare = self.tables.bind(&bare)?;
        let mut samples = self.open(&bare, part)?;
        let plan = match &self.origin {
            Some(origin) => origin.statistics(&bare, || Ok(fitted(&bare, &mut *samples)?))?,
            None => fitted(&bare, &mut *samples)?,
        };
        Ok((Arc::new(plan), samples))
    }
}

/// Says that a run which was to go on begins anew, where there is nothing to go on from.
pub(super) fn anew(checkpoints: &Path, resume: bool) {
    if resume && !Checkpoints::are_in(checkpoints) {
        output::note(&format!(
            "--resume: there is no checkpoint in {}; training begins anew",
            checkpoints.display()
        ));
    }
}

/// What a network reads, in words.
fn read(network: &Network) -> String {
    let columns = network.columns.iter();
    let columns: Vec<_> = columns.map(|c| (c.slot.slot, c.table, c.pooling)).collect();
    let tables: Vec<_> = network.tables.iter().map(|t| (&t.name, t.buckets)).collect();
    let dense: Vec<u32> = network.dense.iter().map(|slot| slot.slot).collect();
    format!("{columns:?} {tables:?} {dense:?}")
}
