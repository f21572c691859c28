//! `Learner`: one thread's hand on a [`FactorTable`]: predict a sample, then move its rows by the loss's slope.

use super::forward::forward;
use super::rule::{Adagrad, Adam, AdamW, Ftrl, Kind, Momentum, RmsProp, Rule, Sgd, Step};
use super::table::{FactorTable, Shape};
use super::update::{Moves, update};
use crate::lanes::Single;
use crate::machine::Machine;
use crate::real::Real;

/// The least slope that moves anything.
const LEAST: f64 = 1e-9;

/// The signs of a sample: table rows with their fields and values, equally long.
#[derive(Debug, Clone, Copy)]
pub struct Entries<'a, T> {
    /// Row numbers.
    pub rows: &'a [u32],
    /// Field of each row, below the shape's `fields` (not read by linear models and factorisation machines).
    pub fields: &'a [u16],
    /// Value of each.
    pub values: &'a [T],
}

/// Sixteen numbers on a cache line's boundary.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line<T>([T; 16]);

/// How a sample's products are formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// No factors.
    Linear,
    /// One field: the sum of all vectors.
    Sum,
    /// Every field exactly once, in order.
    Complete,
    /// Any fields.
    Any,
}

/// Numbers of one sample, laid out as the rows are. With F fields: `cross` is F × lanes, `cross[f][g]` the sum over the
/// sample's rows of field g of their factors for field f, times values; the last lane is 1. `own` is what a field has
/// for itself.
pub(super) struct Layout<'a, T> {
    pub(super) cross: &'a mut [T],
    pub(super) own: &'a mut [T],
}

/// Predicts and updates on one thread; its buffers are as large as one sample's products.
pub struct Learner<T> {
    machine: Machine,
    rule: Rule,
    shape: Shape,
    steps: u64,
    lines: Vec<Line<T>>,
    own: Vec<T>,
}

impl<T> std::fmt::Debug for Learner<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Learner")
            .field("rule", &self.rule)
            .finish_non_exhaustive()
    }
}

impl<T: Real> Learner<T> {
    /// Makes a learner for tables like this one.
    #[must_use]
    pub fn new(table: &FactorTable<T>) -> Learner<T> {
        Learner::on(Machine::detect(), table)
    }

    pub(super) fn on(machine: Machine, table: &FactorTable<T>) -> Learner<T> {
        let (shape, lanes) = (table.shape(), table.shape().lanes());
        let numbers = shape.fields.max(1) * lanes;
        let mut learner = Learner {
            machine,
            rule: *table.rule(),
            shape,
            steps: 0,
            lines: vec![Line([T::ZERO; 16]); numbers.div_ceil(16)],
            own: vec![T::ZERO; shape.factors()],
        };
        for at in (0..numbers).skip(lanes - 1).step_by(lanes) {
            learner.lines[at / 16].0[at % 16] = T::ONE;
        }
        learner
    }

    /// Multiplies the rates of the table's rule from here on.
    pub fn scale(&mut self, table: &FactorTable<T>, factor: f64) {
        self.rule = table.rule().scaled(factor);
    }

    /// Returns how many samples it has learnt: what Adam corrects its moments by.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Goes on as after that many samples.
    pub fn set_steps(&mut self, steps: u64) {
        self.steps = steps;
    }

