//! The index: rows behind a lock, so that an upsert or a delete is seen by the very next search.

use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::best::Neighbour;
use crate::error::IndexError;
use crate::file;
use crate::rows::{Metric, Rows};

/// Exact vector search over rows of one width, one metric and one artefact version.
#[derive(Debug)]
pub struct VectorIndex {
    width: usize,
    metric: Metric,
    version: u64,
    rows: RwLock<Rows>,
}

impl VectorIndex {
    /// An empty index; `version` is that of the artefact whose vectors it will hold.
    #[must_use]
    pub fn new(width: usize, metric: Metric, version: u64) -> Self {
        Self {
            width,
            metric,
            version,
            rows: RwLock::default(),
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
        let mut kept = Vec::with_capacity(values.len());
        for (place, id) in ids.iter().enumerate() {
            let row = &values[place * width..(place + 1) * width];
            kept.extend(metric.prepare(Some(*id), row, width)?);
        }
        Ok(Self {
            width,
            metric,
            version,
            rows: RwLock::new(Rows::adopt(ids.to_vec(), kept)?),
        })
    }

    /// Adds a vector or replaces it; the next search sees it.
    ///
    /// # Errors
    /// `Width`, `NotFinite`.
    pub fn upsert(&self, id: i64, vector: &[f32]) -> Result<(), IndexError> {
        let row = self.metric.prepare(Some(id), vector, self.width)?;
        self.write().put(id, &row);
        Ok(())
    }

    /// Removes a vector; false where there was none. The next search does not see it.
    pub fn delete(&self, id: i64) -> bool {
        self.write().remove(id, self.width)
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
        Ok(self.read().nearest(&query, n, filter))
    }

    /// As [`VectorIndex::search`], for a query that an artefact made: versions that differ never meet.
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
        if version != self.version {
            return Err(IndexError::Version {
                expected: self.version,
                got: version,
            });
        }
        self.search(query, n, filter)
    }

    /// The `n` nearest to a stored vector, without itself; `None` where the id has no vector.
    pub fn similar(&self, id: i64, n: usize, filter: impl Fn(i64) -> bool) -> Option<Vec<Neighbour>> {
        let rows = self.read();
        let query = rows.get(id, self.width)?;
        Some(rows.nearest(query, n, |other| other != id && filter(other)))
    }

    /// The stored vector of an id (scaled to length 1 for cosine).
    #[must_use]
    pub fn get(&self, id: i64) -> Option<Vec<f32>> {
        self.read().get(id, self.width).map(<[f32]>::to_vec)
    }

    /// How many vectors it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().ids.len()
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
        };
        let bytes = file::encode(&head, &self.read());
        file::write(path, &bytes)
    }

    /// Reads a saved index; scores of the read one equal those of the saved one bit for bit.
    ///
    /// # Errors
    /// `File`, `Format`, `Twice`, `NotFinite`. No content makes it panic or allocate more than the file's size twice.
    pub fn load(path: &Path) -> Result<Self, IndexError> {
        let bytes = std::fs::read(path).map_err(|source| IndexError::File {
            path: path.to_path_buf(),
            source,
        })?;
        let (head, rows) = file::decode(&bytes, path)?;
        Ok(Self {
            width: head.width,
            metric: head.metric,
            version: head.version,
            rows: RwLock::new(rows),
        })
    }

    /// A poisoned lock can only come from a filter's panic while reading; the rows are whole.
    fn read(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Rows> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
