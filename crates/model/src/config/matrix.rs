//! `matrix`: the one part of the kinds that learn from who met what (`ials`, `bpr`, `ease`, `itemknn`, `popularity`, `walk`).

use super::check::{Checker, MAX_SIZE};
use super::{Kind, number};
use crate::matrix::{Confidence, FoldIn};
use rankine_config::Located;
use serde::{Deserialize, Serialize};

/// How `ials` solves the system of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum SolverName {
    /// Exactly.
    #[default]
    Cholesky,
    /// By `steps` steps of conjugate gradients.
    Cg,
}

/// What the edges of `walk`'s graph join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum GraphName {
    /// Items that a user met one after the other.
    #[default]
    Items,
    /// Users and items.
    Users,
}

/// `matrix`: slots and numbers; what is absent has the kind's default.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MatrixConfig {
    /// The user's slot; kinds without it take a sample's group.
    #[serde(default)]
    pub user: Option<Located<u32>>,
    /// The item's slot.
    pub item: Located<u32>,
    /// The slot of the items a user met, with the signs of the item's slot.
    #[serde(default)]
    pub history: Option<Located<u32>>,
    /// Labels of at least this say that the user met the item; 0.5 unless given.
    #[serde(default)]
    pub positive: Option<Located<f64>>,
    /// Numbers per vector; 64 unless given.
    #[serde(default)]
    pub dim: Option<Located<usize>>,
    /// What an unobserved pair weighs; 0.1 unless given.
    #[serde(default)]
    pub unobserved: Option<Located<f64>>,
    /// Regularisation.
    #[serde(default)]
    pub reg: Option<Located<f64>>,
    /// How regularisation grows with frequency; 1 unless given.
    #[serde(default)]
    pub exponent: Option<Located<f64>>,
    /// What an observed pair weighs.
    #[serde(default)]
    pub confidence: Option<Located<Confidence>>,
    /// How systems are solved.
    #[serde(default)]
    pub solver: Option<Located<SolverName>>,
    /// Steps of conjugate gradients; 3 unless given.
    #[serde(default)]
    pub steps: Option<Located<usize>>,
    /// Whose vector comes from the history; `new` unless given.
    #[serde(default)]
    pub fold_in: Option<Located<FoldIn>>,
    /// Standard deviation of first vectors times √dim; 0.1 unless given.
    #[serde(default)]
    pub init: Option<Located<f64>>,
    /// Learning rate.
    #[serde(default)]
    pub lr: Option<Located<f64>>,
    /// Added to the denominator of similarities; 0 unless given.
    #[serde(default)]
    pub shrink: Option<Located<f64>>,
    /// Neighbours kept of each item; 0: all of them.
    #[serde(default)]
    pub neighbours: Option<Located<usize>>,
    /// What edges join.
    #[serde(default)]
    pub graph: Option<Located<GraphName>>,
    /// Walks from each item; 10 unless given.
    #[serde(default)]
    pub walks: Option<Located<usize>>,
    /// Items of a walk; 40 unless given.
    #[serde(default)]
    pub length: Option<Located<usize>>,
    /// Neighbours on either side within a walk; 5 unless given.
    #[serde(default)]
    pub window: Option<Located<usize>>,
    /// Noise items per neighbour; 5 unless given.
    #[serde(default)]
    pub negatives: Option<Located<usize>>,
    /// p of node2vec: the higher, the rarer a walk turns back; 1 unless given.
    #[serde(default)]
    pub p: Option<Located<f64>>,
    /// q of node2vec: the higher, the nearer a walk stays; 1 unless given.
    #[serde(default)]
    pub q: Option<Located<f64>>,
}

impl MatrixConfig {
    /// Returns the label from which on a sample counts.
    #[must_use]
    pub fn positive(&self) -> f64 {
        number(self.positive.as_ref(), 0.5)
    }

