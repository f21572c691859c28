//! AVX2 + FMA registers: eight f32, four f64. Parts are loaded and stored through masks read from a sliding table.
#![expect(
    unsafe_op_in_unsafe_fn,
    reason = "each function is one intrinsic; the contract is the trait's"
)]

use super::Lanes;
use std::arch::x86_64::*;

const MASK32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
const MASK64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

/// 8 f32.
#[derive(Clone, Copy)]
pub struct F32x8(pub(crate) __m256);

/// A mask whose first `count` of 8 lanes are set.
#[inline(always)]
unsafe fn mask8(count: usize) -> __m256i {
    _mm256_loadu_si256(MASK32.as_ptr().add(8 - count).cast())
}

impl Lanes<f32> for F32x8 {
    const N: usize = 8;
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        F32x8(_mm256_set1_ps(value))
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        F32x8(_mm256_loadu_ps(from))
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, count: usize) -> Self {
        F32x8(_mm256_maskload_ps(from, mask8(count)))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        _mm256_storeu_ps(to, self.0);
    }
    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, count: usize) {
        _mm256_maskstore_ps(to, mask8(count), self.0);
    }
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        F32x8(_mm256_fmadd_ps(self.0, a.0, b.0))
    }
    #[inline(always)]
    unsafe fn relu(self) -> Self {
        // The second operand comes back when either is NaN or both are zero.
        F32x8(_mm256_max_ps(_mm256_setzero_ps(), self.0))
    }
}

/// 4 f64.
#[derive(Clone, Copy)]
pub struct F64x4(__m256d);

/// A mask whose first `count` of 4 lanes are set.
#[inline(always)]
unsafe fn mask4(count: usize) -> __m256i {
    _mm256_loadu_si256(MASK64.as_ptr().add(4 - count).cast())
}

impl Lanes<f64> for F64x4 {
    const N: usize = 4;
    #[inline(always)]
    unsafe fn splat(value: f64) -> Self {
        F64x4(_mm256_set1_pd(value))
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        F64x4(_mm256_loadu_pd(from))
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f64, count: usize) -> Self {
        F64x4(_mm256_maskload_pd(from, mask4(count)))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        _mm256_storeu_pd(to, self.0);
    }
    #[inline(always)]
    unsafe fn store_part(self, to: *mut f64, count: usize) {
        _mm256_maskstore_pd(to, mask4(count), self.0);
    }
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        F64x4(_mm256_fmadd_pd(self.0, a.0, b.0))
    }
    #[inline(always)]
    unsafe fn relu(self) -> Self {
        // The second operand comes back when either is NaN or both are zero.
        F64x4(_mm256_max_pd(_mm256_setzero_pd(), self.0))
    }
}
