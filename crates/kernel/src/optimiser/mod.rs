//! Optimiser steps, one file each, generic over f32 and f64.
//!
//! A rule changes weights in place, given the gradient and the state that lies beside them; it never asks whether it
//! moves a dense matrix or one row of a table. Sparse steps touch only the rows of the batch ("lazy": the state of an
//! absent row does not decay; the step counter is global, as in TensorFlow's LazyAdam and PyTorch's SparseAdam).

mod adagrad;
mod adam;
mod adamw;
mod ftrl;
mod momentum;
mod nesterov;
mod rmsprop;
mod sgd;
#[cfg(test)]
pub(crate) mod tests;

use crate::machine::Machine;
use crate::real::Real;
use crate::rows::{RowGradients, RowTable, SharedRows};

/// An optimiser with its settings. Defaults of each are those of PyTorch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Optimiser {
    /// w −= rate·g.
    Sgd {
        /// Learning rate.
        rate: f64,
    },
    /// v = momentum·v + g; w −= rate·v.
    Momentum {
        /// Learning rate.
        rate: f64,
        /// Share of the last velocity that is kept.
        momentum: f64,
    },
    /// v = momentum·v + g; w −= rate·(g + momentum·v).
    Nesterov {
        /// Learning rate.
        rate: f64,
        /// Share of the last velocity that is kept.
        momentum: f64,
    },
    /// s += g²; w −= rate·g / (√s + epsilon). Duchi et al. 2011.
    Adagrad {
        /// Learning rate.
        rate: f64,
        /// First value of s.
        initial: f64,
        /// Keeps the quotient finite.
        epsilon: f64,
    },
    /// Moments of g and g² with bias correction. Kingma and Ba 2015, arXiv:1412.6980.
    Adam {
        /// Learning rate.
        rate: f64,
        /// Decay of the first and of the second moment.
        beta: (f64, f64),
        /// Keeps the quotient finite.
        epsilon: f64,
    },
    /// Adam with weight decay apart from the gradient. Loshchilov and Hutter 2019, arXiv:1711.05101.
    AdamW {
        /// Learning rate.
        rate: f64,
        /// Decay of the first and of the second moment.
        beta: (f64, f64),
        /// Keeps the quotient finite.
        epsilon: f64,
        /// Share of a weight (times the rate) that each step removes.
        decay: f64,
    },
    /// s = alpha·s + (1 − alpha)·g²; w −= rate·g / (√s + epsilon). Tieleman and Hinton 2012.
    RmsProp {
        /// Learning rate.
        rate: f64,
        /// Decay of s.
        alpha: f64,
        /// Keeps the quotient finite.
        epsilon: f64,
    },
    /// FTRL-Proximal with a rate per weight and L1. McMahan et al. 2013.
    Ftrl {
        /// Learning rate.
        rate: f64,
        /// Keeps first steps small.
        beta: f64,
        /// L1 strength: weights of little use become zero.
        l1: f64,
        /// L2 strength of the proximal step.
        l2: f64,
    },
}

/// One optimiser at one step: constants folded in, ready for any number of weights.
trait Rule<T: Real>: Copy {
    /// Moves `w` against `g`; `state` holds `states()` runs of `w.len()` numbers.
    fn step(self, w: &mut [T], g: &[T], state: &mut [T]);
}

impl Optimiser {
    /// Returns an optimiser by the name used in model files, with default settings and this learning rate.
    #[must_use]
    pub fn named(name: &str, rate: f64) -> Option<Optimiser> {
        let (beta, epsilon) = ((0.9, 0.999), 1e-8);
        Some(match name {
            "sgd" => Optimiser::Sgd { rate },
            "momentum" => Optimiser::Momentum { rate, momentum: 0.9 },
            "nesterov" => Optimiser::Nesterov { rate, momentum: 0.9 },
            "adagrad" => Optimiser::Adagrad {
                rate,
                initial: 0.1,
                epsilon: 1e-10,
            },
            "adam" => Optimiser::Adam { rate, beta, epsilon },
            "adamw" => Optimiser::AdamW {
                rate,
                beta,
                epsilon,
                decay: 0.01,
            },
            "rmsprop" => Optimiser::RmsProp {
                rate,
                alpha: 0.99,
                epsilon,
            },
            "ftrl" => Optimiser::Ftrl {
                rate,
                beta: 1.0,
                l1: 0.0,
                l2: 0.0,
            },
            _ => return None,
        })
    }

