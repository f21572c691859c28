//! `Lanes`: one register of numbers. The products are written once against it and instantiated for one number (the
//! scalar twin), eight (AVX2) and sixteen (AVX-512). Everything is `inline(always)` so that the bodies are compiled
//! inside the functions that enable the instruction set.

mod arithmetic;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
mod single;

pub(crate) use arithmetic::Arithmetic;
pub(crate) use single::Single;

/// A register of `N` numbers.
///
/// # Safety
/// Callers run these only where the instruction set of the implementing type is enabled, and pass pointers that are
/// valid for `N` (or `count`) numbers; no alignment is needed.
pub trait Lanes<T: Copy>: Copy {
    /// Numbers in a register.
    const N: usize;
    /// All lanes equal to `value`.
    unsafe fn splat(value: T) -> Self;
    /// Loads `N` numbers.
    unsafe fn load(from: *const T) -> Self;
    /// Loads `count < N` numbers; the other lanes are zero.
    unsafe fn load_part(from: *const T, count: usize) -> Self;
    /// Stores `N` numbers.
    unsafe fn store(self, to: *mut T);
    /// Stores the first `count < N` numbers.
    unsafe fn store_part(self, to: *mut T, count: usize);
    /// `self * a + b`, one rounding.
    unsafe fn mul_add(self, a: Self, b: Self) -> Self;
    /// `if x < 0 { 0 } else { x }` in each lane: NaN stays NaN.
    unsafe fn relu(self) -> Self;
    /// Writes the transpose of the `N` × `N` numbers at `from` (rows `stride` apart) to `to` (rows `pitch` apart).
    ///
    /// # Safety
    /// Both squares are valid and do not overlap.
    #[inline(always)]
    unsafe fn square(from: *const T, stride: usize, to: *mut T, pitch: usize) {
        for row in 0..Self::N {
            for column in 0..Self::N {
                // SAFETY: inside the squares.
                unsafe { *to.add(column * pitch + row) = *from.add(row * stride + column) };
            }
        }
    }
}
