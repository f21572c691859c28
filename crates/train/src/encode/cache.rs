//! The encoded samples: what every epoch runs over.
//!
//! Row numbers are u32, dense inputs f32. Columns where every sample has one sign of weight 1 are interleaved sample by
//! sample (one cache line serves a shuffled read); the others keep lists.

use super::vocabulary::Vocabulary;

/// The signs of one column for every sample, as rows and weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lists {
    /// Where each sample's entries end; sample `i` owns `ends[i - 1]..ends[i]`.
    pub ends: Vec<usize>,
    /// Row numbers.
    pub rows: Vec<u32>,
    /// What each row is multiplied with (pooling already applied).
    pub weights: Vec<f32>,
}

/// Whether a weight changes nothing.
pub(super) fn is_one(weight: &f32) -> bool {
    weight.to_bits() == 1.0_f32.to_bits()
}

impl Lists {
    /// The rows and weights of sample `i`.
    #[must_use]
    pub fn of(&self, i: usize) -> (&[u32], &[f32]) {
        let range = if i == 0 { 0 } else { self.ends[i - 1] }..self.ends[i];
        (&self.rows[range.clone()], &self.weights[range])
    }

    fn is_single(&self) -> bool {
        self.rows.len() == self.ends.len()
            && self.ends.iter().enumerate().all(|(i, &end)| end == i + 1)
            && self.weights.iter().all(is_one)
    }
}

/// Where a column's rows are kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    /// Position in the interleaved record.
    Single(usize),
    /// Lists of its own.
    Lists(Lists),
}

/// Encoded samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cache {
    pub(crate) columns: Vec<Stored>,
    pub(crate) singles: Vec<u32>,
    pub(crate) stride: usize,
    pub(crate) dense: Vec<f32>,
    pub(crate) dense_width: usize,
    /// Labels, one per sample.
    pub labels: Vec<f32>,
    /// Sample weights, one per sample.
    pub(crate) weights: Vec<f32>,
    /// Whether a weight is, or has been, another than 1: a batch reads none otherwise.
    pub(crate) weighted: bool,
    /// Values of further labels, sample after sample.
    pub(crate) others: Vec<f32>,
    pub(crate) others_width: usize,
}

impl Cache {
    /// Samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Appends the weight of a sample.
    pub(crate) fn weigh(&mut self, weight: f32) {
        self.weighted |= !is_one(&weight);
        self.weights.push(weight);
    }

    /// The dense block of sample `i`.
    #[must_use]
    pub fn dense(&self, i: usize) -> &[f32] {
        &self.dense[i * self.dense_width..(i + 1) * self.dense_width]
    }

    /// The values of further labels of sample `i`.
    #[must_use]
    pub fn others(&self, i: usize) -> &[f32] {
        &self.others[i * self.others_width..(i + 1) * self.others_width]
    }

    /// The interleaved row numbers of sample `i`.
    #[must_use]
    pub fn record(&self, i: usize) -> &[u32] {
        &self.singles[i * self.stride..(i + 1) * self.stride]
    }

    /// Turns finished lists into the stored form; `moved[c]` renumbers column `c` where rows were dropped.
    pub(crate) fn store(&mut self, mut columns: Vec<Lists>, moved: &[Option<&[u32]>]) {
        for (column, moved) in columns.iter_mut().zip(moved) {
            if let Some(moved) = moved {
                column
                    .rows
                    .iter_mut()
                    .for_each(|row| *row = moved.get(*row as usize).copied().unwrap_or(Vocabulary::MISSING));
            }
        }
        let single: Vec<bool> = columns.iter().map(Lists::is_single).collect();
        self.stride = single.iter().filter(|&&s| s).count();
        self.singles = vec![0; self.stride * self.len()];
        let mut position = 0;
        for (lists, single) in columns.into_iter().zip(single) {
            let stored = if single {
                self.interleave(&lists.rows, &mut position)
            } else {
                Stored::Lists(lists)
            };
            self.columns.push(stored);
        }
    }

    /// An empty cache of the same columns.
    pub(crate) fn emptied(&self) -> Self {
        let column = |stored: &Stored| match stored {
            Stored::Single(at) => Stored::Single(*at),
            Stored::Lists(_) => Stored::Lists(Lists::default()),
        };
        Self {
            columns: self.columns.iter().map(column).collect(),
            stride: self.stride,
            dense_width: self.dense_width,
            others_width: self.others_width,
            ..Self::default()
        }
    }

