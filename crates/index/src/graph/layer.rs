//! One graph: rows up to a length as nodes, longer ones scanned.
//!
//! An inner product is no distance: graphs linked by it find .69 of the best on latent factors, however much they look at. The
//! reduction of Bachrach et al. (2014), one number more that makes all lengths the same, is as good as the lengths are alike
//! (.86). The decision here: the longest sixteenth, where most of the best are found, is scanned as the exact index scans, and
//! the rest is a graph under that reduction (.99 at less than half the effort). A row that comes in and is longer than all of the graph is
//! scanned, too, so the greatest length needs no headroom. Rows of one length are all nodes; equal rows are one node, since many at
//! one place would be linked to each other and to nothing else.

use std::num::NonZero;

use rankine_kernel::dense;
use rustc_hash::FxHashMap;
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};
use xxhash_rust::xxh3::xxh3_64;

use super::{Hnsw, LEAST};
use crate::best::{Best, Neighbour};
use crate::error::IndexError;
use crate::rows::{Rows, length, longest_first, offer};

/// One row of so many is scanned.
const SCANNED: usize = 16;

/// How much longer than the middle row those are at least.
const LONGER: f64 = 1.05;

/// Lengths that single precision can square.
const SPAN: (f64, f64) = (1e-15, 1e15);

/// Searches at a time; those beyond are answered by the scan.
const SEARCHES: usize = 64;

/// A filter that fewer than one of so many candidates pass is narrow.
const NARROW: usize = 4;

/// A filter that so many of so many candidates pass costs no recall.
const ALL: (usize, usize) = (9, 10);

/// Nodes and scanned rows.
pub(super) struct Layer {
    /// The greatest length of a node.
    most: f64,
    scanned: Rows,
    graph: Index,
    /// Whose row each node is; nobody's where it was replaced or deleted.
    nodes: Vec<Vec<i64>>,
    /// Nodes that are nobody's.
    forgotten: usize,
    places: FxHashMap<i64, usize>,
    /// Nodes by the bits of their rows.
    equal: FxHashMap<u64, usize>,
}

impl std::fmt::Debug for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Layer");
        shown
            .field("most", &self.most)
            .field("scanned", &self.scanned.ids.len());
        shown.field("nodes", &self.nodes.len()).finish_non_exhaustive()
    }
}

impl Layer {
    /// An empty one with room for `rows`, whose lengths say what is long.
    pub(super) fn new(hnsw: Hnsw, rows: &Rows, width: usize) -> Result<Self, IndexError> {
        let options = IndexOptions {
            dimensions: width + 1,
            metric: MetricKind::L2sq,
            quantization: ScalarKind::F32,
            connectivity: hnsw.m,
            expansion_add: hnsw.ef_construction,
            // a search says how many it wants
            expansion_search: 1,
            multi: false,
        };
        let graph = Index::new(&options).map_err(failed)?;
        let room = rows.ids.len() + LEAST;
        graph
            .reserve_capacity_and_threads(room, SEARCHES)
            .map_err(failed)?;
        Ok(Self {
            most: greatest(rows, width),
            scanned: Rows::default(),
            graph,
            nodes: Vec::with_capacity(room),
            forgotten: 0,
            places: FxHashMap::default(),
            equal: FxHashMap::default(),
        })
    }

    /// Takes all rows into an empty layer, on all processors; the longest first, since they are found the most (.990 → .995).
    pub(super) fn fill(&mut self, rows: &Rows, width: usize) -> Result<(), IndexError> {
        let chosen = self.choose(rows, width);
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let share = chosen.len().div_ceil(processors.min(SEARCHES)).max(1);
        let this = &*self;
        let one = |(node, place): (usize, &usize)| this.add(node, rows.row(*place, width));
        let add = |(part, places): (usize, &[usize])| (part * share..).zip(places).try_for_each(one);
        std::thread::scope(|scope| {
            let parts = chosen.chunks(share).enumerate();
            let running: Vec<_> = parts.map(|part| scope.spawn(move || add(part))).collect();
            running.into_iter().try_for_each(|thread| {
                let ended = thread.join();
                ended.unwrap_or_else(|_| Err(failed("a thread ended")))
            })
        })
    }

