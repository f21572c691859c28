//! iALS: factors of users and items for implicit feedback, by alternating least squares.
//!
//! ```text
//! L = Σ_{(u,i)∈S} w·(⟨p_u, q_i⟩ − 1)² + α₀·Σ_{u,i} ⟨p_u, q_i⟩² + λ·(Σ_u n_u^ν·|p_u|² + Σ_i n_i^ν·|q_i|²)
//! n_u = |S_u| + α₀·|I|        n_i = |S_i| + α₀·|U|
//! ```
//! Hu, Koren and Volinsky 2008 in the form of Rendle, Krichene, Zhang and Koren 2022 (Revisiting the Performance of iALS on
//! Item Recommendation Benchmarks): the unobserved weight α₀ covers all pairs, and regularisation grows with frequency.
//! With [`Confidence::Hu`] an observed pair weighs α₀ + w and is none of the unobserved ones (α₀ = 1: the paper of 2008).
//! Half a sweep solves `(α₀·QᵀQ + Σ_{i∈S_u} w·q_i·q_iᵀ + λ·n_u^ν·1)·p_u = Σ w·q_i` for every user, QᵀQ being computed once.
//!
//! Decision: each row is solved by itself from the other side alone, so threads change no bit. `Cholesky` is exact; a few
//! steps of conjugate gradients from where the row stood (Takács, Pilászy and Tikk 2011) cost a fraction, and blocks of
//! rows share the dense half of each step as one product.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::sparse::{Chosen, Coefficient, add_rows};
use rankine_kernel::{Real, cholesky, dense};
use rankine_model::matrix::{Confidence, ITEMS, USERS, ridge};

use super::{Interactions, Sparse};
use crate::TrainError;
use crate::checkpoint::tape::Tape;
use crate::sweeps::Sweep;
use crate::tensorboard::{self, EventWriter};

/// Rows whose steps share a product.
const BLOCK: usize = 64;
/// Rows of a Gramian's part: its sums are added in this order on any number of threads.
const PART: usize = 1024;

/// How a row's system is solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Solver {
    /// Exactly.
    Cholesky,
    /// This many steps of conjugate gradients.
    Gradients(usize),
}

/// What is minimised, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct IalsConfig {
    /// Numbers per vector.
    pub dim: usize,
    /// α₀: what an unobserved pair weighs.
    pub unobserved: f64,
    /// λ.
    pub reg: f64,
    /// ν: how regularisation grows with frequency; 0 not at all.
    pub exponent: f64,
    /// What an observed pair weighs.
    pub confidence: Confidence,
    /// How rows are solved.
    pub solver: Solver,
    /// Sweeps over users and items.
    pub epochs: usize,
    /// Standard deviation of first vectors, times √dim.
    pub init: f64,
    /// Seed of first vectors.
    pub seed: u64,
    /// Threads.
    pub threads: usize,
}

impl Default for IalsConfig {
    fn default() -> Self {
        Self {
            dim: 64,
            unobserved: 0.1,
            reg: 0.003,
            exponent: 1.0,
            confidence: Confidence::Rendle,
            solver: Solver::Cholesky,
            epochs: 16,
            init: 0.1,
            seed: 1,
            threads: 1,
        }
    }
}

/// Vectors of both sides, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Factors<T = f32> {
    /// Numbers per vector.
    pub dim: usize,
    /// A vector per user.
    pub users: Vec<T>,
    /// A vector per item.
    pub items: Vec<T>,
}

/// Normally distributed first vectors.
#[must_use]
pub fn first(x: &Interactions, config: &IalsConfig) -> Factors {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(config.seed);
    let scale = config.init / (config.dim as f64).sqrt();
    let mut draw = |rows: usize| -> Vec<f32> {
        let mut normal = || f32::of(scale * crate::backward::initial::normal(&mut random));
        (0..rows * config.dim).map(|_| normal()).collect()
    };
    Factors {
        dim: config.dim,
        users: draw(x.users.len()),
        items: draw(x.items.len()),
    }
}

