//! Several threads that learn at once, without locks (Hogwild, Niu et al. 2011).
//!
//! Rows of tables are shared as they are: a batch touches few of them, so that threads seldom meet. Dense tensors, which every batch
//! moves, lie in relaxed atomics beside their optimiser's state: a thread copies the weights before a batch, and at its end takes
//! weights and state, makes its step and puts them back, in a few microseconds where a batch takes a millisecond. A step that falls
//! into another's is lost; the state stays numbers that some steps left. Not deterministic, and SAFETY.md says so.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use rankine_kernel::Real;

use crate::encode::Cache;
use crate::model::{Net, Settings};
use crate::progress::thread_cpu_seconds;
use crate::run::Learner;
use crate::standing::Sums;

/// Dense numbers that all threads share: weights, then the optimiser's state.
#[derive(Debug, Default)]
pub(crate) struct Common {
    numbers: Vec<AtomicU32>,
    steps: AtomicU64,
}

impl Common {
    /// Takes the dense numbers of a network.
    pub(crate) fn fill<T: Real>(&mut self, net: &mut Net<T>) {
        self.numbers.clear();
        *self.steps.get_mut() = net.steps_taken();
        net.each_dense(true, |values| {
            self.numbers
                .extend(values.iter().map(|v| AtomicU32::new(bits(*v))));
        });
    }

    /// Gives a network the shared weights, and with `state` the optimiser's.
    pub(crate) fn give<T: Real>(&self, net: &mut Net<T>, state: bool) {
        let mut from = self.numbers.iter();
        net.each_dense(state, |values| {
            for (value, from) in values.iter_mut().zip(&mut from) {
                *value = T::of(f64::from(f32::from_bits(from.load(Ordering::Relaxed))));
            }
        });
        net.set_steps(self.steps.load(Ordering::Relaxed));
    }

    /// Makes a step with the network's gradients.
    fn step<T: Real>(&self, net: &mut Net<T>, factor: f64) {
        self.give(net, true);
        net.set_steps(self.steps.fetch_add(1, Ordering::Relaxed));
        net.step(factor);
        let mut to = self.numbers.iter();
        net.each_dense(true, |values| {
            for (value, to) in values.iter().zip(&mut to) {
                to.store(bits(*value), Ordering::Relaxed);
            }
        });
    }
}

fn bits<T: Real>(value: T) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "training numbers are f32")]
    let narrow = value.to_f64() as f32;
    narrow.to_bits()
}

/// One thread's network, buffers and figures.
pub(crate) struct Hand<T> {
    net: Net<T>,
    learner: Learner<T>,
    sums: Sums,
    /// Figures of a step whose loss was not finite.
    pub(crate) broken: Option<f64>,
    pub(crate) cpu: f64,
}

impl<T: Real> Hand<T> {
    /// A hand on the rows of `net`; hands of other numbers draw other masks.
    pub(crate) fn new(net: &mut Net<T>, learner: Learner<T>, number: usize) -> Self {
        Self {
            net: net.hand(number),
            learner,
            sums: Sums::default(),
            broken: None,
            cpu: 0.0,
        }
    }

    /// Learns batches until none is left.
    fn work(&mut self, common: &Common, round: &Round<'_>) {
        let begin = thread_cpu_seconds();
        while let Some((number, indices)) = round.next() {
            common.give(&mut self.net, false);
            let settings = (round.settings, round.epoch);
            self.sums.batches = round.done + number as u64;
            let loss = self
                .learner
                .learn(&mut self.net, (round.cache, indices), settings, &mut self.sums);
            if !loss.is_finite() {
                self.broken = Some(loss);
                round.next.store(usize::MAX / 4, Ordering::Relaxed);
                break;
            }
            let step = round.steps + number as u64 + 1;
            common.step(
                &mut self.net,
                round.settings.factor(round.epoch, (step, round.per_epoch)),
            );
        }
        self.cpu += thread_cpu_seconds() - begin;
    }

    /// Its figures since the last call.
    pub(crate) fn take(&mut self) -> Sums {
        std::mem::take(&mut self.sums)
    }
}

/// Batches to be learnt before the threads meet again.
pub(crate) struct Round<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) epoch: usize,
    pub(crate) cache: &'a Cache,
    /// The samples, batch after batch.
    pub(crate) order: &'a [u32],
    /// Batches of the epoch, and steps of the run, before these.
    pub(crate) done: u64,
    pub(crate) steps: u64,
    pub(crate) per_epoch: u64,
    pub(crate) next: AtomicUsize,
}

impl Round<'_> {
    /// The next batch and its number.
    fn next(&self) -> Option<(usize, &[u32])> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let batch = self.order.chunks(self.settings.batch).nth(number);
        batch.map(|indices| (number, indices))
    }

    /// Lets all hands learn.
    pub(crate) fn run<T: Real>(&self, hands: &mut [Hand<T>], common: &Common) {
        std::thread::scope(|scope| {
            for hand in hands {
                scope.spawn(|| hand.work(common, self));
            }
        });
    }
}
