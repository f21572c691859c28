//! AVX-512 registers: sixteen f32, eight f64. Parts are loaded and stored through lane masks.
#![expect(
    unsafe_op_in_unsafe_fn,
    reason = "each function is one intrinsic; the contract is the trait's"
)]

use super::Lanes;
use std::arch::x86_64::*;

/// 16 f32.
#[derive(Clone, Copy)]
pub struct F32x16(pub(crate) __m512);

#[expect(clippy::cast_possible_truncation, reason = "count < 16, the mask fits")]
#[inline(always)]
fn mask16(count: usize) -> __mmask16 {
    ((1u32 << count) - 1) as __mmask16
}

impl Lanes<f32> for F32x16 {
    const N: usize = 16;
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        F32x16(_mm512_set1_ps(value))
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        F32x16(_mm512_loadu_ps(from))
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, count: usize) -> Self {
        F32x16(_mm512_maskz_loadu_ps(mask16(count), from))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        _mm512_storeu_ps(to, self.0);
    }
    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, count: usize) {
        _mm512_mask_storeu_ps(to, mask16(count), self.0);
    }
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        F32x16(_mm512_fmadd_ps(self.0, a.0, b.0))
    }
    #[inline(always)]
    unsafe fn relu(self) -> Self {
        // The second operand comes back when either is NaN or both are zero.
        F32x16(_mm512_max_ps(_mm512_setzero_ps(), self.0))
    }
    #[inline(always)]
    unsafe fn square(from: *const f32, stride: usize, to: *mut f32, pitch: usize) {
        // Quarter r of register i is row 4r + i, so transposing 4 × 4 in each quarter leaves a column in sixteen lanes.
        let mut columns = [_mm512_setzero_ps(); 16];
        for q in 0..4 {
            let rows: [__m512; 4] = std::array::from_fn(|i| {
                let at = |r: usize| _mm_loadu_ps(from.add((4 * r + i) * stride + 4 * q));
                let low = _mm512_insertf32x4::<1>(_mm512_castps128_ps512(at(0)), at(1));
                _mm512_insertf32x4::<3>(_mm512_insertf32x4::<2>(low, at(2)), at(3))
            });
            let (a, b) = (
                _mm512_unpacklo_ps(rows[0], rows[1]),
                _mm512_unpackhi_ps(rows[0], rows[1]),
            );
            let (c, d) = (
                _mm512_unpacklo_ps(rows[2], rows[3]),
                _mm512_unpackhi_ps(rows[2], rows[3]),
            );
            columns[4 * q] = _mm512_shuffle_ps::<0x44>(a, c);
            columns[4 * q + 1] = _mm512_shuffle_ps::<0xee>(a, c);
            columns[4 * q + 2] = _mm512_shuffle_ps::<0x44>(b, d);
            columns[4 * q + 3] = _mm512_shuffle_ps::<0xee>(b, d);
        }
        for (column, register) in columns.into_iter().enumerate() {
            _mm512_storeu_ps(to.add(column * pitch), register);
        }
    }
}

/// 8 f64.
#[derive(Clone, Copy)]
pub struct F64x8(__m512d);

#[expect(clippy::cast_possible_truncation, reason = "count < 8, the mask fits")]
#[inline(always)]
fn mask8(count: usize) -> __mmask8 {
    ((1u32 << count) - 1) as __mmask8
}

impl Lanes<f64> for F64x8 {
    const N: usize = 8;
    #[inline(always)]
    unsafe fn splat(value: f64) -> Self {
        F64x8(_mm512_set1_pd(value))
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        F64x8(_mm512_loadu_pd(from))
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f64, count: usize) -> Self {
        F64x8(_mm512_maskz_loadu_pd(mask8(count), from))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        _mm512_storeu_pd(to, self.0);
    }
    #[inline(always)]
    unsafe fn store_part(self, to: *mut f64, count: usize) {
        _mm512_mask_storeu_pd(to, mask8(count), self.0);
    }
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        F64x8(_mm512_fmadd_pd(self.0, a.0, b.0))
    }
    #[inline(always)]
    unsafe fn relu(self) -> Self {
        // The second operand comes back when either is NaN or both are zero.
        F64x8(_mm512_max_pd(_mm512_setzero_pd(), self.0))
    }
}
