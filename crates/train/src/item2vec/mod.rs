//! item2vec: item vectors from who consumed what after what (skip-gram with negative sampling).
//!
//! Sentences are a user's positives in time order. Each item learns to tell its neighbours in a sentence from items
//! drawn by popularity^0.75 (Mikolov et al. 2013; Barkan and Koenigstein 2016, "Item2Vec"). Plain SGD with a linearly
//! falling rate, one thread: the same sentences and seed give the same bytes. A step is [`SkipGram::step`]; the negatives of
//! all pairs of a centre are drawn before its first step, so that memory has brought their vectors by then.

mod negatives;
mod vocabulary;

use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::skipgram::{self, SkipGram};
use rankine_model::matrix::ITEMS;
use rankine_model::{ModelConfig, Parameters, Table};

use crate::TrainError;
use crate::checkpoint::Checkpoints;
use crate::checkpoint::tape::Tape;
use crate::matrix::Heritage;
use crate::model::Settings;
use crate::progress::{EpochReport, Progress};
use crate::sweeps::{Sweep, Sweeps};
use crate::tensorboard::{self, EventWriter};
use crate::warm::{Restored, Start};
use negatives::Negatives;
use vocabulary::Vocabulary;

/// How item vectors are learnt.
#[derive(Clone, Debug, PartialEq)]
pub struct Item2VecConfig {
    /// Floats per vector.
    pub dim: usize,
    /// Neighbours looked at on each side; each position draws its own reach from `1..=window`.
    pub window: usize,
    /// Random items each true neighbour is told apart from.
    pub negatives: usize,
    /// Passes over the sentences.
    pub epochs: usize,
    /// Learning rate at the start; it falls linearly to a ten-thousandth of itself.
    pub lr: f32,
    /// Seed of initial vectors and of every draw.
    pub seed: u64,
    /// Items that occur less often get no vector.
    pub min_count: u64,
    /// Subsampling threshold `t`: an item of frequency `f` is kept with probability `sqrt(t/f) + t/f`. 0: keep all.
    pub subsample: f64,
}

impl Default for Item2VecConfig {
    fn default() -> Self {
        Self {
            dim: 32,
            window: 5,
            negatives: 5,
            epochs: 10,
            lr: 0.025,
            seed: 1,
            min_count: 2,
            subsample: 0.0,
        }
    }
}

/// Learnt vectors: `rows[i * dim .. (i + 1) * dim]` belongs to `ids[i]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vectors {
    /// Item ids, ascending.
    pub ids: Vec<i64>,
    /// Floats per vector.
    pub dim: usize,
    /// The vectors, one after another, not normalised.
    pub rows: Vec<f32>,
}

impl Vectors {
    /// The vector of `id`, if it has one.
    #[must_use]
    pub fn of(&self, id: i64) -> Option<&[f32]> {
        let at = self.ids.binary_search(&id).ok()?;
        self.rows.get(at * self.dim..(at + 1) * self.dim)
    }
}

/// What a run has beside its sentences; all of it may be absent.
#[derive(Debug, Default)]
pub struct Beside<'a> {
    /// Where it is written down, from [`checkpoints`].
    pub checkpoints: Option<Checkpoints>,
    /// Whether it goes on from the newest of them.
    pub resume: bool,
    /// What it begins from: a row per item, found by the item's id.
    pub start: Option<&'a Start>,
    /// Whether [`Learnt::optimizer`] is wanted.
    pub keep: bool,
    /// Where figures and histograms of each pass go.
    pub tensorboard: Option<&'a mut EventWriter>,
}

/// What a run has learnt.
#[derive(Clone, Debug)]
pub struct Learnt {
    /// A vector per item.
    pub vectors: Vectors,
    /// A report per pass; of a run that went on, those before among them.
    pub history: Vec<EpochReport>,
    /// What became of the version it began from.
    pub restored: Option<Restored>,
    /// Both vectors of each item, as a training begun from this one takes them.
    pub optimizer: Option<Parameters<f32>>,
}

/// The checkpoints of the run that a model file describes over some sentences, begun from a version or none, where it asks for any.
#[must_use]
pub fn checkpoints(
    folder: &Path,
    config: &ModelConfig,
    sentences: &[Vec<i64>],
    start: Option<&Start>,
) -> Option<Checkpoints> {
    let rhythm = Settings::new(config).course.checkpoint?;
    let ends = |sum, sentence: &Vec<i64>| {
        let sum = crc32c::crc32c_append(sum, &(sentence.len() as u64).to_le_bytes());
        let ids = sentence.iter();
        ids.fold(sum, |sum, id| crc32c::crc32c_append(sum, &id.to_le_bytes()))
    };
    let sum = sentences.iter().fold(0, ends);
    let what = format!(
        "{} sentences, {sum:08x}\nbegun from {:?}\n{}",
        sentences.len(),
        start.map(|start| &start.from),
        config.text().trim_end()
    );
    Some(Checkpoints::new(folder, &what, rhythm))
}

