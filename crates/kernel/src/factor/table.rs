//! `FactorTable`: rows of factors and a linear weight with their optimiser state, shared by threads that update at once.
//!
//! A row is planes of equal length: weights, then each state. Within a plane come the factors, field by field, padding,
//! and the linear weight as the last number: so one loop of whole registers moves them all. Memory is segments of a
//! fixed size on huge pages: rows never move, growing copies nothing. Rows are written by [`super::Learner`] through
//! `&FactorTable` from several threads without locks (Hogwild, Niu et al. 2011); SAFETY.md says what that means.

use super::rule::Rule;
use crate::error::KernelError;
use crate::real::Real;
use memmap2::MmapMut;
use std::cell::UnsafeCell;
use std::marker::PhantomData;

/// Bytes of a segment.
const SEGMENT: usize = 1 << 26;
/// Most numbers in a plane.
const WIDEST: usize = 1 << 14;
/// Most rows.
const MOST: usize = u32::MAX as usize - 1;

/// Fields and factors of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Fields that a row has factors for: 0 for a linear model, 1 for a factorisation machine, the model's for FFM.
    pub fields: usize,
    /// Factors per field.
    pub k: usize,
}

impl Shape {
    /// Returns the factors of a row.
    #[must_use]
    pub fn factors(self) -> usize {
        self.fields * self.k
    }

    /// Returns the numbers of a plane: factors, padding and the linear weight.
    #[must_use]
    pub fn lanes(self) -> usize {
        match self.factors() {
            0 => 1,
            factors => (factors + 1).next_multiple_of(16),
        }
    }

    /// Returns whether rows of this shape can be kept.
    #[must_use]
    pub fn fits(self) -> bool {
        self.fields.checked_mul(self.k).is_some_and(|f| f < WIDEST)
    }
}

/// One mapped stretch of rows.
struct Segment<T> {
    base: *mut T,
    _map: MmapMut,
}

/// Rows of factors, shared by learners.
pub struct FactorTable<T> {
    shape: Shape,
    rule: Rule,
    /// Numbers from one row to the next, and between planes.
    stride: usize,
    /// log₂ of the rows of a segment.
    shift: u32,
    rows: usize,
    segments: Vec<Segment<T>>,
    bias: Box<UnsafeCell<[T; 16]>>,
    numbers: PhantomData<T>,
}

// SAFETY: the segments are owned memory of plain numbers; a table may move between threads.
unsafe impl<T: Send> Send for FactorTable<T> {}
// SAFETY: rows are read and written through raw pointers only, never as references, and any mix of old and new numbers is
// a valid row. Concurrent writers race on purpose (module text); with one learner there is no race.
unsafe impl<T: Sync> Sync for FactorTable<T> {}

