//! Operators: what features can do, one file each, one line each in [`registry`].
//!
//! When a conf is compiled, an operator's class checks its inputs and settings and builds the operator; at request time
//! the plan runs it on its inputs and collects its output. Decisions: everything that can be wrong is found while
//! building, so running has no errors (odd values are missing); an operator sees no clock, no file and no other
//! feature than its inputs; changing what one computes makes a new `version`, which canonical confs name.
//!
//! To add one: a file here with a `CLASS`, a line in [`registry`], examples in its `Doc`, tests in `tests/operators.rs`;
//! `RANKINE_BLESS=1 cargo test -p rankine-feature --test docs` writes `docs/operators.md` anew.

mod bm25;
mod bucketize;
mod coalesce;
mod constant;
mod cross;
mod distance;
mod element;
mod example;
mod expression;
mod formula;
mod geohash;
mod hash_bucket;
mod history;
mod id;
mod is_missing;
mod kv_dot;
mod list;
mod log;
mod lookup;
mod mask;
mod matches;
mod normalize;
mod overlap;
mod page;
mod pool;
mod ratio;
mod raw;
mod regex_replace;
mod setting;
mod stream;
mod tag;
mod text_length;
mod time;
mod tokenize;
mod tokens;
mod vector;
mod vocabulary;

pub use example::Example;
pub use page::page;
pub(crate) use setting::{Built, Column, InputType, Need, Setting, Subject};
pub(crate) use stream::{Env, Inputs, Out, Wire};

use std::collections::BTreeMap;

/// All operators, in alphabetical order.
#[must_use]
pub fn registry() -> &'static [Class] {
    const REGISTRY: &[Class] = &[
        bm25::CLASS,
        bucketize::CLASS,
        coalesce::CLASS,
        constant::CLASS,
        cross::CLASS,
        distance::CLASS,
        expression::CLASS,
        geohash::CLASS,
        hash_bucket::CLASS,
        history::CLASS,
        id::CLASS,
        is_missing::CLASS,
        kv_dot::CLASS,
        list::CLASS,
        log::CLASS,
        lookup::CLASS,
        mask::CLASS,
        matches::CLASS,
        normalize::CLASS,
        overlap::CLASS,
        ratio::CLASS,
        raw::CLASS,
        regex_replace::CLASS,
        tag::CLASS,
        text_length::CLASS,
        time::CLASS,
        tokenize::CLASS,
        vector::CLASS,
        vocabulary::CLASS,
    ];
    REGISTRY
}

/// An operator as confs know it.
#[derive(Debug, Clone, Copy)]
pub struct Class {
    /// The name in `class = …`.
    pub name: &'static str,
    /// Rises whenever the operator computes something else.
    pub version: u32,
    /// Its documentation.
    pub doc: Doc,
    /// How many inputs it takes, at least and at most.
    pub(crate) depend: (usize, usize),
    /// Which inputs it takes.
    pub(crate) accepts: fn(InputType) -> bool,
    /// Checks the settings and makes the operator. Complains in the setting; then what it returns is not used.
    pub(crate) build: fn(&mut Setting<'_>) -> Built,
}

/// What an operator's documentation page says.
#[derive(Debug, Clone, Copy)]
pub struct Doc {
    /// What it does, in one sentence.
    pub what: &'static str,
    /// What it depends on.
    pub inputs: &'static str,
    /// What `args` and `str_args` mean.
    pub args: &'static str,
    /// Signs or floats, and how many.
    pub output: &'static str,
    /// The formula.
    pub formula: &'static str,
    /// What becomes of missing values.
    pub missing: &'static str,
    /// Examples in → out; a test executes them.
    pub examples: &'static [Example],
}

/// A built operator. *Contract*: `run` never panics, whatever the values; equal inputs give equal bits; after the first
/// rows it does not allocate.
pub(crate) trait Operator: Send + Sync {
    /// Computes one value.
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>);

    /// Whether one sign from each of two inputs gives one sign: their [`crate::sign::cross`] with the product of the
    /// weights, and no sign where an input has none. The plan then need not run it for each candidate.
    fn joins(&self) -> bool {
        false
    }

    /// For fitted operators: a collector of the statistics. Called on an operator that has statistics, too.
    fn observer(&self) -> Option<Box<dyn Observer>> {
        None
    }
}

/// Collects the statistics of one feature. *Contract*: depends on the values and their order only.
pub(crate) trait Observer: Send {
    /// Takes one row into account.
    fn observe(&mut self, inputs: &Inputs<'_>);

    /// What was collected.
    fn finish(self: Box<Self>) -> Statistics;
}

/// What an observer has collected.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    /// How many values were not missing.
    pub(crate) count: u64,
    pub(crate) numbers: BTreeMap<String, Vec<f64>>,
    pub(crate) texts: BTreeMap<String, Vec<String>>,
}
