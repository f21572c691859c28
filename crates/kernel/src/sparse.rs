//! Sums of a few rows of a matrix, each weighted by its own product with a vector: what conjugate gradients do for every
//! user and item of a factorisation.
//!
//! Rows go four at a time, so that four chains of additions run beside each other and the sum is read and written once for
//! all four. The order of additions within a product depends on the register's width: bits differ between machines.

use crate::lanes::{Arithmetic, Lanes};
use crate::machine::Machine;
use crate::real::Real;

/// Rows at a time.
const RUN: usize = 4;

/// Coefficient of a row y of weight w: `constant + w·(weighted + slope·⟨y, p⟩)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficient<T> {
    /// The same for every row.
    pub constant: T,
    /// Times the weight.
    pub weighted: T,
    /// Times the weight and the product.
    pub slope: T,
}

/// Some rows of a matrix with their weights.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a, T> {
    /// The matrix, row-major.
    pub matrix: &'a [T],
    /// Numbers of the chosen rows.
    pub ids: &'a [u32],
    /// A weight for each.
    pub weights: &'a [T],
}

/// `out += Σ c(w, ⟨y, p⟩)·y` over the chosen rows y.
///
/// # Panics
/// If `p` and `out` differ in length, there is no such row, or a weight is missing.
pub fn add_rows<T: Real>(chosen: Chosen<'_, T>, coefficient: Coefficient<T>, p: &[T], out: &mut [T]) {
    run(Machine::detect(), chosen, coefficient, p, out);
}

