//! Cholesky: A = L·Lᵀ of a symmetric positive definite matrix, solving with it, and the inverse of A.
//!
//! Two users: a ridge system of a few dozen unknowns per user (iALS), and the inverse of a matrix of thousands (EASE).
//! Decision: blocks of [`BLOCK`] columns whose work is [`dense`]'s one product, so no linear algebra library is built for
//! it. All flops but those of the diagonal blocks go through that product: n³/3 for the factor, 2n³/3 for the inverse, where
//! a general inverse takes 8n³/3. Threads own whole blocks of the result, so their number changes no bit.

use crate::dense;
use crate::error::KernelError;
use crate::real::Real;
use std::sync::{Mutex, PoisonError};

/// Columns of a block.
const BLOCK: usize = 128;

/// Replaces the lower triangle of `a` (n × n, row-major) by L; what lies above the diagonal is neither read nor written.
///
/// # Errors
/// [`KernelError::Definite`] with the first pivot that is not above zero; `a` is of no use then.
///
/// # Panics
/// If `a` is shorter than n × n.
pub fn factor<T: Real>(a: &mut [T], n: usize) -> Result<(), KernelError> {
    factor_on(1, a, n)
}

/// [`factor`] on some threads.
fn factor_on<T: Real>(threads: usize, a: &mut [T], n: usize) -> Result<(), KernelError> {
    for from in (0..n).step_by(BLOCK) {
        let to = n.min(from + BLOCK);
        let width = to - from;
        let before = negated(a, n, (from, to));
        let mut diagonal = copied(a, n, (from, to), (from, to));
        dense::accumulate_block(&a[from * n..], (width, n), &before, &mut diagonal);
        small(&mut diagonal, width).map_err(|(pivot, value)| KernelError::Definite {
            order: n,
            pivot: from + pivot,
            value,
        })?;
        let mut right = Vec::new();
        dense::transpose(&inverted(&diagonal, width), width, &mut right);
        for (r, row) in diagonal.chunks_exact(width).enumerate() {
            a[(from + r) * n + from..][..=r].copy_from_slice(&row[..=r]);
        }
        let rest = a[to * n..n * n].chunks_mut(BLOCK * n).collect();
        share(threads, rest, |rows: &mut [T]| {
            below(rows, n, (from, to), (&before, &right));
        });
    }
    Ok(())
}

/// The rows below a diagonal block: `(A − L·Lᵀ of the columns before)·right`, right being the block's inverse, transposed.
fn below<T: Real>(rows: &mut [T], n: usize, (from, to): (usize, usize), (before, right): (&[T], &[T])) {
    let (count, width) = (rows.len() / n, to - from);
    let mut panel = copied(rows, n, (0, count), (from, to));
    dense::accumulate_block(rows, (count, n), before, &mut panel);
    let mut done = vec![T::ZERO; panel.len()];
    dense::accumulate_block(&panel, (count, width), right, &mut done);
    for (row, done) in rows.chunks_exact_mut(n).zip(done.chunks_exact(width)) {
        row[from..to].copy_from_slice(done);
    }
}

/// −L[from..to, 0..from]ᵀ, from × width.
fn negated<T: Real>(a: &[T], n: usize, (from, to): (usize, usize)) -> Vec<T> {
    let mut block = copied(a, n, (from, to), (0, from));
    block.iter_mut().for_each(|v| *v = -*v);
    let mut out = Vec::new();
    dense::transpose(&block, from, &mut out);
    out
}

/// A copy of a block of rows and columns.
fn copied<T: Real>(a: &[T], n: usize, rows: (usize, usize), columns: (usize, usize)) -> Vec<T> {
    let each = (rows.0..rows.1).flat_map(|r| &a[r * n + columns.0..r * n + columns.1]);
    each.copied().collect()
}

/// The factor of a small matrix in place, row by row; (pivot, its value) where there is none.
fn small<T: Real>(a: &mut [T], n: usize) -> Result<(), (usize, f64)> {
    for i in 0..n {
        let (above, own) = a.split_at_mut(i * n);
        for j in 0..i {
            let row = &above[j * n..][..=j];
            own[j] = (own[j] - dense::dot(&own[..j], &row[..j])) / row[j];
        }
        let left = own[i] - dense::dot(&own[..i], &own[..i]);
        if !(left > T::ZERO && left.is_finite()) {
            return Err((i, left.to_f64()));
        }
        own[i] = left.sqrt();
    }
    Ok(())
}

