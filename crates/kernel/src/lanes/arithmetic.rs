//! `Arithmetic`: what optimiser rules need of a register beyond [`Lanes`]. Only f32 has vector forms; f64 runs one number
//! at a time, for it serves gradient checks alone.
#![expect(
    unsafe_op_in_unsafe_fn,
    reason = "each function is one intrinsic; the contract is the trait's"
)]

use super::{Lanes, Single};
#[cfg(target_arch = "x86_64")]
use super::{avx2::F32x8, avx512::F32x16};
use crate::real::Real;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// Elementwise arithmetic on a register.
///
/// # Safety
/// As [`Lanes`]: run only where the instruction set of the implementing type is enabled.
pub trait Arithmetic<T: Copy>: Lanes<T> {
    /// One number at a time with the same root as this register's.
    type One: Arithmetic<T>;
    /// `self + other`.
    unsafe fn add(self, other: Self) -> Self;
    /// `self - other`.
    unsafe fn sub(self, other: Self) -> Self;
    /// `self * other`.
    unsafe fn mul(self, other: Self) -> Self;
    /// `self / other`.
    unsafe fn div(self, other: Self) -> Self;
    /// The smaller of both.
    unsafe fn min(self, other: Self) -> Self;
    /// The larger of both.
    unsafe fn max(self, other: Self) -> Self;
    /// The square root.
    unsafe fn sqrt(self) -> Self;
    /// About 1 / √self: AVX-512 within 2⁻¹⁴, AVX2 within 2⁻¹¹ of the value, a single number to the last bit but one.
    unsafe fn rsqrt(self) -> Self;
    /// The sum of all lanes.
    unsafe fn sum(self) -> T;
    /// The numbers at `from + rows[i] · stride` for i below `count` (at most N), zeros behind them. No offset reaches 2³¹.
    unsafe fn gather(from: *const T, rows: *const u32, stride: usize, count: usize) -> Self;
}

/// One number from each place, through memory: hardware's gather is not faster below sixteen lanes.
#[inline(always)]
unsafe fn collected<T: Real, L: Lanes<T>>(
    from: *const T,
    rows: *const u32,
    stride: usize,
    count: usize,
) -> L {
    let mut numbers = [T::ZERO; 16];
    for (i, number) in numbers.iter_mut().enumerate().take(count.min(L::N)) {
        *number = *from.add(*rows.add(i) as usize * stride);
    }
    L::load(numbers.as_ptr())
}

impl<T: Real> Arithmetic<T> for Single<T> {
    type One = Single<T>;
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Single(self.0 + other.0)
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Single(self.0 - other.0)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Single(self.0 * other.0)
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        Single(self.0 / other.0)
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        Single(if self.0 < other.0 { self.0 } else { other.0 })
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Single(if self.0 > other.0 { self.0 } else { other.0 })
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Single(self.0.sqrt())
    }
    #[inline(always)]
    unsafe fn rsqrt(self) -> Self {
        Single(T::ONE / self.0.sqrt())
    }
    #[inline(always)]
    unsafe fn sum(self) -> T {
        self.0
    }
    #[inline(always)]
    unsafe fn gather(from: *const T, rows: *const u32, stride: usize, count: usize) -> Self {
        collected(from, rows, stride, count)
    }
}

