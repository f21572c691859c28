//! Pairs: `Σ_{i<j} ⟨e_i, e_j⟩ = ½ Σ_k [(Σ e)² − Σ e²]_k` of its sources' vectors. Rendle 2010.

use super::{Block, Keep, Operation, View};
use rankine_kernel::Real;

/// The products of all pairs of vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    /// Numbers of a vector.
    pub dim: usize,
}

impl Operation for Pairs {
    fn width(&self) -> usize {
        1
    }

    fn forward<T: Real>(
        &self,
        _rows: usize,
        from: &[View<'_, T>],
        _blocks: &[Block<'_, T>],
        out: &mut [T],
        keep: &mut Keep<T>,
    ) {
        let keep = &mut keep.values;
        for (i, out) in out.iter_mut().enumerate() {
            keep.clear();
            keep.resize(self.dim, T::ZERO);
            let mut squares = T::ZERO;
            for vector in from.iter().flat_map(|view| view.row(i).chunks_exact(self.dim)) {
                rankine_kernel::dense::add(vector, keep);
                squares += vector.iter().map(|v| *v * *v).sum();
            }
            let whole: T = keep.iter().map(|v| *v * *v).sum();
            *out = T::of(0.5) * (whole - squares);
        }
    }
}
