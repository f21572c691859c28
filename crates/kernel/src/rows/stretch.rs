//! Rows to and from a stretch of a wide matrix: how a batch's input rows are filled from a table and how their gradient
//! comes back. Whole registers and one masked part per row; a call of `memcpy` for ten numbers costs more than the copy.

use super::table::fetch;
use super::{RowGradients, RowTable};
use crate::lanes::Lanes;
use crate::machine::Machine;
use crate::real::Real;

/// Rows asked for ahead of the one that is read.
const AHEAD: usize = 12;

/// Copies the weights of `rows[i]` to `out[i * stride..]`, for every i.
///
/// # Panics
/// If there is no such row or `out` is too short.
pub fn gather<T: Real>(table: &RowTable<T>, rows: &[u32], out: &mut [T], stride: usize) {
    check(rows.len(), stride, table.dim(), out.len());
    run(Gather {
        ask: |row| table.prefetch(row),
        row: |row| table.weights(row),
        width: table.dim(),
        rows,
        out,
        stride,
    });
}

/// [`gather`] from a matrix of rows of `width` numbers.
///
/// # Panics
/// If there is no such row or `out` is too short.
pub fn gather_from<T: Real>((matrix, width): (&[T], usize), rows: &[u32], (out, stride): (&mut [T], usize)) {
    check(rows.len(), stride, width, out.len());
    let start = |row: u32| row as usize * width;
    run(Gather {
        ask: |row| {
            let next = matrix.as_ptr().wrapping_add(start(row));
            (0..width).step_by(16).for_each(|at| fetch(next.wrapping_add(at)));
        },
        row: |row| &matrix[start(row)..][..width],
        width,
        rows,
        out,
        stride,
    });
}

/// Adds `g[i * stride..]` to the gradient of `rows[i]`, for every i in order.
///
/// # Panics
/// If `g` is too short.
pub fn scatter<T: Real>(gradients: &mut RowGradients<T>, rows: &[u32], g: &[T], stride: usize) {
    check(rows.len(), stride, gradients.dim(), g.len());
    run(Scatter {
        gradients,
        rows,
        g,
        stride,
    });
}

/// Sets row i of `out` (`width` wide) to the sum of row `rows[i]` of each matrix (row-major, as wide), added in order.
///
/// # Panics
/// If there is no matrix, no such row, or fewer row numbers than rows of `out`.
pub fn sum_rows<T: Real>(parts: &[(&[T], &[u32])], width: usize, out: &mut [T]) {
    assert!(!parts.is_empty() && width > 0, "nothing to add up");
    let count = out.len() / width;
    assert!(
        parts.iter().all(|(_, rows)| rows.len() >= count),
        "too few row numbers"
    );
    run(Sums { parts, width, out });
}

fn check(rows: usize, stride: usize, dim: usize, len: usize) {
    assert!(
        rows == 0 || (rows - 1) * stride + dim <= len,
        "the matrix is too short"
    );
}

/// A loop over rows, written once for every kind of register.
trait Loop<T: Real> {
    /// # Safety
    /// As [`Lanes`]; `check` has been passed.
    unsafe fn each<V: Lanes<T>>(self);
}

