//! `Clocks`: when a run began, what it has spent since it was last asked, and how far it is, for those who listen.

use std::time::{Duration, Instant};

use super::epoch::since;
use crate::progress::{Progress, StepReport, thread_cpu_seconds};
use crate::standing::Sums;

/// The clocks of a run.
pub(super) struct Clocks {
    start: Instant,
    told: Instant,
    wall: Instant,
    cpu: f64,
}

/// How far a run is.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    /// The epoch under way, from 1, and how many there are.
    pub(super) epochs: (usize, usize),
    /// Samples of this epoch, and how many it has, where known.
    pub(super) seen: (u64, Option<u64>),
    /// Samples of the whole run, and the seconds they took, as of when the clocks were last asked.
    pub(super) learnt: (u64, f64),
}

impl Clocks {
    pub(super) fn new() -> Clocks {
        let now = Instant::now();
        Clocks {
            start: now,
            told: now,
            wall: now,
            cpu: thread_cpu_seconds(),
        }
    }

    /// Seconds since the run began.
    pub(super) fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Wall and CPU seconds of this thread since it was last asked.
    pub(super) fn lap(&mut self) -> (f64, f64) {
        let spent = (self.wall.elapsed().as_secs_f64(), since(self.cpu));
        (self.wall, self.cpu) = (Instant::now(), thread_cpu_seconds());
        spent
    }

    /// Tells the listener, four times per second at most. Without a known total the epoch is as long as what was seen.
    pub(super) fn tell(&mut self, progress: &mut dyn Progress, sums: &Sums, moment: Moment) {
        if self.told.elapsed() < Duration::from_millis(250) {
            return;
        }
        self.told = Instant::now();
        let ((epoch, epochs), (samples, total)) = (moment.epochs, moment.seen);
        let wall = moment.learnt.1 + self.wall.elapsed().as_secs_f64();
        let samples_per_s = moment.learnt.0 as f64 / wall.max(1e-9);
        let total = total.unwrap_or(samples).max(samples);
        let left = (epochs - epoch) as u64 * total + total - samples;
        progress.step(&StepReport {
            epoch,
            samples,
            total,
            loss: sums.mean(),
            auc: sums.auc.value(),
            samples_per_s,
            eta_s: left as f64 / samples_per_s,
        });
    }
}
