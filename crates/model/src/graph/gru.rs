//! GRU over a sequence: each entry's hidden state, as a sequence again. Cho et al. 2014, arXiv:1406.1078; DIEN's interest
//! extractor (Zhou et al. 2019, arXiv:1809.03672).
//!
//! ```text
//! [z r n] = e·W + b,  [z' r' n'] = h·U + c
//! z = σ(z + z'),  r = σ(r + r'),  n = tanh(n + r ⊙ n'),  h ← (1 − z) ⊙ n + z ⊙ h
//! ```
//! Gates and places of biases are PyTorch's; h begins at zero.

use super::sequence::entries;
use super::{Block, BlockSpec, Keep, Operation, View};
use rankine_kernel::activation::{Activation, sigmoid};
use rankine_kernel::{Real, dense};

/// A recurrent layer over a sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Gru {
    /// Numbers of an entry.
    pub dim: usize,
    /// Numbers of a state.
    pub states: usize,
    /// Most entries.
    pub length: usize,
}

impl Gru {
    /// Numbers kept of each possible entry: z, r, n and n'.
    #[must_use]
    pub fn kept(&self) -> usize {
        4 * self.states
    }
}

impl Operation for Gru {
    fn width(&self) -> usize {
        self.length * self.states + 1
    }

    fn blocks(&self) -> Vec<BlockSpec> {
        vec![
            BlockSpec::product(".input", self.dim, 3 * self.states),
            BlockSpec::product(".state", self.states, 3 * self.states),
        ]
    }

    fn forward<T: Real>(
        &self,
        rows: usize,
        from: &[View<'_, T>],
        blocks: &[Block<'_, T>],
        out: &mut [T],
        keep: &mut Keep<T>,
    ) {
        let keep = &mut keep.values;
        let size = self.length * self.kept();
        keep.clear();
        keep.resize(rows * size + 6 * self.states, T::ZERO);
        let (kept, work) = keep.split_at_mut(rows * size);
        out.fill(T::ZERO);
        for i in 0..rows {
            let out = &mut out[i * self.width()..][..self.width()];
            self.row(from[0].row(i), blocks, (&mut kept[i * size..][..size], work), out);
        }
    }
}

impl Gru {
    fn row<T: Real>(
        &self,
        sequence: &[T],
        blocks: &[Block<'_, T>],
        (kept, work): (&mut [T], &mut [T]),
        out: &mut [T],
    ) {
        let (n, there) = (self.states, entries(sequence));
        let (from_input, from_state) = work.split_at_mut(3 * n);
        for t in 0..there {
            let (before, now) = out.split_at_mut(t * n);
            let (h, now) = (
                before.get((t.max(1) - 1) * n..).unwrap_or_default(),
                &mut now[..n],
            );
            affine(&sequence[t * self.dim..][..self.dim], blocks[0], from_input);
            from_state.copy_from_slice(blocks[1].bias);
            if t > 0 {
                affine(h, blocks[1], from_state);
            }
            let kept = &mut kept[t * self.kept()..][..self.kept()];
            for k in 0..n {
                let z = sigmoid(from_input[k] + from_state[k]);
                let r = sigmoid(from_input[n + k] + from_state[n + k]);
                let raw = from_state[2 * n + k];
                let new = (from_input[2 * n + k] + r * raw).tanh();
                let old = h.get(k).copied().unwrap_or(T::ZERO);
                now[k] = (T::ONE - z) * new + z * old;
                for (place, value) in [z, r, new, raw].into_iter().enumerate() {
                    kept[place * n + k] = value;
                }
            }
        }
        if let Some(last) = out.last_mut() {
            *last = T::of(there as f64);
        }
    }
}

/// `x·W + b` of one row.
pub(super) fn affine<T: Real>(x: &[T], block: Block<'_, T>, out: &mut [T]) {
    dense::affine_batch(1, x, block.weight, Some(block.bias), Activation::Linear, out);
}