    /// Returns the logit of a sample.
    ///
    /// # Panics
    /// If the entries differ in length, a row or a field does not exist, or the table has another shape or rule.
    pub fn predict(&mut self, table: &FactorTable<T>, entries: Entries<'_, T>) -> T {
        assert!(
            table.shape() == self.shape,
            "a learner of {:?} on {table:?}",
            self.shape
        );
        let form = check(table, entries);
        let layout = layout(&mut self.lines, &mut self.own);
        match self.machine {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: detected; rows and fields are checked.
            Machine::Avx512 => unsafe { forward_avx512(table, entries, layout, form) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: detected; rows and fields are checked.
            Machine::Avx2 => unsafe { forward_avx2(table, entries, layout, form) },
            // SAFETY: one number at a time runs anywhere; rows and fields are checked.
            _ => unsafe { forward::<T, Single<T>>(table, entries, layout, form) },
        }
    }

    /// Moves the rows of the sample that was predicted last by the loss's slope at its logit, and asks for the memory of
    /// the rows `next`, which the next sample will read.
    ///
    /// # Panics
    /// As [`Learner::predict`].
    pub fn update(&mut self, table: &FactorTable<T>, entries: Entries<'_, T>, slope: T, next: &[u32]) {
        assert!(
            table.shape() == self.shape,
            "a learner of {:?} on {table:?}",
            self.shape
        );
        let form = check(table, entries);
        // A slope that no weight can feel is none.
        let slope = if slope.abs() < T::of(LEAST) {
            T::ZERO
        } else {
            slope
        };
        assert!(table.rule().kind == self.rule.kind, "a learner by another rule");
        self.steps += 1;
        match self.rule.kind {
            Kind::Sgd => self.moved::<Sgd>(table, entries, (slope, form), next),
            Kind::Adagrad { .. } => self.moved::<Adagrad>(table, entries, (slope, form), next),
            Kind::Ftrl { .. } => self.moved::<Ftrl>(table, entries, (slope, form), next),
            Kind::Adam { .. } => self.moved::<Adam>(table, entries, (slope, form), next),
            Kind::AdamW { .. } => self.moved::<AdamW>(table, entries, (slope, form), next),
            Kind::Momentum { .. } => self.moved::<Momentum>(table, entries, (slope, form), next),
            Kind::RmsProp { .. } => self.moved::<RmsProp>(table, entries, (slope, form), next),
        }
    }

    fn moved<R: Step<T>>(
        &mut self,
        table: &FactorTable<T>,
        entries: Entries<'_, T>,
        (slope, form): (T, Form),
        next: &[u32],
    ) {
        let moves = Moves {
            weight: R::constants(&self.rule.kind, &self.rule.weight, self.steps),
            factor: R::constants(&self.rule.kind, &self.rule.factor, self.steps),
            slope,
            form,
            next,
        };
        let layout = layout(&mut self.lines, &mut self.own);
        match self.machine {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: detected; rows and fields are checked.
            Machine::Avx512 => unsafe { update_avx512::<T, R>(table, entries, layout, &moves) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: detected; rows and fields are checked.
            Machine::Avx2 => unsafe { update_avx2::<T, R>(table, entries, layout, &moves) },
            // SAFETY: one number at a time runs anywhere; rows and fields are checked.
            _ => unsafe { update::<T, Single<T>, R>(table, entries, layout, &moves) },
        }
    }
}

fn layout<'a, T>(lines: &'a mut [Line<T>], own: &'a mut [T]) -> Layout<'a, T> {
    let length = lines.len() * 16;
    // SAFETY: a line is sixteen numbers without padding, and the lines are borrowed mutably.
    let cross = unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), length) };
    Layout { cross, own }
}

/// Checks that the entries fit and says how their products are formed. That rows exist is checked here where there are no factors, else where they are read.
fn check<T: Real>(table: &FactorTable<T>, entries: Entries<'_, T>) -> Form {
    let (count, fields) = (entries.rows.len(), table.shape().fields);
    assert!(
        entries.values.len() == count && entries.fields.len() == count,
        "entries differ in length"
    );
    if table.shape().factors() == 0 {
        let last = entries.rows.iter().fold(0, |last, row| last.max(*row)) as usize;
        assert!(count == 0 || last < table.len(), "row {last} of {}", table.len());
        return Form::Linear;
    }
    if fields == 1 {
        return Form::Sum;
    }
    let mut last = 0;
    let (mut once, mut at) = (count == fields, 0u16);
    for field in entries.fields {
        last = last.max(*field);
        once &= *field == at;
        at = at.wrapping_add(1);
    }
    assert!((last as usize) < fields, "field {last} of {fields}");
    if once { Form::Complete } else { Form::Any }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn forward_avx512<T: Real>(t: &FactorTable<T>, e: Entries<'_, T>, l: Layout<'_, T>, form: Form) -> T {
    // SAFETY: the caller's promise.
    unsafe { forward::<T, T::Vector512>(t, e, l, form) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn forward_avx2<T: Real>(t: &FactorTable<T>, e: Entries<'_, T>, l: Layout<'_, T>, form: Form) -> T {
    // SAFETY: the caller's promise.
    unsafe { forward::<T, T::Vector256>(t, e, l, form) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn update_avx512<T: Real, R: Step<T>>(
    t: &FactorTable<T>,
    e: Entries<'_, T>,
    l: Layout<'_, T>,
    m: &Moves<'_, T>,
) {
    // SAFETY: the caller's promise.
    unsafe { update::<T, T::Vector512, R>(t, e, l, m) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn update_avx2<T: Real, R: Step<T>>(
    t: &FactorTable<T>,
    e: Entries<'_, T>,
    l: Layout<'_, T>,
    m: &Moves<'_, T>,
) {
    // SAFETY: the caller's promise.
    unsafe { update::<T, T::Vector256, R>(t, e, l, m) }
}
