//! Interest evolution: a GRU whose update gate is scaled by how much each state concerns the target (AUGRU), and its last
//! state. Zhou et al. 2019, DIEN, arXiv:1809.03672.
//!
//! `a_t = softmax_t(s_t·A·q)`; `[z r n]` as in [`super::gru`], `z ← a_t · σ(z + z')` and `h ← (1 − z) ⊙ h + z ⊙ n`. Sources: the
//! target q, then the states s; an empty sequence gives zeros.

use super::gru::affine;
use super::interact::softmax;
use super::sequence::entries;
use super::{Block, BlockSpec, Keep, Operation, View};
use rankine_kernel::activation::{Activation, sigmoid};
use rankine_kernel::{Real, dense};

/// A recurrent layer that a target steers.
#[derive(Debug, Clone, PartialEq)]
pub struct Evolve {
    /// Numbers of the target.
    pub target: usize,
    /// Numbers of a state, and of the result.
    pub states: usize,
    /// Most entries.
    pub length: usize,
}

impl Evolve {
    /// Numbers kept of each possible entry: a (in a place of its own), z, r, n, n' and h before it.
    #[must_use]
    pub fn kept(&self) -> usize {
        5 * self.states + 1
    }

    /// Numbers kept of each row: A·q, then its entries.
    #[must_use]
    pub fn kept_row(&self) -> usize {
        self.states + self.length * self.kept()
    }
}

impl Operation for Evolve {
    fn width(&self) -> usize {
        self.states
    }

    fn blocks(&self) -> Vec<BlockSpec> {
        vec![
            BlockSpec::plain(".attention", self.target, self.states),
            BlockSpec::product(".input", self.states, 3 * self.states),
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
        let size = self.kept_row();
        keep.clear();
        keep.resize(rows * size + 6 * self.states + self.length, T::ZERO);
        let (kept, work) = keep.split_at_mut(rows * size);
        out.fill(T::ZERO);
        for i in 0..rows {
            let out = &mut out[i * self.states..][..self.states];
            let sources = (from[0].row(i), from[1].row(i));
            self.row(sources, blocks, (&mut kept[i * size..][..size], work), out);
        }
    }
}

impl Evolve {
    fn row<T: Real>(
        &self,
        (target, sequence): (&[T], &[T]),
        blocks: &[Block<'_, T>],
        (kept, work): (&mut [T], &mut [T]),
        h: &mut [T],
    ) {
        let (n, there) = (self.states, entries(sequence));
        let (weights, work) = work.split_at_mut(self.length);
        let (turned, kept) = kept.split_at_mut(n);
        dense::affine_batch(1, target, blocks[0].weight, None, Activation::Linear, turned);
        let weights = &mut weights[..there];
        for (w, s) in weights.iter_mut().zip(sequence.chunks_exact(n)) {
            *w = dense::dot(s, turned);
        }
        softmax(weights);
        for (t, a) in weights.iter().enumerate() {
            let kept = &mut kept[t * self.kept()..][..self.kept()];
            self.step((&sequence[t * n..][..n], *a), blocks, (kept, &mut *work), h);
        }
    }

    fn step<T: Real>(
        &self,
        (s, a): (&[T], T),
        blocks: &[Block<'_, T>],
        (kept, work): (&mut [T], &mut [T]),
        h: &mut [T],
    ) {
        let n = self.states;
        let (from_input, from_state) = work.split_at_mut(3 * n);
        affine(s, blocks[1], from_input);
        affine(h, blocks[2], &mut from_state[..3 * n]);
        kept[5 * n] = a;
        for k in 0..n {
            let z = sigmoid(from_input[k] + from_state[k]);
            let r = sigmoid(from_input[n + k] + from_state[n + k]);
            let raw = from_state[2 * n + k];
            let new = (from_input[2 * n + k] + r * raw).tanh();
            for (place, value) in [z, r, new, raw, h[k]].into_iter().enumerate() {
                kept[place * n + k] = value;
            }
            h[k] = (T::ONE - a * z) * h[k] + a * z * new;
        }
    }
}
