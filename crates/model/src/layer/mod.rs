//! Layers as serving computes them, generic over f32 and f64, one row at a time. Their gradients are `train`'s.

pub mod dense;
pub mod embedding;
pub mod pairs;
pub mod product;
pub mod wide;

use rankine_kernel::Real;
use rankine_kernel::rows::RowTable;

/// Rows by sign, for reading.
pub trait Rows<T>: Send + Sync {
    /// Numbers per row.
    fn dim(&self) -> usize;
    /// The row of a sign; the missing row if the sign is not known.
    fn row(&self, sign: u64) -> &[T];
    /// The row of absent slots and unknown signs.
    fn missing(&self) -> &[T];
    /// Asks for the memory a later [`Rows::row`] of this sign will read.
    fn prefetch(&self, _sign: u64) {}
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
}
