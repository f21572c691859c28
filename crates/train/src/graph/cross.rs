//! Cross layer: `dx₀ = dy ⊙ s`, `ds = dy ⊙ x₀`, `dx = dy + ds·Wᵀ`.

use super::{Backward, Pass};
use rankine_kernel::{Real, dense};
use rankine_model::graph::{Cross, concatenated};

impl Backward for Cross {
    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let (rows, n) = (pass.rows, pass.rows * self.width);
        let x = concatenated(rows, &pass.from[1..], &pass.keep.input);
        let (sums, low) = pass.keep.values.split_at(n);
        let mut ds = vec![T::ZERO; n];
        let [to_first, to_x] = pass.to else {
            return;
        };
        for i in 0..rows {
            let (x0, range) = (pass.from[0].row(i), i * self.width..(i + 1) * self.width);
            for (k, at) in range.enumerate() {
                to_first[at] += pass.slope[at] * sums[at];
                ds[at] = pass.slope[at] * x0[k];
            }
        }
        dense::add(pass.slope, to_x);
        let mut dx = vec![T::ZERO; n];
        if let Some(rank) = self.rank {
            let mut dlow = vec![T::ZERO; rows * rank];
            pass.blocks[1].backward(rows, (low, sums), &mut ds, Some(&mut dlow));
            pass.blocks[0].backward(rows, (x, low), &mut dlow, Some(&mut dx));
        } else {
            pass.blocks[0].backward(rows, (x, sums), &mut ds, Some(&mut dx));
        }
        dense::add(&dx, to_x);
    }
}
