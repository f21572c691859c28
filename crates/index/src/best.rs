//! The n best seen so far. Ties go to the lower id, so the result does not depend on the order of insertion.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// One search result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Whose vector it is.
    pub id: i64,
    /// Inner product or cosine with the query, higher is nearer.
    pub score: f32,
}

/// Best first: higher score, then lower id; a NaN (an overflow) comes last.
pub(crate) fn order(a: &Neighbour, b: &Neighbour) -> Ordering {
    let by_score = match (a.score.is_nan(), b.score.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => b.score.partial_cmp(&a.score).unwrap_or(Ordering::Equal),
    };
    by_score.then(a.id.cmp(&b.id))
}

/// A neighbour in a heap whose top is the worst.
struct Worst(Neighbour);

impl PartialEq for Worst {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Worst {}

impl PartialOrd for Worst {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Worst {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.0, &other.0)
    }
}

/// Collects the n best.
pub(crate) struct Best {
    n: usize,
    heap: BinaryHeap<Worst>,
}

impl Best {
    /// Room for `n`; `most` bounds what is allocated.
    pub(crate) fn new(n: usize, most: usize) -> Self {
        Self {
            n,
            heap: BinaryHeap::with_capacity(n.min(most).saturating_add(1)),
        }
    }

    /// Whether a neighbour would be kept.
    pub(crate) fn wants(&self, next: &Neighbour) -> bool {
        self.heap.len() < self.n
            || self
                .heap
                .peek()
                .is_some_and(|worst| order(next, &worst.0) == Ordering::Less)
    }

    /// A score below this is not kept; −∞ while there is room.
    pub(crate) fn least(&self) -> f32 {
        let full = self.heap.len() >= self.n;
        let worst = self.heap.peek().filter(|_| full).map(|worst| worst.0.score);
        worst.filter(|score| !score.is_nan()).unwrap_or(f32::NEG_INFINITY)
    }

    /// Keeps a neighbour that is wanted.
    pub(crate) fn push(&mut self, next: Neighbour) {
        self.heap.push(Worst(next));
        if self.heap.len() > self.n {
            self.heap.pop();
        }
    }

    /// The kept ones, best first.
    pub(crate) fn finish(self) -> Vec<Neighbour> {
        self.heap
            .into_sorted_vec()
            .into_iter()
            .map(|worst| worst.0)
            .collect()
    }
}
