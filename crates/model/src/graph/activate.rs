//! An activation behind a norm; elsewhere it rides in the dense layer.

use super::{Block, Keep, Operation, View};
use rankine_kernel::Real;
use rankine_kernel::activation::Activation;

/// An element-wise function.
#[derive(Debug, Clone, PartialEq)]
pub struct Activate {
    /// Numbers of source and value.
    pub width: usize,
    /// Of each number.
    pub activation: Activation,
}

impl Operation for Activate {
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
        for (i, out) in out.chunks_exact_mut(self.width).enumerate() {
            out.copy_from_slice(from[0].row(i));
        }
        self.activation.apply(out);
    }
}
