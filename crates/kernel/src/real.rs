//! `Real`: the two number types everything is generic over. f32 serves and trains; f64 is what gradient checks and
//! oracles use. Transcendental functions come from `libm`, so they give the same bits on every machine.
//!
//! The heavy loops are hidden methods here, so that they are compiled once, in this crate, rather than again in every
//! crate that names them.

use crate::dense::{Product, product_on};
use crate::lanes::{Arithmetic, Lanes};
use crate::machine::Machine;
use crate::optimiser::{Optimiser, step_dense, step_shared, step_sparse};
use crate::rows::{RowGradients, RowTable, SharedRows};
use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// f32 or f64. Sealed: the vector types behind it are the kernel's own.
pub trait Real:
    Copy
    + Default
    + Debug
    + Display
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    #[doc(hidden)]
    type One: Lanes<Self>;
    #[doc(hidden)]
    type Wide256: Lanes<Self>;
    #[doc(hidden)]
    type Wide512: Lanes<Self>;
    #[doc(hidden)]
    type Vector256: Arithmetic<Self>;
    #[doc(hidden)]
    type Vector512: Arithmetic<Self>;

    #[doc(hidden)]
    fn product(machine: Machine, product: &Product<'_, Self>, c: &mut [Self]);
    #[doc(hidden)]
    fn dot(machine: Machine, x: &[Self], y: &[Self]) -> Self;
    #[doc(hidden)]
    fn transpose(machine: Machine, matrix: &[Self], columns: usize, out: &mut [Self]);
    #[doc(hidden)]
    fn step(optimiser: &Optimiser, t: u64, w: &mut [Self], g: &[Self], state: &mut [Self]);
    #[doc(hidden)]
    fn step_rows(optimiser: &Optimiser, t: u64, table: &mut RowTable<Self>, gradients: &RowGradients<Self>);
    #[doc(hidden)]
    fn step_shared(
        optimiser: &Optimiser,
        t: u64,
        rows: (&SharedRows<Self>, &mut Vec<Self>),
        gradients: &RowGradients<Self>,
    );

    #[doc(hidden)]
    fn logistic(machine: Machine, logits: &[Self], answers: &mut [Self], costs: &mut [Self]);
    #[doc(hidden)]
    fn powers(machine: Machine, scores: &mut [Self], least: Self) -> (Self, Self);

    /// Converts from f64, rounding to nearest.
    fn of(value: f64) -> Self;
    /// Converts to f64, exactly.
    fn to_f64(self) -> f64;
    /// Returns `self * a + b` with one rounding.
    #[must_use]
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// Returns the square root.
    #[must_use]
    fn sqrt(self) -> Self;
    /// Returns e to the power of `self`.
    #[must_use]
    fn exp(self) -> Self;
    /// Returns ln(1 + self).
    #[must_use]
    fn ln_1p(self) -> Self;
    /// Returns the hyperbolic tangent.
    #[must_use]
    fn tanh(self) -> Self;
    /// Returns the absolute value.
    #[must_use]
    fn abs(self) -> Self;
    /// Returns whether the value is neither infinite nor NaN.
    fn is_finite(self) -> bool;
}

macro_rules! real {
    ($t:ty, $logistic:path, $powers:path, $exp:path, $ln:path, $tanh:path, $w256:ty, $w512:ty, $v256:ty, $v512:ty, $of:expr) => {
        impl Real for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            type One = crate::lanes::Single<$t>;
            type Wide256 = $w256;
            type Wide512 = $w512;
            type Vector256 = $v256;
            type Vector512 = $v512;
            #[inline(never)]
            fn product(machine: Machine, product: &Product<'_, $t>, c: &mut [$t]) {
                product_on(machine, product, c);
            }
            #[inline(never)]
            fn dot(machine: Machine, x: &[$t], y: &[$t]) -> $t {
                crate::dense::dot_on(machine, x, y)
            }
            #[inline(never)]
            fn transpose(machine: Machine, matrix: &[$t], columns: usize, out: &mut [$t]) {
                crate::dense::transpose_on(machine, matrix, columns, out);
            }
            #[inline(never)]
            fn step(optimiser: &Optimiser, t: u64, w: &mut [$t], g: &[$t], state: &mut [$t]) {
                step_dense(optimiser, t, w, g, state);
            }
            #[inline(never)]
            fn step_rows(o: &Optimiser, t: u64, table: &mut RowTable<$t>, gradients: &RowGradients<$t>) {
                step_sparse(o, t, table, gradients);
            }
            #[inline(never)]
            fn step_shared(
                o: &Optimiser,
                t: u64,
                rows: (&SharedRows<$t>, &mut Vec<$t>),
                gradients: &RowGradients<$t>,
            ) {
                step_shared(o, t, rows, gradients);
            }
            #[inline(never)]
            fn logistic(machine: Machine, logits: &[$t], answers: &mut [$t], costs: &mut [$t]) {
                $logistic(machine, logits, answers, costs);
            }
            #[inline(never)]
            fn powers(machine: Machine, scores: &mut [$t], least: $t) -> ($t, $t) {
                $powers(machine, scores, least)
            }
            #[inline(always)]
            fn of(value: f64) -> Self {
                $of(value)
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                <$t>::mul_add(self, a, b)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$t>::sqrt(self)
            }
            #[inline]
            fn exp(self) -> Self {
                $exp(self)
            }
            #[inline]
            fn ln_1p(self) -> Self {
                $ln(self)
            }
            #[inline]
            fn tanh(self) -> Self {
                $tanh(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$t>::abs(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                <$t>::is_finite(self)
            }
        }
    };
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to nearest is what `of` promises"
)]
#[inline(always)]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[inline(always)]
fn same(value: f64) -> f64 {
    value
}

#[cfg(target_arch = "x86_64")]
mod wide {
    pub(super) use crate::lanes::avx2::{F32x8, F64x4};
    pub(super) use crate::lanes::avx512::{F32x16, F64x8};
}
#[cfg(not(target_arch = "x86_64"))]
mod wide {
    pub(super) type F32x8 = crate::lanes::Single<f32>;
    pub(super) type F32x16 = crate::lanes::Single<f32>;
    pub(super) type F64x4 = crate::lanes::Single<f64>;
    pub(super) type F64x8 = crate::lanes::Single<f64>;
}

real!(
    f32,
    crate::logistic::fast,
    crate::softmax::fast,
    libm::expf,
    libm::log1pf,
    libm::tanhf,
    wide::F32x8,
    wide::F32x16,
    wide::F32x8,
    wide::F32x16,
    narrow
);
real!(
    f64,
    crate::logistic::exact,
    crate::softmax::exact,
    libm::exp,
    libm::log1p,
    libm::tanh,
    wide::F64x4,
    wide::F64x8,
    crate::lanes::Single<f64>,
    crate::lanes::Single<f64>,
    same
);
