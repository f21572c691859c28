//! Approximate search: a graph over the rows (HNSW), beside the exact scan, that follows every upsert and delete.
//!
//! In the flow: an index with [`Hnsw`] settings asks it first; where it does not pay (few rows, many wanted, a narrow filter)
//! the answer is the exact scan's. The decision behind it: nodes of replaced and deleted rows stay as steps of the graph, since
//! using them again costs recall (.77 → .66 after half the rows were replaced); once there are half as many as rows, each write
//! also takes two rows over into a second graph, which takes the first one's place when all are in. No write waits for a rebuild.

mod layer;

use crate::best::Neighbour;
use crate::error::IndexError;
use crate::rows::Rows;
use layer::Layer;

/// Below so many rows there is no graph.
pub(crate) const LEAST: usize = 2048;

/// A graph pays from so many rows per candidate on: the exact scan reads that many in the time of one.
const PAYS: usize = 64;

/// Rows that a write takes over into the second graph.
const TAKEN: usize = 2;

/// Settings of a graph (Malkov and Yashunin, 2016).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hnsw {
    /// Neighbours per node, twice as many at the bottom: 2 to 256.
    pub m: usize,
    /// Candidates looked at when a row comes in: 1 to 65,536.
    pub ef_construction: usize,
    /// Nodes a search looks for, at least as many as it wants beyond those scanned, and more where all of them are among the best: 1 to 65,536.
    pub ef: usize,
}

impl Default for Hnsw {
    fn default() -> Self {
        Self {
            m: 16,
            ef_construction: 128,
            ef: 64,
        }
    }
}

impl Hnsw {
    /// The settings, where each is in its range.
    ///
    /// # Errors
    /// [`IndexError::Setting`].
    pub fn checked(self) -> Result<Self, IndexError> {
        let all = [
            ("m", self.m, 2, 256),
            ("ef_construction", self.ef_construction, 1, 65_536),
            ("ef", self.ef, 1, 65_536),
        ];
        let outside = |(_, got, least, most): &(_, usize, usize, usize)| got < least || got > most;
        match all.into_iter().find(outside) {
            None => Ok(self),
            Some((key, got, least, most)) => Err(IndexError::Setting {
                key,
                least,
                most,
                got,
            }),
        }
    }
}

/// The graph of an index's rows, and the one that will follow it.
#[derive(Debug)]
pub(crate) struct Graph {
    hnsw: Hnsw,
    now: Layer,
    next: Option<Next>,
}

/// A graph in the making.
#[derive(Debug)]
struct Next {
    layer: Layer,
    /// Rows at places below this are in it.
    taken: usize,
}

impl Graph {
    /// The graph of all rows, made on all processors.
    ///
    /// # Errors
    /// [`IndexError::Graph`]: memory.
    pub(crate) fn build(hnsw: Hnsw, rows: &Rows, width: usize) -> Result<Self, IndexError> {
        let mut now = Layer::new(hnsw, rows, width)?;
        now.fill(rows, width)?;
        Ok(Self {
            hnsw,
            now,
            next: None,
        })
    }

    /// Follows a row that was put into `rows`.
    ///
    /// # Errors
    /// As [`Graph::build`]; the graph is then no longer of any use.
    pub(crate) fn put(&mut self, id: i64, row: &[f32], rows: &Rows) -> Result<(), IndexError> {
        self.now.put(id, row)?;
        if let Some(next) = &mut self.next
            && rows.place(id).is_some_and(|place| place < next.taken)
        {
            next.layer.put(id, row)?;
        }
        self.renew(rows, row.len())
    }

    /// Follows a row that was removed from `rows`, where it stood at `place`.
    ///
    /// # Errors
    /// As [`Graph::put`].
    pub(crate) fn remove(
        &mut self,
        (id, place): (i64, usize),
        rows: &Rows,
        width: usize,
    ) -> Result<(), IndexError> {
        self.now.remove(id, width);
        if let Some(next) = &mut self.next
            && place < next.taken
        {
            next.layer.remove(id, width);
            next.taken = next.taken.min(rows.ids.len());
            // the last row has come into the gap
            if let Some(moved) = rows.ids.get(place).filter(|moved| !next.layer.has(**moved)) {
                next.layer.put(*moved, rows.row(place, width))?;
            }
        }
        self.renew(rows, width)
    }

    /// Goes on with the second graph, or begins it where the first one is worn.
    fn renew(&mut self, rows: &Rows, width: usize) -> Result<(), IndexError> {
        if self.next.is_none() && self.now.is_worn() {
            let layer = Layer::new(self.hnsw, rows, width)?;
            self.next = Some(Next { layer, taken: 0 });
        }
        let Some(next) = &mut self.next else {
            return Ok(());
        };
        let until = rows.ids.len().min(next.taken + TAKEN);
        for place in next.taken..until {
            next.layer.put(rows.ids[place], rows.row(place, width))?;
        }
        next.taken = until;
        if until == rows.ids.len()
            && let Some(next) = self.next.take()
        {
            self.now = next.layer;
        }
        Ok(())
    }

    /// The n nearest that pass the filter, as far as `ef` candidates show them; `None` where the exact scan has to answer.
    pub(crate) fn nearest(
        &self,
        (query, rows): (&[f32], &Rows),
        (n, ef): (usize, usize),
        filter: impl Fn(i64) -> bool,
    ) -> Option<Vec<Neighbour>> {
        // scanned rows may take all places
        let candidates = ef.max(n.saturating_sub(self.now.scanned()));
        let most = rows.ids.len() / PAYS;
        if n == 0 || most < candidates {
            return None;
        }
        self.now.nearest((query, rows), (n, candidates, most), filter)
    }
}

#[cfg(test)]
mod tests;