/// Sweeps from `factors` on; `each` hears of every sweep, from 1, and may look at the vectors.
///
/// # Errors
/// [`TrainError::Config`] where a row's system has no solution: λ = 0 with fewer items than numbers.
pub fn fit<T: Real>(
    x: &Interactions,
    config: &IalsConfig,
    mut factors: Factors<T>,
    mut each: impl FnMut(usize, &Factors<T>) -> Result<(), TrainError>,
) -> Result<Factors<T>, TrainError> {
    let by_item = x.by_item();
    for epoch in 1..=config.epochs {
        sweep((x, &by_item), config, &mut factors)?;
        each(epoch, &factors)?;
    }
    Ok(factors)
}

/// Solves every user, then every item (`by_item`: users of each).
fn sweep<T: Real>(
    (x, by_item): (&Interactions, &Sparse),
    config: &IalsConfig,
    factors: &mut Factors<T>,
) -> Result<(), TrainError> {
    half(&x.by_user, &mut factors.users, &factors.items, config)?;
    half(by_item, &mut factors.items, &factors.users, config)
}

/// A run that can be put down between sweeps.
pub(super) struct Course<'a> {
    x: &'a Interactions,
    by_item: Sparse,
    config: IalsConfig,
    pub(super) factors: Factors,
}

impl<'a> Course<'a> {
    pub(super) fn new(x: &'a Interactions, config: IalsConfig) -> Course<'a> {
        Course {
            x,
            by_item: x.by_item(),
            factors: first(x, &config),
            config,
        }
    }
}

impl Sweep for Course<'_> {
    fn sweep(&mut self) -> Result<f64, TrainError> {
        sweep((self.x, &self.by_item), &self.config, &mut self.factors)?;
        Ok(loss(self.x, &self.config, &self.factors))
    }

    fn exchange(&mut self, tape: &mut Tape<'_>) {
        tape.numbers(&mut self.factors.users);
        tape.numbers(&mut self.factors.items);
    }

    fn histograms(&self, events: &mut EventWriter, step: i64) -> Result<(), TrainError> {
        let (found, dim) = (&self.factors, self.factors.dim);
        tensorboard::matrix(events, (USERS, step), (&found.users, dim))?;
        tensorboard::matrix(events, (ITEMS, step), (&found.items, dim))
    }
}

/// One side's rows, each solved from the other side.
fn half<T: Real>(by: &Sparse, own: &mut [T], other: &[T], config: &IalsConfig) -> Result<(), TrainError> {
    let system = System {
        gram: gram(other, config.dim, config.unobserved),
        others: other.len() / config.dim,
        by,
        other,
        config,
    };
    let blocks = own.chunks_mut(BLOCK * config.dim).enumerate().collect();
    share(config.threads, blocks, |(block, rows)| {
        system.block(block * BLOCK, rows)
    })
}

/// A multiple of QᵀQ, in parts of fixed size.
pub(super) fn gram<T: Real>(rows: &[T], dim: usize, scale: f64) -> Vec<T> {
    let mut out = vec![T::ZERO; dim * dim];
    for part in rows.chunks(PART * dim) {
        dense::weight_gradient(part.len() / dim, part, part, &mut out);
    }
    dense::scale(T::of(scale), &mut out);
    out
}

/// The systems of one side.
struct System<'a, T> {
    gram: Vec<T>,
    /// Rows of the other side.
    others: usize,
    by: &'a Sparse,
    other: &'a [T],
    config: &'a IalsConfig,
}

