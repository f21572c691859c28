//! Rows to and from a stretch of a wide matrix: how a batch's input rows are filled from a table and how their gradient
//! comes back. Whole registers and one masked part per row; a call of `memcpy` for ten numbers costs more than the copy.

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
        table,
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

/// Adds row `rows[i]` of `matrix` (row-major, `width` wide) to row i of `out`, as wide, for every i.
///
/// # Panics
/// If there is no such row or `out` is too short.
pub fn spread<T: Real>(matrix: &[T], width: usize, rows: &[u32], out: &mut [T]) {
    check(rows.len(), width, width, out.len());
    run(Spread {
        matrix,
        width,
        rows,
        out,
    });
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

struct Gather<'a, T> {
    table: &'a RowTable<T>,
    rows: &'a [u32],
    out: &'a mut [T],
    stride: usize,
}

impl<T: Real> Loop<T> for Gather<'_, T> {
    #[inline(always)]
    unsafe fn each<V: Lanes<T>>(self) {
        let to = self.out.as_mut_ptr();
        for (i, &row) in self.rows.iter().enumerate() {
            if let Some(&next) = self.rows.get(i + AHEAD) {
                self.table.prefetch(next);
            }
            let weights = self.table.weights(row);
            // SAFETY: stretch i lies inside `out`; a row has `weights.len()` numbers.
            unsafe {
                each::<T, V>(
                    weights.len(),
                    weights.as_ptr(),
                    to.add(i * self.stride),
                    |from, _| from,
                )
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
        for (i, &row) in self.rows.iter().enumerate() {
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

struct Spread<'a, T> {
    matrix: &'a [T],
    width: usize,
    rows: &'a [u32],
    out: &'a mut [T],
}

impl<T: Real> Loop<T> for Spread<'_, T> {
    #[inline(always)]
    unsafe fn each<V: Lanes<T>>(self) {
        let to = self.out.as_mut_ptr();
        for (i, &row) in self.rows.iter().enumerate() {
            let from = &self.matrix[row as usize * self.width..][..self.width];
            // SAFETY: row i lies inside `out`.
            unsafe {
                each::<T, V>(self.width, from.as_ptr(), to.add(i * self.width), |x, sum| {
                    add::<T, V>(x, sum)
                })
            };
        }
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
            dim in 1usize..40,
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
            let mut sums = vec![0.5f32; rows.len() * dim];
            spread(&matrix, dim, &rows, &mut sums);
            for (sums, row) in sums.chunks(dim).zip(&rows) {
                prop_assert!(sums.iter().zip(table.weights(*row)).all(|(s, w)| *s == w + 0.5));
            }
        }
    }

    #[test]
    #[should_panic(expected = "too short")]
    fn a_short_matrix_is_refused() {
        let table = RowTable::<f32>::plain(3);
        gather(&table, &[0, 0], &mut [0.0; 7], 5);
    }
}