    /// Only these samples, in this order.
    pub(crate) fn some(&self, indices: &[u32]) -> Self {
        let mut kept = self.emptied();
        for i in indices.iter().map(|i| *i as usize) {
            kept.singles.extend_from_slice(self.record(i));
            kept.dense.extend_from_slice(self.dense(i));
            kept.others.extend_from_slice(self.others(i));
            kept.labels.push(self.labels[i]);
            kept.weigh(self.weights[i]);
            for (to, from) in kept.columns.iter_mut().zip(&self.columns) {
                if let (Stored::Lists(to), Stored::Lists(from)) = (to, from) {
                    let (rows, weights) = from.of(i);
                    to.rows.extend_from_slice(rows);
                    to.weights.extend_from_slice(weights);
                    to.ends.push(to.rows.len());
                }
            }
        }
        kept
    }

    /// Forgets all samples but these; the memory stays for those to come.
    pub(crate) fn keep(&mut self, indices: &[u32]) {
        let kept = self.some(indices);
        refill(&mut self.singles, &kept.singles);
        refill(&mut self.dense, &kept.dense);
        refill(&mut self.labels, &kept.labels);
        refill(&mut self.weights, &kept.weights);
        refill(&mut self.others, &kept.others);
        self.weighted = kept.weighted;
        for (to, from) in self.columns.iter_mut().zip(&kept.columns) {
            if let (Stored::Lists(to), Stored::Lists(from)) = (to, from) {
                refill(&mut to.ends, &from.ends);
                refill(&mut to.rows, &from.rows);
                refill(&mut to.weights, &from.weights);
            }
        }
    }

    fn interleave(&mut self, rows: &[u32], position: &mut usize) -> Stored {
        let at = *position;
        self.singles
            .iter_mut()
            .skip(at)
            .step_by(self.stride)
            .zip(rows)
            .for_each(|(to, row)| *to = *row);
        *position += 1;
        Stored::Single(at)
    }
}

/// Puts `from` in the place of what `to` holds.
fn refill<T: Copy>(to: &mut Vec<T>, from: &[T]) {
    to.clear();
    to.extend_from_slice(from);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(samples: &[&[(u32, f32)]]) -> Lists {
        let mut out = Lists::default();
        for sample in samples {
            out.rows.extend(sample.iter().map(|e| e.0));
            out.weights.extend(sample.iter().map(|e| e.1));
            out.ends.push(out.rows.len());
        }
        out
    }

    #[test]
    fn single_columns_are_interleaved_and_others_keep_their_lists() {
        let mut cache = Cache {
            labels: vec![0.0; 3],
            ..Cache::default()
        };
        let a = lists(&[&[(1, 1.0)], &[(2, 1.0)], &[(3, 1.0)]]);
        let b = lists(&[&[(4, 0.5)], &[], &[(5, 1.0), (6, 1.0)]]);
        let c = lists(&[&[(7, 1.0)], &[(8, 1.0)], &[(9, 1.0)]]);
        cache.store(vec![a, b.clone(), c], &[None, None, None]);
        assert_eq!(
            cache.columns,
            [Stored::Single(0), Stored::Lists(b), Stored::Single(1)]
        );
        assert_eq!(
            (cache.record(0), cache.record(2)),
            ([1, 7].as_slice(), [3, 9].as_slice())
        );
    }

    #[test]
    fn what_is_kept_are_the_samples_asked_for() {
        let mut cache = Cache {
            labels: vec![0.0, 1.0, 2.0],
            dense: vec![0.5, 1.5, 2.5],
            dense_width: 1,
            weights: vec![1.0, 3.0, 1.0],
            weighted: true,
            ..Cache::default()
        };
        let single = lists(&[&[(1, 1.0)], &[(2, 1.0)], &[(3, 1.0)]]);
        cache.store(
            vec![single, lists(&[&[(4, 0.5)], &[], &[(5, 1.0), (6, 1.0)]])],
            &[None, None],
        );
        let some = cache.some(&[2, 0]);
        cache.keep(&[2, 0]);
        assert_eq!(cache, some);
        assert_eq!(
            (cache.labels.as_slice(), cache.dense(1)),
            ([2.0, 0.0].as_slice(), [0.5].as_slice())
        );
        cache.keep(&[]);
        assert_eq!((cache.len(), cache.weighted), (0, false));
    }

    #[test]
    fn one_entry_per_sample_on_average_is_not_single() {
        let shifted = lists(&[&[], &[(1, 1.0), (2, 1.0)]]);
        assert!(!shifted.is_single());
        assert_eq!(shifted.of(0).0, [0_u32; 0]);
        assert_eq!(shifted.of(1).0, [1, 2]);
    }

    #[test]
    fn renumbering_reaches_every_entry() {
        let mut cache = Cache {
            labels: vec![0.0; 2],
            ..Cache::default()
        };
        cache.store(vec![lists(&[&[(1, 1.0)], &[(2, 1.0)]])], &[Some(&[0, 0, 1])]);
        assert_eq!(
            (cache.record(0), cache.record(1)),
            ([0].as_slice(), [1].as_slice())
        );
    }
}
