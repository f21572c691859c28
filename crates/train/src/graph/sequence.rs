//! Sequences of a batch: rows of list columns side by side, and their gradients to the tables.

use rankine_kernel::Real;
use rankine_model::graph::Sequence;

use crate::encode::{Batch, batch::BatchColumn};
use crate::table::Table;

/// The columns of a sequence as (column, table, dim).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lists(Vec<(usize, usize, usize)>);

impl Lists {
    pub(super) fn new(columns: impl Iterator<Item = (usize, usize, usize)>) -> Self {
        Self(columns.collect())
    }

    /// Writes every sample's sequence.
    pub(super) fn forward<T: Real>(
        &self,
        shape: &Sequence,
        tables: &[Table<T>],
        batch: &Batch<T>,
        out: &mut [T],
    ) {
        out.fill(T::ZERO);
        for (i, out) in out.chunks_exact_mut(shape.width()).enumerate() {
            let there = self.there(shape, batch, i);
            self.each(shape, batch, (i, there), |table, row, weight, place| {
                tables[table].accumulate(weight, row, &mut out[place]);
            });
            if let Some(last) = out.last_mut() {
                *last = T::of(there as f64);
            }
        }
    }

    /// Adds the gradients to the tables.
    pub(super) fn backward<T: Real>(
        &self,
        shape: &Sequence,
        tables: &mut [Table<T>],
        batch: &Batch<T>,
        slope: &[T],
    ) {
        for (i, slope) in slope.chunks_exact(shape.width()).enumerate() {
            let there = self.there(shape, batch, i);
            self.each(shape, batch, (i, there), |table, row, weight, place| {
                tables[table].add(row, weight, &slope[place]);
            });
        }
    }

    /// Entries of sample `i`: those of the shortest list, at most the length.
    fn there<T: Real>(&self, shape: &Sequence, batch: &Batch<T>, i: usize) -> usize {
        let lists = self
            .0
            .iter()
            .map(|(column, ..)| batch.columns[*column].entries(i).len());
        lists.min().unwrap_or(0).min(shape.length)
    }

    /// Calls `each(table, row, weight, place in the sequence)` for the first `there` entries of every list, from their end:
    /// lists begin with the latest.
    fn each<T: Real>(
        &self,
        shape: &Sequence,
        batch: &Batch<T>,
        (i, there): (usize, usize),
        mut each: impl FnMut(usize, u32, T, std::ops::Range<usize>),
    ) {
        let mut at = 0;
        for &(column, table, dim) in &self.0 {
            let column: &BatchColumn<T> = &batch.columns[column];
            let entries = column.entries(i);
            for (t, entry) in (entries.start..entries.start + there).rev().enumerate() {
                let place = t * shape.dim + at;
                each(
                    table,
                    column.rows()[entry],
                    column.weight(entry),
                    place..place + dim,
                );
            }
            at += dim;
        }
    }
}
