//! GELU: `½ (1 + t) + ½ x (1 − t²) √(2/π) (1 + 3 · 0.044715 x²)`, t the tanh.

use super::{Backward, Pass};
use rankine_kernel::Real;
use rankine_model::graph::gelu::{CUBE, Gelu, SCALE};

impl Backward for Gelu {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let (half, scale, cube) = (T::of(0.5), T::of(SCALE), T::of(CUBE));
        for (i, dy) in pass.slope.chunks_exact(self.width).enumerate() {
            let to = &mut pass.to[0][i * self.width..][..self.width];
            for ((to, dy), x) in to.iter_mut().zip(dy).zip(pass.from[0].row(i)) {
                let x = *x;
                let t = (scale * (x + cube * x * x * x)).tanh();
                let inner = scale * (T::ONE + T::of(3.0) * cube * x * x);
                *to += *dy * (half * (T::ONE + t) + half * x * (T::ONE - t * t) * inner);
            }
        }
    }
}
