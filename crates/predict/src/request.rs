//! What is asked and what is answered. Plain data; protocols translate to and from these.

use std::time::Instant;

use crate::row::Row;

/// One item to score.
#[derive(Debug, Clone, Default)]
pub struct ItemInput {
    /// The item's id; with `version` the key under which its part is cached.
    pub id: i64,
    /// The item's values.
    pub row: Row,
    /// The row's version: equal id and version must mean equal values. 0 = do not cache.
    pub version: u64,
}

/// One request: one user in one context, many items, one model.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// A model's name or alias.
    pub model: String,
    /// A version of it; `None` for the one that serves by default.
    pub version: Option<u64>,
    /// The user's values.
    pub user: Row,
    /// The circumstances.
    pub context: Row,
    /// What to score.
    pub items: Vec<ItemInput>,
    /// When the answer is of no use any more; looked at between tasks.
    pub deadline: Option<Instant>,
}

/// An item that could not be scored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemFault {
    /// Its place in the request, from 0.
    pub index: usize,
    /// Its id.
    pub id: i64,
    /// Why: field, expected, got.
    pub message: String,
}

/// The scores of one request, all of one model generation.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The model's name (not the alias asked for).
    pub model: String,
    /// The version that scored.
    pub version: u64,
    /// One per item in request order, higher is better, in [0, 1]; NaN where `faults` says why.
    pub scores: Vec<f32>,
    /// The items without a score, by index ascending.
    pub faults: Vec<ItemFault>,
}
