//! Moving a sample's rows: the gradient of a row is the slope times its value times what it was multiplied with.

use super::forward::{others, part};
use super::learner::{Entries, Form, Layout};
use super::rule::{Constants, Step};
use super::table::{FactorTable, fetch_near};
use crate::lanes::Arithmetic;
use crate::real::Real;

/// Weights below about 10⁻⁷ of this are zero (f32).
const TINY: f64 = 1e-18;

/// How far and by which rule.
pub(super) struct Moves<'a, T> {
    /// Constants of linear weights and the bias.
    pub(super) weight: Constants<T>,
    /// Constants of factors.
    pub(super) factor: Constants<T>,
    /// Slope of the loss at the logit.
    pub(super) slope: T,
    /// What the forward pass left behind.
    pub(super) form: Form,
    /// Rows of the next sample.
    pub(super) next: &'a [u32],
}

/// Constants in registers: of whole registers of factors, and of a row's last one, whose last lane is the linear weight.
struct Registers<L> {
    factor: [L; 6],
    last: [L; 6],
}

/// Moves bias and rows.
///
/// # Safety
/// The machine has the instructions of L; the entries are those of the forward pass that filled `layout`.
#[inline(always)]
pub(super) unsafe fn update<T: Real, L: Arithmetic<T>, R: Step<T>>(
    table: &FactorTable<T>,
    e: Entries<'_, T>,
    layout: Layout<'_, T>,
    m: &Moves<'_, T>,
) {
    // SAFETY: the caller's promise; the bias has its states beside it.
    unsafe {
        single::<T, L::One, R>(table.bias_at(), m, m.slope);
        match m.form {
            Form::Linear => linear::<T, L, R>(table, e, m),
            Form::Sum => sum::<T, L, R>(table, e, &layout, m),
            Form::Complete | Form::Any => fields::<T, L, R>(table, e, layout, m),
        }
    }
}

/// Asks for the next sample's row that stands where this one's `at` stands.
#[inline(always)]
fn fetch<T: Real>(table: &FactorTable<T>, m: &Moves<'_, T>, at: usize) {
    if let Some(row) = m.next.get(at) {
        table.prefetch(*row);
    }
}

/// Moves one number with its states behind it.
#[inline(always)]
unsafe fn single<T: Real, L: Arithmetic<T>, R: Step<T>>(at: *mut T, m: &Moves<'_, T>, g: T) {
    // SAFETY: the caller gives 1 + STATES numbers.
    unsafe {
        let c = m.weight.map(|v| L::splat(v));
        apply::<T, L, R>(at, 1, &c, L::splat(g));
    }
}

/// Registers of rows are moved at once; a row that another entry (or thread) has moved meanwhile is moved from where it is.
#[inline(always)]
unsafe fn linear<T: Real, L: Arithmetic<T>, R: Step<T>>(
    table: &FactorTable<T>,
    e: Entries<'_, T>,
    m: &Moves<'_, T>,
) {
    let Some((base, stride)) = table.stretch() else {
        // SAFETY: the caller's promise.
        return unsafe { one_by_one::<T, L::One, R>(table, e, m) };
    };
    m.next
        .iter()
        .for_each(|row| fetch_near(base.wrapping_add(*row as usize * stride)));
    // SAFETY: rows exist: each is a weight and its states, and a stretch is shorter than 2³¹ numbers.
    unsafe {
        let (c, slope) = (m.weight.map(|v| L::splat(v)), L::splat(m.slope));
        // What a step always changes: the first state, or the weight where there is none.
        let told = usize::from(R::STATES > 0);
        for (rows, values) in e.rows.chunks(L::N).zip(e.values.chunks(L::N)) {
            let plane = |at: usize| L::gather(base.add(at), rows.as_ptr(), stride, rows.len());
            let mut planes = [[T::ZERO; 16]; 4];
            let mut states = [L::splat(T::ZERO); 2];
            for (i, state) in states.iter_mut().enumerate().take(R::STATES) {
                *state = plane(i + 1);
            }
            let w = plane(0);
            [w, states[0]][told].store(planes[3].as_mut_ptr());
            let (moved, states) = R::step(&c, w, part::<T, L>(values).mul(slope), states);
            settled(moved).store(planes[0].as_mut_ptr());
            for (i, state) in states.into_iter().enumerate().take(R::STATES) {
                state.store(planes[i + 1].as_mut_ptr());
            }
            for (i, (row, x)) in rows.iter().zip(values).enumerate() {
                let to = base.add(*row as usize * stride);
                if *to.add(told) == planes[3][i] {
                    (0..=R::STATES).for_each(|at| *to.add(at) = planes[at][i]);
                } else {
                    single::<T, L::One, R>(to, m, m.slope * *x);
                }
            }
        }
    }
}

/// As [`linear`], for a table of several stretches.
#[inline(always)]
unsafe fn one_by_one<T: Real, L: Arithmetic<T>, R: Step<T>>(
    table: &FactorTable<T>,
    e: Entries<'_, T>,
    m: &Moves<'_, T>,
) {
    for (at, (row, x)) in e.rows.iter().zip(e.values).enumerate() {
        fetch(table, m, at);
        // SAFETY: `at` checks the row, which is a weight and its states.
        unsafe { single::<T, L, R>(table.at(*row), m, m.slope * *x) };
    }
}

