//! Rows of bytes held against one query of bytes: what a search asks before it looks at a row's real numbers.
//!
//! Codes stand in groups of eight rows, four numbers of each row behind one another (the layout below), so that one register
//! of 32 bytes gives every row of a group its own sum and nothing is added across. Sums are whole numbers: every machine
//! makes the same ones. Numbers go from −127 to 127: two products of bytes then fit in sixteen bits.
//!
//! ```text
//! group g:  r0[0..4] r1[0..4] … r7[0..4]  r0[4..8] … r7[4..8]  …
//! ```

use crate::machine::Machine;

/// Rows of a group.
pub const GROUP: usize = 8;

/// Numbers of a row that stand together.
const STEP: usize = 4;

/// Bytes of a step of a group: one register.
const LINE: usize = GROUP * STEP;

/// Bytes that a row of `width` numbers takes: whole steps, the last one padded with zeros.
#[must_use]
pub fn padded(width: usize) -> usize {
    width.next_multiple_of(STEP)
}

/// Where number `at` of row `row` stands among codes of rows `padded` wide.
#[must_use]
pub fn place(row: usize, at: usize, padded: usize) -> usize {
    row / GROUP * GROUP * padded + at / STEP * LINE + row % GROUP * STEP + at % STEP
}

/// A query's codes, made ready: magnitudes and signs apart, because the processor multiplies bytes without sign by bytes
/// with one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    magnitudes: Vec<u8>,
    signs: Vec<i8>,
}

impl Query {
    /// Takes the numbers of a query, −127 to 127 (−128 counts as −127).
    #[must_use]
    pub fn new(numbers: &[i8]) -> Self {
        let mut signs = numbers.to_vec();
        signs.iter_mut().for_each(|n| *n = (*n).max(-i8::MAX));
        signs.resize(padded(numbers.len()), 0);
        let magnitudes = signs.iter().map(|n| n.unsigned_abs()).collect();
        Self { magnitudes, signs }
    }

    /// Bytes of a row that it can be held against.
    #[must_use]
    pub fn padded(&self) -> usize {
        self.signs.len()
    }
}

/// Fills `out[r]` with `Σ query[k]·row r[k]`; codes below −127 must not occur.
///
/// # Panics
/// If `out` is not whole groups, or `codes` are not as many rows.
pub fn sums(query: &Query, codes: &[i8], out: &mut [i32]) {
    run(Machine::detect(), query, codes, out);
}

fn run(machine: Machine, query: &Query, codes: &[i8], out: &mut [i32]) {
    assert_eq!(out.len() % GROUP, 0, "groups are whole");
    assert_eq!(codes.len(), out.len() * query.padded(), "a row for each sum");
    match machine {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a processor with AVX-512F or AVX2 has AVX2; the sizes were compared above.
        Machine::Avx512 | Machine::Avx2 => unsafe { avx2::sums(query, codes, out) },
        _ => scalar(query, codes, out),
    }
}

