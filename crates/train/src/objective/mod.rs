//! Objectives over a whole batch: a positive's item against other items, rather than each sample by itself.
//!
//! ```text
//! s_bj  = query_b · key_j                    every user of the batch with every candidate item, one product
//! in-batch softmax   candidates: the batch's items (and drawn ones); s_bj − ln E[times j is met]
//! sampled softmax    candidates: drawn items, the same correction
//! bpr, hinge         candidates: drawn items, no correction
//! mix                candidates: the batch's items, no correction; see `mix`
//! ```
//!
//! The candidates of a batch are shared by its samples, so the item tower runs once over each. Decision: a sample of label
//! 0 asks nothing, its item is a candidate for others; not held against a positive are its own item and, as the model file
//! says, other items of the same user. Everything drawn depends on seed, epoch and step alone.

mod bpr;
mod hard;
mod hinge;
mod identity;
mod items;
mod mask;
mod mix;
#[cfg(test)]
mod mix_tests;
mod ranknet;
mod softmax;
mod support;
mod target;
#[cfg(test)]
mod tests;

use std::ops::Range;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::activation::Activation;
use rankine_kernel::{Real, dense};
use rankine_model::config::ObjectiveKind;
use rankine_model::{ModelConfig, Network};

use crate::TrainError;
use crate::backward::{Mode, Towers, sized};
use crate::encode::{Batch, Cache, Order, Samples};
use crate::model::Net;
use identity::Identity;
use items::Items;
use mask::Mask;
use target::Target;

/// Users whose scores are held at once.
const PART: usize = 128;

/// The width of a row of scores of so many candidates. Where rows would lie a multiple of 1,024 bytes apart there are 16 empty places
/// behind each: a product that reads across the rows would find all of them in a few places of the processor's caches.
fn columns(candidates: usize) -> usize {
    let apart = candidates > 0 && candidates.is_multiple_of(256);
    candidates + if apart { 16 } else { 0 }
}

/// What a two-sided model is taught by, with the items it draws from.
#[derive(Clone, Debug)]
pub struct Objective {
    settings: rankine_model::config::Objective,
    user: Identity,
    item: Identity,
    items: Items,
    /// What a regression learns.
    target: Option<Target>,
    /// The numbers of a sample's dense block that either side reads.
    spans: (Range<usize>, Range<usize>),
    seed: u64,
}

/// The batches, scores and gradients of a step; reused from step to step.
#[derive(Clone, Debug)]
pub struct Work<T> {
    users: Batch<T>,
    items: Batch<T>,
    queries: Vec<T>,
    keys: Vec<T>,
    transposed: Vec<T>,
    scores: Vec<T>,
    to_queries: Vec<T>,
    to_keys: Vec<T>,
    corrections: Vec<T>,
    /// Slopes of the positives' own scores.
    slopes: Vec<T>,
    /// Of each user of a part, what the slopes of the others' scores lack.
    factors: Vec<T>,
    /// A part's queries, each times its factor.
    scaled: Vec<T>,
}

/// A step's numbers: rows, candidates, and which of the latter are held against positives.
#[derive(Clone, Copy)]
struct Shape {
    samples: usize,
    /// The first candidate: 0 where the batch's own items are candidates, else `samples`.
    from: usize,
    keys: usize,
    dim: usize,
}

impl Objective {
    /// The objective of a model file over `learn`; none where each sample is learnt by itself.
    #[must_use]
    pub fn new(config: &ModelConfig, network: &Network, learn: &Cache) -> Option<Self> {
        let mut objective = Self::empty(config, network, learn)?;
        objective.observe(learn);
        objective.items.finish(objective.settings.draw);
        Some(objective)
    }

    /// Before any sample is seen; `shape` has their columns.
    fn empty(config: &ModelConfig, network: &Network, shape: &Cache) -> Option<Self> {
        let settings = config.objective();
        let towers = network.towers.as_ref()?;
        if settings.kind == ObjectiveKind::Pointwise {
            return None;
        }
        Some(Self {
            user: Identity::new(network, &towers.user, settings.user),
            item: Identity::new(network, &towers.item, settings.item),
            items: Items::new(shape),
            target: Target::new(network),
            spans: (towers.user.dense_read(network), towers.item.dense_read(network)),
            seed: config.seed,
            settings,
        })
    }

    fn observe(&mut self, samples: &Cache) {
        let ids = (&self.user, &self.item);
        self.items.observe(samples, ids, self.settings.hits);
    }

    /// As [`Objective::new`], of samples that need not be in memory.
    ///
    /// # Errors
    /// Samples that cannot be read.
    pub(crate) fn over(
        config: &ModelConfig,
        network: &Network,
        samples: Samples<'_>,
    ) -> Result<Option<Self>, TrainError> {
        if let Samples::Memory(learn) = samples {
            return Ok(Self::new(config, network, learn));
        }
        let Some(mut objective) = Self::empty(config, network, samples.shape()) else {
            return Ok(None);
        };
        let order = Order {
            mixed: None,
            batch: 1,
        };
        let mut windows = samples.pass(order);
        while let Some((cache, _)) = windows.window()? {
            objective.observe(cache);
        }
        objective.items.finish(objective.settings.draw);
        Ok(Some(objective))
    }