/// One field: a row is multiplied with the sum of the others.
#[inline(always)]
unsafe fn sum<T: Real, L: Arithmetic<T>, R: Step<T>>(
    table: &FactorTable<T>,
    e: Entries<'_, T>,
    layout: &Layout<'_, T>,
    m: &Moves<'_, T>,
) {
    let (lanes, cross) = (table.shape().lanes(), layout.cross.as_ptr());
    // SAFETY: rows and `cross` are `lanes` numbers, a multiple of L::N.
    unsafe {
        let c = Registers::<L>::new(m);
        let all = L::splat(T::ONE);
        let but_last = mixed::<T, L>(T::ONE, T::ZERO);
        for (at, (row, x)) in e.rows.iter().zip(e.values).enumerate() {
            fetch(table, m, at);
            let row = table.at(*row);
            let (x, slope) = (L::splat(*x), L::splat(m.slope * *x));
            let gradient = |from: usize, mask: L| {
                let own = L::load(row.add(from)).mul(x).mul(mask);
                L::load(cross.add(from)).sub(own).mul(slope)
            };
            for from in (0..lanes - L::N).step_by(L::N) {
                apply::<T, L, R>(row.add(from), lanes, &c.factor, gradient(from, all));
            }
            let from = lanes - L::N;
            apply::<T, L, R>(row.add(from), lanes, &c.last, gradient(from, but_last));
        }
    }
}

/// Many fields: a row of field f is multiplied with `cross[f]`.
#[inline(always)]
unsafe fn fields<T: Real, L: Arithmetic<T>, R: Step<T>>(
    table: &FactorTable<T>,
    e: Entries<'_, T>,
    layout: Layout<'_, T>,
    m: &Moves<'_, T>,
) {
    let (lanes, k) = (table.shape().lanes(), table.shape().k);
    let base = layout.cross.as_mut_ptr();
    // SAFETY: rows and each row of `cross` are `lanes` numbers, a multiple of L::N; fields exist.
    unsafe {
        let c = Registers::<L>::new(m);
        for (at, ((row, f), x)) in e.rows.iter().zip(e.fields).zip(e.values).enumerate() {
            fetch(table, m, at);
            let (row, f) = (table.at(*row), *f as usize);
            let cross = base.add(f * lanes);
            if m.form == Form::Any {
                others(row, *x, &layout.own[f * k..(f + 1) * k], cross.add(f * k), f * k);
            }
            let slope = L::splat(m.slope * *x);
            for from in (0..lanes - L::N).step_by(L::N) {
                let g = L::load(cross.add(from)).mul(slope);
                apply::<T, L, R>(row.add(from), lanes, &c.factor, g);
            }
            let from = lanes - L::N;
            apply::<T, L, R>(row.add(from), lanes, &c.last, L::load(cross.add(from)).mul(slope));
        }
    }
}

/// Moves one register of weights at `w`, whose states lie `plane` and twice `plane` numbers on.
#[inline(always)]
unsafe fn apply<T: Real, L: Arithmetic<T>, R: Step<T>>(w: *mut T, plane: usize, c: &[L; 6], g: L) {
    // SAFETY: the caller gives L::N numbers in each of 1 + STATES planes.
    unsafe {
        let mut states = [L::splat(T::ZERO); 2];
        for (i, state) in states.iter_mut().enumerate().take(R::STATES) {
            *state = L::load(w.add((i + 1) * plane));
        }
        let (moved, states) = R::step(c, L::load(w), g, states);
        settled(moved).store(w);
        for (i, state) in states.into_iter().enumerate().take(R::STATES) {
            state.store(w.add((i + 1) * plane));
        }
    }
}

/// Two factors that always meet and tell nothing shrink each other without end; denormal numbers would take a hundred
/// times as long. Adding and taking away a tiny number makes what is tinier zero and changes nothing else.
#[inline(always)]
unsafe fn settled<T: Real, L: Arithmetic<T>>(w: L) -> L {
    // SAFETY: the caller runs on the machine of L.
    unsafe {
        let tiny = L::splat(T::of(TINY));
        w.add(tiny).sub(tiny)
    }
}

impl<L> Registers<L> {
    #[inline(always)]
    unsafe fn new<T: Real>(m: &Moves<'_, T>) -> Registers<L>
    where
        L: Arithmetic<T>,
    {
        // SAFETY: the caller runs on the machine of L.
        unsafe {
            let mut last = [L::splat(T::ZERO); 6];
            for (to, (factor, weight)) in last.iter_mut().zip(m.factor.iter().zip(m.weight)) {
                *to = mixed(*factor, weight);
            }
            Registers {
                factor: m.factor.map(|v| L::splat(v)),
                last,
            }
        }
    }
}

/// A register of `most` whose last lane is `last`.
#[inline(always)]
unsafe fn mixed<T: Real, L: Arithmetic<T>>(most: T, last: T) -> L {
    let mut lanes = [most; 16];
    lanes[L::N - 1] = last;
    // SAFETY: no register is wider than sixteen numbers.
    unsafe { L::load(lanes.as_ptr()) }
}
