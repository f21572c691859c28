//! Rows of half bytes held against one query of bytes: what a search asks before it looks at a row's real numbers.
//!
//! Codes are whole numbers from −7 to 7 and stand, 8 added, two in a byte. Groups of eight rows, eight numbers of each row behind
//! one another (the layout below), give every row of a group its own sum in one register, and nothing is added across. Sums
//! are whole numbers: every machine makes the same ones. Four steps of products (2·15·127 each half) fit in sixteen bits.
//!
//! ```text
//! group g:  r0[0..8] r1[0..8] … r7[0..8]  r0[8..16] … r7[8..16]  …      r[0..8]: four bytes, r[0]…r[3] low, r[4]…r[7] high
//! ```

use crate::machine::Machine;

/// Rows of a group.
pub const GROUP: usize = 8;

/// The greatest code.
pub const GREATEST: i8 = 7;

/// What a code stands as is so much more.
const MORE: u8 = 8;

/// A byte of two codes 0.
pub const ZEROS: u8 = MORE << 4 | MORE;

/// Numbers of a row that stand together.
const STEP: usize = 8;

/// Bytes of a step of a row.
const HALF: usize = STEP / 2;

/// Bytes of a step of a group: one register.
const LINE: usize = GROUP * HALF;

/// Bytes that a row of `width` numbers takes: whole steps.
#[must_use]
pub fn bytes(width: usize) -> usize {
    width.div_ceil(STEP) * HALF
}

/// The byte of number `at` of row `row` among rows of `bytes`, and how far to the left it stands there.
fn place(row: usize, at: usize, bytes: usize) -> (usize, u32) {
    let byte = row / GROUP * GROUP * bytes + at / STEP * LINE + row % GROUP * HALF + at % HALF;
    (byte, if at % STEP < HALF { 0 } else { 4 })
}

/// Puts number `at` of row `row`, from −7 to 7 (what is beyond counts as the nearest), among rows of `bytes`.
///
/// # Panics
/// If there is no such row.
pub fn put(codes: &mut [u8], (row, at): (usize, usize), bytes: usize, code: i8) {
    let (byte, left) = place(row, at, bytes);
    let stands = code.clamp(-GREATEST, GREATEST).unsigned_abs();
    let stands = if code < 0 { MORE - stands } else { MORE + stands };
    codes[byte] = codes[byte] & !(0xF << left) | stands << left;
}

/// Number `at` of row `row` among rows of `bytes`.
///
/// # Panics
/// If there is no such row.
#[must_use]
pub fn get(codes: &[u8], (row, at): (usize, usize), bytes: usize) -> i8 {
    let (byte, left) = place(row, at, bytes);
    (codes[byte] >> left & 0xF).cast_signed() - MORE.cast_signed()
}

/// A query's codes, made ready: whole steps of numbers, and eight times their sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    numbers: Vec<i8>,
    more: i32,
}

impl Query {
    /// Takes the numbers of a query, −127 to 127 (−128 counts as −127).
    #[must_use]
    pub fn new(numbers: &[i8]) -> Self {
        let mut numbers: Vec<i8> = numbers.iter().map(|n| (*n).max(-i8::MAX)).collect();
        numbers.resize(numbers.len().next_multiple_of(STEP), 0);
        let more = numbers.iter().map(|n| i32::from(*n) * i32::from(MORE)).sum();
        Self { numbers, more }
    }

    /// Bytes of a row that it can be held against.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.numbers.len() / 2
    }
}

/// Fills `out[r]` with `Σ query[k]·row r[k]`.
///
/// # Panics
/// If `out` is not whole groups, or `codes` are not as many rows.
pub fn sums(query: &Query, codes: &[u8], out: &mut [i32]) {
    run(Machine::detect(), query, codes, out);
}

fn run(machine: Machine, query: &Query, codes: &[u8], out: &mut [i32]) {
    assert_eq!(out.len() % GROUP, 0, "groups are whole");
    assert_eq!(codes.len(), out.len() * query.bytes(), "a row for each sum");
    match machine {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a processor with AVX-512F or AVX2 has AVX2; the sizes were compared above.
        Machine::Avx512 | Machine::Avx2 => unsafe { avx2::sums(query, codes, out) },
        _ => scalar(query, codes, out),
    }
}

