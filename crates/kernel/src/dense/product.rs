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

/// One product: A is m × depth with element (i, p) at `i * row + p * step`, where `step` or `row` is 1; B is depth × n,
/// C is m × n, both row-major.
pub struct Product<'a, T> {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) depth: usize,
    pub(super) a: &'a [T],
    pub(super) row: usize,
    pub(super) step: usize,
    pub(super) b: &'a [T],
    pub(super) init: Init<'a, T>,
    /// What is added to the finished sums: numbers and how far apart its rows are, 0 for one row of `n`, `n` for C's shape.
    pub(super) plus: Option<(&'a [T], usize)>,
    pub(super) activation: Activation,
}

/// Steps of the depth done at once, so that the panel of B stays near.
const DEPTH: usize = 256;
/// The same where A is read across (xᵀ): each step is a line of its own, and lines a power of two apart share few places
/// of the first cache. Measured: 64 steps reach 144 of 159 GFLOP/s, 256 steps 120 to 130.
const DEPTH_ACROSS: usize = 64;
/// Rows taken at once, so that their part of A and C stays near while every panel of B passes: whole tiles of six or eight.
const BLOCK: usize = 120;
/// Rows from which copying a panel of B pays.
const PACK: usize = 32;
/// Columns of the widest panel that is copied.
const WIDEST: usize = 64;
/// Steps of the depth between two tests of the loop's end.
const UNROLL: usize = 4;

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
        assert!(
            self.step == 1 || self.row == 1 || self.m <= 1,
            "a has steps along neither side"
        );
        assert!(self.depth * self.n <= self.b.len(), "b is too short");
        assert!(self.m * self.n <= c.len(), "c is too short");
        if let Init::Bias(bias) = self.init {
            assert!(self.n <= bias.len(), "the bias is too short");
        }
        if let Some((plus, stride)) = self.plus {
            assert!(
                last(self.m, stride) + self.n <= plus.len(),
                "what is added is too short"
            );
        }
    }
}