    /// Working memory for batches of `cache`.
    #[must_use]
    pub fn work<T: Real>(&self, cache: &Cache) -> Work<T> {
        Work {
            users: Batch::new(cache).reading(self.spans.0.clone()),
            items: Batch::new(cache).reading(self.spans.1.clone()),
            queries: Vec::new(),
            keys: Vec::new(),
            transposed: Vec::new(),
            scores: Vec::new(),
            to_queries: Vec::new(),
            to_keys: Vec::new(),
            corrections: Vec::new(),
            slopes: Vec::new(),
            factors: Vec::new(),
            scaled: Vec::new(),
        }
    }

    /// Adds the gradients of the samples `indices` of `cache` to a network that has begun their batch; returns the
    /// weighted sum of their losses and the weights' sum. `turn` is epoch and step.
    pub fn learn<T: Real>(
        &self,
        net: &mut Net<T>,
        (cache, indices): (&Cache, &[u32]),
        turn: (usize, usize),
        work: &mut Work<T>,
    ) -> (f64, f64) {
        let drawn = self.draw(turn);
        work.users.gather(cache, indices);
        work.items.gather(cache, indices);
        work.items.append(self.items.pool(), &drawn);
        let Some((towers, tables)) = net.sides() else {
            return (0.0, 0.0);
        };
        copy(
            towers.queries(tables, &work.users, Mode::Learn),
            &mut work.queries,
        );
        copy(towers.keys(tables, &work.items, Mode::Learn), &mut work.keys);
        let mask = self.mask((cache, indices), &drawn);
        let shape = Shape {
            samples: indices.len(),
            from: mask.from(),
            keys: indices.len() + drawn.len(),
            dim: towers.combine.dim(),
        };
        let sums = if self.settings.kind == ObjectiveKind::Mix {
            self.blend(towers, &mask, work)
        } else {
            self.correct(&mask, shape, &mut work.corrections);
            self.compare(&mask, shape, work)
        };
        towers.backward_queries(tables, &work.users, &work.to_queries);
        towers.backward_keys(tables, &work.items, &work.to_keys);
        sums
    }

    /// A mix of losses; leaves the gradients of queries and keys, adds those of the numbers outside both.
    fn blend<T: Real>(&self, towers: &mut Towers<T>, mask: &Mask, work: &mut Work<T>) -> (f64, f64) {
        let outer = mix::Outer {
            bias: towers.bias(),
            factor: towers.combine.factor(),
        };
        let (value, gradients) = mix::learn(self, mask, (towers.combine.dim(), outer), work);
        towers.add_outer(gradients.bias, gradients.factor);
        let total: T = work.users.weights.iter().copied().sum();
        ((value * total).to_f64(), total.to_f64())
    }

    /// The numbers in the pool of the items drawn for a batch.
    fn draw(&self, (epoch, step): (usize, usize)) -> Vec<u32> {
        let turn = (epoch as u64) << 32 | step as u64;
        let seed = self.seed ^ turn.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        self.items.draw(self.settings.negatives, &mut random)
    }

    /// Who and what the samples and the candidates are.
    fn mask(&self, (cache, indices): (&Cache, &[u32]), drawn: &[u32]) -> Mask {
        let samples = indices.iter().map(|&i| {
            let i = i as usize;
            let positive = cache.labels[i] > 0.0;
            (self.user.of(cache, i), self.item.of(cache, i), positive)
        });
        let own = matches!(self.settings.kind, ObjectiveKind::Inbatch | ObjectiveKind::Mix);
        Mask::new(samples, drawn.iter().map(|&d| self.items.key(d)), own)
    }

    /// Whether a softmax takes anything off the candidates' scores.
    fn corrects(&self) -> bool {
        let softmax = matches!(
            self.settings.kind,
            ObjectiveKind::Inbatch | ObjectiveKind::Sampled
        );
        softmax && self.settings.logq
    }

    /// What a softmax takes off each candidate's score: the logarithm of how often the item is expected to be met.
    fn correct<T: Real>(&self, mask: &Mask, shape: Shape, out: &mut Vec<T>) {
        out.clear();
        if !self.corrects() {
            return out.resize(shape.keys, T::ZERO);
        }
        let own = if shape.from == 0 { shape.samples } else { 0 };
        let expected = mask
            .items()
            .iter()
            .map(|item| self.items.expected(*item, own, self.settings.negatives));
        out.extend(expected.map(|e| T::of(e.max(1e-9).ln())));
    }

