//! BPR: factors learnt from pairs, an item the user met above one drawn from the others.
//!
//! ```text
//! x = ⟨p_u, q_i − q_j⟩ + b_i − b_j        L = −Σ ln σ(x) + λ/2·(|p_u|² + |q_i|² + |q_j|²) + λ_b/2·(b_i² + b_j²)
//! ```
//! Rendle, Freudenthaler, Gantner and Schmidt-Thieme 2009 (BPR: Bayesian Personalized Ranking from Implicit Feedback), with an
//! item bias. Plain SGD over all observed pairs in an order of each epoch's own; j is drawn evenly from the items the user
//! did not meet. One thread: steps of different users meet in popular items, and lock-free steps repeat no bit.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::{Real, dense};
use rankine_model::matrix::{ITEMS, USERS};

use super::Interactions;
use super::interactions::number;
use crate::TrainError;
use crate::checkpoint::tape::Tape;
use crate::sweeps::Sweep;
use crate::tensorboard::{self, EventWriter};

/// How factors are learnt.
#[derive(Clone, Debug, PartialEq)]
pub struct BprConfig {
    /// Numbers per vector, the bias not counted.
    pub dim: usize,
    /// Learning rate.
    pub lr: f64,
    /// λ, of vectors and biases.
    pub reg: f64,
    /// Passes over the observed pairs.
    pub epochs: usize,
    /// Standard deviation of first vectors, times √dim.
    pub init: f64,
    /// Seed of first vectors, order and draws.
    pub seed: u64,
}

impl Default for BprConfig {
    fn default() -> Self {
        Self {
            dim: 64,
            lr: 0.05,
            reg: 0.01,
            epochs: 30,
            init: 0.1,
            seed: 1,
        }
    }
}

/// Vectors and biases.
#[derive(Clone, Debug, PartialEq)]
pub struct Bpr<T = f32> {
    /// Numbers per vector.
    pub dim: usize,
    /// A vector per user.
    pub users: Vec<T>,
    /// A vector per item.
    pub items: Vec<T>,
    /// A bias per item.
    pub biases: Vec<T>,
}

/// Where one pair's parameters pull.
#[derive(Clone, Debug, PartialEq)]
struct Pull<T> {
    user: Vec<T>,
    items: [Vec<T>; 2],
    biases: [T; 2],
    loss: T,
}

impl<T: Real> Bpr<T> {
    /// Draws first vectors; biases are zero.
    #[must_use]
    pub fn new(x: &Interactions, config: &BprConfig) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(config.seed);
        let scale = config.init / (config.dim as f64).sqrt();
        let mut draw = |rows: usize| -> Vec<T> {
            let mut normal = || T::of(scale * crate::backward::initial::normal(&mut random));
            (0..rows * config.dim).map(|_| normal()).collect()
        };
        Self {
            dim: config.dim,
            users: draw(x.users.len()),
            items: draw(x.items.len()),
            biases: vec![T::ZERO; x.items.len()],
        }
    }

    fn vector(rows: &[T], at: u32, dim: usize) -> &[T] {
        &rows[at as usize * dim..][..dim]
    }

    /// The gradient of the loss of user u, met item i and other item j.
    fn gradient(&self, [u, i, j]: [u32; 3], reg: T, out: &mut Pull<T>) {
        let dim = self.dim;
        let p = Self::vector(&self.users, u, dim);
        let (met, other) = (
            Self::vector(&self.items, i, dim),
            Self::vector(&self.items, j, dim),
        );
        let (b, c) = (self.biases[i as usize], self.biases[j as usize]);
        let x = (dense::dot(p, met) - dense::dot(p, other)) + (b - c);
        // σ(−x), and −ln σ(x) = ln(1 + e^−x) without overflow
        let miss = rankine_kernel::activation::sigmoid(-x);
        let below = if x < T::ZERO { -x } else { T::ZERO };
        out.loss = below + (-x.abs()).exp().ln_1p();
        for k in 0..dim {
            out.user[k] = reg * p[k] - miss * (met[k] - other[k]);
            out.items[0][k] = reg * met[k] - miss * p[k];
            out.items[1][k] = reg * other[k] + miss * p[k];
        }
        out.biases = [reg * b - miss, reg * c + miss];
    }

    fn step(&mut self, [u, i, j]: [u32; 3], rate: T, pull: &Pull<T>) {
        let dim = self.dim;
        let row = |rows: &mut [T], at: u32, pull: &[T]| {
            dense::axpy(-rate, pull, &mut rows[at as usize * dim..][..dim]);
        };
        row(&mut self.users, u, &pull.user);
        row(&mut self.items, i, &pull.items[0]);
        row(&mut self.items, j, &pull.items[1]);
        self.biases[i as usize] -= rate * pull.biases[0];
        self.biases[j as usize] -= rate * pull.biases[1];
    }
}

