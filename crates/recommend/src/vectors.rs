//! Item vectors of one artefact version: similarity of items, neighbours of an item, the vector of a user.
//!
//! One value is one generation: immutable, swapped as a whole by the server, taken once per request, so that
//! vectors of two versions never meet. Vectors are scaled to length one when loaded; a product is then a cosine.
//! Neighbours are searched when first asked for and kept, since liked films repeat from request to request.

use crate::error::RecommendError;
use rankine_index::{Metric, VectorIndex};
use rustc_hash::FxHashMap;
use std::sync::{Arc, OnceLock};

/// Neighbours kept per item.
const KEPT: usize = 100;

/// An item and its cosine to what was asked.
pub type Neighbour = (i64, f32);

/// Unit vectors of items, with the version of the artefact that made them.
pub struct ItemVectors {
    version: u64,
    dim: usize,
    rows: Vec<f32>,
    positions: FxHashMap<i64, usize>,
    index: VectorIndex,
    kept: Vec<OnceLock<Arc<[Neighbour]>>>,
}

impl ItemVectors {
    /// Takes `ids.len()` rows of `dim` numbers, row-major. A row of zeros or with a number that is not finite is
    /// left out: it has no direction.
    ///
    /// # Errors
    /// [`RecommendError::Vectors`] where the lengths do not agree or an id comes twice.
    pub fn new(ids: &[i64], dim: usize, rows: &[f32], version: u64) -> Result<Self, RecommendError> {
        let fault = |cause: String| RecommendError::Vectors { version, cause };
        if dim == 0 || Some(rows.len()) != ids.len().checked_mul(dim) {
            return Err(fault(format!(
                "expected {} rows of {dim} numbers, got {} numbers",
                ids.len(),
                rows.len()
            )));
        }
        let mut vectors = ItemVectors {
            version,
            dim,
            rows: Vec::with_capacity(rows.len()),
            positions: FxHashMap::default(),
            index: VectorIndex::new(dim, Metric::InnerProduct, version),
            kept: Vec::new(),
        };
        for (&id, row) in ids.iter().zip(rows.chunks_exact(dim)) {
            vectors.push(id, row).map_err(fault)?;
        }
        Ok(vectors)
    }

    fn push(&mut self, id: i64, row: &[f32]) -> Result<(), String> {
        let Some(unit) = unit(row) else { return Ok(()) };
        if self.positions.insert(id, self.kept.len()).is_some() {
            return Err(format!("id {id} comes twice"));
        }
        self.index.upsert(id, &unit).map_err(|e| e.to_string())?;
        self.rows.extend_from_slice(&unit);
        self.kept.push(OnceLock::new());
        Ok(())
    }

    /// Version of the artefact.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Number of items with a vector.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether no item has a vector.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Unit vector of an item.
    pub fn vector(&self, id: i64) -> Option<&[f32]> {
        let &position = self.positions.get(&id)?;
        self.rows.get(position * self.dim..(position + 1) * self.dim)
    }

    /// The items closest to item `id` (itself left out), closest first: at most `n`, and at most a hundred; nothing
    /// for an item without a vector. *Cost*: a search the first time, a copy of the list after.
    pub fn neighbours(&self, id: i64, n: usize) -> Arc<[Neighbour]> {
        let Some(&position) = self.positions.get(&id) else {
            return Arc::from([]);
        };
        let kept = self.kept[position].get_or_init(|| self.search(id, KEPT, |_| true).into());
        if n >= kept.len() {
            kept.clone()
        } else {
            kept[..n].into()
        }
    }

    /// The `n` items closest to item `id` that `keep` lets through, closest first. *Cost*: a search.
    pub fn search(&self, id: i64, n: usize, keep: impl Fn(i64) -> bool) -> Vec<Neighbour> {
        let found = self.index.similar(id, n, keep).unwrap_or_default();
        found.into_iter().map(|hit| (hit.id, hit.score)).collect()
    }

    /// Mean of the unit vectors of `items`, scaled to length one; none where no item has one or they cancel out.
    pub fn mean(&self, items: impl IntoIterator<Item = i64>) -> Option<Vec<f32>> {
        let mut sum = vec![0f32; self.dim];
        for vector in items.into_iter().filter_map(|id| self.vector(id)) {
            sum.iter_mut().zip(vector).for_each(|(s, v)| *s += v);
        }
        unit(&sum)
    }

    /// Cosine of a unit vector and each of the items; NaN for an item without a vector.
    pub fn scores(&self, vector: &[f32], items: &[i64]) -> Vec<f32> {
        let cosine = |row: &[f32]| row.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>();
        items
            .iter()
            .map(|&id| self.vector(id).map_or(f32::NAN, cosine))
            .collect()
    }
}

/// The row scaled to length one; none where it has no direction.
fn unit(row: &[f32]) -> Option<Vec<f32>> {
    let length = row
        .iter()
        .map(|&v| f64::from(v) * f64::from(v))
        .sum::<f64>()
        .sqrt();
    if !length.is_finite() || length < 1e-12 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a component of a unit vector fits f32"
    )]
    let scaled = row.iter().map(|&v| (f64::from(v) / length) as f32).collect();
    Some(scaled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> ItemVectors {
        ItemVectors::new(&[1, 2, 3, 4], 2, &[2.0, 0.0, 3.0, 0.3, 0.0, 1.0, 0.0, 0.0], 7).unwrap()
    }

    #[test]
    fn neighbours_are_by_cosine_without_the_item_itself() {
        let v = vectors();
        let ids: Vec<i64> = v.neighbours(1, 10).iter().map(|n| n.0).collect();
        assert_eq!(ids, [2, 3]);
        assert_eq!(v.neighbours(1, 1).len(), 1);
        assert_eq!(v.neighbours(1, 500).len(), 2);
        assert_eq!(v.search(1, 1, |id| id != 2)[0].0, 3);
    }

    #[test]
    fn a_row_without_direction_is_left_out() {
        let v = vectors();
        assert_eq!(v.len(), 3);
        assert!(v.vector(4).is_none());
        assert!(v.neighbours(4, 5).is_empty());
        assert!(v.scores(&[1.0, 0.0], &[4])[0].is_nan());
    }

    #[test]
    fn the_mean_has_length_one() {
        let mean = vectors().mean([1, 3, 99]).unwrap();
        assert!((mean[0] - 0.5f32.sqrt()).abs() < 1e-6 && (mean[1] - 0.5f32.sqrt()).abs() < 1e-6);
        assert!(vectors().mean([99]).is_none());
    }

    #[test]
    fn wrong_lengths_and_double_ids_are_refused() {
        assert!(ItemVectors::new(&[1, 2], 2, &[1.0; 3], 1).is_err());
        assert!(ItemVectors::new(&[1, 1], 1, &[1.0, 2.0], 1).is_err());
        assert!(ItemVectors::new(&[], 0, &[], 1).is_err());
    }
}
