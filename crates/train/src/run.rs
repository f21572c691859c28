//! The training loop: encode once, then epochs of shuffled batches, validation, early stopping, best weights back.
//!
//! One thread unless the model file says otherwise, so that the same samples, model file and seed give the same bytes; several
//! models are trained at once by calling [`train`] from several threads. The shuffle of epoch e depends on the seed and e alone, so that a run goes on from a
//! checkpoint as if it had never ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rankine_feature::Plan;
use rankine_kernel::Real;
use rankine_model::config::Meaning;
use rankine_model::graph::Aim;
use rankine_model::{ModelConfig, Network, Parameters};

use crate::TrainError;
use crate::average::Average;
use crate::backward::Mode;
use crate::checkpoint::Checkpoints;
use crate::crew::{Crew, Round};
use crate::early_stop::{self, EarlyStop, Verdict};
use crate::encode::{Batch, Cache, Encoder, Order, Samples, Storage, Vocabulary};
use crate::held::{Figures, Held};
use crate::judge;
use crate::linear::Place;
use crate::model::{Net, Settings, Watch};
use crate::objective::{Objective, Work};
use crate::progress::{EpochReport, Progress, StepReport, thread_cpu_seconds};
use crate::source::SampleSource;
use crate::standing::{Standing, Sums};
use crate::tensorboard::{self, EventWriter};
use crate::warm::{self, Restored, Rules, Start};

pub(crate) use crate::encode::stock::shuffle;

/// Samples of a batch that go through all layers before the next: their numbers stay in the second cache, where those of
/// a batch of a thousand would not. A multiple of two, so that dropout draws as for the whole batch.
const PART: usize = 256;

/// What a training run produced.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The weights of the best epoch, as serving reads them.
    pub parameters: Parameters<f32>,
    /// One report per epoch that was run.
    pub history: Vec<EpochReport>,
    /// The epoch the weights are from, from 1.
    pub best_epoch: usize,
    /// Training samples.
    pub train_samples: u64,
    /// Validation samples.
    pub valid_samples: u64,
    /// Rows by table, the missing row included.
    pub table_rows: Vec<(String, usize)>,
    /// What became of the version that training began from.
    pub restored: Option<Restored>,
    /// What a training that begins from this one needs beside the weights, where the model file asks for it.
    pub optimizer: Option<Parameters<f32>>,
}

/// Where a run keeps what it needs on disk; all of it may be absent.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Where samples go that do not fit the memory they are given.
    pub place: Option<Place>,
    /// Where checkpoints are written, if the model file asks for them.
    pub checkpoints: Option<PathBuf>,
    /// What epochs are judged by, in words: a checkpoint is of the same or is refused.
    pub watched: String,
    /// Whether to go on from the newest checkpoint there is.
    pub resume: bool,
    /// What to begin from.
    pub start: Option<Arc<Start>>,
}

/// As [`train_in`], with everything in memory.
///
/// # Errors
/// As [`train_in`].
pub fn train(
    config: &ModelConfig,
    plan: Arc<Plan>,
    train: &mut dyn SampleSource,
    valid: &mut dyn SampleSource,
    progress: &mut dyn Progress,
    tensorboard: Option<&mut EventWriter>,
) -> Result<Trained, TrainError> {
    train_in(
        config,
        plan,
        (train, valid),
        &Frame::default(),
        (progress, tensorboard),
    )
}

