//! GELU: `y = ½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))`. Hendrycks and Gimpel 2016, arXiv:1606.08415, its form with tanh.

use super::{Block, Keep, Operation, View};
use rankine_kernel::Real;

/// √(2/π).
pub const SCALE: f64 = 0.797_884_560_802_865_4;

/// What the cube counts.
pub const CUBE: f64 = 0.044_715;

/// A smooth rectifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Gelu {
    /// Numbers of source and value.
    pub width: usize,
}

impl Operation for Gelu {
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
            for (out, x) in out.iter_mut().zip(from[0].row(i)) {
                let inner = T::of(SCALE) * (*x + T::of(CUBE) * *x * *x * *x);
                *out = T::of(0.5) * *x * (T::ONE + inner.tanh());
            }
        }
    }
}
