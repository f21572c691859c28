//! The vectors: one row-major block of f32, the same rounded to half bytes, and where each id stands in it.
//!
//! The decision here: deleting moves the last row into the gap, so the block stays dense; for cosine, rows are scaled
//! to length 1 once when they come in, and searching is a plain inner product for both metrics.

use rankine_kernel::{dense, rows};
use rustc_hash::FxHashMap;

use crate::best::{Best, Neighbour};
use crate::codes::{Asked, BLOCK, Codes};
use crate::error::IndexError;

/// Below so many rows every one is held against the query in full: there is little to be saved.
const FEW: usize = 4 * BLOCK;

/// How nearness is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Σ `q[i]·v[i]`.
    InnerProduct,
    /// Inner product of both scaled to length 1, in [−1, 1]; a zero vector has cosine 0 with everything.
    Cosine,
}

/// Ids and their rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rows {
    /// The id of each row.
    pub(crate) ids: Vec<i64>,
    /// Row-major, `ids.len()` × width.
    pub(crate) values: Vec<f32>,
    codes: Codes,
    places: FxHashMap<i64, usize>,
}

impl Rows {
    /// Takes rows as they are.
    ///
    /// # Errors
    /// [`IndexError::Twice`].
    pub(crate) fn adopt(ids: Vec<i64>, values: Vec<f32>) -> Result<Self, IndexError> {
        let mut places = FxHashMap::with_capacity_and_hasher(ids.len(), rustc_hash::FxBuildHasher);
        for (place, id) in ids.iter().enumerate() {
            if places.insert(*id, place).is_some() {
                return Err(IndexError::Twice { id: *id });
            }
        }
        let width = values.len().checked_div(ids.len()).unwrap_or(0);
        let codes = Codes::of(width, &values);
        Ok(Self {
            ids,
            values,
            codes,
            places,
        })
    }

    /// The stored row of an id.
    pub(crate) fn get(&self, id: i64, width: usize) -> Option<&[f32]> {
        let place = *self.places.get(&id)?;
        self.values.get(place * width..(place + 1) * width)
    }

    /// Where the row of an id stands.
    pub(crate) fn place(&self, id: i64) -> Option<usize> {
        self.places.get(&id).copied()
    }

    /// The row at a place.
    pub(crate) fn row(&self, place: usize, width: usize) -> &[f32] {
        &self.values[place * width..(place + 1) * width]
    }

    /// Adds a row or replaces it.
    pub(crate) fn put(&mut self, id: i64, row: &[f32]) {
        let width = row.len();
        let place = *self.places.entry(id).or_insert(self.ids.len());
        if place == self.ids.len() {
            self.ids.push(id);
            self.values.extend_from_slice(row);
        } else {
            self.values[place * width..(place + 1) * width].copy_from_slice(row);
        }
        self.codes.put(place, row);
    }

    /// Removes a row; false where there was none.
    pub(crate) fn remove(&mut self, id: i64, width: usize) -> bool {
        let Some(place) = self.places.remove(&id) else {
            return false;
        };
        self.ids.swap_remove(place);
        let last = self.ids.len();
        self.values
            .copy_within(last * width..(last + 1) * width, place * width);
        self.values.truncate(last * width);
        self.codes.swap_remove(place);
        if let Some(moved) = self.ids.get(place) {
            self.places.insert(*moved, place);
        }
        true
    }

    /// The n nearest that pass the filter, which is asked only about rows good enough to be kept.
    pub(crate) fn nearest(&self, query: &[f32], n: usize, filter: impl Fn(i64) -> bool) -> Vec<Neighbour> {
        let mut best = Best::new(n, self.ids.len());
        if n == 0 {
            return best.finish();
        }
        let asked = (self.ids.len() >= FEW).then(|| self.codes.ask(query));
        match asked.flatten() {
            Some(asked) => self.sieve(query, &asked, &mut best, filter),
            None => self.scan(query, &mut best, filter),
        }
        best.finish()
    }

    /// Every row.
    fn scan(&self, query: &[f32], best: &mut Best, filter: impl Fn(i64) -> bool) {
        let mut scores = [0.0f32; BLOCK];
        let width = query.len().max(1);
        for (ids, values) in self.ids.chunks(BLOCK).zip(self.values.chunks(BLOCK * width)) {
            let scores = &mut scores[..ids.len()];
            dense::dots(query, values, scores);
            for (id, score) in ids.iter().zip(scores.iter()) {
                offer(best, *id, *score, &filter);
            }
        }
    }

