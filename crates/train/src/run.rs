//! The training loop: encode once, then epochs of shuffled batches, validation, early stopping, best weights back.
//!
//! One thread, so that the same samples, model file and seed give the same bytes; several models are trained at once by
//! calling [`train`] from several threads. The shuffle of epoch e depends on the seed and e alone.

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::Real;

use crate::backward::Mode;
use crate::early_stop::{EarlyStop, Verdict};
use crate::encode::{Batch, Cache};
use crate::loss::Loss;
use crate::metric;
use crate::model::{Blueprint, Net, Snapshot};
use crate::progress::{EpochReport, Progress, RunningAuc, StepReport};
use crate::tensorboard::EventWriter;
use crate::TrainError;

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
    blueprint: &'a Blueprint,
    progress: &'a mut dyn Progress,
    tensorboard: Option<&'a mut EventWriter>,
    start: Instant,
    /// Time spent in training batches, and when the listener last heard.
    trained: Duration,
    told: Instant,
    samples: u64,
    auc: RunningAuc,
}

impl<'a> Run<'a> {
    /// A run of `blueprint` with its listeners.
    pub fn new(
        blueprint: &'a Blueprint,
        progress: &'a mut dyn Progress,
        tensorboard: Option<&'a mut EventWriter>,
    ) -> Self {
        let now = Instant::now();
        let (trained, auc) = (Duration::ZERO, RunningAuc::default());
        Self { blueprint, progress, tensorboard, start: now, trained, told: now, samples: 0, auc }
    }

    /// Trains `net` on `learn`, watching `judge`; leaves the best epoch's weights in `net`.
    ///
    /// # Errors
    /// No training samples, or a loss that is no longer finite.
    pub fn fit<T: Real>(mut self, net: &mut Net<T>, learn: &Cache, judge: &Cache) -> Result<Outcome, TrainError> {
        if learn.is_empty() {
            return Err(TrainError::Empty { what: "training" });
        }
        let mut stop = EarlyStop::new(self.blueprint.patience, self.blueprint.higher_is_better());
        let (mut outcome, mut best) = (Outcome::default(), Snapshot::default());
        let mut batch = Batch::new(learn);
        for epoch in 1..=self.blueprint.epochs {
            let loss = self.epoch(net, learn, &mut batch, epoch)?;
            let mut report = self.judge(net, judge, epoch, loss);
            let verdict = stop.observe(epoch, self.blueprint.figure(&report));
            report.best = verdict == Verdict::Best;
            if report.best {
                net.save(&mut best);
            }
            self.tell(&report)?;
            outcome.history.push(report);
            if verdict == Verdict::Stop {
                break;
            }
        }
        outcome.best_epoch = outcome.history.len();
        if let Some((epoch, _)) = stop.best() {
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
        let order = shuffled(learn.len(), self.blueprint.seed, epoch);
        let factor = self.blueprint.rate_factor(epoch);
        let (mut sum, mut weight, mut seen) = (0.0, 0.0, 0);
        let (mut slopes, begin) = (Vec::new(), Instant::now());
        let before = self.trained;
        self.auc.clear();
        for indices in order.chunks(self.blueprint.batch) {
            batch.gather(learn, indices);
            let logits = net.forward(batch, Mode::Learn);
            let (s, w) = judge_batch(self.blueprint.loss, logits, batch, &mut slopes, &mut self.auc);
            (sum, weight, seen) = (sum + s, weight + w, seen + indices.len() as u64);
            if !s.is_finite() {
                return Err(TrainError::Diverged { epoch, samples: seen, loss: s });
            }
            net.backward(batch, &mut slopes);
            net.step(factor);
            self.samples += indices.len() as u64;
            self.trained = before + begin.elapsed();
            self.maybe_tell(epoch, seen, learn.len() as u64, sum / weight.max(f64::MIN_POSITIVE));
        }
        Ok(sum / weight.max(f64::MIN_POSITIVE))
    }

    /// Tells the listener, at most four times per second and at the end of an epoch.
    fn maybe_tell(&mut self, epoch: usize, samples: u64, total: u64, loss: f64) {
        if samples < total && self.told.elapsed() < Duration::from_millis(250) {
            return;
        }
        self.told = Instant::now();
        let samples_per_s = self.speed();
        let left = (self.blueprint.epochs - epoch) as u64 * total + total - samples;
        let (auc, eta_s) = (self.auc.value(), left as f64 / samples_per_s);
        self.progress.step(&StepReport { epoch, samples, total, loss, auc, samples_per_s, eta_s });
    }

    fn speed(&self) -> f64 {
        self.samples as f64 / self.trained.as_secs_f64().max(1e-9)
    }

    fn judge<T: Real>(&self, net: &mut Net<T>, judge: &Cache, epoch: usize, loss: f64) -> EpochReport {
        let (valid_loss, valid_auc) = validate(net, judge, self.blueprint);
        EpochReport {
            epoch,
            loss,
            auc: self.auc.value(),
            valid_loss,
            valid_auc,
            samples_per_s: self.speed(),
            elapsed_s: self.start.elapsed().as_secs_f64(),
            best: false,
        }
    }

    fn tell(&mut self, report: &EpochReport) -> Result<(), TrainError> {
        self.progress.epoch(report);
        let Some(writer) = &mut self.tensorboard else { return Ok(()) };
        let figures = [
            ("epoch/loss", report.loss),
            ("epoch/auc", report.auc),
            ("epoch/valid_loss", report.valid_loss),
            ("epoch/valid_auc", report.valid_auc),
            ("epoch/samples_per_s", report.samples_per_s),
        ];
        let _ = (writer, figures);
        Ok(())
    }
}

/// The order of the samples in one epoch (Fisher–Yates).
#[expect(clippy::cast_possible_truncation, reason = "a cache holds fewer than 2^32 samples: see Encoder")]
fn shuffled(samples: usize, seed: u64, epoch: usize) -> Vec<u32> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed ^ (epoch as u64).wrapping_mul(0xD1B5_4A32_D192_ED03));
    let mut order: Vec<u32> = (0..samples as u32).collect();
    for i in (1..order.len()).rev() {
        order.swap(i, random.random_range(0..=i));
    }
    order
}