/// Trains the model that `config` describes on the features of `plan`.
///
/// With `train.early_stop` the best epoch's weights on the second source are kept, otherwise (and where no epoch has the figure that
/// is watched) the last epoch's. TensorBoard gets training loss and AUC and the validation figures after each epoch. More samples than
/// `train.shuffle_buffer` go to a block file in the frame's place.
///
/// # Errors
/// What the sources report, samples that fit neither schema nor loss, a model file that asks for what the plan lacks or is to stop early
/// without validation samples, a loss that is no longer finite, a checkpoint of another run, the disk's.
pub fn train_in(
    config: &ModelConfig,
    plan: Arc<Plan>,
    (train, valid): (&mut dyn SampleSource, &mut dyn SampleSource),
    frame: &Frame,
    (progress, tensorboard): (&mut dyn Progress, Option<&mut EventWriter>),
) -> Result<Trained, TrainError> {
    let network = Network::compile(config, &plan).map_err(|faults| TrainError::Model { faults })?;
    trainable(config, &network, frame)?;
    let settings = Settings::new(config);
    if settings.early_stop.is_some() {
        watched(valid)?;
    }
    let others = config.labels.len().saturating_sub(1);
    let mut encoder = Encoder::new(plan.clone(), network.clone(), settings.loss).with_others(others);
    let storage = |part| Storage {
        place: frame.place.as_ref(),
        part,
        buffer: settings.course.buffer,
        keep: settings.course.keep_samples,
    };
    let start = frame.start.as_deref();
    if let Some(start) = start {
        start.check_any(&network)?;
        start.inherit(&network, &mut encoder)?;
    }
    let learn = encoder.learn_in(train, storage(""))?;
    let judge = encoder.apply_in(valid, storage(".valid"))?;
    let (learn, judge) = (Samples::from(&learn), Samples::from(&judge));
    let vocabularies = encoder.into_vocabularies();
    let mut net = Net::<f32>::new(&network, &settings, &vocabularies);
    let rules = Rules::of(&network, &settings);
    let restored = start
        .map(|start| start.restore(&mut net, &vocabularies, &rules))
        .transpose()?;
    let keeps = settings.course.keep_optimizer || network.tables.iter().any(|t| t.expire.is_some());
    let counts = |v: &Vocabulary| if keeps { v.counts().to_vec() } else { Vec::new() };
    let uses: Vec<Vec<u32>> = vocabularies.iter().map(counts).collect();
    drop(vocabularies);
    // training speaks of row numbers; a large index is as large as a third of the weights
    let tables = net.tables.iter_mut();
    tables.for_each(|table| table.rows_mut().forget_index());
    check_patterns(config, &mut net)?;
    let objective = Objective::over(config, &network, learn)?;
    let mut run = Run::new(&settings, progress, tensorboard).taught_by(objective);
    let counted = format!("{} training samples, {} to validate on", learn.len(), judge.len());
    if let Some(checkpoints) = frame.checkpoints_of(config, &plan, (&settings, &counted)) {
        run = run.with(checkpoints, frame.resume);
    }
    let outcome = run.fit(&mut net, learn, judge)?;
    let whole = settings.course.keep_optimizer;
    let mut optimizer = keeps.then(|| warm::state(&mut net, &uses, (start, whole), &rules));
    let mut parameters = net.into_parameters();
    if let Some(state) = &mut optimizer {
        warm::expire(&network, &mut parameters, state);
    }
    Ok(Trained {
        history: outcome.history,
        best_epoch: outcome.best_epoch,
        train_samples: learn.len() as u64,
        valid_samples: judge.len() as u64,
        table_rows: table_rows(&parameters),
        restored,
        optimizer,
        parameters,
    })
}

/// Early stopping without samples to watch is refused before anything is learnt.
fn watched(valid: &mut dyn SampleSource) -> Result<(), TrainError> {
    valid.rewind()?;
    match valid.next(&mut Vec::new(), 1)? {
        0 => Err(early_stop::unwatched()),
        _ => Ok(()),
    }
}

/// Rows by table, the missing row included.
fn table_rows(parameters: &Parameters<f32>) -> Vec<(String, usize)> {
    let tables = parameters.tables.iter();
    tables
        .map(|(name, table)| (name.clone(), table.len() + 1))
        .collect()
}

impl Frame {
    /// The checkpoints of a run, where it writes any. What the run is, line by line, `counted` among it: a checkpoint is of the same
    /// one or none.
    pub(crate) fn checkpoints_of(
        &self,
        config: &ModelConfig,
        plan: &Plan,
        (settings, counted): (&Settings, &str),
    ) -> Option<Checkpoints> {
        let (folder, rhythm) = self.checkpoints.as_ref().zip(settings.course.checkpoint)?;
        let place = self.place.as_ref().map_or("", |place| &place.fingerprint);
        let what = format!(
            "conf {}\n{counted}\n{}\n{place}\n{}",
            plan.hash(),
            config.text().trim_end(),
            self.watched
        );
        Some(Checkpoints::new(folder, &what, rhythm))
    }
}

/// A pattern of `train.freeze` that fits nothing is a mistake.
fn check_patterns(config: &ModelConfig, net: &mut Net<f32>) -> Result<(), TrainError> {
    let names = net.names();
    let fits = |pattern: &str| names.iter().any(|name| crate::pattern::fits(pattern, name));
    let Some(pattern) = config.train.freeze.iter().find(|pattern| !fits(&pattern.value)) else {
        return Ok(());
    };
    Err(TrainError::Config {
        key: "train.freeze".to_owned(),
        detail: format!(
            "`{}` fits no parameter; there are: {}",
            pattern.value,
            names.join(", ")
        ),
    })
}