/// As [`train_in`], with nothing beside the sentences.
///
/// # Errors
/// As [`train_in`].
pub fn train(
    sentences: &[Vec<i64>],
    config: &Item2VecConfig,
    progress: &mut dyn Progress,
) -> Result<Vectors, TrainError> {
    Ok(train_in(sentences, config, Beside::default(), progress)?.vectors)
}

/// Learns a vector for each item that occurs at least `min_count` times in `sentences`.
///
/// `progress` hears one step and one epoch report per pass (loss = mean cross-entropy per drawn pair; AUC is NaN).
/// Without any usable item the result is empty.
///
/// # Errors
/// A loss that is no longer finite, checkpoints that cannot be read or written or are of another run.
pub fn train_in(
    sentences: &[Vec<i64>],
    config: &Item2VecConfig,
    beside: Beside<'_>,
    progress: &mut dyn Progress,
) -> Result<Learnt, TrainError> {
    let mut course = Course::new(sentences, config);
    let id = |id: i64| id.cast_unsigned();
    let restored = beside.start.map(|start| course.begin(start, id)).transpose()?;
    let mut sweeps =
        Sweeps::new((progress, beside.tensorboard), course.tokens).with(beside.checkpoints, beside.resume);
    sweeps.run(config.epochs, &mut course)?;
    Ok(Learnt {
        history: sweeps.history(),
        restored,
        optimizer: beside.keep.then(|| course.state(id)),
        vectors: course.into_vectors(),
    })
}

/// A run that can be put down between passes.
pub(crate) struct Course {
    vocabulary: Vocabulary,
    corpus: Vec<Vec<u32>>,
    /// Items of all sentences.
    pub(crate) tokens: u64,
    epochs: u64,
    dim: usize,
    learner: Learner,
}

impl Course {
    pub(crate) fn new(sentences: &[Vec<i64>], config: &Item2VecConfig) -> Course {
        let vocabulary = Vocabulary::count(sentences, config.min_count.max(1));
        let dim = config.dim.max(1);
        let corpus = vocabulary.encode(sentences);
        Course {
            tokens: corpus.iter().map(|s| s.len() as u64).sum(),
            epochs: config.epochs as u64,
            learner: Learner::new(&vocabulary, config, dim),
            vocabulary,
            corpus,
            dim,
        }
    }

    /// Takes the vectors of an earlier version, `key` being the key of an id's row there: both sides of each item where it kept them,
    /// else those it published.
    ///
    /// # Errors
    /// Vectors of another length.
    pub(crate) fn begin(&mut self, start: &Start, key: impl Fn(i64) -> u64) -> Result<Restored, TrainError> {
        let mut heritage = Heritage::of(start);
        let (dim, model) = (self.dim, &mut self.learner.model);
        let keys: Vec<u64> = self.vocabulary.ids.iter().map(|id| key(*id)).collect();
        heritage.take(ITEMS, (&keys, dim), |at, row| {
            model.input[at * dim..][..dim].copy_from_slice(row);
        });
        let kept = heritage.state(ITEMS, (&keys, 2 * dim), |at, both| {
            model.input[at * dim..][..dim].copy_from_slice(&both[..dim]);
            model.output[at * dim..][..dim].copy_from_slice(&both[dim..]);
        });
        heritage.told(kept)
    }

    /// Both vectors of each item, one behind the other.
    pub(crate) fn state(&self, key: impl Fn(i64) -> u64) -> Parameters<f32> {
        let mut table = Table::plain(2 * self.dim);
        let (input, output) = (&self.learner.model.input, &self.learner.model.output);
        let rows = input.chunks_exact(self.dim).zip(output.chunks_exact(self.dim));
        for (id, (own, near)) in self.vocabulary.ids.iter().zip(rows) {
            table.intern(key(*id), |to| {
                to[..self.dim].copy_from_slice(own);
                to[self.dim..].copy_from_slice(near);
            });
        }
        let mut state = Parameters::default();
        state.tables.insert(ITEMS.to_owned(), table);
        state
    }

    pub(crate) fn into_vectors(self) -> Vectors {
        Vectors {
            ids: self.vocabulary.ids,
            dim: self.dim,
            rows: self.learner.model.input,
        }
    }
}

impl Sweep for Course {
    fn sweep(&mut self) -> Result<f64, TrainError> {
        Ok(self.learner.pass(&self.corpus, self.tokens * self.epochs))
    }

    fn exchange(&mut self, tape: &mut Tape<'_>) {
        tape.numbers(&mut self.learner.model.input);
        tape.numbers(&mut self.learner.model.output);
        tape.random(&mut self.learner.random);
        tape.tally(&mut self.learner.seen);
    }