impl<T: Real> System<'_, T> {
    fn block(&self, from: usize, rows: &mut [T]) -> Result<(), TrainError> {
        match self.config.solver {
            Solver::Cholesky => rows
                .chunks_exact_mut(self.config.dim)
                .zip(from..)
                .try_for_each(|(row, at)| self.exact(at, row)),
            Solver::Gradients(steps) => {
                self.gradients(from, rows, steps);
                Ok(())
            }
        }
    }

    fn reg(&self, row: usize) -> T {
        let c = self.config;
        T::of(
            c.reg
                * ridge(
                    self.by.row(row).0.len(),
                    c.unobserved * self.others as f64,
                    c.exponent,
                ),
        )
    }

    /// The coefficient of q_i in the right-hand side less the matrix times p: `b` at p = 0.
    fn residual(&self) -> Coefficient<T> {
        let constant = match self.config.confidence {
            Confidence::Hu => T::of(self.config.unobserved),
            Confidence::Rendle => T::ZERO,
        };
        Coefficient {
            constant,
            weighted: T::ONE,
            slope: -T::ONE,
        }
    }

    fn weights(&self, row: usize) -> Vec<T> {
        let (_, weights) = self.by.row(row);
        weights.iter().map(|w| T::of(f64::from(*w))).collect()
    }

    /// Solves a row by a Cholesky factor.
    fn exact(&self, at: usize, row: &mut [T]) -> Result<(), TrainError> {
        let dim = self.config.dim;
        let (ids, weights) = (self.by.row(at).0, self.weights(at));
        let (mut a, mut met, mut scaled) = (self.gram.clone(), Vec::new(), Vec::new());
        for (id, weight) in ids.iter().zip(&weights) {
            let q = &self.other[*id as usize * dim..][..dim];
            met.extend_from_slice(q);
            scaled.extend(q.iter().map(|v| *weight * *v));
        }
        dense::weight_gradient(ids.len(), &met, &scaled, &mut a);
        let reg = self.reg(at);
        (0..dim).for_each(|k| a[k * dim + k] += reg);
        row.fill(T::ZERO);
        let zeros = vec![T::ZERO; dim];
        add_rows(self.chosen(ids, &weights), self.residual(), &zeros, row);
        cholesky::factor(&mut a, dim).map_err(|fault| TrainError::Config {
            key: "matrix.reg".to_owned(),
            detail: format!("{fault}: expected a larger `reg`, got {}", self.config.reg),
        })?;
        cholesky::solve(&a, row);
        Ok(())
    }

    fn chosen<'c>(&'c self, ids: &'c [u32], weights: &'c [T]) -> Chosen<'c, T> {
        Chosen {
            matrix: self.other,
            ids,
            weights,
        }
    }

    /// Some steps of conjugate gradients on a block of rows.
    fn gradients(&self, from: usize, rows: &mut [T], steps: usize) {
        let dim = self.config.dim;
        let weights: Vec<Vec<T>> = (0..rows.len() / dim).map(|i| self.weights(from + i)).collect();
        let mut r = vec![T::ZERO; rows.len()];
        self.times(from, rows, &mut r);
        r.iter_mut().for_each(|v| *v = -*v);
        for (i, (r, row)) in r.chunks_exact_mut(dim).zip(rows.chunks_exact(dim)).enumerate() {
            add_rows(
                self.chosen(self.by.row(from + i).0, &weights[i]),
                self.residual(),
                row,
                r,
            );
        }
        let mut p = r.clone();
        let mut squares: Vec<T> = r.chunks_exact(dim).map(|r| dense::dot(r, r)).collect();
        let product = Coefficient {
            constant: T::ZERO,
            weighted: T::ZERO,
            slope: T::ONE,
        };
        let mut ap = vec![T::ZERO; rows.len()];
        for _ in 0..steps {
            self.times(from, &p, &mut ap);
            for i in 0..squares.len() {
                let range = i * dim..(i + 1) * dim;
                let (p, ap) = (&mut p[range.clone()], &mut ap[range.clone()]);
                add_rows(self.chosen(self.by.row(from + i).0, &weights[i]), product, p, ap);
                let (row, r) = (&mut rows[range.clone()], &mut r[range]);
                squares[i] = step((row, r), p, ap, squares[i]);
            }
        }
    }

    /// The dense half of the matrices times a block of vectors: `(α₀·QᵀQ + λ·n^ν·1)·p`.
    fn times(&self, from: usize, p: &[T], out: &mut [T]) {
        let dim = self.config.dim;
        out.fill(T::ZERO);
        dense::accumulate_block(p, (p.len() / dim, dim), &self.gram, out);
        for (i, (p, out)) in p.chunks_exact(dim).zip(out.chunks_exact_mut(dim)).enumerate() {
            dense::axpy(self.reg(from + i), p, out);
        }
    }
}

