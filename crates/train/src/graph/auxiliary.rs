//! Auxiliary loss: to states, next entries and the others' entries.

use super::{Backward, Pass};
use rankine_kernel::Real;
use rankine_kernel::activation::sigmoid;
use rankine_kernel::dense::{axpy, dot};
use rankine_model::graph::Auxiliary;

impl Backward for Auxiliary {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let [to_states, to_entries] = pass.to else {
            return;
        };
        let (wide_states, wide_entries) = (pass.from[0].width, pass.from[1].width);
        for i in 0..pass.rows {
            let mut count = 0usize;
            self.pairs(pass.rows, pass.from, i, |_, _, _| count += 1);
            let share = pass.slope[i] / T::of(count.max(1) as f64);
            let other_row = (i + 1) % pass.rows;
            self.pairs(pass.rows, pass.from, i, |state, next, other| {
                let pull = -share * sigmoid(-dot(state.1, next.1));
                let push = share * sigmoid(dot(state.1, other.1));
                let ds = &mut to_states[i * wide_states + state.0..][..self.dim];
                axpy(pull, next.1, ds);
                axpy(push, other.1, ds);
                axpy(
                    pull,
                    state.1,
                    &mut to_entries[i * wide_entries + next.0..][..self.dim],
                );
                axpy(
                    push,
                    state.1,
                    &mut to_entries[other_row * wide_entries + other.0..][..self.dim],
                );
            });
        }
    }
}
