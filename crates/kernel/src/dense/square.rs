//! Transposing: squares of one register's side go through registers, the rest one number at a time.
//!
//! Backward needs wᵀ once per step. Numbers are only moved, so every machine makes the same matrix.

use crate::lanes::Lanes;
use crate::machine::Machine;
use crate::real::Real;

/// Writes the transpose of `matrix` (`columns` wide) to `out` on a machine that the processor must have.
#[inline]
pub(crate) fn transpose_on<T: Real>(machine: Machine, matrix: &[T], columns: usize, out: &mut [T]) {
    assert!(out.len() >= matrix.len(), "the transpose is too short");
    if columns == 0 {
        return;
    }
    match machine {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the caller names only machines of this processor; `out` holds as many numbers as the matrix.
        Machine::Avx512 => unsafe { avx512(matrix, columns, out) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Machine::Avx2 => unsafe { avx2(matrix, columns, out) },
        // SAFETY: as above; one number needs no instruction set.
        _ => unsafe { body::<T, T::One>(matrix, columns, out) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512<T: Real>(matrix: &[T], columns: usize, out: &mut [T]) {
    // SAFETY: the instruction set is enabled here.
    unsafe { body::<T, T::Wide512>(matrix, columns, out) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<T: Real>(matrix: &[T], columns: usize, out: &mut [T]) {
    // SAFETY: the instruction set is enabled here.
    unsafe { body::<T, T::Wide256>(matrix, columns, out) }
}

/// # Safety
/// As [`Lanes`]; `out` is as long as `matrix`.
#[inline(always)]
unsafe fn body<T: Real, V: Lanes<T>>(matrix: &[T], columns: usize, out: &mut [T]) {
    let rows = matrix.len() / columns;
    for top in (0..rows).step_by(V::N) {
        for left in (0..columns).step_by(V::N) {
            let (height, width) = ((rows - top).min(V::N), (columns - left).min(V::N));
            // SAFETY: the square, or the part of one, lies inside the matrix, its transpose inside `out`.
            unsafe {
                let from = matrix.as_ptr().add(top * columns + left);
                let to = out.as_mut_ptr().add(left * rows + top);
                if height == V::N && width == V::N {
                    V::square(from, columns, to, rows);
                } else {
                    part::<T, V>((from, columns), (to, rows), (height, width));
                }
            }
        }
    }
}

/// A square of which the matrix has only `height` rows and `width` columns, through a whole one beside it.
///
/// # Safety
/// As [`body`].
#[inline(always)]
unsafe fn part<T: Real, V: Lanes<T>>(
    (from, stride): (*const T, usize),
    (to, pitch): (*mut T, usize),
    (height, width): (usize, usize),
) {
    let (mut whole, mut turned) = ([T::ZERO; 256], [T::ZERO; 256]);
    // SAFETY: a register has at most sixteen numbers; rows and columns are those that exist.
    unsafe {
        for row in 0..height {
            copy::<T, V>(from.add(row * stride), whole.as_mut_ptr().add(row * V::N), width);
        }
        V::square(whole.as_ptr(), V::N, turned.as_mut_ptr(), V::N);
        for column in 0..width {
            copy::<T, V>(turned.as_ptr().add(column * V::N), to.add(column * pitch), height);
        }
    }
}

/// # Safety
/// As [`Lanes`]; `count` is at most a register's.
#[inline(always)]
unsafe fn copy<T: Real, V: Lanes<T>>(from: *const T, to: *mut T, count: usize) {
    // SAFETY: passed on.
    unsafe {
        if count == V::N {
            V::load(from).store(to);
        } else {
            V::load_part(from, count).store_part(to, count);
        }
    }
}
