//! Concat: its sources side by side, where a layer needs them as one value.

use super::{Block, Keep, Operation, View};
use rankine_kernel::Real;

/// Values side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Concat {
    /// Numbers of all sources.
    pub width: usize,
}

impl Operation for Concat {
    fn width(&self) -> usize {
        self.width
    }

    fn forward<T: Real>(
        &self,
        _rows: usize,
        from: &[View<'_, T>],
        _blocks: &[Block<'_, T>],
        out: &mut [T],
        _keep: &mut Keep<T>,
    ) {
        for (i, mut out) in out.chunks_exact_mut(self.width).enumerate() {
            for view in from {
                let (to, rest) = out.split_at_mut(view.width);
                to.copy_from_slice(view.row(i));
                out = rest;
            }
        }
    }
}
