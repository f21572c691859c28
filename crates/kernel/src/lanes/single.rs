//! One number as a register: the scalar twin of the vector paths.
#![expect(
    unsafe_op_in_unsafe_fn,
    reason = "each function is one read or write; the contract is the trait's"
)]

use super::Lanes;
use crate::real::Real;

/// One number.
#[derive(Clone, Copy)]
pub struct Single<T>(pub(crate) T);

impl<T: Real> Lanes<T> for Single<T> {
    const N: usize = 1;
    #[inline(always)]
    unsafe fn splat(value: T) -> Self {
        Single(value)
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        Single(*from)
    }
    #[inline(always)]
    unsafe fn load_part(_from: *const T, _count: usize) -> Self {
        Single(T::ZERO)
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        *to = self.0;
    }
    #[inline(always)]
    unsafe fn store_part(self, _to: *mut T, _count: usize) {}
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        Single(self.0.mul_add(a.0, b.0))
    }
    #[inline(always)]
    unsafe fn relu(self) -> Self {
        Single(if self.0 < T::ZERO { T::ZERO } else { self.0 })
    }
}