/// The inverse of a small lower triangle, zeros above its diagonal.
fn inverted<T: Real>(l: &[T], n: usize) -> Vec<T> {
    let mut out = vec![T::ZERO; n * n];
    for i in 0..n {
        let (above, own) = out.split_at_mut(i * n);
        for j in 0..i {
            // row i of L times the rows of the inverse above it
            dense::axpy(-l[i * n + j], &above[j * n..][..=j], &mut own[..=j]);
        }
        let pivot = T::ONE / l[i * n + i];
        dense::scale(pivot, &mut own[..i]);
        own[i] = pivot;
    }
    out
}

/// Replaces `b` by the solution of L·Lᵀ·x = b.
///
/// # Panics
/// If `l` is shorter than n × n, n being the length of `b`.
pub fn solve<T: Real>(l: &[T], b: &mut [T]) {
    let n = b.len();
    for i in 0..n {
        b[i] = (b[i] - dense::dot(&l[i * n..][..i], &b[..i])) / l[i * n + i];
    }
    for i in (0..n).rev() {
        let (before, own) = b.split_at_mut(i);
        own[0] /= l[i * n + i];
        dense::axpy(-own[0], &l[i * n..][..i], before);
    }
}

/// Replaces a symmetric positive definite matrix (n × n, its lower triangle is read) by its inverse, both triangles.
///
/// Memory: half as much again while it runs. The same bits on any number of threads.
///
/// # Errors
/// As [`factor`].
///
/// # Panics
/// If `a` is shorter than n × n.
pub fn inverse<T: Real>(a: &mut [T], n: usize, threads: usize) -> Result<(), KernelError> {
    if n == 0 {
        return Ok(());
    }
    factor_on(threads, a, n)?;
    let panels = Panels::of(a, n, threads);
    let blocks = a[..n * n].chunks_mut(BLOCK * n).enumerate().collect();
    share(threads, blocks, |(i, rows)| panels.square(i, rows));
    mirror(a, n);
    Ok(())
}

/// L⁻¹ in blocks of columns: panel j holds rows j·[`BLOCK`] to n of its columns.
struct Panels<T> {
    n: usize,
    panels: Vec<Vec<T>>,
}

/// First row of a block and the one behind its last.
fn span(block: usize, n: usize) -> (usize, usize) {
    (block * BLOCK, n.min((block + 1) * BLOCK))
}

impl<T: Real> Panels<T> {
    fn of(l: &[T], n: usize, threads: usize) -> Panels<T> {
        let count = n.div_ceil(BLOCK);
        let inverse = |block| {
            let (from, to) = span(block, n);
            inverted(&copied(l, n, (from, to), (from, to)), to - from)
        };
        let diagonal: Vec<Vec<T>> = (0..count).map(inverse).collect();
        let mut panels: Vec<Vec<T>> = (0..count).map(|_| Vec::new()).collect();
        share(threads, panels.iter_mut().enumerate().collect(), |(j, panel)| {
            *panel = Self::panel(l, n, j, &diagonal);
        });
        Panels { n, panels }
    }

    /// W[i, j] = −L[i, i]⁻¹ · Σ_k L[i, k]·W[k, j], block by block downwards.
    fn panel(l: &[T], n: usize, j: usize, diagonal: &[Vec<T>]) -> Vec<T> {
        let (left, right) = span(j, n);
        let width = right - left;
        let mut panel = Vec::with_capacity((n - left) * width);
        panel.extend_from_slice(&diagonal[j]);
        for (i, own) in diagonal.iter().enumerate().skip(j + 1) {
            let (from, to) = span(i, n);
            let mut sum = vec![T::ZERO; (to - from) * width];
            dense::accumulate_block(&l[from * n + left..], (to - from, n), &panel, &mut sum);
            sum.iter_mut().for_each(|v| *v = -*v);
            let at = panel.len();
            panel.resize(at + sum.len(), T::ZERO);
            dense::accumulate_block(own, (to - from, to - from), &sum, &mut panel[at..]);
        }
        panel
    }