/// A new name of `train.rename` that no parameter has is a mistake, as is one without a version to begin from.
fn check_new_names(config: &ModelConfig, network: &Network, frame: &Frame) -> Result<(), TrainError> {
    let names = &config.train.rename;
    if frame.start.is_none() && !names.is_empty() {
        let detail = "there is no version to begin from, expected one (`--init-from`)";
        return Err(warm::rename_fault(detail.to_owned()));
    }
    let tables = network.tables.iter().map(|table| format!("emb.{}", table.name));
    let tensors = network.tensors().into_iter().map(|tensor| tensor.name);
    let here: Vec<String> = tables.chain(tensors).collect();
    let Some((old, new)) = names.iter().find(|(_, new)| !here.contains(new)) else {
        return Ok(());
    };
    let near = warm::near(new, &here);
    Err(warm::rename_fault(format!(
        "`{old}` is to be `{new}`, which is no parameter of this model{near}"
    )))
}

/// The linear kinds have a loop of their own, [`crate::linear::train`].
fn trainable(config: &ModelConfig, network: &Network, frame: &Frame) -> Result<(), TrainError> {
    let kind = config.kind();
    if config.tower.as_ref().is_some_and(|tower| tower.only.is_some()) {
        return Err(TrainError::Config {
            key: "tower.only".to_owned(),
            detail: "one side of a model that was split cannot learn without the other".to_owned(),
        });
    }
    if !kind.is_linear() && !kind.is_matrix() {
        return check_new_names(config, network, frame);
    }
    Err(TrainError::Config {
        key: "kind".to_owned(),
        detail: format!(
            "expected a kind learnt in batches, `{}` is not: it is linear or learns from who met what",
            kind.name()
        ),
    })
}

/// How a fit went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// One report per epoch that was run.
    pub history: Vec<EpochReport>,
    /// The epoch whose weights the network has, from 1.
    pub best_epoch: usize,
}

/// A fit over encoded samples: settings, listeners and clocks.
pub struct Run<'a> {
    settings: &'a Settings,
    progress: &'a mut dyn Progress,
    tensorboard: Option<&'a mut EventWriter>,
    checkpoints: Option<Checkpoints>,
    resume: bool,
    objective: Option<Arc<Objective>>,
    start: Instant,
    /// When the listener last heard.
    told: Instant,
}

impl<'a> Run<'a> {
    /// A run with `settings` with its listeners.
    pub fn new(
        settings: &'a Settings,
        progress: &'a mut dyn Progress,
        tensorboard: Option<&'a mut EventWriter>,
    ) -> Self {
        let now = Instant::now();
        Self {
            settings,
            progress,
            tensorboard,
            checkpoints: None,
            resume: false,
            objective: None,
            start: now,
            told: now,
        }
    }

    /// The same with samples compared with one another as `objective` says, where it is given.
    #[must_use]
    pub fn taught_by(self, objective: Option<Objective>) -> Self {
        let objective = objective.map(Arc::new);
        Self { objective, ..self }
    }

    /// The same with checkpoints; `resume` goes on from the newest, otherwise those of earlier runs are removed.
    #[must_use]
    pub fn with(self, checkpoints: Checkpoints, resume: bool) -> Self {
        Self {
            checkpoints: Some(checkpoints),
            resume,
            ..self
        }
    }

