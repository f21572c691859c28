//! Mixture: to the experts by their weights, and through the gate.

use super::{Backward, Pass, softmax_back, spread};
use rankine_kernel::{Real, dense};
use rankine_model::graph::{Mixture, concatenated};

impl Backward for Mixture {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let rows = pass.rows;
        let (experts, gate) = pass.from.split_at(self.experts);
        let (to_experts, to_gate) = pass.to.split_at_mut(self.experts);
        let weights = &pass.keep.values;
        let mut scores = vec![T::ZERO; weights.len()];
        for i in 0..rows {
            let dy = &pass.slope[i * self.width..][..self.width];
            let own = &weights[i * self.experts..][..self.experts];
            let scores = &mut scores[i * self.experts..][..self.experts];
            for (k, expert) in experts.iter().enumerate() {
                scores[k] = dense::dot(dy, expert.row(i));
                dense::axpy(own[k], dy, &mut to_experts[k][i * self.width..][..self.width]);
            }
            softmax_back(own, scores);
        }
        let x = concatenated(rows, gate, &pass.keep.input);
        let mut dx = vec![T::ZERO; x.len()];
        pass.blocks[0].backward(rows, (x, weights), &mut scores, Some(&mut dx));
        spread(rows, &dx, gate, to_gate);
    }
}
