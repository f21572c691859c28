//! Dot products: sixteen virtual lanes and a fixed tree, so one register of sixteen, two of eight and sixteen of one
//! make the same bits. The last numbers are padded with zeros on every machine.

use crate::lanes::Lanes;
use crate::machine::Machine;
use crate::real::Real;

const LANES: usize = 16;

/// Returns `Σ x[i]·y[i]` over the shorter length; bit-equal on every machine.
///
/// Lane l sums the indices ≡ l mod 16 with fused multiply-adds; lanes are then added 8 + 8, 4 + 4, 2 + 2, 1 + 1.
#[must_use]
pub fn dot<T: Real>(x: &[T], y: &[T]) -> T {
    T::dot(Machine::detect(), x, y)
}

/// Fills `out[r]` with the dot product of `x` and row r of `rows` (row-major, `x.len()` wide).
///
/// # Panics
/// If `rows` holds fewer than `out.len()` rows.
pub fn dots<T: Real>(x: &[T], rows: &[T], out: &mut [T]) {
    let width = x.len();
    assert!(rows.len() >= width * out.len(), "rows are too short");
    let machine = Machine::detect();
    for (r, out) in out.iter_mut().enumerate() {
        *out = T::dot(machine, x, &rows[r * width..(r + 1) * width]);
    }
}

/// The dot product on a machine that the processor must have.
#[inline]
pub(crate) fn dot_on<T: Real>(machine: Machine, x: &[T], y: &[T]) -> T {
    match machine {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the caller names only machines of this processor.
        Machine::Avx512 => unsafe { avx512(x, y) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Machine::Avx2 => unsafe { avx2(x, y) },
        // SAFETY: one number needs no instruction set.
        _ => unsafe { lanes::<T, T::One>(x, y) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512<T: Real>(x: &[T], y: &[T]) -> T {
    // SAFETY: the instruction set is enabled here.
    unsafe { lanes::<T, T::Wide512>(x, y) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<T: Real>(x: &[T], y: &[T]) -> T {
    // SAFETY: the instruction set is enabled here.
    unsafe { lanes::<T, T::Wide256>(x, y) }
}

/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn lanes<T: Real, V: Lanes<T>>(x: &[T], y: &[T]) -> T {
    // SAFETY: passed on; sixteen lanes are R registers of N.
    unsafe {
        match V::N {
            16 => sum::<T, V, 1>(x, y),
            8 => sum::<T, V, 2>(x, y),
            4 => sum::<T, V, 4>(x, y),
            _ => sum::<T, V, 16>(x, y),
        }
    }
}

/// # Safety
/// As [`Lanes`]; `R * V::N` is 16.
#[inline(always)]
unsafe fn sum<T: Real, V: Lanes<T>, const R: usize>(x: &[T], y: &[T]) -> T {
    let length = x.len().min(y.len());
    let whole = length - length % LANES;
    // SAFETY: indices below `whole` lie in both slices; the pads hold sixteen numbers.
    unsafe {
        let mut acc = [V::splat(T::ZERO); R];
        for at in (0..whole).step_by(LANES) {
            add::<T, V, R>(&mut acc, x.as_ptr().add(at), y.as_ptr().add(at));
        }
        if whole < length {
            let (left, right) = (pad(&x[whole..length]), pad(&y[whole..length]));
            add::<T, V, R>(&mut acc, left.as_ptr(), right.as_ptr());
        }
        let mut lanes = [T::ZERO; LANES];
        for (r, register) in acc.iter().enumerate() {
            register.store(lanes.as_mut_ptr().add(r * V::N));
        }
        tree(&mut lanes)
    }
}

/// # Safety
/// As [`Lanes`]; both pointers are valid for sixteen numbers.
#[inline(always)]
unsafe fn add<T: Real, V: Lanes<T>, const R: usize>(acc: &mut [V; R], x: *const T, y: *const T) {
    for (r, register) in acc.iter_mut().enumerate() {
        // SAFETY: passed on.
        *register = unsafe { V::load(x.add(r * V::N)).mul_add(V::load(y.add(r * V::N)), *register) };
    }
}

#[inline(always)]
fn pad<T: Real>(tail: &[T]) -> [T; LANES] {
    let mut padded = [T::ZERO; LANES];
    padded[..tail.len()].copy_from_slice(tail);
    padded
}

#[inline(always)]
fn tree<T: Real>(lanes: &mut [T; LANES]) -> T {
    for half in [8, 4, 2, 1] {
        for l in 0..half {
            lanes[l] += lanes[l + half];
        }
    }
    lanes[0]
}
