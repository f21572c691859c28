//! One pass: predict each sample, then learn it; on one thread in order, on several without locks.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;

use rankine_kernel::factor::{FactorTable, Learner};

use super::block::{Block, Lens};
use super::cache::{Cache, Extent};
use super::hot::Hot;
use crate::TrainError;
use crate::loss::Loss;
use crate::model::Settings;
use crate::progress::thread_cpu_seconds;
use crate::standing::Sums;

/// Samples that are learnt at one rate where rates change from step to step.
const STRETCH: usize = 64;

/// Rates that change from sample to sample: a step is a sample.
#[derive(Clone, Copy)]
pub(super) struct Paced<'a> {
    pub(super) settings: &'a Settings,
    pub(super) epoch: usize,
    /// Samples of the run before this epoch.
    pub(super) before: u64,
    /// Samples of an epoch.
    pub(super) length: u64,
}

impl Paced<'_> {
    /// The factor on rates behind so many samples of the epoch.
    fn factor(&self, seen: u64) -> f64 {
        let step = self.before.saturating_add(seen).saturating_add(1);
        self.settings.factor(self.epoch, (step, self.length))
    }
}

/// What every thread of a pass shares.
pub(super) struct Pass<'a> {
    pub(super) table: &'a FactorTable<f32>,
    pub(super) loss: Loss,
    pub(super) fields: usize,
    /// Seed of the order of samples within a block; none: as they stand.
    pub(super) shuffle: Option<u64>,
    /// Samples seen by all threads.
    pub(super) seen: AtomicU64,
    /// Rates, where they change within the epoch.
    pub(super) paced: Option<Paced<'a>>,
    /// Rows of the table that are no copies; behind them, if there are more, stand [`super::hot::MOST`] for each thread.
    pub(super) rows: usize,
}

/// What one thread reads samples through.
#[derive(Default)]
struct Glass<'a> {
    lens: Lens,
    hot: Option<Hot<'a>>,
}