    /// A block of rows of WᵀW, up to the diagonal.
    fn square(&self, i: usize, rows: &mut [T]) {
        let (from, to) = span(i, self.n);
        let width = to - from;
        for j in 0..=i {
            let (left, right) = span(j, self.n);
            let mut block = vec![T::ZERO; width * (right - left)];
            let other = &self.panels[j][(from - left) * (right - left)..];
            dense::weight_gradient(self.n - from, &self.panels[i], other, &mut block);
            for (row, block) in rows
                .chunks_exact_mut(self.n)
                .zip(block.chunks_exact(right - left))
            {
                row[left..right].copy_from_slice(block);
            }
        }
    }
}

/// Copies the lower triangle to the upper one, in squares that stay near.
fn mirror<T: Real>(a: &mut [T], n: usize) {
    const SQUARE: usize = 32;
    for top in (0..n).step_by(SQUARE) {
        for left in (0..=top).step_by(SQUARE) {
            for row in top..n.min(top + SQUARE) {
                for column in left..row.min(left + SQUARE) {
                    a[column * n + row] = a[row * n + column];
                }
            }
        }
    }
}

/// Does every task once, on some threads.
fn share<W: Send>(threads: usize, tasks: Vec<W>, each: impl Fn(W) + Sync) {
    if threads < 2 || tasks.len() < 2 {
        return tasks.into_iter().for_each(each);
    }
    let queue = Mutex::new(tasks.into_iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(task) = next() {
                    each(task);
                }
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A symmetric matrix with a strong diagonal from a seed.
    fn matrix(n: usize, seed: u64) -> Vec<f64> {
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        let mut next = || {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(99);
            (state >> 40) as f64 / f64::from(1 << 24) - 0.5
        };
        let mut a = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..i {
                let value = next();
                (a[i * n + j], a[j * n + i]) = (value, value);
            }
            a[i * n + i] = n as f64 + next();
        }
        a
    }

    fn assert_identity(a: &[f64], b: &[f64], n: usize) {
        for i in 0..n {
            for j in 0..n {
                let sum: f64 = (0..n).map(|k| a[i * n + k] * b[k * n + j]).sum();
                let expected = f64::from(u8::from(i == j));
                assert!((sum - expected).abs() < 1e-11, "{i} {j}: {sum}");
            }
        }
    }

    #[test]
    fn the_inverse_times_the_matrix_is_one_across_blocks() {
        for n in [1, 2, 17, 127, 128, 129, 200, 257] {
            let a = matrix(n, n as u64);
            let mut inverted = a.clone();
            inverse(&mut inverted, n, 1).unwrap();
            assert_identity(&a, &inverted, n);
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let a = matrix(300, 5);
        let (mut one, mut three) = (a.clone(), a);
        inverse(&mut one, 300, 1).unwrap();
        inverse(&mut three, 300, 3).unwrap();
        assert_eq!(one, three);
    }

    #[test]
    fn what_is_not_positive_is_named() {
        let mut a = matrix(150, 3);
        a[140 * 150 + 140] = -1.0;
        let fault = factor(&mut a, 150).unwrap_err();
        assert!(
            matches!(
                fault,
                KernelError::Definite {
                    order: 150,
                    pivot: 140,
                    ..
                }
            ),
            "{fault}"
        );
        assert!(factor(&mut [f64::NAN], 1).is_err());
        inverse::<f64>(&mut [], 0, 1).unwrap();
    }

    proptest! {
        #[test]
        fn solving_gives_back_what_was_multiplied(n in 1_usize..140, seed in 0_u64..1000) {
            let a = matrix(n, seed);
            let x: Vec<f64> = (0..n).map(|i| i as f64 - 3.5).collect();
            let mut b: Vec<f64> = a.chunks_exact(n).map(|row| row.iter().zip(&x).map(|(a, x)| a * x).sum()).collect();
            let mut l = a;
            factor(&mut l, n).unwrap();
            solve(&l, &mut b);
            for (found, expected) in b.iter().zip(&x) {
                prop_assert!((found - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{found} {expected}");
            }
        }
    }
}
