//! Several threads that learn at once, without locks (Hogwild, Niu et al. 2011).
//!
//! Rows of tables are shared as they are ([`rankine_kernel::rows::SharedRows`]): a batch touches few of them, so that threads
//! seldom meet. Dense tensors, which every batch moves, would go from core to core at every step. So each thread has its own, with
//! its own optimiser's state, and after some hundred samples adds what it changed to the common ones, relaxed atomics, and takes
//! over what the others did. What two threads add at the same instant may be lost; what stays are numbers that some steps left.
//! Not deterministic, and SAFETY.md says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use rankine_kernel::Real;
use rankine_kernel::dense::axpy;
use rankine_kernel::rows::SharedRows;

use crate::TrainError;
use crate::encode::Cache;
use crate::model::{Net, Settings};
use crate::progress::thread_cpu_seconds;
use crate::run::Learner;
use crate::standing::{Standing, Sums};
use crate::table::Table;

/// Samples that a thread learns at most, but for the last of its batches, between two meetings with the common tensors. A meeting
/// costs about as much as twenty samples; with twice as many two towers were twice as far behind one thread.
const MEETING: usize = 128;

/// Dense weights that all threads share.
#[derive(Debug, Default)]
struct Common {
    numbers: Vec<AtomicU32>,
    steps: AtomicU64,
}

impl Common {
    /// Takes the weights of a network.
    fn fill<T: Real>(&mut self, net: &mut Net<T>) {
        self.numbers.clear();
        *self.steps.get_mut() = net.steps_taken();
        net.each_dense(|_, values| {
            self.numbers
                .extend(values.iter().map(|v| AtomicU32::new(bits(*v))));
        });
    }

    /// Gives a network the common weights.
    fn give<T: Real>(&self, net: &mut Net<T>) {
        let mut from = self.numbers.iter();
        net.each_dense(|_, values| {
            for (value, from) in values.iter_mut().zip(&mut from) {
                *value = number(from);
            }
        });
        net.set_steps(self.steps.load(Ordering::Relaxed));
    }

    /// Adds what a network has changed since it had the weights of `base`, and gives it, and `base`, what stands there then.
    /// Figures that follow the data by themselves go half of the way instead: added, they would overshoot.
    fn meet<T: Real>(&self, net: &mut Net<T>, base: &mut [T]) {
        let mut all = self.numbers.iter().zip(base);
        let half = T::of(0.5);
        net.each_dense(|moving, values| {
            for (value, (common, base)) in values.iter_mut().zip(&mut all) {
                let there: T = number(common);
                let now = if moving {
                    (there + *value) * half
                } else {
                    there + (*value - *base)
                };
                common.store(bits(now), Ordering::Relaxed);
                (*value, *base) = (now, now);
            }
        });
    }
}

fn number<T: Real>(from: &AtomicU32) -> T {
    T::of(f64::from(f32::from_bits(from.load(Ordering::Relaxed))))
}

fn bits<T: Real>(value: T) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "training numbers are f32")]
    let narrow = value.to_f64() as f32;
    narrow.to_bits()
}

/// One thread's network, buffers and figures.
struct Hand<T> {
    net: Net<T>,
    learner: Learner<T>,
    /// The common weights as they were last taken over.
    base: Vec<T>,
    sums: Sums,
    /// A loss that was not finite.
    broken: Option<f64>,
    cpu: f64,
}

impl<T: Real> Hand<T> {
    /// Learns batches until none is left.
    fn work(&mut self, common: &Common, round: &Round<'_>) {
        let begin = thread_cpu_seconds();
        common.give(&mut self.net);
        self.base.clear();
        let base = &mut self.base;
        self.net.each_dense(|_, values| base.extend_from_slice(values));
        let mut since = 0;
        while let Some((number, indices)) = round.next() {
            let loss = self.batch(common, round, (number, indices));
            since += indices.len();
            if !loss.is_finite() {
                self.broken = Some(loss);
                round.next.store(usize::MAX / 4, Ordering::Relaxed);
                break;
            }
            if since >= MEETING {
                common.meet(&mut self.net, &mut self.base);
                since = 0;
            }
        }
        common.meet(&mut self.net, &mut self.base);
        self.cpu += thread_cpu_seconds() - begin;
    }

    /// Learns one batch.
    fn batch(&mut self, common: &Common, round: &Round<'_>, (number, indices): (usize, &[u32])) -> f64 {
        let (settings, before) = (round.settings, number as u64);
        self.sums.batches = round.done + before;
        let (samples, when) = ((round.cache, indices), (settings, round.epoch));
        let loss = self.learner.learn(&mut self.net, samples, when, &mut self.sums);
        if loss.is_finite() {
            let step = (round.steps + before + 1, round.per_epoch);
            self.net.set_steps(common.steps.fetch_add(1, Ordering::Relaxed));
            self.net.step(settings.factor(round.epoch, step));
        }
        loss
    }
}

