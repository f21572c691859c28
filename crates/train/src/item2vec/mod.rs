//! item2vec: item vectors from who consumed what after what (skip-gram with negative sampling).
//!
//! Sentences are a user's positives in time order. Each item learns to tell its neighbours in a sentence from items
//! drawn by popularity^0.75 (Mikolov et al. 2013; Barkan and Koenigstein 2016, "Item2Vec"). Plain SGD with a linearly
//! falling rate, one thread: the same sentences and seed give the same bytes. A step is [`SkipGram::step`]; the negatives of
//! all pairs of a centre are drawn before its first step, so that memory has brought their vectors by then.

mod negatives;
mod vocabulary;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::skipgram::{self, SkipGram};

use crate::progress::{EpochReport, Progress, StepReport};
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

/// Learns a vector for each item that occurs at least `min_count` times in `sentences`.
///
/// `progress` hears one step and one epoch report per pass (loss = mean cross-entropy per drawn pair; AUC is NaN).
/// Without any usable item the result is empty.
pub fn train(sentences: &[Vec<i64>], config: &Item2VecConfig, progress: &mut dyn Progress) -> Vectors {
    let vocabulary = Vocabulary::count(sentences, config.min_count.max(1));
    let dim = config.dim.max(1);
    if vocabulary.ids.is_empty() {
        return Vectors {
            dim,
            ..Vectors::default()
        };
    }
    let corpus = vocabulary.encode(sentences);
    let mut learner = Learner::new(&vocabulary, config, dim);
    let start = std::time::Instant::now();
    let tokens = corpus.iter().map(|s| s.len() as u64).sum::<u64>();
    for epoch in 1..=config.epochs {
        let loss = learner.pass(&corpus, tokens * config.epochs as u64);
        report(
            progress,
            epoch,
            config.epochs,
            tokens,
            loss,
            start.elapsed().as_secs_f64(),
        );
    }
    Vectors {
        ids: vocabulary.ids,
        dim,
        rows: learner.model.input,
    }
}

fn report(progress: &mut dyn Progress, epoch: usize, epochs: usize, tokens: u64, loss: f64, elapsed_s: f64) {
    let samples_per_s = (tokens * epoch as u64) as f64 / elapsed_s.max(1e-9);
    let eta_s = (tokens * (epochs - epoch) as u64) as f64 / samples_per_s;
    let auc = f64::NAN;
    progress.step(&StepReport {
        epoch,
        samples: tokens,
        total: tokens,
        loss,
        auc,
        samples_per_s,
        eta_s,
    });
    let (valid_loss, valid_auc, best) = (f64::NAN, f64::NAN, epoch == epochs);
    progress.epoch(&EpochReport {
        epoch,
        loss,
        auc,
        valid_loss,
        valid_auc,
        samples_per_s,
        elapsed_s,
        best,
        ..EpochReport::default()
    });
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
        let v = train(&two_worlds(), &config, &mut Silent);
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
        let once = train(&two_worlds(), &config, &mut Silent);
        assert_eq!(once, train(&two_worlds(), &config, &mut Silent));
        assert_ne!(
            once,
            train(&two_worlds(), &Item2VecConfig { seed: 2, ..config }, &mut Silent)
        );
    }

    #[test]
    fn rare_items_have_no_vector_and_nothing_gives_nothing() {
        let sentences = vec![vec![1, 2, 1, 2, 3]];
        let config = Item2VecConfig::default();
        assert_eq!(train(&sentences, &config, &mut Silent).ids, [1, 2]);
        let empty = train(&[], &config, &mut Silent);
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
        );
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
        let v = train(&two_worlds(), &config, &mut Silent);
        assert!(cosine(&v, 1, 2) > cosine(&v, 1, 102));
    }
}