/// Runs a loop that has passed `check` with the registers of this processor.
fn run<T: Real, L: Loop<T>>(l: L) {
    match Machine::detect() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: detected, and checked by the callers.
        Machine::Avx512 => unsafe { avx512(l) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Machine::Avx2 => unsafe { avx2(l) },
        // SAFETY: checked by the callers; one number needs no instruction set.
        _ => unsafe { l.each::<T::One>() },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512<T: Real, L: Loop<T>>(l: L) {
    // SAFETY: passed on.
    unsafe { l.each::<T::Wide512>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<T: Real, L: Loop<T>>(l: L) {
    // SAFETY: passed on.
    unsafe { l.each::<T::Wide256>() }
}

struct Gather<'a, T, A, R> {
    ask: A,
    row: R,
    width: usize,
    rows: &'a [u32],
    out: &'a mut [T],
    stride: usize,
}

impl<'r, T: Real, A: Fn(u32), R: Fn(u32) -> &'r [T]> Loop<T> for Gather<'_, T, A, R> {
    #[inline(always)]
    unsafe fn each<V: Lanes<T>>(self) {
        let to = self.out.as_mut_ptr();
        for (i, &row) in self.rows.iter().enumerate() {
            if let Some(&next) = self.rows.get(i + AHEAD) {
                (self.ask)(next);
            }
            let weights = &(self.row)(row)[..self.width];
            // SAFETY: stretch i lies inside `out`, which `check` has proved for rows of `width` numbers.
            unsafe {
                each::<T, V>(
                    self.width,
                    weights.as_ptr(),
                    to.add(i * self.stride),
                    |from, _| from,
                );
            };
        }
    }
}

struct Scatter<'a, T> {
    gradients: &'a mut RowGradients<T>,
    rows: &'a [u32],
    g: &'a [T],
    stride: usize,
}

impl<T: Real> Loop<T> for Scatter<'_, T> {
    #[inline(always)]
    unsafe fn each<V: Lanes<T>>(self) {
        let from = self.g.as_ptr();
        self.gradients.reserve(self.rows.len());
        for (i, &row) in self.rows.iter().enumerate() {
            if let Some(&next) = self.rows.get(i + AHEAD) {
                self.gradients.ask(next);
            }
            let sum = self.gradients.at(row);
            // SAFETY: stretch i lies inside `g`; a gradient has `sum.len()` numbers.
            unsafe {
                each::<T, V>(
                    sum.len(),
                    from.add(i * self.stride),
                    sum.as_mut_ptr(),
                    |g, sum| add::<T, V>(g, sum),
                )
            };
        }
    }
}

struct Sums<'a, T> {
    parts: &'a [(&'a [T], &'a [u32])],
    width: usize,
    out: &'a mut [T],
}

impl<T: Real> Loop<T> for Sums<'_, T> {
    #[inline(always)]
    unsafe fn each<V: Lanes<T>>(self) {
        for (i, out) in self.out.chunks_exact_mut(self.width).enumerate() {
            let row = |(matrix, rows): (&'_ [T], &'_ [u32])| -> *const T {
                matrix[rows[i] as usize * self.width..][..self.width].as_ptr()
            };
            let mut k = 0;
            // SAFETY: `row` has proved `width` numbers behind each pointer; `out` holds as many.
            unsafe {
                while k + 8 * V::N <= self.width {
                    block::<T, V, 8>(self.parts, row, k, out.as_mut_ptr());
                    k += 8 * V::N;
                }
                while k + V::N <= self.width {
                    block::<T, V, 1>(self.parts, row, k, out.as_mut_ptr());
                    k += V::N;
                }
                if k < self.width {
                    rest::<T, V>(self.parts, row, (k, self.width - k), out.as_mut_ptr());
                }
            }
        }
    }
}

/// Adds up R registers of columns from column `k`.
///
/// # Safety
/// As [`Lanes`]; every pointer is valid up to those columns.
#[inline(always)]
unsafe fn block<'a, T: Real, V: Lanes<T>, const R: usize>(
    parts: &[(&'a [T], &'a [u32])],
    row: impl Fn((&'a [T], &'a [u32])) -> *const T,
    k: usize,
    out: *mut T,
) {
    // SAFETY: passed on.
    unsafe {
        let mut sums = [V::splat(T::ZERO); R];
        for (at, part) in parts.iter().enumerate() {
            let from = row(*part).add(k);
            for (r, sum) in sums.iter_mut().enumerate() {
                let x = V::load(from.add(r * V::N));
                *sum = if at == 0 { x } else { add::<T, V>(x, *sum) };
            }
        }
        for (r, sum) in sums.into_iter().enumerate() {
            sum.store(out.add(k + r * V::N));
        }
    }
}

/// Adds up the last `count` columns, from column `k`.
///
/// # Safety
/// As [`block`].
#[inline(always)]
unsafe fn rest<'a, T: Real, V: Lanes<T>>(
    parts: &[(&'a [T], &'a [u32])],
    row: impl Fn((&'a [T], &'a [u32])) -> *const T,
    (k, count): (usize, usize),
    out: *mut T,
) {
    // SAFETY: passed on.
    unsafe {
        let mut sum = V::splat(T::ZERO);
        for (at, part) in parts.iter().enumerate() {
            let x = V::load_part(row(*part).add(k), count);
            sum = if at == 0 { x } else { add::<T, V>(x, sum) };
        }
        sum.store_part(out.add(k), count);
    }
}