    /// Returns the numbers per vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        value(self.dim.as_ref(), 64)
    }

    /// Returns what an unobserved pair weighs.
    #[must_use]
    pub fn unobserved(&self) -> f64 {
        number(self.unobserved.as_ref(), 0.1)
    }

    /// Returns the regularisation of a kind.
    #[must_use]
    pub fn reg(&self, kind: Kind) -> f64 {
        let defaults = [(Kind::Ease, 250.0), (Kind::Bpr, 0.01)];
        let own = defaults.iter().find(|(of, _)| *of == kind);
        number(self.reg.as_ref(), own.map_or(0.003, |(_, reg)| *reg))
    }

    /// Returns how regularisation grows with frequency.
    #[must_use]
    pub fn exponent(&self) -> f64 {
        number(self.exponent.as_ref(), 1.0)
    }

    /// Returns whose vector comes from the history.
    #[must_use]
    pub fn fold_in(&self) -> FoldIn {
        value(self.fold_in.as_ref(), FoldIn::New)
    }

    /// Returns the neighbours kept of each item: all (0) of `ease`, 100 of `itemknn`, unless given.
    #[must_use]
    pub fn neighbours(&self, kind: Kind) -> usize {
        let default = if kind == Kind::Ease { 0 } else { 100 };
        value(self.neighbours.as_ref(), default)
    }

    /// Returns what an observed pair weighs.
    #[must_use]
    pub fn confidence(&self) -> Confidence {
        value(self.confidence.as_ref(), Confidence::Rendle)
    }

    /// Returns how systems are solved.
    #[must_use]
    pub fn solver(&self) -> SolverName {
        value(self.solver.as_ref(), SolverName::Cholesky)
    }

    /// Returns the steps of conjugate gradients.
    #[must_use]
    pub fn steps(&self) -> usize {
        value(self.steps.as_ref(), 3)
    }

    /// Returns the standard deviation of first vectors times √dim.
    #[must_use]
    pub fn init(&self) -> f64 {
        number(self.init.as_ref(), 0.1)
    }

    /// Returns the learning rate: 0.025 of `walk`, 0.05 of `bpr`, unless given.
    #[must_use]
    pub fn lr(&self, kind: Kind) -> f64 {
        number(self.lr.as_ref(), if kind == Kind::Walk { 0.025 } else { 0.05 })
    }

    /// Returns what is added to the denominator of similarities.
    #[must_use]
    pub fn shrink(&self) -> f64 {
        number(self.shrink.as_ref(), 0.0)
    }

    /// Returns what edges join.
    #[must_use]
    pub fn graph(&self) -> GraphName {
        value(self.graph.as_ref(), GraphName::Items)
    }

    /// Returns the walks from each item.
    #[must_use]
    pub fn walks(&self) -> usize {
        value(self.walks.as_ref(), 10)
    }

    /// Returns the items of a walk.
    #[must_use]
    pub fn length(&self) -> usize {
        value(self.length.as_ref(), 40)
    }

    /// Returns the neighbours on either side within a walk.
    #[must_use]
    pub fn window(&self) -> usize {
        value(self.window.as_ref(), 5)
    }

    /// Returns the noise items per neighbour.
    #[must_use]
    pub fn negatives(&self) -> usize {
        value(self.negatives.as_ref(), 5)
    }

    /// Returns p of node2vec.
    #[must_use]
    pub fn back(&self) -> f64 {
        number(self.p.as_ref(), 1.0)
    }

    /// Returns q of node2vec.
    #[must_use]
    pub fn out(&self) -> f64 {
        number(self.q.as_ref(), 1.0)
    }

    /// The keys that are given, with their places.
    fn given(&self) -> Vec<(&'static str, Located<()>)> {
        fn place<T>(name: &'static str, key: Option<&Located<T>>) -> Option<(&'static str, Located<()>)> {
            let span = key?.span.clone();
            Some((name, Located { value: (), span }))
        }
        let all = [
            place("user", self.user.as_ref()),
            place("history", self.history.as_ref()),
            place("dim", self.dim.as_ref()),
            place("unobserved", self.unobserved.as_ref()),
            place("reg", self.reg.as_ref()),
            place("exponent", self.exponent.as_ref()),
            place("confidence", self.confidence.as_ref()),
            place("solver", self.solver.as_ref()),
            place("steps", self.steps.as_ref()),
            place("fold_in", self.fold_in.as_ref()),
            place("init", self.init.as_ref()),
            place("lr", self.lr.as_ref()),
            place("shrink", self.shrink.as_ref()),
            place("neighbours", self.neighbours.as_ref()),
            place("graph", self.graph.as_ref()),
            place("walks", self.walks.as_ref()),
            place("length", self.length.as_ref()),
            place("window", self.window.as_ref()),
            place("negatives", self.negatives.as_ref()),
            place("p", self.p.as_ref()),
            place("q", self.q.as_ref()),
        ];
        all.into_iter().flatten().collect()
    }
}

