//! Batch normalisation: by the batch's mean and variance while learning, which move the figures that serving reads.

use super::{Backward, Keep, Pass};
use crate::backward::Dense;
use rankine_kernel::Real;
use rankine_model::graph::View;
use rankine_model::graph::batchnorm::{BatchNorm, EPSILON, MOMENTUM};

impl Backward for BatchNorm {
    fn learn<T: Real>(
        &self,
        rows: usize,
        from: &[View<'_, T>],
        blocks: &mut [Dense<T>],
        (out, keep): (&mut [T], &mut Keep<T>),
    ) {
        let [scale, moving] = blocks else {
            return;
        };
        normalise(rows, from[0], moving, &mut keep.values);
        let values = keep.values.chunks_exact(self.width);
        for (out, x) in out.chunks_exact_mut(self.width).zip(values) {
            for (k, (out, x)) in out.iter_mut().zip(x).enumerate() {
                *out = scale.weight[k] * *x + scale.bias[k];
            }
        }
    }

    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let [scale, _] = pass.blocks else {
            return;
        };
        let normal = &pass.keep.values[..pass.rows * self.width];
        for (slope, x) in pass
            .slope
            .chunks_exact_mut(self.width)
            .zip(normal.chunks_exact(self.width))
        {
            for k in 0..self.width {
                scale.weight_gradient[k] += slope[k] * x[k];
                scale.bias_gradient[k] += slope[k];
                slope[k] *= scale.weight[k];
            }
        }
        through(pass.rows, &pass.keep.values, pass.slope, &mut pass.to[0]);
    }
}

/// Writes `(x − m) / √(v + ε)` of all rows and, behind them, `1 / √(v + ε)` of each number; moves the moving figures (the
/// variance by its unbiased estimate, as PyTorch does).
pub(super) fn normalise<T: Real>(rows: usize, x: View<'_, T>, moving: &mut Dense<T>, keep: &mut Vec<T>) {
    let (width, count) = (x.width, T::of(rows.max(1) as f64));
    let (mut mean, mut variance) = (vec![T::ZERO; width], vec![T::ZERO; width]);
    for i in 0..rows {
        rankine_kernel::dense::add(x.row(i), &mut mean);
    }
    mean.iter_mut().for_each(|m| *m /= count);
    for i in 0..rows {
        for ((v, x), m) in variance.iter_mut().zip(x.row(i)).zip(&mean) {
            *v += (*x - *m) * (*x - *m);
        }
    }
    let momentum = T::of(MOMENTUM);
    let unbiased = T::of(rows.saturating_sub(1).max(1) as f64);
    for k in 0..width {
        let target = variance[k] / unbiased;
        for (figure, now) in [(&mut moving.weight[k], mean[k]), (&mut moving.bias[k], target)] {
            *figure = *figure + momentum * (now - *figure);
        }
        variance[k] = T::ONE / (variance[k] / count + T::of(EPSILON)).sqrt();
    }
    keep.clear();
    for i in 0..rows {
        let values = x.row(i).iter().zip(&mean).zip(&variance);
        keep.extend(values.map(|((x, m), inverse)| (*x - *m) * *inverse));
    }
    keep.extend(variance);
}

/// Adds the gradient of x from that of the normal values: `(g − mean g − x̂ · mean(g x̂)) / √(v + ε)`.
pub(super) fn through<T: Real>(rows: usize, keep: &[T], slope: &[T], to: &mut [T]) {
    let width = slope.len() / rows.max(1);
    let (normal, inverse) = keep.split_at(rows * width);
    let share = T::of(1.0 / rows.max(1) as f64);
    let (mut plain, mut by_value) = (vec![T::ZERO; width], vec![T::ZERO; width]);
    for (slope, x) in slope.chunks_exact(width).zip(normal.chunks_exact(width)) {
        for k in 0..width {
            plain[k] += slope[k] * share;
            by_value[k] += slope[k] * x[k] * share;
        }
    }
    let rows = slope.chunks_exact(width).zip(normal.chunks_exact(width));
    for (to, (slope, x)) in to.chunks_exact_mut(width).zip(rows) {
        for k in 0..width {
            to[k] += inverse[k] * (slope[k] - plain[k] - x[k] * by_value[k]);
        }
    }
}
