//! Dropout: while learning a share of the numbers is zeroed and the rest made larger; nothing in serving. Srivastava et al.
//! 2014.

use super::{Block, Keep, Operation, View};
use rankine_kernel::Real;

/// A dropout.
#[derive(Debug, Clone, PartialEq)]
pub struct Dropout {
    /// Numbers of source and value.
    pub width: usize,
    /// Share that is zeroed.
    pub share: f64,
    /// Seed apart from other dropouts'.
    pub number: u64,
}

impl Operation for Dropout {
    fn width(&self) -> usize {
        self.width
    }

    fn forward<T: Real>(
        &self,
        rows: usize,
        from: &[View<'_, T>],
        _blocks: &[Block<'_, T>],
        out: &mut [T],
        _keep: &mut Keep<T>,
    ) {
        for (i, out) in out.chunks_exact_mut(self.width).enumerate().take(rows) {
            out.copy_from_slice(from[0].row(i));
        }
    }
}