/// The given value, or what stands for an absent one.
fn value<T: Copy>(given: Option<&Located<T>>, default: T) -> T {
    given.map_or(default, |given| given.value)
}

/// The keys of `matrix` that a kind has beside `item`, `user` and `positive`; the first is needed.
const KEYS: [(Kind, &[&str]); 5] = [
    (
        Kind::Ials,
        &[
            "user",
            "history",
            "dim",
            "unobserved",
            "reg",
            "exponent",
            "confidence",
            "solver",
            "steps",
            "fold_in",
            "init",
        ],
    ),
    (Kind::Bpr, &["user", "dim", "reg", "init", "lr"]),
    (Kind::Ease, &["history", "reg", "neighbours"]),
    (Kind::ItemKnn, &["history", "neighbours", "shrink"]),
    (
        Kind::Walk,
        &[
            "history",
            "dim",
            "lr",
            "graph",
            "walks",
            "length",
            "window",
            "negatives",
            "p",
            "q",
        ],
    ),
];

impl Checker<'_> {
    /// Keys that the kind does not have or lacks, and numbers that make no sense.
    pub(super) fn matrix(&mut self) {
        let config = self.config;
        let (Some(matrix), true) = (&config.matrix, config.kind().is_matrix()) else {
            return;
        };
        let kind = config.kind();
        let known = KEYS
            .iter()
            .find(|(of, _)| *of == kind)
            .map_or(&[][..], |(_, keys)| keys);
        let given = matrix.given();
        for (key, at) in given
            .iter()
            .filter(|(key, _)| *key != "user" && !known.contains(key))
        {
            self.fault(at, key, format!("kind `{}` has no `matrix.{key}`", kind.name()));
        }
        for key in known.iter().take(1) {
            if !given.iter().any(|(name, _)| name == key) {
                let message = format!("kind `{}` needs `matrix.{key}`", kind.name());
                self.fault(&matrix.item, key, message);
            }
        }
        if let (Some(steps), Some(SolverName::Cholesky) | None) =
            (&matrix.steps, matrix.solver.as_ref().map(|s| s.value))
        {
            self.fault(steps, "steps", "only the solver `cg` has `steps`");
        }
        if let (Kind::ItemKnn, Some(kept)) = (kind, &matrix.neighbours) {
            self.within(kept, "neighbours", (1, MAX_SIZE));
        }
        self.numbers(matrix);
    }

    fn numbers(&mut self, matrix: &MatrixConfig) {
        let sizes = [
            (&matrix.dim, "dim", 1, 4096),
            (&matrix.steps, "steps", 1, 1000),
            (&matrix.neighbours, "neighbours", 0, MAX_SIZE),
            (&matrix.walks, "walks", 1, 10_000),
            (&matrix.length, "length", 2, 10_000),
            (&matrix.window, "window", 1, 1000),
            (&matrix.negatives, "negatives", 1, 7),
        ];
        for (value, key, least, most) in sizes {
            if let Some(value) = value {
                self.within(value, key, (least, most));
            }
        }
        let rates = [
            (&matrix.positive, "positive", (-1e9, 1e9)),
            (&matrix.unobserved, "unobserved", (0.0, 1e6)),
            (&matrix.reg, "reg", (0.0, 1e9)),
            (&matrix.exponent, "exponent", (0.0, 2.0)),
            (&matrix.init, "init", (1e-9, 1e3)),
            (&matrix.lr, "lr", (1e-9, 1e3)),
            (&matrix.shrink, "shrink", (0.0, 1e9)),
            (&matrix.p, "p", (1e-6, 1e6)),
            (&matrix.q, "q", (1e-6, 1e6)),
        ];
        for (value, key, bounds) in rates {
            if let Some(value) = value {
                self.within(value, key, bounds);
            }
        }
    }
}