    /// Trains `net` on `learn`, watching `judge`; leaves the best epoch's weights in `net`.
    ///
    /// # Errors
    /// No training samples, a loss that is no longer finite, samples or checkpoints that cannot be read or written.
    pub fn fit<'s, T: Real>(
        mut self,
        net: &mut Net<T>,
        learn: impl Into<Samples<'s>>,
        judge: impl Into<Samples<'s>>,
    ) -> Result<Outcome, TrainError> {
        let (learn, judge) = (learn.into(), judge.into());
        if learn.is_empty() {
            return Err(TrainError::Empty { what: "training" });
        }
        let (watch, patience) = self
            .settings
            .early_stop
            .map_or((Watch::Auc, None), |(w, p)| (w, Some(p)));
        let stop = EarlyStop::new(patience, watch.higher_is_better());
        let mut at = Standing::new(stop, Average::new(self.settings.average));
        self.resume(net, &mut at)?;
        // nothing refuses the run any more
        self.tensorboard
            .as_deref_mut()
            .map_or(Ok(()), EventWriter::flush)?;
        let mut learner = Learner::new(net, learn, self.objective.clone());
        let threads = self.settings.course.threads;
        let mut crew = (threads > 1).then(|| {
            Crew::new(net, threads, |net| {
                Learner::new(net, learn, self.objective.clone())
            })
        });
        while at.epoch <= self.settings.epochs {
            at.average.iter_mut().for_each(|average| average.hide(net));
            match &mut crew {
                Some(crew) => self.epoch_of_many(net, learn, crew, &mut at)?,
                None => self.epoch(net, learn, &mut learner, &mut at)?,
            }
            at.average.iter_mut().for_each(|average| average.show(net));
            let mut report = self.judge(net, judge, &at)?;
            let verdict = at.stop.observe(at.epoch, watch.figure(&report));
            report.best = verdict == Verdict::Best;
            if report.best && patience.is_some() {
                match self.settings.course.keep_optimizer {
                    true => net.save_whole(&mut at.best),
                    false => net.save(&mut at.best),
                }
            }
            self.tell(&report)?;
            if let Some(writer) = self.tensorboard.as_deref_mut() {
                tensorboard::parameters(writer, i64::try_from(at.epoch).unwrap_or(i64::MAX), net)?;
            }
            at.history.push(report);
            if verdict == Verdict::Stop {
                break;
            }
            (at.epoch, at.sums) = (at.epoch + 1, Sums::default());
        }
        let mut best_epoch = at.history.len();
        if let (Some((epoch, _)), Some(_)) = (at.stop.best(), patience) {
            net.restore(&at.best);
            best_epoch = epoch;
        }
        Ok(Outcome {
            history: at.history,
            best_epoch,
        })
    }

    /// Goes back to where the newest checkpoint stands, or removes those of earlier runs.
    fn resume<T: Real>(&self, net: &mut Net<T>, at: &mut Standing<T>) -> Result<(), TrainError> {
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.begin(self.resume, |tape| at.exchange(net, tape))?;
        }
        Ok(())
    }

    /// One pass over the shuffled samples, or what is left of it.
    fn epoch<T: Real>(
        &mut self,
        net: &mut Net<T>,
        learn: Samples<'_>,
        learner: &mut Learner<T>,
        at: &mut Standing<T>,
    ) -> Result<(), TrainError> {
        let mut clock = Clock::start(at.trained, at.cpu);
        let batch = self.settings.batch;
        let per_epoch = learn.len().div_ceil(batch) as u64;
        let mixed = self.settings.shuffle.then_some((self.settings.seed, at.epoch));
        let mut windows = learn.pass(Order { mixed, batch });
        let mut done = at.sums.batches;
        while let Some((cache, order)) = windows.window()? {
            for indices in order.chunks(batch) {
                if done > 0 {
                    done -= 1;
                    continue;
                }
                let factor = self.settings.factor(at.epoch, (at.steps + 1, per_epoch));
                let loss = learner.learn(net, (cache, indices), (self.settings, at.epoch), &mut at.sums);
                if !loss.is_finite() {
                    return Err(TrainError::Diverged {
                        epoch: at.epoch,
                        step: usize::try_from(at.sums.batches).unwrap_or(usize::MAX),
                        samples: at.sums.seen,
                        loss,
                    });
                }
                net.step(factor);
                at.steps += 1;
                at.samples += indices.len() as u64;
                (at.trained, at.cpu) = clock.read();
                self.maybe_tell(at, learn.len() as u64);
                self.maybe_save(net, at, 1)?;
            }
        }
        at.cpu = clock.cpu();
        Ok(())
    }

    /// As [`Run::epoch`] on several threads: they meet where a checkpoint may be due, a listener is told, or a window ends.
    fn epoch_of_many<T: Real>(
        &mut self,
        net: &mut Net<T>,
        learn: Samples<'_>,
        crew: &mut Crew<T>,
        at: &mut Standing<T>,
    ) -> Result<(), TrainError> {
        let (mut wall, cpu) = (Clock::start(at.trained, 0.0), thread_cpu_seconds());
        let batch = self.settings.batch;
        let mixed = self.settings.shuffle.then_some((self.settings.seed, at.epoch));
        let mut windows = learn.pass(Order { mixed, batch });
        let mut done = usize::try_from(at.sums.batches).unwrap_or(usize::MAX);
        while let Some((cache, order)) = windows.window()? {
            let skipped = done.min(order.len().div_ceil(batch));
            done -= skipped;
            let mut rest = &order[(skipped * batch).min(order.len())..];
            while !rest.is_empty() {
                let left = self.checkpoints.as_ref().map_or(u64::MAX, Checkpoints::left);
                let most = usize::try_from(left).unwrap_or(usize::MAX);
                let most = most.min(TOGETHER.div_ceil(batch)).saturating_mul(batch);
                let (now, later) = rest.split_at(most.min(rest.len()));
                rest = later;
                let round = Round::new(self.settings, (cache, now), learn.len(), at);
                crew.learn(net, &round, at)?;
                at.trained = wall.read().0;
                self.maybe_tell(at, learn.len() as u64);
                self.maybe_save(net, at, now.len().div_ceil(batch) as u64)?;
            }
        }
        at.cpu += thread_cpu_seconds() - cpu;
        Ok(())
    }

    /// Writes a checkpoint where one is due after `steps` more steps.
    fn maybe_save<T: Real>(
        &mut self,
        net: &mut Net<T>,
        at: &mut Standing<T>,
        steps: u64,
    ) -> Result<(), TrainError> {
        if let Some(checkpoints) = &mut self.checkpoints
            && checkpoints.is_due(steps)
        {
            checkpoints.save(at.steps, |tape| at.exchange(net, tape))?;
        }
        Ok(())
    }

    /// Tells the listener, at most four times per second and at the end of an epoch.
    fn maybe_tell<T: Real>(&mut self, at: &Standing<T>, total: u64) {
        let samples = at.sums.seen;
        if samples < total && self.told.elapsed() < Duration::from_millis(250) {
            return;
        }
        self.told = Instant::now();
        let samples_per_s = at.speed();
        let left = (self.settings.epochs - at.epoch) as u64 * total + total.saturating_sub(samples);
        self.progress.step(&StepReport {
            epoch: at.epoch,
            samples,
            total,
            loss: at.sums.mean(),
            auc: at.sums.auc.value(),
            samples_per_s,
            eta_s: left as f64 / samples_per_s,
        });
    }

    fn judge<T: Real>(
        &self,
        net: &mut Net<T>,
        judge: Samples<'_>,
        at: &Standing<T>,
    ) -> Result<EpochReport, TrainError> {
        let cpu = thread_cpu_seconds();
        let valid = validate(net, judge, self.settings)?;
        let valid_cpu_s = (!judge.is_empty()).then(|| thread_cpu_seconds() - cpu);
        let told = self.settings.meaning == Meaning::Probability;
        Ok(EpochReport {
            epoch: at.epoch,
            loss: at.sums.mean(),
            auc: at.sums.auc.value(),
            valid_loss: valid.loss,
            valid_auc: valid.auc,
            accuracy: told.then(|| at.sums.auc.accuracy()).flatten(),
            valid_accuracy: valid.accuracy,
            samples_per_s: at.speed(),
            elapsed_s: self.start.elapsed().as_secs_f64(),
            cpu_s: Some(at.cpu),
            valid_cpu_s,
            best: false,
        })
    }

    fn tell(&mut self, report: &EpochReport) -> Result<(), TrainError> {
        tell(self.progress, self.tensorboard.as_deref_mut(), report)
    }
}

