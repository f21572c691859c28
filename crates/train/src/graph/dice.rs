//! Dice: by the batch's mean and variance while learning, through which the gradient goes, too.

use super::batchnorm::{normalise, through};
use super::{Backward, Keep, Pass};
use crate::backward::Dense;
use rankine_kernel::Real;
use rankine_kernel::activation::sigmoid;
use rankine_model::graph::{Dice, View};

impl Backward for Dice {
    fn learn<T: Real>(
        &self,
        rows: usize,
        from: &[View<'_, T>],
        blocks: &mut [Dense<T>],
        (out, keep): (&mut [T], &mut Keep<T>),
    ) {
        let [slopes, moving] = blocks else {
            return;
        };
        normalise(rows, from[0], moving, &mut keep.values);
        for (i, out) in out.chunks_exact_mut(self.width).enumerate() {
            let normal = &keep.values[i * self.width..][..self.width];
            for (k, (out, x)) in out.iter_mut().zip(from[0].row(i)).enumerate() {
                let p = sigmoid(normal[k]);
                *out = p * *x + (T::ONE - p) * slopes.weight[k] * *x;
            }
        }
    }

    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let slopes = &mut pass.blocks[0];
        for (i, dy) in pass.slope.chunks_exact_mut(self.width).enumerate() {
            let normal = &pass.keep.values[i * self.width..][..self.width];
            let to = &mut pass.to[0][i * self.width..][..self.width];
            for (k, x) in pass.from[0].row(i).iter().enumerate() {
                let (p, a) = (sigmoid(normal[k]), slopes.weight[k]);
                slopes.weight_gradient[k] += dy[k] * (T::ONE - p) * *x;
                to[k] += dy[k] * (p + (T::ONE - p) * a);
                dy[k] *= *x * (T::ONE - a) * p * (T::ONE - p);
            }
        }
        through(pass.rows, &pass.keep.values, pass.slope, &mut pass.to[0]);
    }
}
