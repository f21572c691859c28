//! Some samples of a cache, gathered side by side: what one training step sees.
//!
//! Buffers are reused from batch to batch. Numbers become the trainer's type here, so that the same cache feeds f32
//! training and f64 checks.

use std::ops::Range;

use rankine_kernel::Real;
use rankine_kernel::rows::prefetch;

use super::cache::{Cache, Lists, Stored};

/// One sparse column of a batch.
#[derive(Clone, Debug)]
pub enum BatchColumn<T> {
    /// One row per sample, weight 1.
    Single(Vec<u32>),
    /// Any number of weighted rows per sample.
    Lists {
        /// Sample `i` owns `ends[i - 1]..ends[i]`.
        ends: Vec<usize>,
        /// Row numbers.
        rows: Vec<u32>,
        /// Weight of each row.
        weights: Vec<T>,
    },
}

impl<T: Real> BatchColumn<T> {
    /// All row numbers, sample after sample.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        match self {
            Self::Single(rows) | Self::Lists { rows, .. } => rows,
        }
    }

    /// The entries of sample `i`; they index [`BatchColumn::rows`].
    #[must_use]
    pub fn entries(&self, i: usize) -> std::ops::Range<usize> {
        match self {
            Self::Single(_) => i..i + 1,
            Self::Lists { ends, .. } => (if i == 0 { 0 } else { ends[i - 1] })..ends[i],
        }
    }

    /// The weight of an entry.
    #[must_use]
    pub fn weight(&self, entry: usize) -> T {
        match self {
            Self::Single(_) => T::ONE,
            Self::Lists { weights, .. } => weights[entry],
        }
    }

    /// Calls `each(sample, entry, weight)` for every entry in order; `entry` indexes [`BatchColumn::rows`].
    #[inline]
    pub fn for_each(&self, mut each: impl FnMut(usize, usize, T)) {
        match self {
            Self::Single(rows) => (0..rows.len()).for_each(|i| each(i, i, T::ONE)),
            Self::Lists { ends, weights, .. } => {
                let mut from = 0;
                for (sample, &end) in ends.iter().enumerate() {
                    (from..end).for_each(|entry| each(sample, entry, weights[entry]));
                    from = end;
                }
            }
        }
    }
}

/// A gathered batch.
#[derive(Clone, Debug)]
pub struct Batch<T> {
    /// Sparse columns, in layout order.
    pub columns: Vec<BatchColumn<T>>,
    /// Dense blocks, row-major.
    pub dense: Vec<T>,
    /// Floats per dense block.
    pub dense_width: usize,
    /// The floats of a block that are gathered; what lies beside them is nobody's.
    pub span: Range<usize>,
    /// Labels.
    pub labels: Vec<T>,
    /// Sample weights.
    pub weights: Vec<T>,
    /// Values of further labels, row-major.
    pub others: Vec<T>,
    /// Further labels per sample.
    pub others_width: usize,
}

impl<T: Real> Batch<T> {
    /// An empty batch for samples of `cache`.
    #[must_use]
    pub fn new(cache: &Cache) -> Self {
        let column = |stored: &Stored| match stored {
            Stored::Single(_) => BatchColumn::Single(Vec::new()),
            Stored::Lists(_) => BatchColumn::Lists {
                ends: Vec::new(),
                rows: Vec::new(),
                weights: Vec::new(),
            },
        };
        Self {
            columns: cache.columns.iter().map(column).collect(),
            dense: Vec::new(),
            dense_width: cache.dense_width,
            span: 0..cache.dense_width,
            labels: Vec::new(),
            weights: Vec::new(),
            others: Vec::new(),
            others_width: cache.others_width,
        }
    }

    /// The same for a reader of these floats of a dense block alone: copying the rest would be for nothing.
    #[must_use]
    pub fn reading(self, span: Range<usize>) -> Self {
        Self { span, ..self }
    }

    /// The values of a further label, one per sample.
    #[must_use]
    pub fn others_of(&self, label: usize) -> Vec<T> {
        let rows = self.others.chunks_exact(self.others_width.max(1));
        rows.map(|row| row.get(label).copied().unwrap_or(T::ZERO))
            .collect()
    }

    /// Samples in the batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether the batch is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Replaces the contents by the samples `indices` of the cache the batch was made for.
    pub fn gather(&mut self, cache: &Cache, indices: &[u32]) {
        self.clear();
        self.append(cache, indices);
    }

    fn clear(&mut self) {
        for column in &mut self.columns {
            match column {
                BatchColumn::Single(rows) => rows.clear(),
                BatchColumn::Lists { ends, rows, weights } => {
                    ends.clear();
                    rows.clear();
                    weights.clear();
                }
            }
        }
        self.labels.clear();
        self.others.clear();
        self.weights.clear();
    }