    /// Numbers the rows that will be nodes, and takes the others; the places of the former.
    fn choose(&mut self, rows: &Rows, width: usize) -> Vec<usize> {
        let mut chosen = Vec::with_capacity(rows.ids.len());
        for place in longest_first(&rows.values, width) {
            let (id, row) = (&rows.ids[place], rows.row(place, width));
            if length(row) > self.most {
                self.scanned.put(*id, row);
            } else if !self.join(*id, row) {
                chosen.push(place);
            }
        }
        chosen
    }

    /// Gives an id the node of its row; false where that is new and has still to be added.
    fn join(&mut self, id: i64, row: &[f32]) -> bool {
        let bytes: Vec<u8> = row.iter().flat_map(|number| number.to_le_bytes()).collect();
        let node = *self.equal.entry(xxh3_64(&bytes)).or_insert(self.nodes.len());
        let known = node < self.nodes.len();
        if !known {
            self.nodes.push(Vec::new());
        } else if self.nodes[node].is_empty() {
            self.forgotten -= 1;
        }
        self.nodes[node].push(id);
        self.places.insert(id, node);
        known
    }

    fn add(&self, node: usize, row: &[f32]) -> Result<(), IndexError> {
        self.graph.add(node as u64, &self.lifted(row)).map_err(failed)
    }

    /// Takes a row, in the place of the id's former one.
    pub(super) fn put(&mut self, id: i64, row: &[f32]) -> Result<(), IndexError> {
        self.remove(id, row.len());
        if length(row) > self.most {
            self.scanned.put(id, row);
            return Ok(());
        }
        let node = self.nodes.len();
        if self.join(id, row) {
            return Ok(());
        }
        if node == self.graph.capacity() {
            self.graph
                .reserve_capacity_and_threads(node * 2, SEARCHES)
                .map_err(failed)?;
        }
        self.add(node, row)
    }

    /// Forgets the row of an id, if it has one.
    pub(super) fn remove(&mut self, id: i64, width: usize) {
        match self.places.remove(&id) {
            Some(node) => {
                let ids = &mut self.nodes[node];
                ids.retain(|other| *other != id);
                self.forgotten += usize::from(ids.is_empty());
            }
            None => drop(self.scanned.remove(id, width)),
        }
    }

    /// Whether it has the row of an id.
    pub(super) fn has(&self, id: i64) -> bool {
        self.places.contains_key(&id) || self.scanned.place(id).is_some()
    }

    /// Rows that are scanned.
    pub(super) fn scanned(&self) -> usize {
        self.scanned.ids.len()
    }