impl<T> std::fmt::Debug for FactorTable<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FactorTable")
            .field("shape", &self.shape)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl<T: Real> FactorTable<T> {
    /// Makes an empty table.
    ///
    /// # Panics
    /// If the shape does not [`Shape::fits`].
    #[must_use]
    pub fn new(shape: Shape, rule: Rule) -> FactorTable<T> {
        assert!(shape.fits(), "a row of {shape:?} is too wide");
        let used = shape.lanes() * (1 + rule.states());
        let stride = if used < 16 { used.next_power_of_two() } else { used };
        let fitting = SEGMENT / (stride * size_of::<T>());
        let mut bias = [T::ZERO; 16];
        bias[1..3].copy_from_slice(&rule.start(T::ZERO, &rule.weight));
        FactorTable {
            shape,
            rule,
            stride,
            shift: fitting.ilog2(),
            rows: 0,
            segments: Vec::new(),
            bias: Box::new(UnsafeCell::new(bias)),
            numbers: PhantomData,
        }
    }

    /// Returns the shape of a row.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Returns the rule rows move by.
    #[must_use]
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Returns whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Appends a row whose factors (zeros) `fill` may set; returns its number.
    ///
    /// # Errors
    /// [`KernelError::Memory`], [`KernelError::Rows`].
    pub fn push(&mut self, fill: impl FnOnce(&mut [T])) -> Result<u32, KernelError> {
        let row = u32::try_from(self.rows).ok().filter(|r| (*r as usize) < MOST);
        let row = row.ok_or(KernelError::Rows { limit: MOST })?;
        if self.rows >> self.shift == self.segments.len() {
            self.segments.push(segment()?);
        }
        self.rows += 1;
        let (rule, shape) = (self.rule, self.shape);
        let (weights, states) = self.row_mut(row).split_at_mut(shape.lanes());
        fill(&mut weights[..shape.factors()]);
        start(&rule, weights, states);
        Ok(row)
    }

    /// Forgets the rows from number `rows` on.
    pub fn truncate(&mut self, rows: usize) {
        for row in (0u32..).take(self.rows).skip(rows) {
            // A row that is pushed begins with zeros.
            self.row_mut(row).fill(T::ZERO);
        }
        self.rows = self.rows.min(rows);
    }

    /// Makes `copy` and `base` what `row` is; other threads may write the row meanwhile.
    ///
    /// # Panics
    /// If there is no such row or copy, or `base` is not [`FactorTable::numbers`] long.
    pub(super) fn copy_row(&self, row: u32, copy: u32, base: &mut [T]) {
        self.save_row(row, base);
        let to = self.at(copy);
        for (at, from) in base.iter().enumerate() {
            // SAFETY: the copy is at least `numbers` numbers, as many as `base` has.
            unsafe { *to.add(at) = *from };
        }
    }

    /// Adds what `copy` has beyond `base` to `row`; all three are then what the row is.
    ///
    /// # Panics
    /// As [`FactorTable::copy_row`].
    pub(super) fn fold_row(&self, row: u32, copy: u32, base: &mut [T]) {
        assert_eq!(base.len(), self.numbers(), "the numbers of a row");
        let (to, from) = (self.at(row), self.at(copy));
        let (whole, rest) = base.as_chunks_mut::<16>();
        let first = whole.len() * 16;
        for (at, base) in whole.iter_mut().enumerate() {
            // SAFETY: row and copy are at least `numbers` numbers, as many as `base` has. Sixteen are read before any is written, so
            // that whole registers move them.
            unsafe { fold(to.add(at * 16).cast(), from.add(at * 16).cast(), base) };
        }
        for (at, base) in rest.iter_mut().enumerate() {
            // SAFETY: as above.
            unsafe {
                fold(
                    to.add(first + at).cast(),
                    from.add(first + at).cast(),
                    std::array::from_mut(base),
                )
            };
        }
    }

    /// Returns the numbers of a row: factors, padding and the linear weight, then the same of each state.
    #[must_use]
    pub fn numbers(&self) -> usize {
        self.shape.lanes() * (1 + self.rule.states())
    }

    /// Copies all numbers of a row, its states among them, to `out`: what a run goes on from.
    ///
    /// # Panics
    /// If there is no such row or `out` is not [`FactorTable::numbers`] long.
    pub fn save_row(&self, row: u32, out: &mut [T]) {
        assert_eq!(out.len(), self.numbers(), "the numbers of a row");
        let from = self.at(row);
        for (at, to) in out.iter_mut().enumerate() {
            // SAFETY: the row is at least `numbers` numbers.
            *to = unsafe { *from.add(at) };
        }
    }

    /// Takes back what [`FactorTable::save_row`] copied.
    ///
    /// # Panics
    /// As [`FactorTable::save_row`].
    pub fn load_row(&mut self, row: u32, from: &[T]) {
        self.row_mut(row).copy_from_slice(from);
    }

    /// Gives a row weights, and the states that such weights begin with.
    ///
    /// # Panics
    /// If there is no such row or it has another number of factors.
    pub fn begin_row(&mut self, row: u32, weight: T, factors: &[T]) {
        let (rule, shape) = (self.rule, self.shape);
        let (weights, states) = self.row_mut(row).split_at_mut(shape.lanes());
        weights[..shape.factors()].copy_from_slice(factors);
        weights[shape.lanes() - 1] = weight;
        start(&rule, weights, states);
    }

    /// All numbers of a row.
    fn row_mut(&mut self, row: u32) -> &mut [T] {
        let (at, numbers) = (self.at(row), self.numbers());
        // SAFETY: the row is at least `numbers` numbers, and `&mut self` says that no learner runs.
        unsafe { std::slice::from_raw_parts_mut(at, numbers) }
    }

    /// Copies a row's factors to `out`; returns its linear weight.
    ///
    /// # Panics
    /// If there is no such row or `out` has another length than the factors.
    pub fn read(&self, row: u32, out: &mut [T]) -> T {
        assert_eq!(out.len(), self.shape.factors(), "the factors of a row");
        let from = self.at(row);
        // SAFETY: the row is at least `lanes` numbers, of which the factors are the first.
        unsafe {
            for (at, to) in out.iter_mut().enumerate() {
                *to = *from.add(at);
            }
            *from.add(self.shape.lanes() - 1)
        }
    }

    /// Returns the bias.
    #[must_use]
    pub fn bias(&self) -> T {
        // SAFETY: the cell holds 16 numbers.
        unsafe { *self.bias_at() }
    }

    /// Returns the bias and its states.
    #[must_use]
    pub fn save_bias(&self) -> [T; 3] {
        // SAFETY: the cell holds 16 numbers.
        [0, 1, 2].map(|at| unsafe { *self.bias_at().add(at) })
    }

    /// Takes back what [`FactorTable::save_bias`] returned.
    pub fn load_bias(&mut self, numbers: [T; 3]) {
        self.bias.get_mut()[..3].copy_from_slice(&numbers);
    }

    /// Sets the bias, with the states that it begins with.
    pub fn begin_bias(&mut self, bias: T) {
        let [one, two] = self.rule.start(bias, &self.rule.weight);
        self.load_bias([bias, one, two]);
    }

    /// Copies all weights, the bias last, to `out`: what early stopping remembers. States are not copied.
    pub fn save_weights(&self, out: &mut Vec<T>) {
        let lanes = self.shape.lanes();
        out.clear();
        out.reserve(self.rows * lanes + 1);
        for row in (0u32..).take(self.rows) {
            let from = self.at(row);
            // SAFETY: the row is at least `lanes` numbers.
            out.extend((0..lanes).map(|lane| unsafe { *from.add(lane) }));
        }
        out.push(self.bias());
    }

    /// Takes back weights that [`FactorTable::save_weights`] copied; rows that came later keep theirs.
    pub fn load_weights(&mut self, saved: &[T]) {
        let lanes = self.shape.lanes();
        let Some((bias, rows)) = saved.split_last() else {
            return;
        };
        for (row, saved) in (0u32..).zip(rows.chunks_exact(lanes).take(self.rows)) {
            let to = self.at(row);
            for (lane, value) in saved.iter().enumerate() {
                // SAFETY: the row is at least `lanes` numbers, and `&mut self` says that no learner runs.
                unsafe { *to.add(lane) = *value };
            }
        }
        self.bias.get_mut()[0] = *bias;
    }

    /// The first number of a row.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline(always)]
    pub(super) fn at(&self, row: u32) -> *mut T {
        let row = row as usize;
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let within = row & ((1 << self.shift) - 1);
        self.segments[row >> self.shift]
            .base
            .wrapping_add(within * self.stride)
    }

    /// The first number of row 0 and the numbers from one row to the next, while all rows lie in one stretch.
    #[inline(always)]
    pub(super) fn stretch(&self) -> Option<(*mut T, usize)> {
        match self.segments.as_slice() {
            [segment] => Some((segment.base, self.stride)),
            _ => None,
        }
    }

    #[inline(always)]
    pub(super) fn bias_at(&self) -> *mut T {
        self.bias.get().cast()
    }

    /// Asks for all lines of a row; a row that does not exist is ignored.
    #[inline(always)]
    pub(super) fn prefetch(&self, row: u32) {
        let row = row as usize;
        let Some(segment) = self.segments.get(row >> self.shift) else {
            return;
        };
        let within = row & ((1 << self.shift) - 1);
        let start = segment.base.wrapping_add(within * self.stride).cast::<u8>();
        let (bytes, mut at) = (self.stride * size_of::<T>(), 0);
        while at < bytes {
            fetch(start.wrapping_add(at));
            at += 64;
        }
    }
}