/// Writes the gradient of the batch's mean loss to `slopes`; returns the weighted loss sum and the weight sum.
fn judge_batch<T: Real>(
    loss: Loss,
    logits: &[T],
    batch: &Batch<T>,
    slopes: &mut Vec<T>,
    auc: &mut RunningAuc,
) -> (f64, f64) {
    let share = T::of(1.0 / logits.len().max(1) as f64);
    let (mut sum, mut weights) = (0.0, 0.0);
    slopes.clear();
    for ((&z, &y), &w) in logits.iter().zip(&batch.labels).zip(&batch.weights) {
        let judged = loss.all(z, y);
        sum += (w * judged.value).to_f64();
        weights += w.to_f64();
        auc.add(judged.answer.to_f64(), y.to_f64(), w.to_f64());
        slopes.push(w * judged.slope * share);
    }
    (sum, weights)
}

/// Mean loss and ROC-AUC of `net` on `cache`; NaN without samples.
fn validate<T: Real>(net: &mut Net<T>, cache: &Cache, blueprint: &Blueprint) -> (f64, f64) {
    let scores = predict(net, cache, blueprint);
    let (mut sum, mut weights) = (0.0, 0.0);
    for ((&z, &y), &w) in scores.iter().zip(&cache.labels).zip(&cache.weights) {
        sum += f64::from(w) * blueprint.loss.value(z.to_f64(), f64::from(y));
        weights += f64::from(w);
    }
    let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    let scores: Vec<f64> = scores.iter().map(|z| z.to_f64()).collect();
    let auc = metric::auc(&wide(&cache.labels), &scores, Some(&wide(&cache.weights)));
    (sum / weights, auc.unwrap_or(f64::NAN))
}

/// The logits of every sample of `cache`, in order.
pub fn predict<T: Real>(net: &mut Net<T>, cache: &Cache, blueprint: &Blueprint) -> Vec<T> {
    let mut batch = Batch::new(cache);
    let mut logits = Vec::with_capacity(cache.len());
    let order: Vec<u32> = (0..cache.len()).filter_map(|i| u32::try_from(i).ok()).collect();
    for indices in order.chunks(blueprint.batch.max(256)) {
        batch.gather(cache, indices);
        logits.extend_from_slice(net.forward(&batch, Mode::Judge));
    }
    logits
}