    /// Appends the samples `indices` of a cache of the same columns.
    pub fn append(&mut self, cache: &Cache, indices: &[u32]) {
        for (to, from) in self.columns.iter_mut().zip(&cache.columns) {
            match (to, from) {
                (BatchColumn::Single(rows), &Stored::Single(at)) => gather_single(cache, at, indices, rows),
                (BatchColumn::Lists { ends, rows, weights }, Stored::Lists(lists)) => {
                    gather_lists(lists, indices, ends, rows, weights);
                }
                (BatchColumn::Single(_), Stored::Lists(_))
                | (BatchColumn::Lists { .. }, Stored::Single(_)) => {
                    debug_assert!(false, "a batch of another cache");
                }
            }
        }
        self.gather_dense(cache, indices);
        self.labels.extend(
            indices
                .iter()
                .map(|&i| T::of(f64::from(cache.labels[i as usize]))),
        );
        for &i in indices {
            self.others
                .extend(cache.others(i as usize).iter().map(|&y| T::of(f64::from(y))));
        }
        if cache.weighted {
            let weight = |&i: &u32| T::of(f64::from(cache.weights[i as usize]));
            self.weights.extend(indices.iter().map(weight));
        } else {
            self.weights.resize(self.labels.len(), T::ONE);
        }
    }
}

/// Samples asked for ahead of the one that is read: a shuffled sample's numbers are far from the last one's, and the processor begins
/// to read ahead only after some lines of each.
const AHEAD: usize = 3;

impl<T: Real> Batch<T> {
    /// Writes the numbers behind those of the samples there are; nothing is cleared first, since all of a span is written.
    fn gather_dense(&mut self, cache: &Cache, indices: &[u32]) {
        let (width, before) = (cache.dense_width, self.labels.len());
        self.dense.resize((before + indices.len()) * width, T::ZERO);
        if width == 0 {
            return;
        }
        let blocks = self.dense[before * width..].chunks_exact_mut(width);
        for ((at, &i), block) in indices.iter().enumerate().zip(blocks) {
            if let Some(&next) = indices.get(at + AHEAD) {
                prefetch(&cache.dense(next as usize)[self.span.clone()]);
            }
            let numbers = &cache.dense(i as usize)[self.span.clone()];
            for (to, x) in block[self.span.clone()].iter_mut().zip(numbers) {
                *to = T::of(f64::from(*x));
            }
        }
    }
}

fn gather_single(cache: &Cache, at: usize, indices: &[u32], rows: &mut Vec<u32>) {
    rows.extend(
        indices
            .iter()
            .map(|&i| cache.singles[i as usize * cache.stride + at]),
    );
}

fn gather_lists<T: Real>(
    lists: &Lists,
    indices: &[u32],
    ends: &mut Vec<usize>,
    rows: &mut Vec<u32>,
    weights: &mut Vec<T>,
) {
    for &i in indices {
        let (r, w) = lists.of(i as usize);
        rows.extend_from_slice(r);
        weights.extend(w.iter().map(|&w| T::of(f64::from(w))));
        ends.push(rows.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> Cache {
        let mut cache = Cache {
            dense: vec![0.5, 1.5, 2.5, 3.5, 4.5, 5.5],
            dense_width: 2,
            labels: vec![0.0, 1.0, 0.0],
            weights: vec![1.0, 2.0, 3.0],
            weighted: true,
            others: vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
            others_width: 2,
            ..Cache::default()
        };
        let single = Lists {
            ends: vec![1, 2, 3],
            rows: vec![4, 5, 6],
            weights: vec![1.0; 3],
        };
        let lists = Lists {
            ends: vec![2, 2, 3],
            rows: vec![7, 8, 9],
            weights: vec![0.5, 0.25, 1.0],
        };
        cache.store(vec![single, lists], &[None, None]);
        cache
    }

    #[test]
    fn gathering_follows_the_indices_and_replaces_the_last_batch() {
        let cache = cache();
        let mut batch = Batch::<f64>::new(&cache);
        batch.gather(&cache, &[0, 1]);
        batch.gather(&cache, &[2, 0]);
        assert_eq!((batch.len(), batch.columns[0].rows()), (2, [6, 4].as_slice()));
        assert_eq!(batch.dense, [4.5, 5.5, 0.5, 1.5]);
        assert_eq!(batch.others, [4.0, 5.0, 0.0, 1.0]);
        batch.append(&cache, &[1]);
        assert_eq!(batch.dense, [4.5, 5.5, 0.5, 1.5, 2.5, 3.5]);
        batch.gather(&cache, &[2, 0]);
        assert_eq!(
            (batch.labels.as_slice(), batch.weights.as_slice()),
            ([0.0, 0.0].as_slice(), [3.0, 1.0].as_slice())
        );
        let mut entries = Vec::new();
        batch.columns[1]
            .for_each(|sample, entry, weight| entries.push((sample, batch.columns[1].rows()[entry], weight)));
        assert_eq!(entries, [(0, 9, 1.0), (1, 7, 0.5), (1, 8, 0.25)]);
    }

    #[test]
    fn a_reader_of_a_span_is_given_that_span() {
        let cache = cache();
        let mut batch = Batch::<f64>::new(&cache).reading(1..2);
        batch.gather(&cache, &[0, 1, 2]);
        batch.gather(&cache, &[2, 0]);
        let read: Vec<f64> = batch.dense.chunks(2).map(|block| block[1]).collect();
        assert_eq!((batch.dense.len(), read), (4, vec![5.5, 1.5]));
    }
}
