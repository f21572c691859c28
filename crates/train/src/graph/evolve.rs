//! Interest evolution: back through time, then through the attention that steers it.

use super::gru::Work;
use super::{Backward, Pass, softmax_back};
use rankine_kernel::{Real, dense};
use rankine_model::graph::Evolve;
use rankine_model::graph::sequence::entries;

impl Backward for Evolve {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let n = self.states;
        let mut work = Work::new(n, n, self.length, pass.blocks);
        let [to_target, to_states] = pass.to else {
            return;
        };
        let (mut turned_slopes, mut before) = (vec![T::ZERO; pass.rows * n], Vec::new());
        for i in 0..pass.rows {
            let states = pass.from[1].row(i);
            let there = entries(states);
            let (turned, kept) = pass.keep.values[i * self.kept_row()..][..self.kept_row()].split_at(n);
            let of = |t: usize| &kept[t * self.kept()..][..self.kept()];
            work.dh.copy_from_slice(&pass.slope[i * n..(i + 1) * n]);
            let mut scores = vec![T::ZERO; there];
            for t in (0..there).rev() {
                scores[t] = self.gates_back(of(t), &mut work, t);
                work.through(t);
            }
            before.clear();
            (0..there).for_each(|t| before.extend_from_slice(&of(t)[4 * n..5 * n]));
            let dx = &mut to_states[i * pass.from[1].width..][..there * n];
            work.add(pass.blocks, &states[..there * n], &before, (there, dx));
            let weights: Vec<T> = (0..there).map(|t| of(t)[5 * n]).collect();
            softmax_back(&weights, &mut scores);
            for (t, score) in scores.iter().enumerate() {
                dense::axpy(*score, turned, &mut dx[t * n..(t + 1) * n]);
                dense::axpy(
                    *score,
                    &states[t * n..(t + 1) * n],
                    &mut turned_slopes[i * n..(i + 1) * n],
                );
            }
        }
        let mut target = Vec::new();
        (0..pass.rows).for_each(|i| target.extend_from_slice(pass.from[0].row(i)));
        let mut dq = vec![T::ZERO; target.len()];
        pass.blocks[0].backward(pass.rows, (&target, &[]), &mut turned_slopes, Some(&mut dq));
        dense::add(&dq, to_target);
    }
}

trait Gates {
    /// The gates' gradients at entry `t`; returns that of the attention's weight.
    fn gates_back<T: Real>(&self, kept: &[T], work: &mut Work<T>, t: usize) -> T;
}

impl Gates for Evolve {
    fn gates_back<T: Real>(&self, kept: &[T], work: &mut Work<T>, t: usize) -> T {
        let (n, a) = (self.states, kept[5 * self.states]);
        let mut weight = T::ZERO;
        for k in 0..n {
            let [z, r, new, raw, old] = std::array::from_fn(|place| kept[place * n + k]);
            let dh = work.dh[k];
            let du = dh * (new - old);
            weight += du * z;
            work.gates(t, k, [z, r, new, raw], (du * a, dh * a * z));
            work.dh[k] = dh * (T::ONE - a * z);
        }
        weight
    }
}
