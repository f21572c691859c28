//! Ridge regression from sparse rows to vectors, `W = argmin Σ |x W − y|² + λ|W|²`, by conjugate gradients.
//!
//! Decision: the columns of W are systems of their own with one matrix, so all take their steps together and each pass over
//! the rows serves them all; the square of a sparse matrix is never made.

use rankine_kernel::dense;

use crate::matrix::Sparse;

/// λ: rows have length 1.
const LAMBDA: f32 = 1.0;
/// Steps; systems of rows of length 1 and λ = 1 are solved to a thousandth long before.
const STEPS: usize = 40;

/// What is learnt from.
pub(super) struct Ridge<'a> {
    pub(super) rows: &'a Sparse,
    pub(super) columns: usize,
    /// Rows that are learnt from.
    pub(super) learnt: &'a [usize],
    /// A vector for each of them.
    pub(super) targets: &'a [f32],
    pub(super) dim: usize,
}

/// W, a vector per column of the rows.
pub(super) fn solve(ridge: &Ridge<'_>) -> Vec<f32> {
    let dim = ridge.dim;
    let mut residual = ridge.back(ridge.targets);
    let mut weights = vec![0.0; residual.len()];
    let (mut step, mut square) = (residual.clone(), products(&residual, &residual, dim));
    for _ in 0..STEPS {
        let image = ridge.image(&step);
        let length = ratios(&square, &products(&step, &image, dim));
        let back: Vec<f32> = length.iter().map(|l| -l).collect();
        add(&length, &step, &mut weights);
        add(&back, &image, &mut residual);
        let next = products(&residual, &residual, dim);
        let kept = ratios(&next, &square);
        let mut turned = residual.clone();
        add(&kept, &step, &mut turned);
        (step, square) = (turned, next);
    }
    weights
}

/// The vector of each row, `x W`.
pub(super) fn times(rows: &Sparse, weights: &[f32], dim: usize) -> Vec<f32> {
    let mut out = vec![0.0; rows.rows() * dim];
    for (row, out) in out.chunks_exact_mut(dim).enumerate() {
        take(rows, row, weights, out);
    }
    out
}

fn take(rows: &Sparse, row: usize, weights: &[f32], out: &mut [f32]) {
    let ((columns, values), dim) = (rows.row(row), out.len());
    for (column, value) in columns.iter().zip(values) {
        let at = *column as usize * dim;
        dense::axpy(*value, &weights[at..at + dim], out);
    }
}

impl Ridge<'_> {
    /// `Xᵀ y` over the rows that are learnt from.
    fn back(&self, vectors: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; self.columns * self.dim];
        for (row, vector) in self.learnt.iter().zip(vectors.chunks_exact(self.dim)) {
            let (columns, values) = self.rows.row(*row);
            for (column, value) in columns.iter().zip(values) {
                let at = *column as usize * self.dim;
                dense::axpy(*value, vector, &mut out[at..at + self.dim]);
            }
        }
        out
    }

    /// `(XᵀX + λ) W`.
    fn image(&self, weights: &[f32]) -> Vec<f32> {
        let mut vectors = vec![0.0; self.learnt.len() * self.dim];
        for (row, out) in self.learnt.iter().zip(vectors.chunks_exact_mut(self.dim)) {
            take(self.rows, *row, weights, out);
        }
        let mut out = self.back(&vectors);
        dense::axpy(LAMBDA, weights, &mut out);
        out
    }
}

/// The products of two matrices, column by column.
fn products(a: &[f32], b: &[f32], dim: usize) -> Vec<f32> {
    let mut out = vec![0.0_f64; dim];
    for (a, b) in a.chunks_exact(dim).zip(b.chunks_exact(dim)) {
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            *out += f64::from(a * b);
        }
    }
    out.into_iter().map(rankine_kernel::Real::of).collect()
}

/// a / b; 0 where there is nothing left to do.
fn ratios(a: &[f32], b: &[f32]) -> Vec<f32> {
    let ratio = |(a, b): (&f32, &f32)| if *b > 0.0 { a / b } else { 0.0 };
    a.iter().zip(b).map(ratio).collect()
}

/// Adds `factors` times `from`, column by column.
fn add(factors: &[f32], from: &[f32], to: &mut [f32]) {
    let rows = to
        .chunks_exact_mut(factors.len())
        .zip(from.chunks_exact(factors.len()));
    for (to, from) in rows {
        for ((to, from), factor) in to.iter_mut().zip(from).zip(factors) {
            *to += factor * from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_equations_hold() {
        let rows = Sparse::new(
            4,
            vec![(0, 0, 1.0), (1, 0, 0.5), (1, 2, 2.0), (2, 1, 1.5), (3, 1, 9.0)],
        );
        let targets = [1.0, -1.0, 0.5, 2.0, 3.0, -0.25];
        let ridge = Ridge {
            rows: &rows,
            columns: 3,
            learnt: &[0, 1, 2],
            targets: &targets,
            dim: 2,
        };
        let weights = solve(&ridge);
        for (got, expected) in ridge.image(&weights).iter().zip(ridge.back(&targets)) {
            assert!((got - expected).abs() < 1e-5, "{got} {expected}");
        }
        // row 2 alone has column 1: 1.5 y / (1.5² + 1)
        let made = times(&rows, &weights, 2);
        assert!((made[6] - 9.0 * 1.5 * 3.0 / 3.25).abs() < 1e-4, "{made:?}");
    }
}
