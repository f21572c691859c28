//! The index: rows behind a lock, so that an upsert or a delete is seen by the very next search, and a graph of them where one
//! is wanted. Searches wait for one row's write at most, whatever a graph takes to be made (but for the first few rows of one).

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::best::Neighbour;
use crate::error::IndexError;
use crate::file;
use crate::graph::{Graph, Hnsw, LEAST};
use crate::rows::{Metric, Rows, longest_first};

/// Vector search over rows of one width, one metric and one artefact version; exact unless an approximate answer is asked for.
#[derive(Debug)]
pub struct VectorIndex {
    width: usize,
    metric: Metric,
    version: u64,
    hnsw: Option<Hnsw>,
    /// Writers come one by one, before the lock below.
    writing: Mutex<()>,
    pub(crate) held: RwLock<Held>,
}

/// What writes change.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) rows: Rows,
    /// Whether a graph is kept once there are rows enough.
    kept: bool,
    pub(crate) graph: Option<Graph>,
}

impl VectorIndex {
    /// An empty index; `version` is that of the artefact whose vectors it will hold.
    #[must_use]
    pub fn new(width: usize, metric: Metric, version: u64) -> Self {
        Self::of(width, metric, version, Rows::default())
    }

    fn of(width: usize, metric: Metric, version: u64, rows: Rows) -> Self {
        let held = Held {
            rows,
            ..Held::default()
        };
        Self {
            width,
            metric,
            version,
            hnsw: None,
            writing: Mutex::default(),
            held: RwLock::new(held),
        }
    }

    /// An index of `values`, row-major, one row of `width` per id.
    ///
    /// # Errors
    /// `Width` where the sizes do not agree, `NotFinite`, `Twice`.
    pub fn build(
        metric: Metric,
        version: u64,
        ids: &[i64],
        width: usize,
        values: &[f32],
    ) -> Result<Self, IndexError> {
        let expected = ids.len().saturating_mul(width);
        if values.len() != expected {
            return Err(IndexError::Width {
                id: None,
                expected,
                got: values.len(),
            });
        }
        let row = |place: usize| &values[place * width..(place + 1) * width];
        for (place, id) in ids.iter().enumerate() {
            Metric::check(Some(*id), row(place), width)?;
        }
        // a row without numbers has no length
        let order = match (metric, width) {
            (Metric::InnerProduct, 1..) => longest_first(values, width),
            _ => (0..ids.len()).collect(),
        };
        let mut kept = Vec::with_capacity(values.len());
        for place in &order {
            kept.extend(metric.prepare(None, row(*place), width)?);
        }
        let ids = order.iter().map(|place| ids[*place]).collect();
        Ok(Self::of(width, metric, version, Rows::adopt(ids, kept)?))
    }

    /// The index with settings for a graph, which [`VectorIndex::accelerate`] makes; with a graph, only `ef` has an effect.
    ///
    /// # Errors
    /// `Setting`.
    pub fn with_graph(mut self, hnsw: Hnsw) -> Result<Self, IndexError> {
        self.hnsw = Some(hnsw.checked()?);
        Ok(self)
    }

    /// The settings of its graph; `None` where it has no use for one.
    #[must_use]
    pub fn hnsw(&self) -> Option<Hnsw> {
        self.hnsw
    }

    /// Makes the graph, on all processors, where there are settings for one; writes keep it up from then on, and make it where
    /// there are too few rows now. Searches go on; writes wait. *Cost*: some 0.3 ms of a processor per row.
    ///
    /// # Errors
    /// `Graph`: memory; then there is none.
    pub fn accelerate(&self) -> Result<(), IndexError> {
        let Some(hnsw) = self.hnsw else { return Ok(()) };
        let _writing = self.one_writer();
        let made = self.read().missing(hnsw, self.width)?;
        let mut held = self.write();
        held.kept = true;
        if made.is_some() {
            held.graph = made;
        }
        Ok(())
    }

    /// Adds a vector or replaces it; the next search sees it. A graph that finds no memory is dropped: searches are exact then.
    ///
    /// # Errors
    /// `Width`, `NotFinite`.
    pub fn upsert(&self, id: i64, vector: &[f32]) -> Result<(), IndexError> {
        let row = self.metric.prepare(Some(id), vector, self.width)?;
        let _writing = self.one_writer();
        let mut held = self.write();
        let same = held.rows.get(id, self.width) == Some(row.as_slice());
        held.rows.put(id, &row);
        if !same {
            held.follow(self.hnsw, self.width, |graph, rows| graph.put(id, &row, rows));
        }
        Ok(())
    }

    /// Removes a vector; false where there was none. The next search does not see it.
    pub fn delete(&self, id: i64) -> bool {
        let _writing = self.one_writer();
        let mut held = self.write();
        let Some(place) = held.rows.place(id) else {
            return false;
        };
        held.rows.remove(id, self.width);
        held.follow(self.hnsw, self.width, |graph, rows| {
            graph.remove((id, place), rows, self.width)
        });
        true
    }

