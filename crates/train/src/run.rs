//! The training loop: encode once, then epochs of shuffled batches, validation, early stopping, best weights back.
//!
//! One thread, so that the same samples, model file and seed give the same bytes; several models are trained at once by
//! calling [`train`] from several threads. The shuffle of epoch e depends on the seed and e alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_feature::Plan;
use rankine_kernel::Real;
use rankine_model::{ModelConfig, Network, Parameters};

use crate::TrainError;
use crate::average::Average;
use crate::backward::Mode;
use crate::early_stop::{EarlyStop, Verdict};
use crate::encode::{Batch, Cache, Encoder};
use crate::judge;
use crate::metric;
use crate::model::{Net, Settings, Snapshot, Watch};
use crate::objective::Objective;
use crate::progress::{EpochReport, Progress, RunningAuc, StepReport, thread_cpu_seconds};
use crate::source::SampleSource;
use crate::tensorboard::{self, EventWriter};

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
}

/// Trains the model that `config` describes on the features of `plan`.
///
/// With `train.early_stop` the best epoch's weights on `valid` are kept, otherwise (and without validation samples) the
/// last epoch's. `tensorboard` gets training loss and AUC and the validation figures after each epoch.
///
/// # Errors
/// What the sources report, samples that fit neither schema nor loss, a model file that asks for what the plan lacks, a
/// loss that is no longer finite.
pub fn train(
    config: &ModelConfig,
    plan: Arc<Plan>,
    train: &mut dyn SampleSource,
    valid: &mut dyn SampleSource,
    progress: &mut dyn Progress,
    tensorboard: Option<&mut EventWriter>,
) -> Result<Trained, TrainError> {
    let network = Network::compile(config, &plan).map_err(|faults| TrainError::Model { faults })?;
    trainable(config)?;
    let settings = Settings::new(config);
    let others = config.labels.len().saturating_sub(1);
    let mut encoder = Encoder::new(plan, network.clone(), settings.loss).with_others(others);
    let learn = encoder.learn(train)?;
    let judge = encoder.apply(valid)?;
    let mut net = Net::<f32>::new(&network, &settings, encoder.vocabularies());
    let objective = Objective::new(config, &network, &learn);
    let outcome = Run::new(&settings, progress, tensorboard)
        .taught_by(objective)
        .fit(&mut net, &learn, &judge)?;
    let table_rows = net
        .tables
        .iter()
        .map(|t| (t.name.clone(), t.rows().len() + 1))
        .collect();
    Ok(Trained {
        parameters: net.export(),
        history: outcome.history,
        best_epoch: outcome.best_epoch,
        train_samples: learn.len() as u64,
        valid_samples: judge.len() as u64,
        table_rows,
    })
}