    /// The rows that their codes do not rule out. Blocks that promise most come first: what is kept then is soon so good that
    /// few rows of the others are read.
    fn sieve(&self, query: &[f32], asked: &Asked, best: &mut Best, filter: impl Fn(i64) -> bool) {
        let mut bounds = vec![0.0f32; self.ids.len()];
        let mut blocks: Vec<(f32, usize)> = bounds
            .chunks_mut(BLOCK)
            .enumerate()
            .map(|(block, bounds)| (self.codes.bounds(asked, block, bounds), block))
            .collect();
        blocks.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        for (greatest, block) in blocks {
            if greatest < best.least() {
                return;
            }
            let rows = block * BLOCK..self.ids.len().min((block + 1) * BLOCK);
            self.look(query, (rows.start, &bounds[rows]), best, &filter);
        }
    }

    /// Rows from `first` on whose bounds reach the least that is kept.
    fn look(
        &self,
        query: &[f32],
        (first, bounds): (usize, &[f32]),
        best: &mut Best,
        filter: &impl Fn(i64) -> bool,
    ) {
        let (mut places, mut count, least) = ([0; BLOCK], 0, best.least());
        for (at, bound) in bounds.iter().enumerate() {
            places[count] = at;
            count += usize::from(*bound >= least);
        }
        let row = |at: usize| &self.values[(first + at) * query.len()..(first + at + 1) * query.len()];
        for at in &places[..count] {
            rows::prefetch(row(*at));
        }
        for at in &places[..count] {
            if bounds[*at] >= best.least() {
                offer(best, self.ids[first + at], dense::dot(query, row(*at)), filter);
            }
        }
    }
}

/// The length of a row; f64, so that no finite row overflows.
pub(crate) fn length(row: &[f32]) -> f64 {
    let squares = row.iter().map(|number| f64::from(*number).powi(2));
    squares.sum::<f64>().sqrt()
}

/// Places of rows by their lengths, the longest first: rows of a block are then alike, and so are their bounds.
pub(crate) fn longest_first(values: &[f32], width: usize) -> Vec<usize> {
    let rows = values.chunks_exact(width.max(1));
    let mut lengths: Vec<(f64, usize)> = rows.map(length).zip(0..).collect();
    lengths.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    lengths.into_iter().map(|(_, place)| place).collect()
}

/// Keeps a row that is good enough and passes the filter.
pub(crate) fn offer(best: &mut Best, id: i64, score: f32, filter: &impl Fn(i64) -> bool) {
    let next = Neighbour { id, score };
    if best.wants(&next) && filter(id) {
        best.push(next);
    }
}

impl Metric {
    /// A row or query as it is stored and compared: checked, and scaled for cosine.
    ///
    /// # Errors
    /// [`IndexError::Width`], [`IndexError::NotFinite`].
    pub(crate) fn prepare(self, id: Option<i64>, row: &[f32], width: usize) -> Result<Vec<f32>, IndexError> {
        Self::check(id, row, width)?;
        Ok(match self {
            Self::InnerProduct => row.to_vec(),
            Self::Cosine => unit(row),
        })
    }

    /// Whether a row or query can be stored and compared.
    ///
    /// # Errors
    /// As [`Metric::prepare`].
    pub(crate) fn check(id: Option<i64>, row: &[f32], width: usize) -> Result<(), IndexError> {
        if row.len() != width {
            return Err(IndexError::Width {
                id,
                expected: width,
                got: row.len(),
            });
        }
        if let Some((position, value)) = row.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(IndexError::NotFinite {
                id,
                position,
                value: *value,
            });
        }
        Ok(())
    }
}

/// The row scaled to length 1, in f64 so that no finite row overflows; a zero row stays zero.
fn unit(row: &[f32]) -> Vec<f32> {
    let length = length(row);
    let scale = if length > 0.0 { length.recip() } else { 0.0 };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to the stored precision is the point"
    )]
    let scaled = |v: &f32| (f64::from(*v) * scale) as f32;
    row.iter().map(scaled).collect()
}