/// Adds what N numbers of a copy have beyond `base` to those of its row; all three are then the row's.
///
/// # Safety
/// `to` and `from` are N numbers each.
#[inline(always)]
unsafe fn fold<T: Real, const N: usize>(to: *mut [T; N], from: *mut [T; N], base: &mut [T; N]) {
    // SAFETY: the caller's promise.
    let (mut now, gained) = unsafe { (to.read(), from.read()) };
    for ((now, gained), base) in now.iter_mut().zip(gained).zip(base.iter()) {
        *now += gained - *base;
    }
    *base = now;
    // SAFETY: the caller's promise.
    unsafe {
        to.write(now);
        from.write(now);
    }
}

/// Fills the states that weights begin with; the last weight is the linear one.
fn start<T: Real>(rule: &Rule, weights: &[T], states: &mut [T]) {
    let lanes = weights.len();
    for (lane, w) in weights.iter().enumerate() {
        let rates = if lane + 1 == lanes {
            &rule.weight
        } else {
            &rule.factor
        };
        for (plane, value) in states.chunks_exact_mut(lanes).zip(rule.start(*w, rates)) {
            plane[lane] = value;
        }
    }
}

/// Maps zeroed memory, on huge pages where the system has them.
fn segment<T>() -> Result<Segment<T>, KernelError> {
    let fault = |source| KernelError::Memory {
        bytes: SEGMENT,
        source,
    };
    let mut map = MmapMut::map_anon(SEGMENT).map_err(fault)?;
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    Ok(Segment {
        base: map.as_mut_ptr().cast(),
        _map: map,
    })
}

/// Asks for the cache line at an address, into the first level: where a row is a few numbers.
#[inline(always)]
pub(super) fn fetch_near<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults on no address; SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// Asks for the cache line at an address, into the second level: a sample's rows may be as large as the first.
#[inline(always)]
fn fetch(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults on no address; SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