/// The loops of a checked product, for [`Real::product`]. Only [`Product::run_on`] calls it, after its checks.
#[inline(always)]
pub(crate) fn product_on<T: Real>(machine: Machine, p: &Product<'_, T>, c: &mut [T]) {
    match machine {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: callers name only machines of this processor; `check` has proved every index in range.
        Machine::Avx512 if p.step == 1 => unsafe { avx512::<T, false>(p, c) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Machine::Avx512 => unsafe { avx512::<T, true>(p, c) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Machine::Avx2 if p.step == 1 => unsafe { avx2::<T, false>(p, c) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Machine::Avx2 => unsafe { avx2::<T, true>(p, c) },
        // SAFETY: `check` has proved every index in range; one number needs no instruction set.
        _ if p.step == 1 => unsafe { body::<T, T::One, false, 4, 8, 4, 2>(p, c) },
        // SAFETY: as above.
        _ => unsafe { body::<T, T::One, true, 4, 8, 4, 2>(p, c) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512<T: Real, const ACROSS: bool>(p: &Product<'_, T>, c: &mut [T]) {
    // SAFETY: passed on: the instruction set is enabled here, the ranges are the caller's promise.
    unsafe { body::<T, T::Wide512, ACROSS, 6, 4, 8, 2>(p, c) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<T: Real, const ACROSS: bool>(p: &Product<'_, T>, c: &mut [T]) {
    // SAFETY: passed on: the instruction set is enabled here, the ranges are the caller's promise.
    unsafe { body::<T, T::Wide256, ACROSS, 6, 2, 8, 1>(p, c) }
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
    plus: Option<(*const T, usize)>,
    relu: bool,
    c: *mut T,
    m: usize,
    n: usize,
    depth: usize,
    /// Whether a row may be computed twice: what it is made of is not what it overwrites.
    again: bool,
}

/// Tiles are MR rows × NV registers, and MS × NS where fewer columns are left. ACROSS: A is read with `row` 1, otherwise
/// with `step` 1; one of the two strides is a constant, which leaves the loop few addresses to compute.
///
/// # Safety
/// As [`Lanes`]; all indices of the product lie inside its slices.
#[inline(always)]
unsafe fn body<
    T: Real,
    V: Lanes<T>,
    const ACROSS: bool,
    const MR: usize,
    const NV: usize,
    const MS: usize,
    const NS: usize,
>(
    p: &Product<'_, T>,
    c: &mut [T],
) {
    let mut room = [const { std::mem::MaybeUninit::<T>::uninit() }; DEPTH * WIDEST];
    let room = room.as_mut_ptr().cast::<T>();
    let mut first = 0;
    while first < p.m {
        let left = p.m - first;
        let count = if left < 2 * BLOCK { left } else { BLOCK };
        // SAFETY: passed on; the rows are among the m there are.
        unsafe { block::<T, V, ACROSS, MR, NV, MS, NS>(p, c.as_mut_ptr(), (first, count), room) };
        first += count;
    }
}

/// Some rows over the whole depth and all columns.
///
/// # Safety
/// As [`body`]; `c` is all of C, `room` holds DEPTH rows of WIDEST numbers.
#[inline(always)]
unsafe fn block<
    T: Real,
    V: Lanes<T>,
    const ACROSS: bool,
    const MR: usize,
    const NV: usize,
    const MS: usize,
    const NS: usize,
>(
    p: &Product<'_, T>,
    c: *mut T,
    rows_of: (usize, usize),
    room: *mut T,
) {
    let steps = if ACROSS { DEPTH_ACROSS } else { DEPTH };
    let mut from = 0;
    loop {
        let to = p.depth.min(from + steps);
        let s = cut(p, c, rows_of, (from, to));
        let mut j = 0;
        // SAFETY: passed on; every call covers columns j..j + width of the n there are.
        unsafe {
            if s.m < MR.min(MS) {
                j = panels::<T, V, ACROSS, 1, 8>(&s, j, room);
                j = panels::<T, V, ACROSS, 1, 4>(&s, j, room);
                j = panels::<T, V, ACROSS, 1, 1>(&s, j, room);
            } else {
                j = panels::<T, V, ACROSS, MR, NV>(&s, j, room);
                j = panels::<T, V, ACROSS, MS, NS>(&s, j, room);
                j = panels::<T, V, ACROSS, MS, 1>(&s, j, room);
            }
            if j < s.n {
                rows::<T, V, ACROSS, MS, 1, true>(&s, j, (s.b.add(j), s.stride));
            }
        }
        from = to;
        if from >= p.depth {
            return;
        }
    }
}

/// Takes `count` rows from `first` and the steps `from..to` of the depth; only the first step starts afresh, only the last adds
/// and activates.
#[inline(always)]
fn cut<T: Real>(
    p: &Product<'_, T>,
    c: *mut T,
    (first, count): (usize, usize),
    (from, to): (usize, usize),
) -> Stretch<T> {
    let bias = match p.init {
        Init::Bias(bias) if from == 0 => Some(bias.as_ptr()),
        Init::Bias(_) | Init::Zero | Init::Keep => None,
    };
    let keep = from > 0 || matches!(p.init, Init::Keep);
    let last = to == p.depth;
    Stretch {
        a: p.a.as_ptr().wrapping_add(first * p.row + from * p.step),
        row: p.row,
        step: p.step,
        b: p.b.as_ptr().wrapping_add(from * p.n),
        stride: p.n,
        bias,
        keep,
        plus: p
            .plus
            .filter(|_| last)
            .map(|(plus, stride)| (plus.as_ptr().wrapping_add(first * stride), stride)),
        relu: last && p.activation == Activation::Relu,
        c: c.wrapping_add(first * p.n),
        m: count,
        n: p.n,
        depth: to - from,
        again: last && !keep,
    }
}

/// All rows of as many panels of NV registers as there are from column `j`; returns the first column that is left. With
/// many rows a panel of B is copied together first.
///
/// # Safety
/// As [`body`]; `room` holds DEPTH rows of WIDEST numbers.
#[inline(always)]
unsafe fn panels<T: Real, V: Lanes<T>, const ACROSS: bool, const MR: usize, const NV: usize>(
    s: &Stretch<T>,
    mut j: usize,
    room: *mut T,
) -> usize {
    let width = NV * V::N;
    while j + width <= s.n {
        // SAFETY: passed on; a panel is at most DEPTH rows of WIDEST numbers, checked before copying.
        unsafe {
            let b = if s.m >= PACK && width <= WIDEST && width < s.stride {
                for p in 0..s.depth {
                    std::ptr::copy_nonoverlapping(s.b.add(p * s.stride + j), room.add(p * width), width);
                }
                (room.cast_const(), width)
            } else {
                (s.b.add(j), s.stride)
            };
            rows::<T, V, ACROSS, MR, NV, false>(s, j, b);
        }
        j += width;
    }
    j
}

/// All rows of one panel of columns. The last rows go by four, two and one, or with rows before them for the second time:
/// the same sums at a tile's price.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
unsafe fn rows<
    T: Real,
    V: Lanes<T>,
    const ACROSS: bool,
    const MR: usize,
    const NV: usize,
    const PART: bool,
>(
    s: &Stretch<T>,
    j: usize,
    b: (*const T, usize),
) {
    let (mut i, whole) = (0, s.m - s.m % MR);
    // SAFETY: passed on; all rows are among the m there are.
    unsafe {
        while i < whole {
            tile::<T, V, ACROSS, MR, NV, PART>(s, i, j, b);
            i += MR;
        }
        if whole > 0 && s.m - whole > 1 && s.again {
            return tile::<T, V, ACROSS, MR, NV, PART>(s, s.m - MR, j, b);
        }
        if s.m - i >= 4 {
            tile::<T, V, ACROSS, 4, NV, PART>(s, i, j, b);
            i += 4;
        }
        if s.m - i >= 2 {
            tile::<T, V, ACROSS, 2, NV, PART>(s, i, j, b);
            i += 2;
        }
        while i < s.m {
            tile::<T, V, ACROSS, 1, NV, PART>(s, i, j, b);
            i += 1;
        }
    }
}

/// MR rows × NV registers of C from row i, column j; with PART the one register holds only the last columns.
///
/// # Safety
/// As [`body`]; `b` points at column j of B's stretch and gives its stride.
#[inline(always)]
unsafe fn tile<
    T: Real,
    V: Lanes<T>,
    const ACROSS: bool,
    const MR: usize,
    const NV: usize,
    const PART: bool,
>(
    s: &Stretch<T>,
    i: usize,
    j: usize,
    (mut b, stride): (*const T, usize),
) {
    // SAFETY: rows i..i + MR and the columns of the tile lie inside C, A and B by the caller's promise.
    unsafe {
        let mut acc = start::<T, V, MR, NV, PART>(s, s.c.add(i * s.n + j), j);
        let mut a = Left::<T, ACROSS>::new(s, i, MR);
        for _ in 0..s.depth / UNROLL {
            for p in 0..UNROLL {
                step::<T, V, MR, NV, PART>(|r| a.at(r, p), b.add(p * stride), s.n - j, &mut acc);
            }
            a.advance(UNROLL);
            // past the last step it may lie beyond B, where `add` may not go
            b = b.wrapping_add(UNROLL * stride);
        }
        for _ in 0..s.depth % UNROLL {
            step::<T, V, MR, NV, PART>(|r| a.at(r, 0), b, s.n - j, &mut acc);
            a.advance(1);
            b = b.wrapping_add(stride);
        }
        finish::<T, V, MR, NV, PART>(s, i, j, acc);
    }
}

/// Where a tile reads A: three rows from each pointer, as many as an address can name without computing it.
struct Left<T, const ACROSS: bool> {
    at: [*const T; 3],
    row: usize,
    step: usize,
}

impl<T: Copy, const ACROSS: bool> Left<T, ACROSS> {
    #[inline(always)]
    fn new(s: &Stretch<T>, i: usize, rows: usize) -> Self {
        let (row, step) = if ACROSS { (1, s.step) } else { (s.row, 1) };
        let first = s.a.wrapping_add(i * row);
        let at = [0, 3, 6].map(|r| {
            if r < rows {
                first.wrapping_add(r * row)
            } else {
                first
            }
        });
        Left { at, row, step }
    }

    /// The number of row `r`, `p` steps ahead.
    ///
    /// # Safety
    /// It lies inside A.
    #[inline(always)]
    unsafe fn at(&self, r: usize, p: usize) -> T {
        // SAFETY: the caller's promise.
        unsafe { *self.at[r / 3].add((r % 3) * self.row + p * self.step) }
    }

    #[inline(always)]
    fn advance(&mut self, steps: usize) {
        self.at = self.at.map(|at| at.wrapping_add(steps * self.step));
    }
}

/// One step of the depth.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
unsafe fn step<T: Real, V: Lanes<T>, const MR: usize, const NV: usize, const PART: bool>(
    left: impl Fn(usize) -> T,
    b: *const T,
    count: usize,
    acc: &mut [[V; NV]; MR],
) {
    // SAFETY: passed on.
    unsafe {
        let mut right = [V::splat(T::ZERO); NV];
        for v in 0..NV {
            right[v] = take::<T, V, PART>(b.add(v * V::N), count);
        }
        for r in 0..MR {
            let left = V::splat(left(r));
            for v in 0..NV {
                acc[r][v] = left.mul_add(right[v], acc[r][v]);
            }
        }
    }
}

/// Adds what is added to finished sums, activates and stores a tile.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
unsafe fn finish<T: Real, V: Lanes<T>, const MR: usize, const NV: usize, const PART: bool>(
    s: &Stretch<T>,
    i: usize,
    j: usize,
    mut acc: [[V; NV]; MR],
) {
    let count = s.n - j;
    // SAFETY: passed on; `plus` has C's columns and rows, or one row.
    unsafe {
        for r in 0..MR {
            for v in 0..NV {
                if let Some((plus, stride)) = s.plus {
                    let more = take::<T, V, PART>(plus.add((i + r) * stride + j + v * V::N), count);
                    // one times a plus b rounds as the sum does
                    acc[r][v] = V::splat(T::ONE).mul_add(acc[r][v], more);
                }
                let value = if s.relu { acc[r][v].relu() } else { acc[r][v] };
                put::<T, V, PART>(value, s.c.add((i + r) * s.n + j + v * V::N), count);
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
