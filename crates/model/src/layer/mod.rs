//! Layers as serving computes them, generic over f32 and f64, one row at a time. Their gradients are `train`'s.

pub mod dense;
pub mod embedding;
pub mod pairs;
pub mod product;
pub(crate) mod stacked;
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
    /// [`Rows::prefetch`] of many signs: the first of three steps, each of which asks for the memory that the next reads.
    fn ask(&self, signs: &[u64]);
    /// Writes the row number of each sign for [`Rows::put`].
    fn find(&self, signs: &[u64], rows: &mut [u32]);
    /// Copies these rows into `out`, `stride` numbers apart.
    fn put(&self, rows: &[u32], out: &mut [T], stride: usize);
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

    fn ask(&self, signs: &[u64]) {
        self.prefetch_keys(signs);
    }

    fn find(&self, signs: &[u64], rows: &mut [u32]) {
        self.find_rows(signs, rows);
    }

    fn put(&self, rows: &[u32], out: &mut [T], stride: usize) {
        rankine_kernel::rows::gather(self, rows, out, stride);
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

    /// The keys of signs, a run at a time, and where it begins.
    fn each(&self, signs: &[u64], mut run: impl FnMut(usize, &[u64])) {
        let mut keys = [0; 32];
        for (r, signs) in signs.chunks(keys.len()).enumerate() {
            let from = r * keys.len();
            let places = keys.iter_mut().zip(signs);
            places.for_each(|(key, sign)| *key = sign % self.buckets);
            run(from, &keys[..signs.len()]);
        }
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

    fn ask(&self, signs: &[u64]) {
        self.each(signs, |_, keys| self.rows.ask(keys));
    }

    fn find(&self, signs: &[u64], rows: &mut [u32]) {
        self.each(signs, |from, keys| {
            self.rows.find(keys, &mut rows[from..][..keys.len()])
        });
    }

    fn put(&self, rows: &[u32], out: &mut [T], stride: usize) {
        self.rows.put(rows, out, stride);
    }
}