fn scalar(query: &Query, codes: &[u8], out: &mut [i32]) {
    for (row, out) in out.iter_mut().enumerate() {
        let product = |(at, q): (usize, &i8)| i32::from(*q) * i32::from(get(codes, (row, at), query.bytes()));
        *out = query.numbers.iter().enumerate().map(product).sum();
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    //! Four groups at a time share the query's two loads.

    use std::arch::x86_64::*;

    use super::{GROUP, HALF, LINE, Query, STEP};

    /// Groups that share the query's registers.
    const TOGETHER: usize = 4;
    /// Steps whose products sixteen bits hold.
    const NARROW: usize = 4;
    /// Bytes between what is read and what is asked for.
    const AHEAD: usize = 2048;

    /// # Safety
    /// AVX2; `out` is whole groups and `codes` hold a row for each.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn sums(query: &Query, codes: &[u8], out: &mut [i32]) {
        let (groups, bytes) = (out.len() / GROUP, GROUP * query.bytes());
        let together = groups - groups % TOGETHER;
        let at = |group: usize| codes.as_ptr().wrapping_add(group * bytes);
        let to = out.as_mut_ptr();
        for group in (0..together).step_by(TOGETHER) {
            // SAFETY: so many groups lie at and after this one.
            unsafe { some::<TOGETHER>(query, at(group), to.add(group * GROUP)) };
        }
        for group in together..groups {
            // SAFETY: as above.
            unsafe { some::<1>(query, at(group), to.add(group * GROUP)) };
        }
    }

    /// # Safety
    /// AVX2; `N` groups of codes at `codes`, room for their sums at `out`.
    #[target_feature(enable = "avx2")]
    unsafe fn some<const N: usize>(query: &Query, codes: *const u8, out: *mut i32) {
        let (steps, ones) = (query.bytes() / HALF, _mm256_set1_epi16(1));
        let mut acc = [_mm256_setzero_si256(); N];
        for from in (0..steps).step_by(NARROW) {
            // SAFETY: the caller's promise; so many steps there are.
            let narrow = unsafe { products::<N>(query, codes, (from, steps.min(from + NARROW))) };
            for (acc, narrow) in acc.iter_mut().zip(narrow) {
                *acc = _mm256_add_epi32(*acc, _mm256_madd_epi16(narrow, ones));
            }
        }
        let more = _mm256_set1_epi32(query.more);
        for (group, acc) in acc.iter().enumerate() {
            // SAFETY: the caller's room.
            unsafe { _mm256_storeu_si256(out.add(group * GROUP).cast(), _mm256_sub_epi32(*acc, more)) };
        }
    }

    /// Sums of at most four steps, in sixteen bits.
    ///
    /// # Safety
    /// AVX2; `N` groups of codes at `codes`, steps that they and the query have.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn products<const N: usize>(
        query: &Query,
        codes: *const u8,
        (from, to): (usize, usize),
    ) -> [__m256i; N] {
        let (bytes, low) = (GROUP * query.bytes(), _mm256_set1_epi8(0xF));
        let mut acc = [_mm256_setzero_si256(); N];
        for step in from..to {
            // SAFETY: step `s` of group `g` lies inside the groups; a step of the query is eight bytes.
            unsafe {
                let numbers = query.numbers.as_ptr().add(step * STEP);
                let (first, second) = (four(numbers), four(numbers.add(HALF)));
                for (group, acc) in acc.iter_mut().enumerate() {
                    let line = codes.add(group * bytes + step * LINE);
                    _mm_prefetch::<_MM_HINT_T0>(line.wrapping_add(AHEAD).cast());
                    let both = _mm256_loadu_si256(line.cast());
                    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(both), low);
                    let left = _mm256_maddubs_epi16(_mm256_and_si256(both, low), first);
                    let right = _mm256_maddubs_epi16(high, second);
                    *acc = _mm256_add_epi16(*acc, _mm256_add_epi16(left, right));
                }
            }
        }
        acc
    }

    /// Four bytes in each of eight lanes.
    ///
    /// # Safety
    /// AVX2; four bytes at `from`.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn four(from: *const i8) -> __m256i {
        // SAFETY: the caller's four bytes; no alignment is needed.
        _mm256_set1_epi32(unsafe { from.cast::<i32>().read_unaligned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows of numbers put into the layout.
    fn lay(rows: &[Vec<i8>], width: usize) -> Vec<u8> {
        let bytes = bytes(width);
        let mut codes = vec![ZEROS; rows.len().next_multiple_of(GROUP) * bytes];
        for (row, numbers) in rows.iter().enumerate() {
            for (at, number) in numbers.iter().enumerate() {
                put(&mut codes, (row, at), bytes, *number);
            }
        }
        codes
    }

    fn number(greatest: i8) -> impl Strategy<Value = i8> {
        prop_oneof![Just(greatest), Just(-greatest), Just(0), -greatest..=greatest]
    }

    fn case() -> impl Strategy<Value = (Vec<i8>, Vec<Vec<i8>>)> {
        (1usize..150, 0usize..90).prop_flat_map(|(width, rows)| {
            let row = prop::collection::vec(number(GREATEST), width);
            (
                prop::collection::vec(number(127), width),
                prop::collection::vec(row, rows),
            )
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

        #[test]
        fn what_is_put_is_there_and_nothing_else_moves((query, rows) in case()) {
            let (codes, bytes) = (lay(&rows, query.len()), bytes(query.len()));
            for (row, numbers) in rows.iter().enumerate() {
                for (at, number) in numbers.iter().enumerate() {
                    prop_assert_eq!(get(&codes, (row, at), bytes), *number);
                }
            }
        }
    }

    #[test]
    fn the_greatest_products_stay_in_sixteen_bits() {
        for sign in [1i8, -1] {
            let (query, codes) = (
                Query::new(&[127 * sign; 64]),
                lay(&vec![vec![GREATEST; 64]; 8], 64),
            );
            let mut out = [0; 8];
            sums(&query, &codes, &mut out);
            assert_eq!(out, [64 * 127 * 7 * i32::from(sign); 8]);
        }
    }

    #[test]
    fn what_is_beyond_the_range_counts_as_the_nearest() {
        assert_eq!(Query::new(&[-128, 3]), Query::new(&[-127, 3]));
        let mut codes = [ZEROS; 32];
        put(&mut codes, (3, 5), 4, 100);
        put(&mut codes, (3, 1), 4, -128);
        assert_eq!((get(&codes, (3, 5), 4), get(&codes, (3, 1), 4)), (7, -7));
        assert_eq!(Query::new(&[1]).bytes(), 4);
    }
}