    /// The names [`Optimiser::named`] knows.
    pub const NAMES: [&'static str; 8] = [
        "sgd", "momentum", "nesterov", "adagrad", "adam", "adamw", "rmsprop", "ftrl",
    ];

    /// Returns its name in model files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Optimiser::Sgd { .. } => "sgd",
            Optimiser::Momentum { .. } => "momentum",
            Optimiser::Nesterov { .. } => "nesterov",
            Optimiser::Adagrad { .. } => "adagrad",
            Optimiser::Adam { .. } => "adam",
            Optimiser::AdamW { .. } => "adamw",
            Optimiser::RmsProp { .. } => "rmsprop",
            Optimiser::Ftrl { .. } => "ftrl",
        }
    }

    /// Returns the numbers of state kept beside each weight: 0, 1 or 2.
    #[must_use]
    pub fn states(&self) -> usize {
        match self {
            Optimiser::Sgd { .. } => 0,
            Optimiser::Momentum { .. } | Optimiser::Nesterov { .. } => 1,
            Optimiser::Adagrad { .. } | Optimiser::RmsProp { .. } => 1,
            Optimiser::Adam { .. } | Optimiser::AdamW { .. } | Optimiser::Ftrl { .. } => 2,
        }
    }

    /// Returns the value every state number starts with.
    #[must_use]
    pub fn initial(&self) -> f64 {
        match self {
            Optimiser::Adagrad { initial, .. } => *initial,
            Optimiser::Sgd { .. }
            | Optimiser::Momentum { .. }
            | Optimiser::Nesterov { .. }
            | Optimiser::Adam { .. }
            | Optimiser::AdamW { .. }
            | Optimiser::RmsProp { .. }
            | Optimiser::Ftrl { .. } => 0.0,
        }
    }

    /// Returns fresh state for `length` weights of a dense tensor.
    #[must_use]
    pub fn state<T: Real>(&self, length: usize) -> Vec<T> {
        vec![T::of(self.initial()); self.states() * length]
    }

    /// Moves dense weights: step number `t` (1 for the first), `state` of [`Optimiser::state`]'s length.
    ///
    /// # Panics
    /// If `g` or `state` is shorter than that.
    pub fn step<T: Real>(&self, t: u64, w: &mut [T], g: &[T], state: &mut [T]) {
        assert!(
            g.len() >= w.len() && state.len() >= self.states() * w.len(),
            "gradient or state too short"
        );
        T::step(self, t, w, g, state);
    }

    /// Moves the rows that a batch touched, each once, at step number `t` (1 for the first).
    ///
    /// # Panics
    /// If the table keeps less state than this optimiser needs, or the widths differ.
    pub fn step_rows<T: Real>(&self, t: u64, table: &mut RowTable<T>, gradients: &RowGradients<T>) {
        assert!(
            table.states() >= self.states() && table.dim() == gradients.dim(),
            "table does not fit"
        );
        T::step_rows(self, t, table, gradients);
    }

    fn with<T: Real, J: Job<T>>(&self, t: u64, job: J) {
        match *self {
            Optimiser::Sgd { rate } => launch(sgd::Step::new(rate), job),
            Optimiser::Momentum { rate, momentum } => launch(momentum::Step::new(rate, momentum), job),
            Optimiser::Nesterov { rate, momentum } => launch(nesterov::Step::new(rate, momentum), job),
            Optimiser::Adagrad { rate, epsilon, .. } => launch(adagrad::Step::new(rate, epsilon), job),
            Optimiser::Adam { rate, beta, epsilon } => launch(adam::Step::new(t, rate, beta, epsilon), job),
            Optimiser::AdamW {
                rate,
                beta,
                epsilon,
                decay,
            } => {
                launch(
                    adamw::Step::new(adam::Step::new(t, rate, beta, epsilon), rate * decay),
                    job,
                );
            }
            Optimiser::RmsProp { rate, alpha, epsilon } => {
                launch(rmsprop::Step::new(rate, alpha, epsilon), job)
            }
            Optimiser::Ftrl { rate, beta, l1, l2 } => launch(ftrl::Step::new(rate, beta, (l1, l2)), job),
        }
    }
}