impl Pass<'_> {
    /// Learns the samples of a block in the given order, behind `seen` others of the epoch.
    fn learn(
        &self,
        learner: &mut Learner<f32>,
        block: &Block,
        (order, seen): (&[u32], u64),
        glass: &mut Glass<'_>,
        sums: &mut Sums,
    ) {
        let stretch = match (self.paced, &glass.hot) {
            (_, Some(_)) => Hot::stretch(seen),
            (Some(_), None) => STRETCH,
            (None, None) => order.len().max(1),
        };
        for (number, from) in (1..).zip((0..order.len()).step_by(stretch)) {
            if let Some(paced) = &self.paced {
                learner.scale(self.table, paced.factor(seen + from as u64));
            }
            let rest = &order[from..];
            self.stretch(
                learner,
                block,
                (rest, stretch.min(rest.len())),
                &mut glass.lens,
                sums,
            );
            if let Some(hot) = &mut glass.hot {
                hot.fold(number, rest.len() <= stretch);
            }
        }
        sums.seen += order.len() as u64;
        self.seen.fetch_add(order.len() as u64, Ordering::Relaxed);
    }

    /// Learns the first `count` samples of an order.
    fn stretch(
        &self,
        learner: &mut Learner<f32>,
        block: &Block,
        (order, count): (&[u32], usize),
        lens: &mut Lens,
        sums: &mut Sums,
    ) {
        let (mut loss, mut weights) = (0.0, 0.0);
        for (i, at) in order[..count].iter().enumerate() {
            let (label, weight) = block.label(*at as usize);
            let next = order
                .get(i + 1)
                .map_or(&[][..], |next| block.rows_of(*next as usize));
            let entries = block.entries(*at as usize, lens);
            let judged = self.loss.all(learner.predict(self.table, entries), label);
            learner.update(self.table, entries, judged.slope * weight, next);
            loss += f64::from(judged.value * weight);
            weights += f64::from(weight);
            sums.auc
                .add(f64::from(judged.answer), f64::from(label), f64::from(weight));
        }
        sums.loss += loss;
        sums.weight += weights;
    }

    /// Learns one block on all learners, each a stretch of it; returns the CPU seconds of other threads than this one.
    pub(super) fn block(
        &self,
        learners: &mut [Learner<f32>],
        block: &Block,
        sums: &mut Sums,
    ) -> Result<f64, TrainError> {
        let order: Vec<u32> = (0u32..).take(block.len()).collect();
        let share = block.len().div_ceil(learners.len()).max(1);
        let seen = self.seen.load(Ordering::Relaxed);
        let one = |learner: &mut Learner<f32>, part: &[u32], sums: &mut Sums| {
            let (mut glass, cpu) = (Glass::default(), thread_cpu_seconds());
            let seen = seen + part.first().map_or(0, |first| u64::from(*first));
            block.focus(&mut glass.lens);
            self.learn(learner, block, (part, seen), &mut glass, sums);
            since(cpu)
        };
        if let [learner] = learners {
            one(learner, &order, sums);
            return Ok(0.0);
        }
        let alone = |learner: &mut Learner<f32>, part: &[u32]| {
            let mut own = Sums::default();
            let cpu = one(learner, part, &mut own);
            (own, cpu)
        };
        std::thread::scope(|scope| {
            let threads = learners.iter_mut().zip(order.chunks(share));
            let alone = &alone;
            let threads: Vec<_> = threads
                .map(|(learner, part)| scope.spawn(move || alone(learner, part)))
                .collect();
            let mut spent = 0.0;
            for thread in threads {
                let (own, cpu) = joined(thread)?;
                sums.merge(&own);
                spent += cpu;
            }
            Ok(spent)
        })
    }

    /// Learns blocks of a cache file in the given order; `tell` hears the first thread's sums after each of its blocks. Returns the
    /// CPU seconds of all threads.
    pub(super) fn cached(
        &self,
        learners: &mut [Learner<f32>],
        blocks: (&Cache, &[Extent]),
        sums: &mut Sums,
        tell: &mut dyn FnMut(&Sums),
    ) -> Result<f64, TrainError> {
        let next = AtomicUsize::new(0);
        let Some((first, others)) = learners.split_first_mut() else {
            return Ok(0.0);
        };
        std::thread::scope(|scope| {
            let next = &next;
            let work = move |(learner, thread)| {
                let mut own = Sums::default();
                let spent = self.worker((learner, thread), (blocks, next), &mut own, &mut |_| ())?;
                Ok::<_, TrainError>((own, spent))
            };
            let threads: Vec<_> = others
                .iter_mut()
                .zip(1..)
                .map(|one| scope.spawn(move || work(one)))
                .collect();
            let mut spent = self.worker((first, 0), (blocks, next), sums, tell)?;
            for thread in threads {
                let (own, cpu) = joined(thread)??;
                sums.merge(&own);
                spent += cpu;
            }
            Ok(spent)
        })
    }

    /// Takes blocks one after another until none is left; returns the CPU seconds it took.
    fn worker(
        &self,
        (learner, thread): (&mut Learner<f32>, usize),
        ((cache, blocks), next): ((&Cache, &[Extent]), &AtomicUsize),
        sums: &mut Sums,
        tell: &mut dyn FnMut(&Sums),
    ) -> Result<f64, TrainError> {
        let (mut reader, mut block, mut glass) = (cache.reader(), Block::default(), Glass::default());
        let (cpu, mut order) = (thread_cpu_seconds(), Vec::new());
        let copied = self.rows < self.table.len();
        glass.hot = copied.then(|| Hot::new((self.table, self.rows), thread));
        while let Some(extent) = blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
            reader.read(*extent, self.rows, self.fields, &mut block)?;
            block.focus(&mut glass.lens);
            if let Some(hot) = &mut glass.hot {
                hot.focus(&mut block);
            }
            order.clear();
            order.extend((0u32..).take(block.len()));
            if let Some(seed) = self.shuffle {
                crate::run::shuffle(&mut order, seed, extent.number());
            }
            let seen = self.seen.load(Ordering::Relaxed);
            self.learn(learner, &block, (&order, seen), &mut glass, sums);
            tell(sums);
        }
        Ok(since(cpu))
    }
}

/// CPU seconds of this thread since `then`.
pub(super) fn since(then: f64) -> f64 {
    thread_cpu_seconds() - then
}

/// What a thread made, or that it is gone.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> Result<T, TrainError> {
    thread.join().map_err(|_| TrainError::Config {
        key: "train.threads".to_owned(),
        detail: "a training thread ended early".to_owned(),
    })
}