/// Batches to be learnt before the threads meet their master again.
pub(crate) struct Round<'a> {
    settings: &'a Settings,
    epoch: usize,
    cache: &'a Cache,
    /// The samples, batch after batch.
    order: &'a [u32],
    /// Batches of the epoch, and steps of the run, before these.
    done: u64,
    steps: u64,
    per_epoch: u64,
    next: AtomicUsize,
}

impl<'a> Round<'a> {
    /// The batches of `order`, of an epoch of `total` samples, where a run stands.
    pub(crate) fn new<T: Real>(
        settings: &'a Settings,
        (cache, order): (&'a Cache, &'a [u32]),
        total: usize,
        at: &Standing<T>,
    ) -> Self {
        Self {
            settings,
            epoch: at.epoch,
            cache,
            order,
            done: at.sums.batches,
            steps: at.steps,
            per_epoch: total.div_ceil(settings.batch) as u64,
            next: AtomicUsize::new(0),
        }
    }

    /// The next batch and its number.
    fn next(&self) -> Option<(usize, &[u32])> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let batch = self.order.chunks(self.settings.batch).nth(number);
        batch.map(|indices| (number, indices))
    }
}

/// Threads that learn together.
pub(crate) struct Crew<T> {
    common: Common,
    hands: Vec<Hand<T>>,
}

impl<T: Real> Crew<T> {
    /// `threads` hands on the network, each with buffers that `learner` makes.
    pub(crate) fn new(net: &mut Net<T>, threads: usize, learner: impl Fn(&Net<T>) -> Learner<T>) -> Self {
        let mut hands = Vec::new();
        for number in 0..threads {
            hands.push(Hand {
                learner: learner(net),
                net: net.hand((number, threads)),
                base: Vec::new(),
                sums: Sums::default(),
                broken: None,
                cpu: 0.0,
            });
        }
        let common = Common::default();
        Self { common, hands }
    }

    /// Lets all hands learn a round of batches; their figures go to `at`, what they learnt to `net`.
    ///
    /// # Errors
    /// A loss that is no longer finite.
    pub(crate) fn learn(
        &mut self,
        net: &mut Net<T>,
        round: &Round<'_>,
        at: &mut Standing<T>,
    ) -> Result<(), TrainError> {
        self.common.fill(net);
        let rows: Vec<Arc<SharedRows<T>>> = net.tables.iter_mut().map(Table::lend).collect();
        let common = &self.common;
        std::thread::scope(|scope| {
            for hand in &mut self.hands {
                let tables = hand.net.tables.iter_mut().zip(&rows);
                tables.for_each(|(table, rows)| table.borrow(rows));
                scope.spawn(move || hand.work(common, round));
            }
        });
        let hands = self.hands.iter_mut();
        hands.for_each(|hand| hand.net.tables.iter_mut().for_each(Table::let_go));
        for (table, rows) in net.tables.iter_mut().zip(rows) {
            table.take_back(rows);
        }
        self.common.give(net);
        self.average_state(net);
        self.gather(at, round)
    }

    /// Gives the network the mean of the hands' optimisers' states.
    fn average_state(&mut self, net: &mut Net<T>) {
        let share = T::of(1.0 / self.hands.len().max(1) as f64);
        net.dense_states().for_each(|state| state.fill(T::ZERO));
        for hand in &mut self.hands {
            for (to, from) in net.dense_states().zip(hand.net.dense_states()) {
                axpy(share, from, to);
            }
        }
    }

    /// Adds up the hands' figures of a round.
    fn gather(&mut self, at: &mut Standing<T>, round: &Round<'_>) -> Result<(), TrainError> {
        let steps = round.order.len().div_ceil(round.settings.batch) as u64;
        at.sums.batches += steps;
        at.steps += steps;
        at.samples += round.order.len() as u64;
        for hand in &mut self.hands {
            let sums = std::mem::take(&mut hand.sums);
            at.sums.merge(&sums);
            at.cpu += std::mem::take(&mut hand.cpu);
        }
        match self.hands.iter().find_map(|hand| hand.broken) {
            None => Ok(()),
            Some(loss) => Err(TrainError::Diverged {
                epoch: at.epoch,
                step: usize::try_from(at.sums.batches).unwrap_or(usize::MAX),
                samples: at.sums.seen,
                loss,
            }),
        }
    }
}