    fn histograms(&self, events: &mut EventWriter, step: i64) -> Result<(), TrainError> {
        let model = &self.learner.model;
        tensorboard::matrix(events, (ITEMS, step), (&model.input, self.dim))?;
        tensorboard::matrix(events, ("near", step), (&model.output, self.dim))
    }
}

/// The state of a run: both vectors of each item, the draws, and how far the rate has fallen.
struct Learner {
    window: usize,
    draws: usize,
    lr: f32,
    model: SkipGram,
    keep: Vec<f64>,
    negatives: Negatives,
    random: Xoshiro256PlusPlus,
    seen: u64,
    kept: Vec<u32>,
    /// Targets of the pairs of one centre, a true neighbour followed by what was drawn, one pair behind the other.
    targets: Vec<u32>,
    /// Where each pair ends.
    ends: Vec<usize>,
}

impl Learner {
    fn new(vocabulary: &Vocabulary, config: &Item2VecConfig, dim: usize) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(config.seed);
        let size = vocabulary.ids.len() * dim;
        let input = (0..size)
            .map(|_| (random.random::<f32>() - 0.5) / dim as f32)
            .collect();
        Self {
            window: config.window.max(1),
            draws: config.negatives,
            lr: config.lr,
            model: SkipGram::new(dim, input, vec![0.0; size]),
            keep: vocabulary.keep(config.subsample),
            negatives: Negatives::new(&vocabulary.counts),
            random,
            seen: 0,
            kept: Vec::new(),
            targets: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// One pass over all sentences; `tokens` is the length of the whole run. Returns the mean loss per pair.
    fn pass(&mut self, corpus: &[Vec<u32>], tokens: u64) -> f64 {
        let (mut loss, mut pairs) = (0.0, 0_u64);
        for sentence in corpus {
            let left = 1.0 - self.seen as f64 / tokens as f64;
            #[expect(clippy::cast_possible_truncation, reason = "a rate needs no more than f32")]
            let lr = self.lr * left.max(1e-4) as f32;
            self.seen += sentence.len() as u64;
            let kept = self.subsample(sentence);
            for at in 0..kept.len() {
                self.draw(&kept, at);
                pairs += self.ends.len() as u64;
                loss += self.steps(kept[at], lr);
            }
            self.kept = kept;
        }
        loss / (pairs * (1 + self.draws as u64)).max(1) as f64
    }

    /// The tokens of `sentence` that survive subsampling, in a buffer that `pass` gives back.
    fn subsample(&mut self, sentence: &[u32]) -> Vec<u32> {
        let mut kept = std::mem::take(&mut self.kept);
        kept.clear();
        for &token in sentence {
            let keep = self.keep[token as usize];
            if keep >= 1.0 || self.random.random::<f64>() < keep {
                kept.push(token);
            }
        }
        kept
    }

    /// Draws the negatives of all pairs of a centre and asks for their vectors, so that they are near when the steps begin.
    fn draw(&mut self, kept: &[u32], at: usize) {
        self.targets.clear();
        self.ends.clear();
        let reach = self.random.random_range(1..=self.window);
        let from = at.saturating_sub(reach);
        let around = kept[from..kept.len().min(at + reach + 1)].iter().enumerate();
        for (_, &near) in around.filter(|(i, _)| from + i != at) {
            self.targets.push(near);
            self.model.prefetch(near);
            for _ in 0..self.draws {
                let drawn = self.negatives.draw(&mut self.random);
                if drawn != near {
                    self.model.prefetch(drawn);
                    self.targets.push(drawn);
                }
            }
            self.ends.push(self.targets.len());
        }
    }

    /// A step per pair of a centre; returns the summed loss.
    fn steps(&mut self, centre: u32, lr: f32) -> f64 {
        let (mut from, mut loss) = (0, 0.0);
        for end in &self.ends {
            for (part, targets) in self.targets[from..*end].chunks(skipgram::MOST).enumerate() {
                loss += f64::from(self.model.step(centre, targets, part == 0, lr));
            }
            from = *end;
        }
        loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    /// Sentences that stay within one of two worlds: items 1..=20 and 101..=120.
    fn two_worlds() -> Vec<Vec<i64>> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
        (0..300)
            .map(|s| {
                let base = if s % 2 == 0 { 1 } else { 101 };
                (0..12).map(|_| base + random.random_range(0..20)).collect()
            })
            .collect()
    }

    fn cosine(v: &Vectors, a: i64, b: i64) -> f32 {
        let (a, b) = (v.of(a).unwrap(), v.of(b).unwrap());
        let dot = rankine_kernel::dense::dot::<f32>;
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    #[test]
    fn items_of_one_world_end_up_together() {
        let config = Item2VecConfig {
            dim: 12,
            epochs: 20,
            lr: 0.05,
            ..Item2VecConfig::default()
        };
        let v = train(&two_worlds(), &config, &mut Silent).unwrap();
        assert_eq!(v.ids.len(), 40);
        let mut worst_within = f32::MAX;
        let mut best_across = f32::MIN;
        for a in 1..=20 {
            for b in 1..=20 {
                if a != b {
                    worst_within = worst_within
                        .min(cosine(&v, a, b))
                        .min(cosine(&v, 100 + a, 100 + b));
                }
                best_across = best_across.max(cosine(&v, a, 100 + b));
            }
        }
        assert!(
            worst_within > best_across,
            "{worst_within} within, {best_across} across"
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
        let config = Item2VecConfig {
            epochs: 2,
            subsample: 1e-2,
            ..Item2VecConfig::default()
        };
        let once = train(&two_worlds(), &config, &mut Silent).unwrap();
        assert_eq!(once, train(&two_worlds(), &config, &mut Silent).unwrap());
        assert_ne!(
            once,
            train(&two_worlds(), &Item2VecConfig { seed: 2, ..config }, &mut Silent).unwrap()
        );
    }

    #[test]
    fn rare_items_have_no_vector_and_nothing_gives_nothing() {
        let sentences = vec![vec![1, 2, 1, 2, 3]];
        let config = Item2VecConfig::default();
        assert_eq!(train(&sentences, &config, &mut Silent).unwrap().ids, [1, 2]);
        let empty = train(&[], &config, &mut Silent).unwrap();
        assert!(empty.ids.is_empty() && empty.rows.is_empty() && empty.of(1).is_none());
    }

    #[test]
    fn the_loss_falls_and_is_reported() {
        struct Losses(Vec<f64>);
        impl Progress for Losses {
            fn epoch(&mut self, report: &EpochReport) {
                self.0.push(report.loss);
            }
        }
        let mut losses = Losses(Vec::new());
        train(
            &two_worlds(),
            &Item2VecConfig {
                epochs: 8,
                ..Item2VecConfig::default()
            },
            &mut losses,
        )
        .unwrap();
        assert_eq!(losses.0.len(), 8);
        assert!(
            losses.0[0] < 2.0_f64.ln() && losses.0[7] < losses.0[0] - 0.05,
            "{:?}",
            losses.0
        );
    }

    #[test]
    fn more_negatives_than_a_step_takes_are_several_steps() {
        let config = Item2VecConfig {
            dim: 8,
            negatives: 20,
            epochs: 6,
            lr: 0.05,
            ..Item2VecConfig::default()
        };
        let v = train(&two_worlds(), &config, &mut Silent).unwrap();
        assert!(cosine(&v, 1, 2) > cosine(&v, 1, 102));
    }

    #[test]
    fn a_run_begun_from_another_knows_both_sides_of_what_it_kept() {
        let config = Item2VecConfig {
            dim: 8,
            epochs: 3,
            ..Item2VecConfig::default()
        };
        let keep = Beside {
            keep: true,
            ..Beside::default()
        };
        let first = train_in(&two_worlds(), &config, keep, &mut Silent).unwrap();
        let mut rows = Table::plain(8);
        let vectors = first.vectors.ids.iter().zip(first.vectors.rows.chunks_exact(8));
        for (id, row) in vectors.filter(|(id, _)| **id != 7) {
            rows.intern(id.cast_unsigned(), |to| to.copy_from_slice(row));
        }
        rows.intern(999, |to| to.fill(1.0));
        let mut start = Start {
            optimizer: first.optimizer,
            ..Start::default()
        };
        start.parameters.tables.insert(ITEMS.to_owned(), rows);
        let none = Item2VecConfig { epochs: 0, ..config };
        let begun = |start: &Start| {
            let beside = Beside {
                start: Some(start),
                keep: true,
                ..Beside::default()
            };
            train_in(&two_worlds(), &none, beside, &mut Silent).unwrap()
        };
        let second = begun(&start);
        let told = second.restored.unwrap();
        assert_eq!((told.rows[ITEMS], told.dropped_rows[ITEMS]), ((39, 1), 1));
        assert!(told.optimizer);
        assert_eq!(second.vectors.of(3), first.vectors.of(3));
        let near = |learnt: &Parameters<f32>| {
            learnt.tables[ITEMS].weights(learnt.tables[ITEMS].row(3))[8..].to_vec()
        };
        assert_eq!(
            near(&second.optimizer.unwrap()),
            near(start.optimizer.as_ref().unwrap())
        );
        start.optimizer = None;
        let third = begun(&start);
        assert!(!third.restored.unwrap().optimizer);
        assert_eq!(third.vectors.of(3), first.vectors.of(3));
        assert!(near(&third.optimizer.unwrap()).iter().all(|v| *v == 0.0));
    }
}