    /// Rows it has.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.places.len() + self.scanned.ids.len()
    }

    /// Whether it holds so many forgotten nodes, or scans so many rows, that a new one is worth its making.
    pub(super) fn is_worn(&self) -> bool {
        let (live, scanned) = (self.nodes.len() - self.forgotten, self.scanned.ids.len());
        self.forgotten > live / 2 + LEAST || scanned > live / 4 + LEAST
    }

    /// The n best of what it scans and of `candidates` nodes that pass, twice as many where all of those are among the best, and so on;
    /// it looks at `most` nodes at most. `None` where the graph cannot say.
    pub(super) fn nearest(
        &self,
        (query, rows): (&[f32], &Rows),
        (n, candidates, most): (usize, usize, usize),
        filter: impl Fn(i64) -> bool,
    ) -> Option<Vec<Neighbour>> {
        let asked = asked(query)?;
        let (mut passing, seen) = self.passing(&asked, candidates, &filter)?;
        let (passed, mut wanted) = (passing.len(), candidates);
        if passed * NARROW < seen {
            return None;
        }
        let again = |wanted: usize| {
            let count = wanted * seen / passed.max(1);
            let found = (count <= most).then(|| self.passing(&asked, count, &filter));
            found.flatten().map(|(passing, _)| passing)
        };
        if passed * ALL.1 < seen * ALL.0 {
            // as many that pass as without a filter, or it would cost recall
            passing = again(wanted)?;
        }
        let scanned = self.scanned.nearest(query, n, &filter);
        loop {
            let (best, all) = merged((query, rows), n, &passing, &scanned)?;
            if !all || wanted >= n {
                return (best.len() >= n.min(rows.ids.len())).then_some(best);
            }
            wanted = n.min(wanted * 2);
            passing = again(wanted)?;
        }
    }

    /// The rows of the nearest nodes, `count` that are somebody's, as far as they pass; with how many rows that were.
    fn passing(
        &self,
        asked: &[f32],
        count: usize,
        filter: &impl Fn(i64) -> bool,
    ) -> Option<(Vec<i64>, usize)> {
        let live = self.nodes.len() - self.forgotten;
        // forgotten nodes are found among the others
        let share = count * self.forgotten / live.max(1);
        let count = self.nodes.len().min(count + share);
        let found = self.graph.search(asked, count).ok()?;
        let (mut passing, mut seen) = (Vec::with_capacity(count), 0);
        for id in found.keys.iter().flat_map(|key| self.owners(*key)) {
            seen += 1;
            if filter(*id) {
                passing.push(*id);
            }
        }
        Some((passing, seen))
    }

    /// Whose row a node is.
    fn owners(&self, node: u64) -> &[i64] {
        let node = usize::try_from(node).ok().and_then(|node| self.nodes.get(node));
        node.map_or(&[], Vec::as_slice)
    }

    /// A row as a node: in parts of the greatest length, and what it lacks to length 1.
    fn lifted(&self, row: &[f32]) -> Vec<f32> {
        let square = (length(row) / self.most).powi(2);
        scaled(row, self.most.recip(), (1.0 - square).max(0.0).sqrt())
    }
}

/// The n best of rows and of those that were scanned; with whether all of the former are among them, so that others may be.
fn merged(
    (query, rows): (&[f32], &Rows),
    n: usize,
    passing: &[i64],
    scanned: &[Neighbour],
) -> Option<(Vec<Neighbour>, bool)> {
    let (mut best, mut least) = (Best::new(n, rows.ids.len()), f32::INFINITY);
    for id in passing {
        let score = dense::dot(query, rows.get(*id, query.len())?);
        least = least.min(score);
        offer(&mut best, *id, score, &|_| true);
    }
    for next in scanned {
        offer(&mut best, next.id, next.score, &|_| true);
    }
    let best = best.finish();
    let all = best.last().is_some_and(|last| least >= last.score) && !passing.is_empty();
    Some((best, all))
}

/// A query of length 1 that asks nothing of what rows lack; none without a direction.
fn asked(query: &[f32]) -> Option<Vec<f32>> {
    let length = length(query);
    let known = (SPAN.0..=SPAN.1).contains(&length);
    known.then(|| scaled(query, length.recip(), 0.0))
}

/// The numbers times a scale, and one more.
fn scaled(numbers: &[f32], scale: f64, last: f64) -> Vec<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "a graph needs no more than f32")]
    let narrow = |number: f64| number as f32;
    let all = numbers.iter().map(|number| f64::from(*number) * scale);
    all.chain([last]).map(narrow).collect()
}

/// The length above which rows are scanned.
fn greatest(rows: &Rows, width: usize) -> f64 {
    let mut lengths: Vec<f64> = rows.values.chunks_exact(width.max(1)).map(length).collect();
    let Some(last) = lengths.len().checked_sub(1) else {
        return 1.0;
    };
    let mut at = |place: usize| *lengths.select_nth_unstable_by(place, f64::total_cmp).1;
    let (middle, long) = (at(last / 2), at(last - last / SCANNED));
    long.max(middle * LONGER).clamp(SPAN.0, SPAN.1)
}

fn failed(reason: impl std::fmt::Display) -> IndexError {
    IndexError::Graph {
        reason: reason.to_string(),
    }
}