/// `a + b`: one times a plus b rounds as the sum does.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn add<T: Real, V: Lanes<T>>(a: V, b: V) -> V {
    // SAFETY: passed on.
    unsafe { V::splat(T::ONE).mul_add(a, b) }
}

/// `to[k] = f(from[k], to[k])` for k below `dim`.
///
/// # Safety
/// As [`Lanes`]; both pointers are valid for `dim` numbers.
#[inline(always)]
unsafe fn each<T: Real, V: Lanes<T>>(dim: usize, from: *const T, to: *mut T, f: impl Fn(V, V) -> V) {
    let mut k = 0;
    // SAFETY: passed on; k + N stays within `dim`, the part ends there.
    unsafe {
        while k + 4 * V::N <= dim {
            for at in [k, k + V::N, k + 2 * V::N, k + 3 * V::N] {
                f(V::load(from.add(at)), V::load(to.add(at))).store(to.add(at));
            }
            k += 4 * V::N;
        }
        while k + V::N <= dim {
            f(V::load(from.add(k)), V::load(to.add(k))).store(to.add(k));
            k += V::N;
        }
        if k < dim {
            let count = dim - k;
            let (a, b) = (V::load_part(from.add(k), count), V::load_part(to.add(k), count));
            f(a, b).store_part(to.add(k), count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimiser::Optimiser;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stretches_are_the_rows_on_every_machine(
            dim in 1usize..300,
            rows in proptest::collection::vec(0u32..6, 0..40),
            gap in 0usize..5,
        ) {
            let mut table = RowTable::<f32>::new(dim, &Optimiser::Sgd { rate: 0.1 });
            (1..6u64).for_each(|key| {
                table.intern(key, |w| w.iter_mut().enumerate().for_each(|(k, w)| *w = (key * 100) as f32 + k as f32));
            });
            let stride = dim + gap;
            let mut out = vec![-1.0f32; rows.len() * stride];
            gather(&table, &rows, &mut out, stride);
            let mut gradients = RowGradients::new(dim);
            scatter(&mut gradients, &rows, &out, stride);
            for (i, row) in rows.iter().enumerate() {
                prop_assert_eq!(&out[i * stride..][..dim], table.weights(*row));
                prop_assert!(out[i * stride + dim..(i + 1) * stride].iter().all(|v| *v == -1.0));
                let uses = rows.iter().filter(|r| *r == row).count() as f32;
                let expected: Vec<f32> = table.weights(*row).iter().map(|w| w * uses).collect();
                let place = gradients.rows().iter().position(|r| r == row);
                prop_assert_eq!(place.map(|at| gradients.gradient(at).to_vec()), Some(expected));
            }
            let matrix: Vec<f32> = (0..6).flat_map(|row| table.weights(row).to_vec()).collect();
            let mut copied = vec![-1.0f32; rows.len() * stride];
            gather_from((&matrix, dim), &rows, (&mut copied, stride));
            prop_assert_eq!(&copied, &out);
            let back: Vec<u32> = rows.iter().rev().copied().collect();
            let mut sums = vec![0.5f32; rows.len() * dim];
            sum_rows(&[(&matrix, &rows), (&matrix, &back)], dim, &mut sums);
            for ((sums, row), other) in sums.chunks(dim).zip(&rows).zip(&back) {
                let both = table.weights(*row).iter().zip(table.weights(*other));
                prop_assert!(sums.iter().zip(both).all(|(s, (a, b))| *s == a + b));
            }
        }
    }

    #[test]
    #[should_panic(expected = "too short")]
    fn a_short_matrix_is_refused() {
        let table = RowTable::<f32>::plain(3);
        gather(&table, &[0, 0], &mut [0.0; 7], 5);
    }

    #[test]
    #[should_panic(expected = "too short")]
    fn a_short_matrix_is_refused_from_a_matrix_too() {
        gather_from((&[1.0f32; 6], 3), &[0, 1], (&mut [0.0; 7], 5));
    }

    #[test]
    #[should_panic(expected = "out of range")]
    fn a_row_that_is_not_there_is_refused() {
        gather_from((&[1.0f32; 6], 3), &[0, 2], (&mut [0.0; 8], 5));
    }
}
