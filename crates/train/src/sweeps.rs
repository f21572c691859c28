//! Sweeps: the passes of kinds that learn from who met what, each told and, where it is due, written down.
//!
//! Decision: between two sweeps such a run is its vectors, its generator and its order, so that is where checkpoints are written, and
//! a step between them is a sweep.

use std::time::Instant;

use crate::TrainError;
use crate::checkpoint::Checkpoints;
use crate::checkpoint::tape::Tape;
use crate::early_stop::EarlyStop;
use crate::progress::{EpochReport, Progress, StepReport, thread_cpu_seconds};
use crate::run::tell;
use crate::standing::Standing;
use crate::tensorboard::EventWriter;

/// What is learnt by sweeps.
pub(crate) trait Sweep {
    /// Goes over everything once; returns the mean loss.
    fn sweep(&mut self) -> Result<f64, TrainError>;

    /// Writes what was learnt and what the next sweep draws by, or reads it back.
    fn exchange(&mut self, tape: &mut Tape<'_>);

    /// Writes histograms of what was learnt.
    fn histograms(&self, events: &mut EventWriter, step: i64) -> Result<(), TrainError>;
}

/// The sweeps of a run: who hears of them, and where it stands.
pub(crate) struct Sweeps<'a> {
    progress: &'a mut dyn Progress,
    tensorboard: Option<&'a mut EventWriter>,
    checkpoints: Option<Checkpoints>,
    resume: bool,
    at: Standing<f32>,
    /// What a sweep goes over, counted.
    samples: u64,
    start: Instant,
    /// This thread's CPU seconds at the start.
    cpu: f64,
}

impl<'a> Sweeps<'a> {
    /// Sweeps over so many samples.
    pub(crate) fn new(
        (progress, tensorboard): (&'a mut dyn Progress, Option<&'a mut EventWriter>),
        samples: u64,
    ) -> Sweeps<'a> {
        Sweeps {
            progress,
            tensorboard,
            checkpoints: None,
            resume: false,
            at: Standing::new(EarlyStop::new(None, false), None),
            samples,
            start: Instant::now(),
            cpu: thread_cpu_seconds(),
        }
    }

    /// The same with checkpoints; `resume` goes on from the newest, otherwise those of earlier runs are removed.
    pub(crate) fn with(self, checkpoints: Option<Checkpoints>, resume: bool) -> Sweeps<'a> {
        Sweeps {
            checkpoints,
            resume,
            ..self
        }
    }

    /// Counts another number of samples in a sweep from here on.
    pub(crate) fn over(&mut self, samples: u64) {
        self.samples = samples;
    }

    /// Sweeps until there were as many as `epochs`, those of the run it goes on from among them.
    ///
    /// # Errors
    /// What a sweep reports, a loss that is no longer finite, checkpoints that cannot be read or written or are of another run.
    pub(crate) fn run(&mut self, epochs: usize, what: &mut dyn Sweep) -> Result<(), TrainError> {
        if let Some(checkpoints) = &self.checkpoints {
            let at = &mut self.at;
            checkpoints.begin(self.resume, |tape| {
                at.course(tape);
                what.exchange(tape);
            })?;
        }
        while self.at.epoch <= epochs {
            let (wall, cpu) = (Instant::now(), thread_cpu_seconds());
            let loss = what.sweep()?;
            self.at.trained += wall.elapsed().as_secs_f64();
            self.at.cpu += thread_cpu_seconds() - cpu;
            self.at.samples += self.samples;
            self.step(epochs, loss);
            let step = i64::try_from(self.at.epoch).unwrap_or(i64::MAX);
            self.told(loss)?;
            if let Some(events) = self.tensorboard.as_deref_mut() {
                what.histograms(events, step)?;
            }
            let at = &mut self.at;
            if let Some(checkpoints) = &mut self.checkpoints
                && checkpoints.is_due(1)
            {
                checkpoints.save(at.steps, |tape| {
                    at.course(tape);
                    what.exchange(tape);
                })?;
            }
        }
        Ok(())
    }

    fn step(&mut self, epochs: usize, loss: f64) {
        let (samples, samples_per_s) = (self.samples, self.at.speed());
        let left = samples * (epochs - self.at.epoch) as u64;
        self.progress.step(&StepReport {
            epoch: self.at.epoch,
            samples,
            total: samples,
            loss,
            auc: f64::NAN,
            samples_per_s,
            eta_s: left as f64 / samples_per_s.max(1e-9),
        });
    }

    /// Tells the listeners of what was computed at once, since the start: there is no loss.
    ///
    /// # Errors
    /// Events that cannot be written.
    pub(crate) fn once(&mut self) -> Result<(), TrainError> {
        self.at.trained = self.start.elapsed().as_secs_f64();
        self.at.cpu = thread_cpu_seconds() - self.cpu;
        self.at.samples = self.samples;
        self.tell(f64::NAN)
    }

    /// Tells the listeners of a sweep.
    fn told(&mut self, loss: f64) -> Result<(), TrainError> {
        if loss.is_finite() {
            return self.tell(loss);
        }
        Err(TrainError::Diverged {
            epoch: self.at.epoch,
            step: 1,
            samples: self.samples,
            loss,
        })
    }

    fn tell(&mut self, loss: f64) -> Result<(), TrainError> {
        let at = &mut self.at;
        let report = EpochReport {
            epoch: at.epoch,
            loss,
            auc: f64::NAN,
            valid_loss: f64::NAN,
            valid_auc: f64::NAN,
            samples_per_s: at.speed(),
            elapsed_s: self.start.elapsed().as_secs_f64(),
            cpu_s: Some(at.cpu),
            best: loss.is_finite(),
            ..EpochReport::default()
        };
        tell(self.progress, self.tensorboard.as_deref_mut(), &report)?;
        at.history.push(report);
        (at.epoch, at.steps) = (at.epoch + 1, at.steps + 1);
        Ok(())
    }

    /// What was told.
    pub(crate) fn history(self) -> Vec<EpochReport> {
        self.at.history
    }
}
