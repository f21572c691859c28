//! Where a run stands: everything beside what is learnt that going on from here takes. A checkpoint is this and that: a network,
//! the rows of a linear kind.

use rankine_kernel::Real;

use crate::average::Average;
use crate::checkpoint::tape::Tape;
use crate::early_stop::EarlyStop;
use crate::model::{Net, Snapshot};
use crate::progress::{EpochReport, RunningAuc};

/// Sums over the batches of an epoch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    /// Batches that are done; blocks, of the linear kinds.
    pub(crate) batches: u64,
    /// Weighted loss.
    pub(crate) loss: f64,
    /// Weight.
    pub(crate) weight: f64,
    /// Samples.
    pub(crate) seen: u64,
    /// Predictions while learning.
    pub(crate) auc: RunningAuc,
}

impl Sums {
    /// Mean loss so far.
    pub(crate) fn mean(&self) -> f64 {
        self.loss / self.weight.max(f64::MIN_POSITIVE)
    }

    /// Adds what another has seen; batches are counted by who deals them out.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.loss += other.loss;
        self.weight += other.weight;
        self.seen += other.seen;
        self.auc.merge(&other.auc);
    }

    /// Writes it or reads it back.
    pub(crate) fn exchange(&mut self, tape: &mut Tape<'_>) {
        tape.tally(&mut self.batches);
        tape.real(&mut self.loss);
        tape.real(&mut self.weight);
        tape.tally(&mut self.seen);
        self.auc.exchange(tape);
    }
}

/// The state of a run.
pub(crate) struct Standing<T> {
    /// The epoch under way, from 1.
    pub(crate) epoch: usize,
    /// Steps of the whole run.
    pub(crate) steps: u64,
    /// Samples of the whole run, and seconds and CPU seconds that learning them took.
    pub(crate) samples: u64,
    pub(crate) trained: f64,
    pub(crate) cpu: f64,
    pub(crate) sums: Sums,
    pub(crate) history: Vec<EpochReport>,
    pub(crate) stop: EarlyStop,
    pub(crate) best: Snapshot<T>,
    pub(crate) average: Option<Average<T>>,
}

impl<T: Real> Standing<T> {
    /// At the beginning.
    pub(crate) fn new(stop: EarlyStop, average: Option<Average<T>>) -> Self {
        Self {
            epoch: 1,
            steps: 0,
            samples: 0,
            trained: 0.0,
            cpu: 0.0,
            sums: Sums::default(),
            history: Vec::new(),
            stop,
            best: Snapshot::default(),
            average,
        }
    }

    /// Samples per second of learning.
    pub(crate) fn speed(&self) -> f64 {
        self.samples as f64 / self.trained.max(1e-9)
    }

    /// Writes it and the network, or reads both back.
    pub(crate) fn exchange(&mut self, net: &mut Net<T>, tape: &mut Tape<'_>) {
        self.course(tape);
        net.exchange(tape);
        let mut aside = std::iter::once(&self.best).chain(self.average.iter().map(Average::mean));
        if tape.reads() && !tape.fails() && !aside.all(|aside| aside.fits(net)) {
            tape.refuse("the weights kept aside are of another network");
        }
    }

    /// Writes it or reads it back, without what is learnt.
    pub(crate) fn course(&mut self, tape: &mut Tape<'_>) {
        tape.count(&mut self.epoch);
        if self.epoch == 0 {
            tape.refuse("epochs count from 1");
        }
        tape.tally(&mut self.steps);
        tape.tally(&mut self.samples);
        tape.real(&mut self.trained);
        tape.real(&mut self.cpu);
        self.sums.exchange(tape);
        tape.list(&mut self.history, report);
        self.stop.exchange(tape);
        self.best.exchange(tape);
        if let Some(average) = &mut self.average {
            average.exchange(tape);
        }
    }
}

/// One epoch's report, as JSON: what is told there may grow.
fn report(tape: &mut Tape<'_>, report: &mut EpochReport) {
    let mut text = serde_json::to_string(report).unwrap_or_default();
    tape.text(&mut text);
    if !tape.reads() {
        return;
    }
    match serde_json::from_str(&text) {
        Ok(read) => *report = read,
        Err(_) => tape.refuse("an epoch's report is not readable"),
    }
}
