//! All pairs of a sample's vectors, `Σ_{i<j} ⟨eᵢ, eⱼ⟩ = ½ (‖Σ e‖² − Σ ‖e‖²)`, added to the logit; `∂/∂eᵢ = Σ e − eᵢ`.
//! The factorisation half of DeepFM (Guo et al. 2017).
//!
//! Read off the deep part's input before dropout, which is the MLP's alone; so the vectors are copied.

use rankine_kernel::{Real, dense};

use super::sized;

/// The vectors at the front of each input row.
#[derive(Clone, Debug)]
pub struct Pairs<T> {
    dim: usize,
    /// Numbers of all vectors of a sample.
    width: usize,
    vectors: Vec<T>,
    sums: Vec<T>,
}

impl<T: Real> Pairs<T> {
    /// Pairs of `columns` vectors of `dim` numbers.
    #[must_use]
    pub fn new(dim: usize, columns: usize) -> Self {
        Self {
            dim,
            width: dim * columns,
            vectors: Vec::new(),
            sums: Vec::new(),
        }
    }

    /// Takes the vectors of input rows of `stride` numbers.
    pub fn read(&mut self, rows: usize, x: &[T], stride: usize) {
        let vectors = sized(&mut self.vectors, rows * self.width);
        let sums = sized(&mut self.sums, rows * self.dim);
        sums.fill(T::ZERO);
        let samples = vectors.chunks_exact_mut(self.width).zip(x.chunks_exact(stride));
        for ((to, x), sum) in samples.zip(sums.chunks_exact_mut(self.dim)) {
            to.copy_from_slice(&x[..self.width]);
            to.chunks_exact(self.dim)
                .for_each(|vector| dense::add(vector, sum));
        }
    }

    /// Adds each sample's pairs to its logit.
    pub fn forward(&self, logits: &mut [T]) {
        let samples = self
            .vectors
            .chunks_exact(self.width)
            .zip(self.sums.chunks_exact(self.dim));
        for ((vectors, sum), logit) in samples.zip(logits) {
            *logit += T::of(0.5) * (dense::dot(sum, sum) - dense::dot(vectors, vectors));
        }
    }

    /// Adds the logits' gradient to that of the input rows.
    pub fn backward(&self, slopes: &[T], dx: &mut [T], stride: usize) {
        let samples = self
            .vectors
            .chunks_exact(self.width)
            .zip(self.sums.chunks_exact(self.dim));
        for ((dx, (vectors, sum)), slope) in dx.chunks_exact_mut(stride).zip(samples).zip(slopes) {
            let columns = dx.chunks_exact_mut(self.dim).zip(vectors.chunks_exact(self.dim));
            for (dx, vector) in columns {
                for ((to, sum), own) in dx.iter_mut().zip(sum).zip(vector) {
                    *to += *slope * (*sum - *own);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{differences, random};

    #[test]
    fn gradients_agree_with_differences_and_numbers_behind_the_vectors_take_no_part() {
        let (rows, stride, c) = (3, 8, random(3, 2));
        let mut pairs = Pairs::<f64>::new(2, 3);
        let x = random(rows * stride, 1);
        let mut cost = |x: &[f64]| {
            let mut logits = vec![0.0; rows];
            pairs.read(rows, x, stride);
            pairs.forward(&mut logits);
            logits.iter().zip(&c).map(|(z, c)| z * c).sum::<f64>()
        };
        cost(&x);
        let mut dx = vec![0.0; x.len()];
        let mut once = Pairs::<f64>::new(2, 3);
        once.read(rows, &x, stride);
        once.backward(&c, &mut dx, stride);
        assert!(dx.chunks_exact(stride).all(|row| row[6..] == [0.0, 0.0]));
        differences(&x, &dx, cost);
    }

    #[test]
    fn three_vectors_by_hand() {
        let (mut pairs, mut logits) = (Pairs::<f64>::new(2, 3), [10.0]);
        pairs.read(1, &[1.0, 2.0, 3.0, -1.0, 0.5, 4.0], 6);
        pairs.forward(&mut logits);
        assert_eq!(logits[0], 10.0 + (3.0 - 2.0) + (0.5 + 8.0) + (1.5 - 4.0));
    }
}
