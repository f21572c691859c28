//! The one product behind every dense loop: C = init + A·B with the activation in its epilogue.
//!
//! Each output is `acc = fma(a[i][p], b[p][j], acc)` with p ascending, whatever the tile, the batch or the machine, so
//! a row's bits never depend on its neighbours. Tiles keep their sums in registers; A is read through two strides, so
//! the same loop makes x·w and xᵀ·g. A general gemm was refused: its sums change with the batch.
#![expect(
    clippy::needless_range_loop,
    reason = "constant bounds over arrays of registers unroll; iterators spill"
)]

use crate::activation::Activation;
use crate::lanes::Lanes;
use crate::machine::Machine;
use crate::real::Real;

/// Where the sums start.
#[derive(Clone, Copy)]
pub(super) enum Init<'a, T> {
    /// At zero.
    Zero,
    /// At a row of `n` numbers, the same for every row of C.
    Bias(&'a [T]),
    /// At what C holds.
    Keep,
}

/// One product: A is m × depth with element (i, p) at `i * row + p * step`; B is depth × n, C is m × n, both row-major.
pub struct Product<'a, T> {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) depth: usize,
    pub(super) a: &'a [T],
    pub(super) row: usize,
    pub(super) step: usize,
    pub(super) b: &'a [T],
    pub(super) init: Init<'a, T>,
    pub(super) activation: Activation,
}

/// Steps of the depth done at once, so that the panel of B stays near.
const DEPTH: usize = 256;
/// The same where A is read across (xᵀ): each step is a line of its own, and lines a power of two apart share few places
/// of the first cache. Measured: 64 steps reach 144 of 159 GFLOP/s, 256 steps 120 to 130.
const DEPTH_ACROSS: usize = 64;
/// Rows from which copying a panel of B pays.
const PACK: usize = 32;

impl<T: Real> Product<'_, T> {
    /// Computes the product on the best machine.
    pub(super) fn run(&self, c: &mut [T]) {
        self.run_on(Machine::detect(), c);
    }

    /// Computes the product on a machine that the processor must have.
    pub(super) fn run_on(&self, machine: Machine, c: &mut [T]) {
        self.check(c);
        T::product(machine, self, c);
        if self.activation != Activation::Relu {
            self.activation.apply(&mut c[..self.m * self.n]);
        }
    }

    /// Proves that every element the tiles touch lies inside its slice.
    fn check(&self, c: &[T]) {
        let last = |count: usize, stride: usize| count.saturating_sub(1) * stride;
        if self.m > 0 && self.depth > 0 {
            assert!(
                last(self.m, self.row) + last(self.depth, self.step) < self.a.len(),
                "a is too short"
            );
        }
        assert!(self.depth * self.n <= self.b.len(), "b is too short");
        assert!(self.m * self.n <= c.len(), "c is too short");
        if let Init::Bias(bias) = self.init {
            assert!(self.n <= bias.len(), "the bias is too short");
        }
    }
}

