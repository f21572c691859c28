//! Sum: its sources added up, equally long; or every number of them, into one.

use super::{Block, Keep, Operation, View};
use rankine_kernel::{Real, dense};

/// A sum of values.
#[derive(Debug, Clone, PartialEq)]
pub struct Sum {
    /// Numbers of its value: those of each source, or 1 for the sum of all numbers.
    pub width: usize,
}

impl Operation for Sum {
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
        out.fill(T::ZERO);
        for (i, out) in out.chunks_exact_mut(self.width).enumerate() {
            for part in from.iter().flat_map(|view| view.row(i).chunks_exact(self.width)) {
                dense::add(part, out);
            }
        }
    }
}