/// The step of dense weights, for [`Real::step`].
#[inline(always)]
pub(crate) fn step_dense<T: Real>(optimiser: &Optimiser, t: u64, w: &mut [T], g: &[T], state: &mut [T]) {
    optimiser.with(t, Dense { w, g, state });
}

/// The step of a table's rows, for [`Real::step_rows`].
#[inline(always)]
pub(crate) fn step_sparse<T: Real>(
    o: &Optimiser,
    t: u64,
    table: &mut RowTable<T>,
    gradients: &RowGradients<T>,
) {
    o.with(t, Sparse { table, gradients });
}

/// The step of rows that threads share, for [`Real::step_shared`].
#[inline(always)]
pub(crate) fn step_shared<T: Real>(
    o: &Optimiser,
    t: u64,
    (rows, scratch): (&SharedRows<T>, &mut Vec<T>),
    gradients: &RowGradients<T>,
) {
    let job = Shared {
        rows,
        scratch,
        gradients,
    };
    o.with(t, job);
}

/// What a rule is run over.
trait Job<T: Real> {
    fn run<R: Rule<T>>(self, rule: R);
}

struct Dense<'a, T> {
    w: &'a mut [T],
    g: &'a [T],
    state: &'a mut [T],
}

impl<T: Real> Job<T> for Dense<'_, T> {
    #[inline(always)]
    fn run<R: Rule<T>>(self, rule: R) {
        rule.step(self.w, self.g, self.state);
    }
}

struct Sparse<'a, T> {
    table: &'a mut RowTable<T>,
    gradients: &'a RowGradients<T>,
}

/// Rows fetched ahead of the one that moves.
const AHEAD: usize = 12;

impl<T: Real> Job<T> for Sparse<'_, T> {
    #[inline(always)]
    fn run<R: Rule<T>>(self, rule: R) {
        let rows = self.gradients.rows();
        for (at, row) in rows.iter().enumerate() {
            if let Some(next) = rows.get(at + AHEAD) {
                self.table.prefetch(*next);
            }
            let (w, state) = self.table.row_mut(*row);
            rule.step(w, self.gradients.gradient(at), state);
        }
    }
}

struct Shared<'a, T> {
    rows: &'a SharedRows<T>,
    scratch: &'a mut Vec<T>,
    gradients: &'a RowGradients<T>,
}

/// Rows that are copied, moved and written back together: the copies are in the cache when registers read them.
const TOGETHER: usize = 8;

impl<T: Real> Job<T> for Shared<'_, T> {
    #[inline(always)]
    fn run<R: Rule<T>>(self, rule: R) {
        let (width, dim) = (self.rows.width(), self.gradients.dim());
        self.scratch.clear();
        self.scratch.resize(width * TOGETHER, T::ZERO);
        let all = self.gradients.rows();
        for (number, rows) in all.chunks(TOGETHER).enumerate() {
            let ahead = all.iter().skip((number + 1) * TOGETHER).take(TOGETHER);
            ahead.for_each(|row| self.rows.prefetch(*row));
            for (row, copy) in rows.iter().zip(self.scratch.chunks_exact_mut(width)) {
                self.rows.load(*row, copy);
            }
            for (at, copy) in (0..rows.len()).zip(self.scratch.chunks_exact_mut(width)) {
                let (w, state) = copy.split_at_mut(dim);
                rule.step(w, self.gradients.gradient(number * TOGETHER + at), state);
            }
            for (row, copy) in rows.iter().zip(self.scratch.chunks_exact(width)) {
                self.rows.store(*row, copy);
            }
        }
    }
}

/// Compiles rule and job together for each machine. The loops hold no fused operations, so the bits agree.
fn launch<T: Real, R: Rule<T>, J: Job<T>>(rule: R, job: J) {
    match Machine::detect() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: detected.
        Machine::Avx512 => unsafe { avx512(rule, job) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: detected.
        Machine::Avx2 => unsafe { avx2(rule, job) },
        _ => job.run(rule),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512<T: Real, R: Rule<T>, J: Job<T>>(rule: R, job: J) {
    job.run(rule);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<T: Real, R: Rule<T>, J: Job<T>>(rule: R, job: J) {
    job.run(rule);
}