/// The linear kinds have a loop of their own, [`crate::linear::train`].
fn trainable(config: &ModelConfig) -> Result<(), TrainError> {
    let kind = config.kind();
    if config.tower.as_ref().is_some_and(|tower| tower.only.is_some()) {
        return Err(TrainError::Config {
            key: "tower.only".to_owned(),
            detail: "one side of a model that was split cannot learn without the other".to_owned(),
        });
    }
    if !kind.is_linear() && !kind.is_matrix() {
        return Ok(());
    }
    Err(TrainError::Config {
        key: "kind".to_owned(),
        detail: format!(
            "expected a kind learnt in batches (embeddingmlp, widedeep, deepfm, neuralcf, dssm, twotower, youtubednn), got {}",
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
    start: Instant,
    /// Time spent in training batches, and when the listener last heard.
    trained: Duration,
    /// CPU seconds of the same, where the system tells.
    cpu: f64,
    told: Instant,
    samples: u64,
    auc: RunningAuc,
    objective: Option<Arc<Objective>>,
}

impl<'a> Run<'a> {
    /// A run with `settings` with its listeners.
    pub fn new(
        settings: &'a Settings,
        progress: &'a mut dyn Progress,
        tensorboard: Option<&'a mut EventWriter>,
    ) -> Self {
        let now = Instant::now();
        let (trained, auc) = (Duration::ZERO, RunningAuc::default());
        Self {
            settings,
            progress,
            tensorboard,
            start: now,
            trained,
            cpu: 0.0,
            told: now,
            samples: 0,
            auc,
            objective: None,
        }
    }

    /// The same with samples compared with one another as `objective` says, where it is given.
    #[must_use]
    pub fn taught_by(self, objective: Option<Objective>) -> Self {
        let objective = objective.map(Arc::new);
        Self { objective, ..self }
    }

    /// Trains `net` on `learn`, watching `judge`; leaves the best epoch's weights in `net`.
    ///
    /// # Errors
    /// No training samples, or a loss that is no longer finite.
    pub fn fit<T: Real>(
        mut self,
        net: &mut Net<T>,
        learn: &Cache,
        judge: &Cache,
    ) -> Result<Outcome, TrainError> {
        if learn.is_empty() {
            return Err(TrainError::Empty { what: "training" });
        }
        let (watch, patience) = self
            .settings
            .early_stop
            .map_or((Watch::Auc, None), |(w, p)| (w, Some(p)));
        let mut stop = EarlyStop::new(patience, watch.higher_is_better());
        let (mut outcome, mut best) = (Outcome::default(), Snapshot::default());
        let (mut batch, mut average) = (Batch::new(learn), Average::new(self.settings.average));
        for epoch in 1..=self.settings.epochs {
            average.iter_mut().for_each(|average| average.hide(net));
            let loss = self.epoch(net, learn, &mut batch, epoch)?;
            average.iter_mut().for_each(|average| average.show(net));
            let mut report = self.judge(net, judge, epoch, loss);
            let verdict = stop.observe(epoch, watch.figure(&report));
            report.best = verdict == Verdict::Best;
            if report.best && patience.is_some() {
                net.save(&mut best);
            }
            self.tell(&report)?;
            if let Some(writer) = self.tensorboard.as_deref_mut() {
                tensorboard::parameters(writer, i64::try_from(epoch).unwrap_or(i64::MAX), net)?;
            }
            outcome.history.push(report);
            if verdict == Verdict::Stop {
                break;
            }
        }
        outcome.best_epoch = outcome.history.len();
        if let (Some((epoch, _)), Some(_)) = (stop.best(), patience) {
            net.restore(&best);
            outcome.best_epoch = epoch;
        }
        Ok(outcome)
    }

    /// One pass over the shuffled samples; returns the mean loss.
    fn epoch<T: Real>(
        &mut self,
        net: &mut Net<T>,
        learn: &Cache,
        batch: &mut Batch<T>,
        epoch: usize,
    ) -> Result<f64, TrainError> {
        let cpu = thread_cpu_seconds();
        let order = self.order(learn.len(), epoch);
        let factor = self.settings.rate_factor(epoch);
        let (mut sum, mut weight, mut seen) = (0.0, 0.0, 0);
        let (mut slopes, begin) = (Vec::new(), Instant::now());
        let before = self.trained;
        let objective = self.objective.clone();
        let mut work = objective.as_ref().map(|o| (o, o.work(learn)));
        self.auc.clear();
        let (aims, part) = (net.aims(), if net.is_whole() { usize::MAX } else { PART });
        for (step, indices) in (1..).zip(order.chunks(self.settings.batch)) {
            net.begin(indices.len());
            let mut s = 0.0;
            if let Some((objective, work)) = &mut work {
                let w = objective.learn(net, (learn, indices), (epoch, step), work);
                (s, weight) = (w.0, weight + w.1);
            }
            let each = if work.is_none() { indices } else { &[] };
            for part in each.chunks(part) {
                batch.gather(learn, part);
                let logits = net.forward(batch, Mode::Learn);
                let share = T::of(1.0 / indices.len() as f64);
                let w = judge::part(
                    (self.settings.loss, &aims),
                    share,
                    logits,
                    batch,
                    &mut slopes,
                    &mut self.auc,
                );
                (s, weight) = (s + w.0, weight + w.1);
                net.backward(batch, &mut slopes);
            }
            (sum, seen) = (sum + s, seen + indices.len() as u64);
            if !s.is_finite() {
                return Err(TrainError::Diverged {
                    epoch,
                    step,
                    samples: seen,
                    loss: s,
                });
            }
            net.finish();
            net.step(factor);
            self.samples += indices.len() as u64;
            self.trained = before + begin.elapsed();
            self.maybe_tell(
                epoch,
                seen,
                learn.len() as u64,
                sum / weight.max(f64::MIN_POSITIVE),
            );
        }
        self.cpu += thread_cpu_seconds() - cpu;
        Ok(sum / weight.max(f64::MIN_POSITIVE))
    }

    /// The order of the samples in `epoch`.
    fn order(&self, samples: usize, epoch: usize) -> Vec<u32> {
        let mut order = indices(samples);
        if self.settings.shuffle {
            shuffle(&mut order, self.settings.seed, epoch);
        }
        order
    }

    /// Tells the listener, at most four times per second and at the end of an epoch.
    fn maybe_tell(&mut self, epoch: usize, samples: u64, total: u64, loss: f64) {
        if samples < total && self.told.elapsed() < Duration::from_millis(250) {
            return;
        }
        self.told = Instant::now();
        let samples_per_s = self.speed();
        let left = (self.settings.epochs - epoch) as u64 * total + total - samples;
        let (auc, eta_s) = (self.auc.value(), left as f64 / samples_per_s);
        self.progress.step(&StepReport {
            epoch,
            samples,
            total,
            loss,
            auc,
            samples_per_s,
            eta_s,
        });
    }

    fn speed(&self) -> f64 {
        self.samples as f64 / self.trained.as_secs_f64().max(1e-9)
    }

    fn judge<T: Real>(&self, net: &mut Net<T>, judge: &Cache, epoch: usize, loss: f64) -> EpochReport {
        let (valid_loss, valid_auc) = validate(net, judge, self.settings);
        EpochReport {
            epoch,
            loss,
            auc: self.auc.value(),
            valid_loss,
            valid_auc,
            samples_per_s: self.speed(),
            elapsed_s: self.start.elapsed().as_secs_f64(),
            cpu_s: Some(self.cpu),
            best: false,
        }
    }

    fn tell(&mut self, report: &EpochReport) -> Result<(), TrainError> {
        tell(self.progress, self.tensorboard.as_deref_mut(), report)
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
        ("epoch/samples_per_s", report.samples_per_s),
    ];
    figures
        .iter()
        .filter(|(_, v)| !v.is_nan())
        .try_for_each(|&(tag, v)| writer.scalar(tag, step, v))?;
    writer.flush()
}

/// Sample numbers in order; the encoder refuses more than a u32 can number.
fn indices(samples: usize) -> Vec<u32> {
    (0..u32::try_from(samples).unwrap_or(u32::MAX)).collect()
}

/// Mixes the order of the samples of one epoch (Fisher–Yates).
pub(crate) fn shuffle(order: &mut [u32], seed: u64, epoch: usize) {
    let mut random =
        Xoshiro256PlusPlus::seed_from_u64(seed ^ (epoch as u64).wrapping_mul(0xD1B5_4A32_D192_ED03));
    for i in (1..order.len()).rev() {
        order.swap(i, random.random_range(0..=i));
    }
}

/// Mean loss and ROC-AUC of `net` on `cache`; NaN without samples.
fn validate<T: Real>(net: &mut Net<T>, cache: &Cache, settings: &Settings) -> (f64, f64) {
    let scores = predict(net, cache, settings.batch);
    let (mut sum, mut weights) = (0.0, 0.0);
    for ((&z, &y), &w) in scores.iter().zip(&cache.labels).zip(&cache.weights) {
        sum += f64::from(w) * settings.loss.value(z.to_f64(), f64::from(y));
        weights += f64::from(w);
    }
    let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    let scores: Vec<f64> = scores.iter().map(|z| z.to_f64()).collect();
    let auc = metric::auc(&wide(&cache.labels), &scores, Some(&wide(&cache.weights)));
    (sum / weights, auc.unwrap_or(f64::NAN))
}

/// The logits of every sample of `cache`, in order, computed `rows` (at least 256) at a time.
pub fn predict<T: Real>(net: &mut Net<T>, cache: &Cache, rows: usize) -> Vec<T> {
    let mut batch = Batch::new(cache);
    let mut logits = Vec::with_capacity(cache.len());
    for indices in indices(cache.len()).chunks(rows.max(256)) {
        batch.gather(cache, indices);
        logits.extend_from_slice(&net.forward(&batch, Mode::Judge)[..batch.len()]);
    }
    logits
}