/// Wall and CPU seconds of learning, on top of what was spent before.
struct Clock {
    begin: Instant,
    wall: f64,
    /// This thread's CPU seconds at the start, and those to add.
    cpu: (f64, f64),
}

impl Clock {
    fn start(wall: f64, cpu: f64) -> Self {
        Self {
            begin: Instant::now(),
            wall,
            cpu: (thread_cpu_seconds(), cpu),
        }
    }

    /// Wall seconds, and CPU seconds as they stood at the start.
    fn read(&mut self) -> (f64, f64) {
        (self.wall + self.begin.elapsed().as_secs_f64(), self.cpu.1)
    }

    fn cpu(&self) -> f64 {
        self.cpu.1 + thread_cpu_seconds() - self.cpu.0
    }
}

/// Samples that several threads learn before they meet.
const TOGETHER: usize = 1 << 18;

/// The buffers of a thread that learns.
pub(crate) struct Learner<T> {
    batch: Batch<T>,
    slopes: Vec<T>,
    aims: Vec<Aim>,
    /// Samples that go through all layers at a time.
    part: usize,
    /// Where samples are compared with one another.
    together: Option<(Arc<Objective>, Work<T>)>,
}

impl<T: Real> Learner<T> {
    pub(crate) fn new(net: &Net<T>, samples: Samples<'_>, objective: Option<Arc<Objective>>) -> Self {
        let together = objective.map(|objective| {
            let work = objective.work(samples.shape());
            (objective, work)
        });
        Self {
            batch: Batch::new(samples.shape()),
            slopes: Vec::new(),
            aims: net.aims(),
            part: if net.is_whole() { usize::MAX } else { PART },
            together,
        }
    }