/// One step of a row; returns the residual's square, which stays where it is already nothing.
fn step<T: Real>((row, r): (&mut [T], &mut [T]), p: &mut [T], ap: &[T], square: T) -> T {
    if square.to_f64() < 1e-20 {
        return square;
    }
    let along = square / dense::dot(p, ap);
    dense::axpy(along, p, row);
    dense::axpy(-along, ap, r);
    let next = dense::dot(r, r);
    let keep = next / square;
    for (p, r) in p.iter_mut().zip(r.iter()) {
        *p = *r + keep * *p;
    }
    next
}

/// Does every task once, on some threads; the first fault.
fn share<W: Send>(
    threads: usize,
    tasks: Vec<W>,
    each: impl Fn(W) -> Result<(), TrainError> + Sync,
) -> Result<(), TrainError> {
    if threads < 2 {
        return tasks.into_iter().try_for_each(each);
    }
    let queue = std::sync::Mutex::new(tasks.into_iter());
    let next = || {
        queue
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .next()
    };
    let work = || -> Result<(), TrainError> {
        while let Some(task) = next() {
            each(task)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let hands: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let done = hands.into_iter().map(|hand| {
            hand.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        done.collect()
    })
}

/// L of the vectors, divided by the number of observed pairs.
pub fn loss<T: Real>(x: &Interactions, config: &IalsConfig, f: &Factors<T>) -> f64 {
    let (dim, c) = (f.dim, config);
    let (mut observed, mut penalty) = (0.0, 0.0);
    let counts = x.by_item();
    for (u, p) in f.users.chunks_exact(dim).enumerate() {
        let (ids, weights) = x.by_user.row(u);
        for (id, weight) in ids.iter().zip(weights) {
            let score = dense::dot(p, &f.items[*id as usize * dim..][..dim]).to_f64();
            let miss = f64::from(*weight) * (score - 1.0).powi(2);
            observed += miss
                + match c.confidence {
                    Confidence::Rendle => 0.0,
                    // this pair weighs α₀ + w and is none of the others
                    Confidence::Hu => c.unobserved * ((score - 1.0).powi(2) - score * score),
                };
        }
    }
    for (by, own, others) in [
        (&x.by_user, &f.users, x.items.len()),
        (&counts, &f.items, x.users.len()),
    ] {
        for (row, vector) in own.chunks_exact(dim).enumerate() {
            let n = ridge(by.row(row).0.len(), c.unobserved * others as f64, c.exponent);
            penalty += n * dense::dot(vector, vector).to_f64();
        }
    }
    let (users, items) = (gram(&f.users, dim, 1.0), gram(&f.items, dim, 1.0));
    let all: f64 = users
        .iter()
        .zip(&items)
        .map(|(a, b)| a.to_f64() * b.to_f64())
        .sum();
    (observed + c.unobserved * all + c.reg * penalty) / x.by_user.ids.len() as f64
}

#[cfg(test)]
mod tests {
    use super::super::testing::{golden, matrix, two_worlds};
    use super::*;
    use crate::check::differences;

    fn small() -> (Interactions, IalsConfig) {
        let config = IalsConfig {
            dim: 6,
            epochs: 3,
            reg: 0.02,
            ..IalsConfig::default()
        };
        (two_worlds(), config)
    }

    fn wide(f: &Factors) -> Factors<f64> {
        let widen = |v: &[f32]| v.iter().map(|v| f64::from(*v)).collect();
        Factors {
            dim: f.dim,
            users: widen(&f.users),
            items: widen(&f.items),
        }
    }

    fn quiet<T>(_: usize, _: &Factors<T>) -> Result<(), TrainError> {
        Ok(())
    }

    #[test]
    fn numpy_finds_the_same_vectors() {
        let golden = golden();
        let config = IalsConfig {
            dim: 4,
            unobserved: 0.1,
            reg: 0.05,
            exponent: 0.8,
            epochs: 3,
            ..IalsConfig::default()
        };
        let (x, start) = (golden.interactions(), &golden.json["ials"]);
        let factors = Factors {
            dim: 4,
            users: matrix(&start["first_users"]),
            items: matrix(&start["first_items"]),
        };
        let found = fit(&x, &config, factors, quiet).unwrap();
        for (found, name) in [(&found.users, "users"), (&found.items, "items")] {
            for (a, b) in found.iter().zip(matrix(&start[name])) {
                assert!((a - b).abs() < 1e-10, "{name}: {a} {b}");
            }
        }
        let expected = start["loss"].as_f64().unwrap();
        assert!((loss(&x, &config, &found) - expected).abs() < 1e-10);
    }

    #[test]
    fn a_solved_side_has_no_gradient_left() {
        for confidence in [Confidence::Rendle, Confidence::Hu] {
            let (x, config) = small();
            let config = IalsConfig {
                confidence,
                epochs: 2,
                ..config
            };
            let mut f = fit(&x, &config, wide(&first(&x, &config)), quiet).unwrap();
            half(&x.by_user, &mut f.users, &f.items, &config).unwrap();
            let at = f.users[..config.dim].to_vec();
            differences(&at, &vec![0.0; config.dim], |moved| {
                let mut other = f.clone();
                other.users[..config.dim].copy_from_slice(moved);
                loss(&x, &config, &other)
            });
        }
    }

    #[test]
    fn enough_steps_of_gradients_are_exact_and_every_sweep_lowers_the_loss() {
        let (x, exact) = small();
        let config = IalsConfig {
            solver: Solver::Gradients(30),
            ..exact.clone()
        };
        let start = wide(&first(&x, &config));
        let (mut losses, mut fewer) = (Vec::new(), Vec::new());
        let a = fit(&x, &exact, start.clone(), |_, f| {
            losses.push(loss(&x, &exact, f));
            Ok(())
        })
        .unwrap();
        let b = fit(&x, &config, start.clone(), quiet).unwrap();
        a.users
            .iter()
            .zip(&b.users)
            .for_each(|(a, b)| assert!((a - b).abs() < 1e-7, "{a} {b}"));
        let three = IalsConfig {
            solver: Solver::Gradients(3),
            ..exact
        };
        fit(&x, &three, start, |_, f| {
            fewer.push(loss(&x, &three, f));
            Ok(())
        })
        .unwrap();
        assert!(losses.is_sorted_by(|a, b| a > b), "{losses:?}");
        assert!((fewer[2] / losses[2] - 1.0).abs() < 1e-2, "{fewer:?} {losses:?}");
    }

    #[test]
    fn threads_change_no_bit() {
        let (x, config) = small();
        for solver in [Solver::Cholesky, Solver::Gradients(2)] {
            let on = |threads| {
                let config = IalsConfig {
                    solver,
                    threads,
                    ..config.clone()
                };
                fit(&x, &config, first(&x, &config), quiet).unwrap()
            };
            assert_eq!(on(1), on(3));
        }
    }

    #[test]
    fn a_system_without_a_solution_is_a_fault_of_the_file() {
        let (x, config) = small();
        let config = IalsConfig {
            reg: 0.0,
            unobserved: 0.0,
            dim: 60,
            ..config
        };
        let fault = fit(&x, &config, wide(&first(&x, &config)), quiet).unwrap_err();
        assert!(fault.to_string().contains("matrix.reg"), "{fault}");
    }
}