/// The loops of a checked product, for [`Real::product`]. Only [`Product::run_on`] calls it, after its checks.
#[inline(always)]
pub(crate) fn product_on<T: Real>(machine: Machine, p: &Product<'_, T>, c: &mut [T]) {
    match machine {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: callers name only machines of this processor; `check` has proved every index in range.
        Machine::Avx512 => unsafe { avx512(p, c) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Machine::Avx2 => unsafe { avx2(p, c) },
        // SAFETY: `check` has proved every index in range; one number needs no instruction set.
        _ => unsafe { body::<T, T::One, 4, 8>(p, c) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512<T: Real>(p: &Product<'_, T>, c: &mut [T]) {
    // SAFETY: passed on: the instruction set is enabled here, the ranges are the caller's promise.
    unsafe { body::<T, T::Wide512, 8, 2>(p, c) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<T: Real>(p: &Product<'_, T>, c: &mut [T]) {
    // SAFETY: passed on: the instruction set is enabled here, the ranges are the caller's promise.
    unsafe { body::<T, T::Wide256, 4, 2>(p, c) }
}

/// One stretch of the depth over all rows and columns; raw, because tiles are cut from it.
struct Stretch<T> {
    a: *const T,
    row: usize,
    step: usize,
    b: *const T,
    stride: usize,
    bias: Option<*const T>,
    keep: bool,
    relu: bool,
    c: *mut T,
    n: usize,
    depth: usize,
}

/// # Safety
/// As [`Lanes`]; all indices of the product lie inside its slices.
#[inline(always)]
unsafe fn body<T: Real, V: Lanes<T>, const MR: usize, const NV: usize>(p: &Product<'_, T>, c: &mut [T]) {
    let whole = p.m - p.m % MR;
    let steps = if p.step > 1 { DEPTH_ACROSS } else { DEPTH };
    let mut from = 0;
    loop {
        let to = p.depth.min(from + steps);
        let stretch = cut(p, c.as_mut_ptr(), from, to);
        // SAFETY: passed on; `whole` rows are a multiple of MR, the others go one by one.
        unsafe {
            strip::<T, V, MR, NV>(&stretch, 0, whole);
            if whole > 0 && p.m - whole > 1 && !stretch.keep && to == p.depth {
                // The last rows, some of them for the second time: the same sums at a tile's price.
                strip::<T, V, MR, NV>(&stretch, p.m - MR, p.m);
            } else {
                strip::<T, V, 1, 8>(&stretch, whole, p.m);
            }
        }
        from = to;
        if from >= p.depth {
            return;
        }
    }
}

/// Takes the steps `from..to` of the depth; only the first starts afresh, only the last activates.
#[inline(always)]
fn cut<T: Real>(p: &Product<'_, T>, c: *mut T, from: usize, to: usize) -> Stretch<T> {
    let bias = match p.init {
        Init::Bias(bias) if from == 0 => Some(bias.as_ptr()),
        Init::Bias(_) | Init::Zero | Init::Keep => None,
    };
    Stretch {
        a: p.a.as_ptr().wrapping_add(from * p.step),
        row: p.row,
        step: p.step,
        b: p.b.as_ptr().wrapping_add(from * p.n),
        stride: p.n,
        bias,
        keep: from > 0 || matches!(p.init, Init::Keep),
        relu: to == p.depth && p.activation == Activation::Relu,
        c,
        n: p.n,
        depth: to - from,
    }
}

/// Rows `from..to` (a multiple of MR) of all columns: blocks of NV registers, then single ones, then a part of one.
///
/// # Safety
/// As [`body`].
#[inline(always)]
unsafe fn strip<T: Real, V: Lanes<T>, const MR: usize, const NV: usize>(
    s: &Stretch<T>,
    from: usize,
    to: usize,
) {
    if from == to {
        return;
    }
    let mut j = 0;
    // SAFETY: passed on; every call below covers columns j..j + width of the n there are.
    unsafe {
        while j + NV * V::N <= s.n {
            panel::<T, V, MR, NV>(s, from, to, j);
            j += NV * V::N;
        }
        while j + V::N <= s.n {
            panel::<T, V, MR, 1>(s, from, to, j);
            j += V::N;
        }
        if j < s.n {
            for i in (from..to).step_by(MR) {
                tile::<T, V, MR, 1, true>(s, i, j, (s.b.add(j), s.stride));
            }
        }
    }
}

/// Rows `from..to` of NV full registers of columns; with many rows the panel of B is copied together first.
///
/// # Safety
/// As [`body`].
#[inline(always)]
unsafe fn panel<T: Real, V: Lanes<T>, const MR: usize, const NV: usize>(
    s: &Stretch<T>,
    from: usize,
    to: usize,
    j: usize,
) {
    let width = NV * V::N;
    let mut packed = [const { std::mem::MaybeUninit::<T>::uninit() }; DEPTH * 32];
    // SAFETY: passed on; a panel is at most DEPTH rows of 32 numbers, checked before copying.
    unsafe {
        let b = if to - from >= PACK && width <= 32 && width < s.stride {
            let target = packed.as_mut_ptr().cast::<T>();
            for p in 0..s.depth {
                std::ptr::copy_nonoverlapping(s.b.add(p * s.stride + j), target.add(p * width), width);
            }
            (target.cast_const(), width)
        } else {
            (s.b.add(j), s.stride)
        };
        for i in (from..to).step_by(MR) {
            tile::<T, V, MR, NV, false>(s, i, j, b);
        }
    }
}

/// MR rows × NV registers of C from row i, column j; with PART the one register holds only the last columns.
///
/// # Safety
/// As [`body`]; `b` points at column j of B's stretch and gives its stride.
#[inline(always)]
unsafe fn tile<T: Real, V: Lanes<T>, const MR: usize, const NV: usize, const PART: bool>(
    s: &Stretch<T>,
    i: usize,
    j: usize,
    b: (*const T, usize),
) {
    let count = s.n - j;
    // SAFETY: rows i..i + MR and the columns of the tile lie inside C, A and B by the caller's promise.
    unsafe {
        let c = s.c.add(i * s.n + j);
        let a = s.a.add(i * s.row);
        let mut acc = start::<T, V, MR, NV, PART>(s, c, j);
        for p in 0..s.depth {
            let from = b.0.add(p * b.1);
            let mut right = [V::splat(T::ZERO); NV];
            for v in 0..NV {
                right[v] = take::<T, V, PART>(from.add(v * V::N), count);
            }
            for r in 0..MR {
                let left = V::splat(*a.add(r * s.row + p * s.step));
                for v in 0..NV {
                    acc[r][v] = left.mul_add(right[v], acc[r][v]);
                }
            }
        }
        for r in 0..MR {
            for v in 0..NV {
                let value = if s.relu { acc[r][v].relu() } else { acc[r][v] };
                put::<T, V, PART>(value, c.add(r * s.n + v * V::N), count);
            }
        }
    }
}

/// The tile's first sums: what C holds, the bias, or zero.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
unsafe fn start<T: Real, V: Lanes<T>, const MR: usize, const NV: usize, const PART: bool>(
    s: &Stretch<T>,
    c: *const T,
    j: usize,
) -> [[V; NV]; MR] {
    let count = s.n - j;
    // SAFETY: passed on.
    unsafe {
        let mut acc = [[V::splat(T::ZERO); NV]; MR];
        for r in 0..MR {
            for v in 0..NV {
                if s.keep {
                    acc[r][v] = take::<T, V, PART>(c.add(r * s.n + v * V::N), count);
                } else if let Some(bias) = s.bias {
                    acc[r][v] = take::<T, V, PART>(bias.add(j + v * V::N), count);
                }
            }
        }
        acc
    }
}

/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn take<T: Real, V: Lanes<T>, const PART: bool>(from: *const T, count: usize) -> V {
    // SAFETY: passed on.
    unsafe {
        if PART {
            V::load_part(from, count)
        } else {
            V::load(from)
        }
    }
}

/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn put<T: Real, V: Lanes<T>, const PART: bool>(value: V, to: *mut T, count: usize) {
    // SAFETY: passed on.
    unsafe {
        if PART {
            value.store_part(to, count)
        } else {
            value.store(to)
        }
    }
}