fn scalar(query: &Query, codes: &[i8], out: &mut [i32]) {
    let padded = query.padded();
    for (row, out) in out.iter_mut().enumerate() {
        let product = |(at, q): (usize, &i8)| i32::from(*q) * i32::from(codes[place(row, at, padded)]);
        *out = query.signs.iter().enumerate().map(product).sum();
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    //! Four groups at a time share the query's two loads.

    use std::arch::x86_64::*;

    use super::{GROUP, LINE, Query, STEP};

    /// Groups that share the query's registers.
    const TOGETHER: usize = 4;
    /// Bytes between what is read and what is asked for.
    const AHEAD: usize = 2048;

    /// # Safety
    /// AVX2; `out` is whole groups and `codes` hold a row for each.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn sums(query: &Query, codes: &[i8], out: &mut [i32]) {
        let (groups, bytes) = (out.len() / GROUP, GROUP * query.padded());
        let together = groups - groups % TOGETHER;
        for group in (0..together).step_by(TOGETHER) {
            // SAFETY: so many groups lie at and after this one.
            unsafe {
                some::<TOGETHER>(
                    query,
                    codes.as_ptr().add(group * bytes),
                    out.as_mut_ptr().add(group * GROUP),
                )
            };
        }
        for group in together..groups {
            // SAFETY: as above.
            unsafe {
                some::<1>(
                    query,
                    codes.as_ptr().add(group * bytes),
                    out.as_mut_ptr().add(group * GROUP),
                )
            };
        }
    }

    /// # Safety
    /// AVX2; `N` groups of codes at `codes`, room for their sums at `out`.
    #[target_feature(enable = "avx2")]
    unsafe fn some<const N: usize>(query: &Query, codes: *const i8, out: *mut i32) {
        let (steps, bytes) = (query.padded() / STEP, GROUP * query.padded());
        // SAFETY: step `s` of group `g` lies inside the groups; a step of the query is four bytes.
        unsafe {
            let ones = _mm256_set1_epi16(1);
            let mut acc = [_mm256_setzero_si256(); N];
            for step in 0..steps {
                let magnitude = four(query.magnitudes.as_ptr().add(step * STEP));
                let sign = four(query.signs.as_ptr().add(step * STEP).cast());
                for (group, acc) in acc.iter_mut().enumerate() {
                    let line = codes.add(group * bytes + step * LINE);
                    _mm_prefetch::<_MM_HINT_T0>(line.wrapping_add(AHEAD));
                    let rows = _mm256_loadu_si256(line.cast());
                    let pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(rows, sign));
                    *acc = _mm256_add_epi32(*acc, _mm256_madd_epi16(pairs, ones));
                }
            }
            for (group, acc) in acc.iter().enumerate() {
                _mm256_storeu_si256(out.add(group * GROUP).cast(), *acc);
            }
        }
    }

    /// Four bytes in each of eight lanes.
    ///
    /// # Safety
    /// AVX2; four bytes at `from`.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn four(from: *const u8) -> __m256i {
        // SAFETY: the caller's four bytes; no alignment is needed.
        _mm256_set1_epi32(unsafe { from.cast::<i32>().read_unaligned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows of numbers put into the layout.
    fn lay(rows: &[Vec<i8>], width: usize) -> Vec<i8> {
        let padded = padded(width);
        let mut codes = vec![0; rows.len().next_multiple_of(GROUP) * padded];
        for (row, numbers) in rows.iter().enumerate() {
            for (at, number) in numbers.iter().enumerate() {
                codes[place(row, at, padded)] = *number;
            }
        }
        codes
    }

    fn number() -> impl Strategy<Value = i8> {
        prop_oneof![Just(127i8), Just(-127), Just(0), -127i8..=127]
    }

    fn case() -> impl Strategy<Value = (Vec<i8>, Vec<Vec<i8>>)> {
        (1usize..150, 0usize..90).prop_flat_map(|(width, rows)| {
            let numbers = || prop::collection::vec(number(), width);
            (numbers(), prop::collection::vec(numbers(), rows))
        })
    }

    proptest! {
        #[test]
        fn every_machine_makes_the_plain_sums((query, rows) in case()) {
            let codes = lay(&rows, query.len());
            let ready = Query::new(&query);
            for machine in Machine::available() {
                let mut out = vec![i32::MAX; rows.len().next_multiple_of(GROUP)];
                run(machine, &ready, &codes, &mut out);
                for (row, out) in rows.iter().zip(&out) {
                    let plain: i32 = query.iter().zip(row).map(|(q, r)| i32::from(*q) * i32::from(*r)).sum();
                    prop_assert_eq!(plain, *out, "{:?}", machine);
                }
                prop_assert!(out[rows.len()..].iter().all(|sum| *sum == 0), "rows of padding are zeros");
            }
        }
    }

    #[test]
    fn the_lowest_byte_of_a_query_counts_as_its_opposite() {
        assert_eq!(Query::new(&[-128, 3]), Query::new(&[-127, 3]));
        assert_eq!(Query::new(&[1]).padded(), 4);
    }
}
