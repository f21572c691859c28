//! GRU: back through time, from the last entry to the first.

use super::{Backward, Pass};
use crate::backward::Dense;
use rankine_kernel::{Real, dense};
use rankine_model::graph::sequence::entries;
use rankine_model::graph::{Gru, Operation};

impl Backward for Gru {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let size = self.length * self.kept();
        let (n, width) = (self.states, self.width());
        let mut work = Work::new(n, self.dim, self.length, pass.blocks);
        for i in 0..pass.rows {
            let sequence = pass.from[0].row(i);
            let there = entries(sequence);
            let kept = &pass.keep.values[i * size..][..size];
            let (states, slopes) = (&pass.out[i * width..], &pass.slope[i * width..]);
            work.dh.fill(T::ZERO);
            for t in (0..there).rev() {
                dense::add(&slopes[t * n..(t + 1) * n], &mut work.dh);
                let before = if t > 0 { &states[(t - 1) * n..t * n] } else { &[] };
                work.plain(&kept[t * self.kept()..][..self.kept()], before, t);
                work.through(t);
            }
            let x = &sequence[..there * self.dim];
            let dx = &mut pass.to[0][i * pass.from[0].width..][..there * self.dim];
            work.finish(pass.blocks, x, states, (there, dx));
        }
    }
}

/// The gradients of one row's gates, an entry after another.
pub(super) struct Work<T> {
    states: usize,
    /// Of what comes from the input: z, r, n.
    from_input: Vec<T>,
    /// Of what comes from the state: z, r, n'.
    from_state: Vec<T>,
    /// Of the state.
    pub(super) dh: Vec<T>,
    dx: Vec<T>,
    before: Vec<T>,
    transposed: Vec<T>,
}

impl<T: Real> Work<T> {
    /// For layers whose last two blocks are those of input and state.
    pub(super) fn new(states: usize, dim: usize, length: usize, blocks: &[Dense<T>]) -> Self {
        let mut transposed = Vec::new();
        if let Some(block) = blocks.last() {
            dense::transpose(&block.weight, 3 * states, &mut transposed);
        }
        Self {
            states,
            from_input: vec![T::ZERO; length * 3 * states],
            from_state: vec![T::ZERO; length * 3 * states],
            dh: vec![T::ZERO; states],
            dx: vec![T::ZERO; length * dim],
            before: Vec::new(),
            transposed,
        }
    }

    /// The gates' gradients at entry `t` of `h = (1 − z) n + z h'`; leaves in `dh` what goes past the gates.
    fn plain(&mut self, kept: &[T], before: &[T], t: usize) {
        let n = self.states;
        for k in 0..n {
            let [z, r, new, raw] = std::array::from_fn(|place| kept[place * n + k]);
            let old = before.get(k).copied().unwrap_or(T::ZERO);
            let dh = self.dh[k];
            self.gates(t, k, [z, r, new, raw], (dh * (old - new), dh * (T::ONE - z)));
            self.dh[k] = dh * z;
        }
    }

    /// Writes the gradients of the gates of unit `k` from those of z and n.
    pub(super) fn gates(&mut self, t: usize, k: usize, [z, r, new, raw]: [T; 4], (dz, dn): (T, T)) {
        let (n, at) = (self.states, t * 3 * self.states);
        let dn = dn * (T::ONE - new * new);
        let dz = dz * z * (T::ONE - z);
        let dr = dn * raw * r * (T::ONE - r);
        for (to, last) in [(&mut self.from_input, dn), (&mut self.from_state, dn * r)] {
            to[at + k] = dz;
            to[at + n + k] = dr;
            to[at + 2 * n + k] = last;
        }
    }

    /// Adds to `dh` what reaches the state before entry `t` through its gates.
    pub(super) fn through(&mut self, t: usize) {
        let n = self.states;
        let gates = &self.from_state[t * 3 * n..(t + 1) * 3 * n];
        let mut reached = vec![T::ZERO; n];
        dense::input_gradient(1, gates, &self.transposed, &mut reached);
        dense::add(&reached, &mut self.dh);
    }

    /// Adds a row's gradients of blocks and inputs: x are its entries, `states` its states.
    fn finish(&mut self, blocks: &mut [Dense<T>], x: &[T], states: &[T], (there, to): (usize, &mut [T])) {
        self.before.clear();
        self.before.resize(self.states, T::ZERO);
        self.before
            .extend_from_slice(&states[..there.max(1).saturating_sub(1) * self.states]);
        let before = std::mem::take(&mut self.before);
        self.add(blocks, x, &before, (there, to));
        self.before = before;
    }

    /// The same, given the state before each entry.
    pub(super) fn add(
        &mut self,
        blocks: &mut [Dense<T>],
        x: &[T],
        before: &[T],
        (there, to): (usize, &mut [T]),
    ) {
        let [.., input, state] = blocks else {
            return;
        };
        if there == 0 {
            return;
        }
        let gates = there * 3 * self.states;
        let dx = &mut self.dx[..x.len()];
        input.backward(there, (x, &[]), &mut self.from_input[..gates], Some(dx));
        dense::add(dx, to);
        state.backward(
            there,
            (&before[..there * self.states], &[]),
            &mut self.from_state[..gates],
            None,
        );
    }
}
