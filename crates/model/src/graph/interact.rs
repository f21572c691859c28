//! Interacting layer: multi-head self-attention between fields, with a residual. Song et al. 2019, AutoInt,
//! arXiv:1810.11921.
//!
//! `head h: α = softmax(q_i·k_j), o_i = Σ_j α_j v_j; y_i = relu([o_i¹ … o_iᴴ] + e_i·R)`; `q k v` are `e·Q`, `e·K`, `e·V`, cut by
//! heads. The source is fields × dim numbers, the value fields × outputs.

use super::{Block, BlockSpec, Keep, Operation, View, concat};
use rankine_kernel::activation::Activation;
use rankine_kernel::{Real, dense};

/// An interacting layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Interact {
    /// Fields.
    pub fields: usize,
    /// Numbers of a field.
    pub dim: usize,
    /// Numbers of a field's value: heads × numbers of a head.
    pub outputs: usize,
    /// Heads.
    pub heads: usize,
}

impl Interact {
    /// Numbers kept of each row: q, k, v and residual of all fields, then the weights of all heads.
    #[must_use]
    pub fn kept(&self) -> usize {
        4 * self.fields * self.outputs + self.heads * self.fields * self.fields
    }
}

impl Operation for Interact {
    fn width(&self) -> usize {
        self.fields * self.outputs
    }

    fn blocks(&self) -> Vec<BlockSpec> {
        let block = |name| BlockSpec::plain(name, self.dim, self.outputs);
        [".query", ".key", ".value", ".residual"]
            .into_iter()
            .map(block)
            .collect()
    }

    /// Keeps, for all rows one after another, q, k, v and the residual; behind them each row's weights.
    fn forward<T: Real>(
        &self,
        rows: usize,
        from: &[View<'_, T>],
        blocks: &[Block<'_, T>],
        out: &mut [T],
        keep: &mut Keep<T>,
    ) {
        let Keep {
            values: keep, input, ..
        } = keep;
        let x = concat(rows, from, input);
        let part = rows * self.width();
        keep.clear();
        keep.resize(rows * self.kept(), T::ZERO);
        let (projected, weights) = keep.split_at_mut(4 * part);
        for (to, block) in projected.chunks_exact_mut(part.max(1)).zip(blocks) {
            let all = rows * self.fields;
            dense::affine_batch(all, x, block.weight, None, Activation::Linear, to);
        }
        out.copy_from_slice(&projected[3 * part..]);
        let size = self.heads * self.fields * self.fields;
        for (i, weights) in weights.chunks_exact_mut(size.max(1)).enumerate() {
            let of = |which: usize| &projected[which * part + i * self.width()..][..self.width()];
            self.row(
                [of(0), of(1), of(2)],
                weights,
                &mut out[i * self.width()..][..self.width()],
            );
        }
        Activation::Relu.apply(out);
    }
}

impl Interact {
    /// One row: adds what the heads see to `out`.
    fn row<T: Real>(&self, [q, k, v]: [&[T]; 3], weights: &mut [T], out: &mut [T]) {
        let (n, d) = (self.outputs, self.outputs / self.heads.max(1));
        for (at, weights) in weights.chunks_exact_mut(self.fields).enumerate() {
            let (head, i) = (at / self.fields, at % self.fields);
            let of = |from: usize| from * n + head * d..from * n + (head + 1) * d;
            for (j, w) in weights.iter_mut().enumerate() {
                *w = dense::dot(&q[of(i)], &k[of(j)]);
            }
            softmax(weights);
            for (j, w) in weights.iter().enumerate() {
                dense::axpy(*w, &v[of(j)], &mut out[of(i)]);
            }
        }
    }
}

/// `e^{x_i} / Σ_j e^{x_j}`, in place.
pub fn softmax<T: Real>(values: &mut [T]) {
    let most = values
        .iter()
        .copied()
        .fold(T::of(f64::NEG_INFINITY), |a, b| if b > a { b } else { a });
    let mut total = T::ZERO;
    for v in values.iter_mut() {
        *v = (*v - most).exp();
        total += *v;
    }
    values.iter_mut().for_each(|v| *v /= total);
}
