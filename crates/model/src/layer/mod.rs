//! Layers as serving computes them, generic over f32 and f64, one row at a time. Their gradients are `train`'s.

pub mod dense;
pub mod embedding;
pub mod pairs;
pub mod product;
pub mod wide;

use rankine_kernel::Real;
use rankine_kernel::rows::RowTable;
use std::sync::Arc;

/// Rows by sign, for reading.
pub trait Rows<T>: Send + Sync {
    /// Numbers per row.
    fn dim(&self) -> usize;
    /// The row of a sign; the missing row if the sign is not known.
    fn row(&self, sign: u64) -> &[T];
    /// The row of absent slots and unknown signs.
    fn missing(&self) -> &[T];
    /// Asks for the memory that finds the row of this sign.
    fn prefetch(&self, _sign: u64) {}
    /// Copies the row of each sign into `out`, `stride` numbers apart.
    fn copy(&self, signs: &[u64], out: &mut [T], stride: usize);
}

impl<T: Real> Rows<T> for RowTable<T> {
    fn dim(&self) -> usize {
        RowTable::dim(self)
    }

    fn row(&self, sign: u64) -> &[T] {
        self.weights(RowTable::row(self, sign))
    }

    fn missing(&self) -> &[T] {
        self.weights(rankine_kernel::rows::MISSING)
    }

    fn prefetch(&self, sign: u64) {
        self.prefetch_key(sign);
    }

    fn copy(&self, signs: &[u64], out: &mut [T], stride: usize) {
        let find = |sign| self.weights(RowTable::row(self, sign));
        copy(signs, (|sign| self.prefetch_key(sign), find), out, stride);
    }
}

/// Rows that signs share: a sign reads the row of its remainder.
pub(crate) struct Shared<T> {
    rows: Arc<dyn Rows<T>>,
    buckets: u64,
}

impl<T> Shared<T> {
    /// `rows` under `buckets` keys.
    pub(crate) fn new(rows: Arc<dyn Rows<T>>, buckets: u64) -> Self {
        let buckets = buckets.max(1);
        Self { rows, buckets }
    }
}

impl<T: Real> Rows<T> for Shared<T> {
    fn dim(&self) -> usize {
        self.rows.dim()
    }

    fn row(&self, sign: u64) -> &[T] {
        self.rows.row(sign % self.buckets)
    }

    fn missing(&self) -> &[T] {
        self.rows.missing()
    }

    fn prefetch(&self, sign: u64) {
        self.rows.prefetch(sign % self.buckets);
    }

    fn copy(&self, signs: &[u64], out: &mut [T], stride: usize) {
        let keys: Vec<u64> = signs.iter().map(|sign| sign % self.buckets).collect();
        self.rows.copy(&keys, out, stride);
    }
}

/// Copies rows `stride` numbers apart. For all signs: asks for where the row is found, then finds it and asks for it, then
/// copies it; so the waits for memory lie beside each other.
pub(crate) fn copy<'r, T: Real>(
    signs: &[u64],
    (ask, find): (impl Fn(u64), impl Fn(u64) -> &'r [T]),
    out: &mut [T],
    stride: usize,
) {
    const RUN: usize = 32;
    for (signs, out) in signs.chunks(RUN).zip(out.chunks_mut(RUN * stride)) {
        let mut rows: [&[T]; RUN] = [&[]; RUN];
        signs.iter().for_each(|sign| ask(*sign));
        for (row, sign) in rows.iter_mut().zip(signs) {
            *row = find(*sign);
            rankine_kernel::rows::prefetch(row);
        }
        for (row, out) in rows
            .iter()
            .zip(signs)
            .map(|(row, _)| row)
            .zip(out.chunks_mut(stride))
        {
            let out = &mut out[..row.len()];
            if let (Ok(out), Ok(row)) = (<&mut [T; 16]>::try_from(&mut *out), <&[T; 16]>::try_from(*row)) {
                // the usual width: registers instead of a call
                *out = *row;
            } else {
                out.copy_from_slice(row);
            }
        }
    }
}