#[cfg(target_arch = "x86_64")]
impl Arithmetic<f32> for F32x8 {
    type One = Single256;
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        F32x8(_mm256_add_ps(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        F32x8(_mm256_sub_ps(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        F32x8(_mm256_mul_ps(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        F32x8(_mm256_div_ps(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        F32x8(_mm256_min_ps(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        F32x8(_mm256_max_ps(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        F32x8(_mm256_sqrt_ps(self.0))
    }
    #[inline(always)]
    unsafe fn rsqrt(self) -> Self {
        F32x8(_mm256_rsqrt_ps(self.0))
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let four = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
    }
    #[inline(always)]
    unsafe fn gather(from: *const f32, rows: *const u32, stride: usize, count: usize) -> Self {
        collected(from, rows, stride, count)
    }
}

#[cfg(target_arch = "x86_64")]
impl Arithmetic<f32> for F32x16 {
    type One = Single512;
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        F32x16(_mm512_add_ps(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        F32x16(_mm512_sub_ps(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        F32x16(_mm512_mul_ps(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        F32x16(_mm512_div_ps(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        F32x16(_mm512_min_ps(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        F32x16(_mm512_max_ps(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        F32x16(_mm512_sqrt_ps(self.0))
    }
    #[inline(always)]
    unsafe fn rsqrt(self) -> Self {
        F32x16(_mm512_rsqrt14_ps(self.0))
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        _mm512_reduce_add_ps(self.0)
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "no offset reaches 2³¹; at most sixteen lanes"
    )]
    #[inline(always)]
    unsafe fn gather(from: *const f32, rows: *const u32, stride: usize, count: usize) -> Self {
        let mask = ((1u32 << count) - 1) as __mmask16;
        let rows = _mm512_maskz_loadu_epi32(mask, rows.cast());
        let offsets = _mm512_mullo_epi32(rows, _mm512_set1_epi32(stride as i32));
        F32x16(_mm512_mask_i32gather_ps::<4>(
            _mm512_setzero_ps(),
            mask,
            offsets,
            from,
        ))
    }
}

/// One f32 on a machine with a fast root: a [`Single`] but for `rsqrt`.
#[cfg(target_arch = "x86_64")]
macro_rules! single {
    ($name:ident, $doc:literal, $rsqrt:ident) => {
        #[doc = $doc]
        #[derive(Clone, Copy)]
        pub struct $name(f32);

        impl Lanes<f32> for $name {
            const N: usize = 1;
            #[inline(always)]
            unsafe fn splat(value: f32) -> Self {
                $name(value)
            }
            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                $name(*from)
            }
            #[inline(always)]
            unsafe fn load_part(_from: *const f32, _count: usize) -> Self {
                $name(0.0)
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                *to = self.0;
            }
            #[inline(always)]
            unsafe fn store_part(self, _to: *mut f32, _count: usize) {}
            #[inline(always)]
            unsafe fn mul_add(self, a: Self, b: Self) -> Self {
                $name(self.0.mul_add(a.0, b.0))
            }
            #[inline(always)]
            unsafe fn relu(self) -> Self {
                $name(Single(self.0).relu().0)
            }
        }

        impl Arithmetic<f32> for $name {
            type One = $name;
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                $name(self.0 + other.0)
            }
            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                $name(self.0 - other.0)
            }
            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                $name(self.0 * other.0)
            }
            #[inline(always)]
            unsafe fn div(self, other: Self) -> Self {
                $name(self.0 / other.0)
            }
            #[inline(always)]
            unsafe fn min(self, other: Self) -> Self {
                $name(Single(self.0).min(Single(other.0)).0)
            }
            #[inline(always)]
            unsafe fn max(self, other: Self) -> Self {
                $name(Single(self.0).max(Single(other.0)).0)
            }
            #[inline(always)]
            unsafe fn sqrt(self) -> Self {
                $name(self.0.sqrt())
            }
            #[inline(always)]
            unsafe fn rsqrt(self) -> Self {
                let x = _mm_set_ss(self.0);
                $name(_mm_cvtss_f32($rsqrt(x)))
            }
            #[inline(always)]
            unsafe fn sum(self) -> f32 {
                self.0
            }
            #[inline(always)]
            unsafe fn gather(from: *const f32, rows: *const u32, stride: usize, count: usize) -> Self {
                collected(from, rows, stride, count)
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn rsqrt14(x: __m128) -> __m128 {
    _mm_rsqrt14_ss(x, x)
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn rsqrt11(x: __m128) -> __m128 {
    _mm_rsqrt_ss(x)
}

#[cfg(target_arch = "x86_64")]
single!(Single512, "One f32 beside AVX-512 registers.", rsqrt14);
#[cfg(target_arch = "x86_64")]
single!(Single256, "One f32 beside AVX2 registers.", rsqrt11);
