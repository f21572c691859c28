//! Interacting layer: back through residual, heads, softmax and the three projections.

use super::{Backward, Pass, softmax_back, spread};
use rankine_kernel::activation::Activation;
use rankine_kernel::{Real, dense};
use rankine_model::graph::{Interact, Operation, concatenated};

impl Backward for Interact {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let (rows, part) = (pass.rows, pass.rows * self.width());
        Activation::Relu.backward(pass.out, pass.slope);
        let (projected, weights) = pass.keep.values.split_at(4 * part);
        let mut gradients = vec![T::ZERO; 4 * part];
        gradients[3 * part..].copy_from_slice(pass.slope);
        let size = self.heads * self.fields * self.fields;
        for i in 0..rows {
            let range = i * self.width()..(i + 1) * self.width();
            let weights = &weights[i * size..(i + 1) * size];
            self.row_back(
                (projected, weights),
                (part, range.start),
                &pass.slope[range],
                &mut gradients,
            );
        }
        let x = concatenated(rows, pass.from, &pass.keep.input);
        let all = rows * self.fields;
        let (mut dx, mut sum) = (vec![T::ZERO; x.len()], vec![T::ZERO; x.len()]);
        let parts = gradients
            .chunks_exact_mut(part.max(1))
            .zip(projected.chunks_exact(part.max(1)));
        for (block, (gradient, y)) in pass.blocks.iter_mut().zip(parts) {
            block.backward(all, (x, y), gradient, Some(&mut dx));
            dense::add(&dx, &mut sum);
        }
        spread(rows, &sum, pass.from, pass.to);
    }
}

trait Heads {
    /// Adds one row's gradients of q, k and v, each `part` numbers behind the other, the row's beginning at `first`.
    fn row_back<T: Real>(&self, kept: (&[T], &[T]), place: (usize, usize), slope: &[T], gradients: &mut [T]);
}

impl Heads for Interact {
    fn row_back<T: Real>(
        &self,
        (projected, weights): (&[T], &[T]),
        (part, first): (usize, usize),
        slope: &[T],
        gradients: &mut [T],
    ) {
        let (n, d) = (self.outputs, self.outputs / self.heads.max(1));
        let mut scores = vec![T::ZERO; self.fields];
        for (at, weights) in weights.chunks_exact(self.fields).enumerate() {
            let (head, i) = (at / self.fields, at % self.fields);
            let of = |which: usize, field: usize| {
                let start = which * part + first + field * n + head * d;
                start..start + d
            };
            let from = &slope[i * n + head * d..][..d];
            for (j, (score, weight)) in scores.iter_mut().zip(weights).enumerate() {
                *score = dense::dot(from, &projected[of(2, j)]);
                dense::axpy(*weight, from, &mut gradients[of(2, j)]);
            }
            softmax_back(weights, &mut scores);
            for (j, score) in scores.iter().enumerate() {
                dense::axpy(*score, &projected[of(1, j)], &mut gradients[of(0, i)]);
                dense::axpy(*score, &projected[of(0, i)], &mut gradients[of(1, j)]);
            }
        }
    }
}