    /// The `n` nearest to `query` that pass `filter`, nearest first, ties by lower id.
    ///
    /// The filter sees only ids that would be kept and must not change the index (it would wait for itself).
    /// Cost: rows × width multiply-adds, one allocation of n.
    ///
    /// # Errors
    /// `Width`, `NotFinite`.
    pub fn search(
        &self,
        query: &[f32],
        n: usize,
        filter: impl Fn(i64) -> bool,
    ) -> Result<Vec<Neighbour>, IndexError> {
        let query = self.metric.prepare(None, query, self.width)?;
        Ok(self.read().rows.nearest(&query, n, filter))
    }

    /// As [`VectorIndex::search`], by the graph where there is one and it pays: scores are the same bits, some of the nearest may
    /// be missing. Few rows, many wanted, and a filter that few pass are searched exactly. Here the filter sees every candidate.
    ///
    /// # Errors
    /// `Width`, `NotFinite`.
    pub fn search_graph(
        &self,
        query: &[f32],
        n: usize,
        filter: impl Fn(i64) -> bool,
    ) -> Result<Vec<Neighbour>, IndexError> {
        let query = self.metric.prepare(None, query, self.width)?;
        let held = self.read();
        let ef = self.hnsw.map_or(0, |hnsw| hnsw.ef);
        let graph = held.graph.as_ref();
        let found = graph.and_then(|graph| graph.nearest((&query, &held.rows), (n, ef), &filter));
        Ok(found.unwrap_or_else(|| held.rows.nearest(&query, n, filter)))
    }

    /// The index, for a query that an artefact made: versions that differ never meet.
    ///
    /// # Errors
    /// `Version`.
    pub fn made_by(&self, version: u64) -> Result<&Self, IndexError> {
        if version == self.version {
            return Ok(self);
        }
        Err(IndexError::Version {
            expected: self.version,
            got: version,
        })
    }

    /// [`VectorIndex::search`] with a query [`VectorIndex::made_by`] an artefact.
    ///
    /// # Errors
    /// `Version`, `Width`, `NotFinite`.
    pub fn search_made_by(
        &self,
        version: u64,
        query: &[f32],
        n: usize,
        filter: impl Fn(i64) -> bool,
    ) -> Result<Vec<Neighbour>, IndexError> {
        self.made_by(version)?.search(query, n, filter)
    }

    /// The `n` nearest to a stored vector, without itself; `None` where the id has no vector.
    pub fn similar(&self, id: i64, n: usize, filter: impl Fn(i64) -> bool) -> Option<Vec<Neighbour>> {
        let held = self.read();
        let query = held.rows.get(id, self.width)?;
        Some(held.rows.nearest(query, n, |other| other != id && filter(other)))
    }

    /// The stored vector of an id (scaled to length 1 for cosine).
    #[must_use]
    pub fn get(&self, id: i64) -> Option<Vec<f32>> {
        self.read().rows.get(id, self.width).map(<[f32]>::to_vec)
    }

    /// How many vectors it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().rows.ids.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers per vector.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// How nearness is measured.
    #[must_use]
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// The version of the artefact that made the vectors.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Writes the index beside `path` and renames it there: readers see the old file or the new one.
    ///
    /// # Errors
    /// `File`.
    pub fn save(&self, path: &Path) -> Result<(), IndexError> {
        let head = file::Head {
            width: self.width,
            metric: self.metric,
            version: self.version,
            hnsw: self.hnsw,
        };
        let bytes = file::encode(&head, &self.read().rows);
        file::write(path, &bytes)
    }

    /// Reads a saved index; scores of the read one equal those of the saved one bit for bit. Of a graph the file has the
    /// settings; [`VectorIndex::accelerate`] makes it.
    ///
    /// # Errors
    /// `File`, `Format`, `Twice`, `NotFinite`, `Setting`. No content makes it panic or allocate more than the file's size twice.
    pub fn load(path: &Path) -> Result<Self, IndexError> {
        let bytes = std::fs::read(path).map_err(|source| IndexError::File {
            path: path.to_path_buf(),
            source,
        })?;
        let (head, rows) = file::decode(&bytes, path)?;
        let index = Self::of(head.width, head.metric, head.version, rows);
        Ok(Self {
            hnsw: head.hnsw,
            ..index
        })
    }

    /// A poisoned lock can only come from a filter's panic while reading; the rows are whole.
    fn read(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn one_writer(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// The graph that is missing, where there are rows enough for one.
    fn missing(&self, hnsw: Hnsw, width: usize) -> Result<Option<Graph>, IndexError> {
        let missing = self.graph.is_none() && self.rows.ids.len() >= LEAST;
        let made = missing.then(|| Graph::build(hnsw, &self.rows, width));
        made.transpose()
    }

    /// Brings the graph up to date with a change of the rows, makes it where they have become enough, drops it where few are left.
    fn follow(
        &mut self,
        hnsw: Option<Hnsw>,
        width: usize,
        change: impl FnOnce(&mut Graph, &Rows) -> Result<(), IndexError>,
    ) {
        let (true, Some(hnsw)) = (self.kept, hnsw) else {
            return;
        };
        let followed = match &mut self.graph {
            Some(graph) => change(graph, &self.rows),
            None => self.missing(hnsw, width).map(|made| self.graph = made),
        };
        self.kept = followed.is_ok();
        if followed.is_err() || self.rows.ids.len() < LEAST / 2 {
            self.graph = None;
        }
    }
}

#[cfg(test)]
mod tests;
