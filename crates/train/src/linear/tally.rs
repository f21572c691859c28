//! `Tally`: what one thread has seen of an epoch.

use crate::progress::RunningAuc;

/// Sums over samples that were predicted and then learnt.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) samples: u64,
    pub(super) loss: f64,
    pub(super) weight: f64,
    pub(super) auc: RunningAuc,
    /// CPU seconds of the thread, where the system tells.
    pub(super) cpu: f64,
}

impl Tally {
    pub(super) fn merge(&mut self, other: &Tally) {
        self.samples += other.samples;
        self.loss += other.loss;
        self.weight += other.weight;
        self.auc.merge(&other.auc);
        self.cpu += other.cpu;
    }

    /// Mean loss.
    pub(super) fn mean(&self) -> f64 {
        self.loss / self.weight.max(f64::MIN_POSITIVE)
    }
}