/// Learns factors; `each` hears of every epoch, from 1, with the mean of −ln σ(x) before each step.
pub fn fit<T: Real>(x: &Interactions, config: &BprConfig, mut each: impl FnMut(usize, f64)) -> Bpr<T> {
    let mut course = Course::new(x, config.clone());
    for epoch in 1..=config.epochs {
        each(epoch, course.epoch());
    }
    course.model
}

/// A run that can be put down between epochs.
pub(super) struct Course<'a, T> {
    x: &'a Interactions,
    config: BprConfig,
    pub(super) model: Bpr<T>,
    random: Xoshiro256PlusPlus,
    /// In the order of the epoch before, which the next one mixes on.
    pairs: Vec<(u32, u32)>,
    pull: Pull<T>,
}

impl<'a, T: Real> Course<'a, T> {
    pub(super) fn new(x: &'a Interactions, config: BprConfig) -> Course<'a, T> {
        let pairs = (0..x.users.len()).flat_map(|u| x.by_user.row(u).0.iter().map(move |i| (number(u), *i)));
        let pull = Pull {
            user: vec![T::ZERO; config.dim],
            items: [vec![T::ZERO; config.dim], vec![T::ZERO; config.dim]],
            biases: [T::ZERO; 2],
            loss: T::ZERO,
        };
        Course {
            x,
            model: Bpr::new(x, &config),
            random: Xoshiro256PlusPlus::seed_from_u64(config.seed ^ 0x9E37_79B9_7F4A_7C15),
            pairs: pairs.collect(),
            config,
            pull,
        }
    }

    /// One pass over all pairs; the mean loss.
    fn epoch(&mut self) -> f64 {
        let (rate, reg) = (T::of(self.config.lr), T::of(self.config.reg));
        self.pairs.shuffle(&mut self.random);
        let mut loss = 0.0;
        for (u, i) in &self.pairs {
            let Some(j) = unmet(self.x, *u, &mut self.random) else {
                continue;
            };
            self.model.gradient([*u, *i, j], reg, &mut self.pull);
            self.model.step([*u, *i, j], rate, &self.pull);
            loss += self.pull.loss.to_f64();
        }
        loss / self.pairs.len() as f64
    }
}

impl<T: Real> Sweep for Course<'_, T> {
    fn sweep(&mut self) -> Result<f64, TrainError> {
        Ok(self.epoch())
    }

    fn exchange(&mut self, tape: &mut Tape<'_>) {
        tape.numbers(&mut self.model.users);
        tape.numbers(&mut self.model.items);
        tape.numbers(&mut self.model.biases);
        tape.random(&mut self.random);
        for (user, item) in &mut self.pairs {
            let mut both = u64::from(*user) << 32 | u64::from(*item);
            tape.word(&mut both);
            #[expect(clippy::cast_possible_truncation, reason = "two halves of a word")]
            let halves = ((both >> 32) as u32, both as u32);
            if halves.0 as usize >= self.x.users.len() || halves.1 as usize >= self.x.items.len() {
                return tape.refuse("a pair is of a user or item that is not there");
            }
            (*user, *item) = halves;
        }
    }

    fn histograms(&self, events: &mut EventWriter, step: i64) -> Result<(), TrainError> {
        let (model, dim) = (&self.model, self.model.dim);
        tensorboard::matrix(events, (USERS, step), (&model.users, dim))?;
        tensorboard::matrix(events, (ITEMS, step), (&model.items, dim))?;
        tensorboard::matrix(events, ("bias", step), (&model.biases, 1))
    }
}

