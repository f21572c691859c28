//! Auxiliary loss of interest extraction: each state must tell the entry that came next from another. Zhou et al. 2019,
//! DIEN, arXiv:1809.03672.
//!
//! `mean_t [softplus(−s_t·e_{t+1}) + softplus(s_t·ê_{t+1})]`, one number per row. ê is an entry of another user: of the next
//! row's sequence, at the same place counted round its length. So negatives are drawn by how often items are seen; where
//! ê is e itself the pair says nothing and is left out. Sources: the states, then the sequence, of equal numbers. Only
//! training computes it.

use super::sequence::entries;
use super::{Block, Keep, Operation, View};
use rankine_kernel::Real;
use rankine_kernel::activation::softplus;
use rankine_kernel::dense::dot;

/// The loss of next entries.
#[derive(Debug, Clone, PartialEq)]
pub struct Auxiliary {
    /// Numbers of a state and of an entry.
    pub dim: usize,
    /// Most entries.
    pub length: usize,
}

impl Operation for Auxiliary {
    fn width(&self) -> usize {
        1
    }

    fn forward<T: Real>(
        &self,
        rows: usize,
        from: &[View<'_, T>],
        _blocks: &[Block<'_, T>],
        out: &mut [T],
        _keep: &mut Keep<T>,
    ) {
        for (i, out) in out.iter_mut().enumerate() {
            let mut total = (T::ZERO, 0usize);
            self.pairs(rows, from, i, |state, next, (_, other)| {
                total.0 += softplus(-dot(state.1, next.1)) + softplus(dot(state.1, other));
                total.1 += 1;
            });
            *out = total.0 / T::of(total.1.max(1) as f64);
        }
    }
}

/// Numbers with the place of their first in the value they are of.
pub type Placed<'a, T> = (usize, &'a [T]);

impl Auxiliary {
    /// Calls `each` with the state, the next entry and the other entry (its place in the next row's sequence) of row `i`.
    pub fn pairs<'a, T: Real>(
        &self,
        rows: usize,
        from: &[View<'a, T>],
        i: usize,
        mut each: impl FnMut(Placed<'a, T>, Placed<'a, T>, Placed<'a, T>),
    ) {
        let (states, own, others) = (from[0].row(i), from[1].row(i), from[1].row((i + 1) % rows));
        let (there, elsewhere) = (entries(own), entries(others));
        if rows < 2 || elsewhere == 0 {
            return;
        }
        let of = |from: &'a [T], t: usize| (t * self.dim, &from[t * self.dim..][..self.dim]);
        for t in 1..there {
            let (next, other) = (of(own, t), of(others, t % elsewhere));
            if next.1 != other.1 {
                each(of(states, t - 1), next, other);
            }
        }
    }
}