fn run<T: Real>(
    machine: Machine,
    chosen: Chosen<'_, T>,
    coefficient: Coefficient<T>,
    p: &[T],
    out: &mut [T],
) {
    let rows = chosen.matrix.len().checked_div(p.len()).unwrap_or(0);
    assert_eq!(p.len(), out.len(), "the sum is as wide as a row");
    assert_eq!(chosen.ids.len(), chosen.weights.len(), "each row has its weight");
    assert!(
        chosen.ids.iter().all(|id| (*id as usize) < rows),
        "there is no such row"
    );
    let l = Sum {
        chosen,
        coefficient,
        p,
        out,
    };
    match machine {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: callers name only machines of this processor; lengths and rows are checked above.
        Machine::Avx512 => unsafe { avx512(l) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Machine::Avx2 => unsafe { avx2(l) },
        // SAFETY: checked above; one number needs no instruction set.
        _ => unsafe { l.each::<crate::lanes::Single<T>>() },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512<T: Real>(l: Sum<'_, T>) {
    // SAFETY: passed on.
    unsafe { l.each::<T::Vector512>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<T: Real>(l: Sum<'_, T>) {
    // SAFETY: passed on.
    unsafe { l.each::<T::Vector256>() }
}

struct Sum<'a, T> {
    chosen: Chosen<'a, T>,
    coefficient: Coefficient<T>,
    p: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> Sum<'_, T> {
    /// # Safety
    /// As [`Lanes`]; every chosen row is inside the matrix.
    #[inline(always)]
    unsafe fn each<V: Arithmetic<T>>(self) {
        let Sum {
            chosen,
            coefficient: c,
            p,
            out,
        } = self;
        let dim = p.len();
        let whole = chosen.ids.len() - chosen.ids.len() % RUN;
        let row = |i: usize| chosen.matrix.as_ptr().wrapping_add(chosen.ids[i] as usize * dim);
        let weigh = |i: usize, product: T| {
            let w = chosen.weights[i];
            c.constant + w * (c.weighted + c.slope * product)
        };
        // SAFETY: rows, `p` and `out` all hold `dim` numbers.
        unsafe {
            for at in (0..whole).step_by(RUN) {
                (at + RUN..whole.min(at + 2 * RUN)).for_each(|i| ask(row(i), dim));
                let rows = [0, 1, 2, 3].map(|k| row(at + k));
                let products = products::<T, V, RUN>(rows, p);
                let factors = std::array::from_fn(|k| weigh(at + k, products[k]));
                add::<T, V, RUN>(rows, factors, out);
            }
            for i in whole..chosen.ids.len() {
                let [product] = products::<T, V, 1>([row(i)], p);
                add::<T, V, 1>([row(i)], [weigh(i, product)], out);
            }
        }
    }
}

/// Asks for the lines of a row.
#[inline(always)]
fn ask<T: Real>(row: *const T, dim: usize) {
    for at in (0..dim).step_by(64 / size_of::<T>()) {
        crate::rows::fetch(row.wrapping_add(at));
    }
}

/// The products of K rows with `p`.
///
/// # Safety
/// As [`Lanes`]; every row holds as many numbers as `p`.
#[inline(always)]
pub(crate) unsafe fn products<T: Real, V: Arithmetic<T>, const K: usize>(
    rows: [*const T; K],
    p: &[T],
) -> [T; K] {
    let whole = p.len() - p.len() % V::N;
    // SAFETY: passed on.
    unsafe {
        let mut sums = [V::splat(T::ZERO); K];
        for at in (0..whole).step_by(V::N) {
            let x = V::load(p.as_ptr().add(at));
            for k in 0..K {
                sums[k] = V::load(rows[k].add(at)).mul_add(x, sums[k]);
            }
        }
        if whole < p.len() {
            let left = p.len() - whole;
            let x = V::load_part(p.as_ptr().add(whole), left);
            for k in 0..K {
                sums[k] = V::load_part(rows[k].add(whole), left).mul_add(x, sums[k]);
            }
        }
        sums.map(|sum| sum.sum())
    }
}

/// `out += Σ_k factors[k]·rows[k]`.
///
/// # Safety
/// As [`Lanes`]; every row holds as many numbers as `out` and does not overlap it.
#[inline(always)]
unsafe fn add<T: Real, V: Lanes<T>, const K: usize>(rows: [*const T; K], factors: [T; K], out: &mut [T]) {
    let (len, to) = (out.len(), out.as_mut_ptr());
    let whole = len - len % V::N;
    // SAFETY: passed on.
    unsafe {
        let factors = factors.map(|f| V::splat(f));
        for at in (0..whole).step_by(V::N) {
            let mut sum = V::load(to.add(at));
            for k in 0..K {
                sum = V::load(rows[k].add(at)).mul_add(factors[k], sum);
            }
            sum.store(to.add(at));
        }
        if whole < len {
            let left = len - whole;
            let mut sum = V::load_part(to.add(whole), left);
            for k in 0..K {
                sum = V::load_part(rows[k].add(whole), left).mul_add(factors[k], sum);
            }
            sum.store_part(to.add(whole), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_machine_makes_the_plain_sum(
            dim in 1_usize..70, count in 0_usize..23, seed in 0_u32..1000, slope in -2.0_f64..2.0,
        ) {
            let number = |i: u32| f64::from((i.wrapping_mul(2_654_435_761).wrapping_add(seed)) >> 8) / f64::from(1 << 24) - 0.5;
            let width = u32::try_from(dim).unwrap();
            let matrix: Vec<f64> = (0..width * 31).map(number).collect();
            let ids: Vec<u32> = (0..u32::try_from(count).unwrap()).map(|i| (i * 7 + seed) % 31).collect();
            let weights: Vec<f64> = (0..u32::try_from(count).unwrap()).map(|i| number(i + 999)).collect();
            let p: Vec<f64> = (0..width).map(|i| number(i + 7777)).collect();
            let c = Coefficient { constant: 0.25, weighted: 0.5, slope };
            let mut expected = vec![1.0; dim];
            for (id, w) in ids.iter().zip(&weights) {
                let row = &matrix[*id as usize * dim..][..dim];
                let product: f64 = row.iter().zip(&p).map(|(a, b)| a * b).sum();
                let factor = 0.25 + w * (0.5 + slope * product);
                expected.iter_mut().zip(row).for_each(|(e, y)| *e += factor * y);
            }
            let narrow = |v: &[f64]| v.iter().map(|x| crate::Real::of(*x)).collect::<Vec<f32>>();
            let (matrix32, weights32, p32) = (narrow(&matrix), narrow(&weights), narrow(&p));
            let c32 = Coefficient { constant: 0.25, weighted: 0.5, slope: crate::Real::of(slope) };
            for machine in Machine::available() {
                let mut out = vec![1.0; dim];
                run(machine, Chosen { matrix: &matrix, ids: &ids, weights: &weights }, c, &p, &mut out);
                let mut out32 = vec![1.0_f32; dim];
                run(machine, Chosen { matrix: &matrix32, ids: &ids, weights: &weights32 }, c32, &p32, &mut out32);
                for ((found, found32), e) in out.iter().zip(&out32).zip(&expected) {
                    prop_assert!((found - e).abs() < 1e-12, "{machine:?} {found} {e}");
                    prop_assert!((f64::from(*found32) - e).abs() < 1e-3, "{machine:?} {found32} {e}");
                }
            }
        }
    }
}