    /// Computes the gradient of a batch, part by part, and adds its figures to `sums`; returns the weighted loss.
    pub(crate) fn learn(
        &mut self,
        net: &mut Net<T>,
        (cache, indices): (&Cache, &[u32]),
        (settings, epoch): (&Settings, usize),
        sums: &mut Sums,
    ) -> f64 {
        net.begin(indices.len());
        let (share, mut loss) = (T::of(1.0 / indices.len() as f64), 0.0);
        let step = usize::try_from(sums.batches + 1).unwrap_or(usize::MAX);
        let mut each = indices;
        if let Some((objective, work)) = &mut self.together {
            let part = objective.learn(net, (cache, indices), (epoch, step), work);
            (loss, sums.weight, each) = (part.0, sums.weight + part.1, &[]);
        }
        for part in each.chunks(self.part) {
            self.batch.gather(cache, part);
            let logits = net.forward(&self.batch, Mode::Learn);
            let part = judge::part(
                (settings.loss, &self.aims),
                share,
                logits,
                &self.batch,
                &mut self.slopes,
                &mut sums.auc,
            );
            loss += part.0;
            sums.weight += part.1;
            net.backward(&self.batch, &mut self.slopes);
        }
        net.finish();
        sums.loss += loss;
        sums.seen += indices.len() as u64;
        sums.batches += 1;
        loss
    }
}

/// Tells the listeners how an epoch went.
pub(crate) fn tell(
    progress: &mut dyn Progress,
    tensorboard: Option<&mut EventWriter>,
    report: &EpochReport,
) -> Result<(), TrainError> {
    progress.epoch(report);
    let Some(writer) = tensorboard else {
        return Ok(());
    };
    let step = i64::try_from(report.epoch).unwrap_or(i64::MAX);
    let figures = [
        ("epoch/loss", report.loss),
        ("epoch/auc", report.auc),
        ("epoch/valid_loss", report.valid_loss),
        ("epoch/valid_auc", report.valid_auc),
        ("epoch/accuracy", report.accuracy.unwrap_or(f64::NAN)),
        ("epoch/valid_accuracy", report.valid_accuracy.unwrap_or(f64::NAN)),
        ("epoch/samples_per_s", report.samples_per_s),
    ];
    figures
        .iter()
        .filter(|(_, v)| !v.is_nan())
        .try_for_each(|&(tag, v)| writer.scalar(tag, step, v))?;
    writer.flush()
}

/// The figures of `net` on `samples`.
fn validate<T: Real>(
    net: &mut Net<T>,
    samples: Samples<'_>,
    settings: &Settings,
) -> Result<Figures, TrainError> {
    let mut held = Held::new(settings.loss);
    let order = Order {
        mixed: None,
        batch: settings.batch,
    };
    let mut windows = samples.pass(order);
    while let Some((cache, indices)) = windows.window()? {
        let logits = predict_some(net, cache, indices, settings.batch);
        for (z, i) in logits.iter().map(|z| z.to_f64()).zip(indices) {
            let (y, w) = (cache.labels[*i as usize], cache.weights[*i as usize]);
            held.add(z, f64::from(y), f64::from(w));
        }
    }
    Ok(held.figures(settings.meaning))
}

/// The logits of every sample of `cache`, in order, computed `rows` (at least 256) at a time.
pub fn predict<T: Real>(net: &mut Net<T>, cache: &Cache, rows: usize) -> Vec<T> {
    let all: Vec<u32> = (0..u32::try_from(cache.len()).unwrap_or(u32::MAX)).collect();
    predict_some(net, cache, &all, rows)
}

/// The logits of some samples.
fn predict_some<T: Real>(net: &mut Net<T>, cache: &Cache, order: &[u32], rows: usize) -> Vec<T> {
    let mut batch = Batch::new(cache);
    let mut logits = Vec::with_capacity(order.len());
    for indices in order.chunks(rows.max(256)) {
        batch.gather(cache, indices);
        logits.extend_from_slice(&net.forward(&batch, Mode::Judge)[..batch.len()]);
    }
    logits
}
