//! The logit of a sample, leaving behind what the update multiplies with.

use super::learner::{Entries, Form, Layout};
use super::table::FactorTable;
use crate::lanes::Arithmetic;
use crate::real::Real;

/// Computes the logit.
///
/// # Safety
/// The machine has the instructions of L; entries are equally long and their fields exist; `layout` is of the table's shape.
#[inline(always)]
pub(super) unsafe fn forward<T: Real, L: Arithmetic<T>>(
    table: &FactorTable<T>,
    entries: Entries<'_, T>,
    layout: Layout<'_, T>,
    form: Form,
) -> T {
    // SAFETY: the caller's promise.
    let products = unsafe {
        match form {
            Form::Linear => linear::<T, L>(table, entries),
            Form::Sum => sum::<T, L>(table, entries, layout),
            Form::Complete => complete::<T, L>(table, entries, layout),
            Form::Any => any::<T, L>(table, entries, layout),
        }
    };
    table.bias() + products
}

#[inline(always)]
unsafe fn linear<T: Real, L: Arithmetic<T>>(table: &FactorTable<T>, e: Entries<'_, T>) -> T {
    if let Some((base, stride)) = table.stretch() {
        // SAFETY: rows exist, and a stretch is shorter than 2³¹ numbers.
        unsafe {
            let mut sum = L::splat(T::ZERO);
            for (rows, values) in e.rows.chunks(L::N).zip(e.values.chunks(L::N)) {
                let w = L::gather(base, rows.as_ptr(), stride, rows.len());
                sum = w.mul_add(part(values), sum);
            }
            return sum.sum();
        }
    }
    // Four sums, so that a product does not wait for the one before.
    let mut sums = [T::ZERO; 4];
    for (rows, values) in e.rows.chunks(4).zip(e.values.chunks(4)) {
        for ((row, x), sum) in rows.iter().zip(values).zip(&mut sums) {
            // SAFETY: `at` checks the row, whose first number is the weight.
            *sum = unsafe { (*table.at(*row)).mul_add(*x, *sum) };
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// A register of at most N numbers, zeros behind them.
#[inline(always)]
pub(super) unsafe fn part<T: Real, L: Arithmetic<T>>(values: &[T]) -> L {
    // SAFETY: the caller runs on the machine of L.
    unsafe {
        match values.len() < L::N {
            true => L::load_part(values.as_ptr(), values.len()),
            false => L::load(values.as_ptr()),
        }
    }
}

/// ½ (‖Σ x v‖² − Σ ‖x v‖²) + Σ x w; leaves Σ x v in `cross`.
#[inline(always)]
unsafe fn sum<T: Real, L: Arithmetic<T>>(
    table: &FactorTable<T>,
    e: Entries<'_, T>,
    layout: Layout<'_, T>,
) -> T {
    let lanes = table.shape().lanes();
    let (mut linear, mut pairs) = (T::ZERO, T::ZERO);
    // SAFETY: rows and `cross` are `lanes` numbers, a multiple of L::N.
    unsafe {
        for at in (0..lanes).step_by(L::N) {
            let (mut total, mut squares) = (L::splat(T::ZERO), L::splat(T::ZERO));
            for (row, x) in e.rows.iter().zip(e.values) {
                let v = L::load(table.at(*row).add(at)).mul(L::splat(*x));
                total = total.add(v);
                squares = v.mul_add(v, squares);
            }
            let to = layout.cross.as_mut_ptr().add(at);
            total.store(to);
            if at + L::N == lanes {
                // The last lane is the linear weight: its square is no product.
                let last = to.add(L::N - 1);
                linear = *last;
                let mut own = [T::ZERO; 16];
                squares.store(own.as_mut_ptr());
                pairs += own[L::N - 1] - linear * linear;
                pairs += total.mul(total).sub(squares).sum();
                *last = T::ONE;
            } else {
                pairs += total.mul(total).sub(squares).sum();
            }
        }
    }
    T::of(0.5) * pairs + linear
}

/// Σ_{g<f} ⟨row_f[g], cross[f][g]⟩ x_f + Σ x w: each pair once, from the later field's row.
#[inline(always)]
unsafe fn complete<T: Real, L: Arithmetic<T>>(
    table: &FactorTable<T>,
    e: Entries<'_, T>,
    layout: Layout<'_, T>,
) -> T {
    let (lanes, k) = (table.shape().lanes(), table.shape().k);
    let cross = layout.cross.as_mut_ptr();
    // SAFETY: rows and each of the F rows of `cross` are `lanes` numbers; F·k of them are factors.
    unsafe {
        let mut linear = T::ZERO;
        for (f, (row, x)) in e.rows.iter().zip(e.values).enumerate() {
            let v = table.at(*row);
            spread(v, *x, cross.add(f * k), table.shape().fields, (k, lanes));
            std::slice::from_raw_parts_mut(cross.add(f * lanes + f * k), k).fill(T::ZERO);
            linear = (*v.add(lanes - 1)).mul_add(*x, linear);
        }
        let mut total = L::splat(T::ZERO);
        for (f, (row, x)) in e.rows.iter().zip(e.values).enumerate() {
            let partial = dot::<T, L>(table.at(*row), cross.add(f * lanes), f * k);
            total = partial.mul_add(L::splat(*x), total);
        }
        linear + total.sum()
    }
}

/// Any number of rows per field: every pair is met from both sides, so half the sum.
#[inline(always)]
unsafe fn any<T: Real, L: Arithmetic<T>>(
    table: &FactorTable<T>,
    e: Entries<'_, T>,
    layout: Layout<'_, T>,
) -> T {
    let (lanes, k, factors) = (table.shape().lanes(), table.shape().k, table.shape().factors());
    for row in layout.cross.chunks_exact_mut(lanes) {
        row[..factors].fill(T::ZERO);
    }
    layout.own.fill(T::ZERO);
    let cross = layout.cross.as_mut_ptr();
    let entries = || e.rows.iter().zip(e.fields).zip(e.values);
    // SAFETY: rows and each of the F rows of `cross` are `lanes` numbers; fields are below F.
    unsafe {
        for ((row, f), x) in entries() {
            let (v, f) = (table.at(*row), *f as usize);
            for g in 0..table.shape().fields {
                for c in 0..k {
                    let to = cross.add(g * lanes + f * k + c);
                    *to = (*v.add(g * k + c)).mul_add(*x, *to);
                }
            }
        }
        for f in 0..table.shape().fields {
            let own = cross.add(f * lanes + f * k);
            std::ptr::copy_nonoverlapping(own, layout.own.as_mut_ptr().add(f * k), k);
        }
        let (mut total, mut linear) = (L::splat(T::ZERO), T::ZERO);
        for ((row, f), x) in entries() {
            let (v, f) = (table.at(*row), *f as usize);
            others(
                v,
                *x,
                &layout.own[f * k..(f + 1) * k],
                cross.add(f * lanes + f * k),
                f * k,
            );
            let partial = dot::<T, L>(v, cross.add(f * lanes), factors);
            total = partial.mul_add(L::splat(*x), total);
            linear = (*v.add(lanes - 1)).mul_add(*x, linear);
        }
        linear + T::of(0.5) * total.sum()
    }
}

/// Writes what the field's *other* rows have for it: the field's sum without x·v.
///
/// # Safety
/// `v` has the factors of all fields, those of this field at `at`; `to` takes as many numbers as `own` has.
#[inline(always)]
pub(super) unsafe fn others<T: Real>(v: *const T, x: T, own: &[T], to: *mut T, at: usize) {
    for (c, sum) in own.iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { *to.add(c) = *sum - x * *v.add(at + c) };
    }
}

/// The product of `count` numbers, lane by lane.
#[inline(always)]
unsafe fn dot<T: Real, L: Arithmetic<T>>(v: *const T, c: *const T, count: usize) -> L {
    // SAFETY: the caller gives `count` numbers at both.
    unsafe {
        let mut sum = L::splat(T::ZERO);
        let mut at = 0;
        while at + L::N <= count {
            sum = L::load(v.add(at)).mul_add(L::load(c.add(at)), sum);
            at += L::N;
        }
        if at < count {
            sum = L::load_part(v.add(at), count - at).mul_add(L::load_part(c.add(at), count - at), sum);
        }
        sum
    }
}

/// Copies x·v[g] to `to + g·lanes` for every field g.
#[inline(always)]
unsafe fn spread<T: Real>(v: *const T, x: T, to: *mut T, fields: usize, (k, lanes): (usize, usize)) {
    // SAFETY: the caller's promise; each form copies k numbers per field.
    unsafe {
        match k {
            2 => spread_by::<T, 2>(v, x, to, fields, lanes),
            4 => spread_by::<T, 4>(v, x, to, fields, lanes),
            8 => spread_by::<T, 8>(v, x, to, fields, lanes),
            16 => spread_by::<T, 16>(v, x, to, fields, lanes),
            _ => {
                for g in 0..fields {
                    for c in 0..k {
                        *to.add(g * lanes + c) = x * *v.add(g * k + c);
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn spread_by<T: Real, const K: usize>(v: *const T, x: T, to: *mut T, fields: usize, lanes: usize) {
    for g in 0..fields {
        // SAFETY: the caller's promise.
        unsafe {
            let factors = v.add(g * K).cast::<[T; K]>().read_unaligned();
            to.add(g * lanes)
                .cast::<[T; K]>()
                .write_unaligned(factors.map(|w| x * w));
        }
    }
}