/// An item that the user did not meet; none where that is all of them.
fn unmet(x: &Interactions, user: u32, random: &mut Xoshiro256PlusPlus) -> Option<u32> {
    let items = number(x.items.len());
    if x.by_user.row(user as usize).0.len() >= items as usize {
        return None;
    }
    loop {
        let drawn = random.random_range(0..items);
        if !x.by_user.has(user as usize, drawn) {
            return Some(drawn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{golden, matrix, two_worlds};
    use super::*;
    use crate::check::{differences, random};

    fn small() -> Bpr<f64> {
        Bpr {
            dim: 3,
            users: random(6, 1),
            items: random(12, 2),
            biases: random(4, 3),
        }
    }

    fn pull() -> Pull<f64> {
        Pull {
            user: vec![0.0; 3],
            items: [vec![0.0; 3], vec![0.0; 3]],
            biases: [0.0; 2],
            loss: 0.0,
        }
    }

    /// The loss with its penalty, written out.
    fn cost(m: &Bpr<f64>, [u, i, j]: [usize; 3], reg: f64) -> f64 {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (p, q, r) = (
            &m.users[u * 3..][..3],
            &m.items[i * 3..][..3],
            &m.items[j * 3..][..3],
        );
        let x = dot(p, q) - dot(p, r) + m.biases[i] - m.biases[j];
        let squares = dot(p, p) + dot(q, q) + dot(r, r) + m.biases[i].powi(2) + m.biases[j].powi(2);
        -(1.0 / (1.0 + (-x).exp())).ln() + reg / 2.0 * squares
    }

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let (model, mut found) = (small(), pull());
        model.gradient([1, 2, 0], 0.3, &mut found);
        differences(&model.users[3..6], &found.user, |p| {
            let mut other = model.clone();
            other.users[3..6].copy_from_slice(p);
            cost(&other, [1, 2, 0], 0.3)
        });
        for (item, gradient) in [(2, &found.items[0]), (0, &found.items[1])] {
            differences(&model.items[item * 3..][..3], gradient, |q| {
                let mut other = model.clone();
                other.items[item * 3..][..3].copy_from_slice(q);
                cost(&other, [1, 2, 0], 0.3)
            });
        }
        differences(&[model.biases[2], model.biases[0]], &found.biases, |b| {
            let mut other = model.clone();
            (other.biases[2], other.biases[0]) = (b[0], b[1]);
            cost(&other, [1, 2, 0], 0.3)
        });
    }

    #[test]
    fn numpy_takes_the_same_steps() {
        let golden = &golden().json["bpr"];
        let mut model = Bpr {
            dim: 3,
            users: matrix(&golden["first_users"]),
            items: matrix(&golden["first_items"]),
            biases: matrix(&golden["first_biases"]),
        };
        let (mut pull, mut loss) = (pull(), 0.0);
        for triple in golden["triples"].as_array().unwrap() {
            let triple = [0, 1, 2].map(|k| u32::try_from(triple[k].as_u64().unwrap()).unwrap());
            model.gradient(triple, 0.02, &mut pull);
            model.step(triple, 0.1, &pull);
            loss += pull.loss;
        }
        assert!((loss - golden["loss"].as_f64().unwrap()).abs() < 1e-11);
        let found = [model.users, model.items, model.biases].concat();
        let expected = ["users", "items", "biases"]
            .map(|name| matrix(&golden[name]))
            .concat();
        for (a, b) in found.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
    }

    #[test]
    fn own_items_rise_above_others_and_the_same_seed_gives_the_same_bytes() {
        let (x, config) = (
            two_worlds(),
            BprConfig {
                dim: 8,
                epochs: 12,
                lr: 0.3,
                ..BprConfig::default()
            },
        );
        let mut losses = Vec::new();
        let model = fit::<f32>(&x, &config, |_, loss| losses.push(loss));
        assert!(losses[11] < 0.85 * losses[0], "{losses:?}");
        assert_eq!(model, fit::<f32>(&x, &config, |_, _| {}));
        let score = |u, i| {
            dense::dot(Bpr::vector(&model.users, u, 8), Bpr::vector(&model.items, i, 8))
                + model.biases[i as usize]
        };
        let (own, other) = (score(0, 3), score(0, 33));
        assert!(own > other, "{own} {other}");
    }

    #[test]
    fn a_user_who_met_everything_teaches_nothing() {
        let x = Interactions::of_events([(1, 5, 1.0, 0), (1, 6, 1.0, 0)]).unwrap();
        let config = BprConfig {
            dim: 2,
            epochs: 2,
            ..BprConfig::default()
        };
        assert_eq!(fit::<f32>(&x, &config, |_, _| {}), Bpr::new(&x, &config));
    }
}