    /// Scores every user with every candidate, part by part; leaves the gradients of queries and keys.
    fn compare<T: Real>(&self, mask: &Mask, shape: Shape, work: &mut Work<T>) -> (f64, f64) {
        let Shape {
            samples,
            from,
            keys,
            dim,
        } = shape;
        let candidates = keys - from;
        let columns = columns(candidates);
        sized(&mut work.keys, (from + columns) * dim);
        dense::transpose(&work.keys[from * dim..], dim, &mut work.transposed);
        sized(&mut work.to_queries, samples * dim);
        sized(&mut work.to_keys, (from + columns) * dim).fill(T::ZERO);
        let weight = |i: usize, work: &Work<T>| work.users.weights[i] * work.users.labels[i];
        let total: T = (0..samples).map(|i| weight(i, work)).sum();
        let share = T::ONE / if total > T::ZERO { total } else { T::ONE };
        let mut sum = 0.0;
        for first in (0..samples).step_by(PART) {
            let rows = PART.min(samples - first);
            let span = first * dim..(first + rows) * dim;
            let mut scores = std::mem::take(&mut work.scores);
            let part = sized(&mut scores, rows * columns);
            dense::input_gradient(rows, &work.queries[span.clone()], &work.transposed, part);
            work.slopes.clear();
            work.factors.clear();
            for (r, row) in part.chunks_exact_mut(columns.max(1)).enumerate() {
                let (i, w) = (first + r, weight(first + r, work));
                // behind the candidates are zeros: what is empty has no slope
                let (value, slope, factor) =
                    self.judge(mask, (i, w * share), &mut row[..candidates], (shape, work));
                sum += (w * value).to_f64();
                work.slopes.push(slope);
                work.factors.push(factor);
            }
            back(part, (span, from * dim), dim, work);
            work.scores = scores;
        }
        work.keys.truncate(keys * dim);
        work.to_keys.truncate(keys * dim);
        (sum, total.to_f64())
    }

    /// Turns a sample's scores into their slopes but for a factor; returns the loss, the slope of the positive's own score, and the factor.
    fn judge<T: Real>(
        &self,
        mask: &Mask,
        (i, share): (usize, T),
        scores: &mut [T],
        (shape, work): (Shape, &Work<T>),
    ) -> (T, T, T) {
        if share <= T::ZERO {
            scores.fill(T::ZERO);
            return (T::ZERO, T::ZERO, T::ZERO);
        }
        let at = i * shape.dim..(i + 1) * shape.dim;
        let own = dense::dot(&work.queries[at.clone()], &work.keys[at]) - work.corrections[i];
        if self.corrects() {
            let corrections = &work.corrections[shape.from..];
            scores.iter_mut().zip(corrections).for_each(|(s, c)| *s -= *c);
        }
        mask.apply(i, self.items.of_user(mask.user(i)), self.settings.hits, scores);
        if let Some(most) = self.settings.hard {
            hard::keep(most, scores);
        }
        let (value, slope, factor) = match self.settings.kind {
            ObjectiveKind::Bpr => bpr::row(scores, own),
            ObjectiveKind::Hinge => hinge::row(scores, own, T::of(self.settings.margin)),
            ObjectiveKind::Inbatch
            | ObjectiveKind::Sampled
            | ObjectiveKind::Pointwise
            | ObjectiveKind::Mix => softmax::row(scores, own),
        };
        (value, slope * share, factor * share)
    }
}

/// From slopes of a part's scores to the gradients of its queries and of all keys; `from` is the first candidate's place.
fn back<T: Real>(slopes: &[T], (span, from): (Range<usize>, usize), dim: usize, work: &mut Work<T>) {
    let Work {
        queries,
        keys,
        to_queries,
        to_keys,
        scaled,
        ..
    } = work;
    let rows = work.slopes.len();
    let (own, to_queries) = (&queries[span.clone()], &mut to_queries[span.clone()]);
    dense::affine_batch(rows, slopes, &keys[from..], None, Activation::Linear, to_queries);
    copy(own, scaled);
    for (r, factor) in work.factors.iter().enumerate() {
        let at = r * dim..(r + 1) * dim;
        dense::scale(*factor, &mut scaled[at.clone()]);
        dense::scale(*factor, &mut to_queries[at]);
    }
    dense::weight_gradient(rows, slopes, scaled, &mut to_keys[from..]);
    for (r, slope) in work.slopes.iter().enumerate() {
        let (at, whole) = (
            r * dim..(r + 1) * dim,
            span.start + r * dim..span.start + (r + 1) * dim,
        );
        dense::axpy(*slope, &keys[whole.clone()], &mut to_queries[at.clone()]);
        dense::axpy(*slope, &own[at], &mut to_keys[whole]);
    }
}

fn copy<T: Real>(from: &[T], to: &mut Vec<T>) {
    to.clear();
    to.extend_from_slice(from);
}
