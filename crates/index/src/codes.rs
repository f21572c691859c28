//! What tells, before a row's real numbers are read, that it cannot be among the n best: the row rounded to half bytes.
//!
//! A row x stands as `s·c` with whole numbers c from −7 to 7 and `s = max|x| / 7`. For a query `q = t·d + rest`, d in bytes,
//!
//! `q·x ≤ t·s·(d·c) + ‖q − t·d‖·‖x‖ + ‖t·d‖·‖x − s·c‖`,
//!
//! and only rows whose right side reaches the n-th best score so far are held against the query in full. The decision behind it:
//! the answer is that of the plain scan to the bit, for an eighth of the memory read and a few rows more in full (whole bytes
//! leave over fewer, and take twice as long to read). A row keeps `s` alone; the two norms are bounded, in parts of `s`, by
//! the greatest of a block.

use rankine_kernel::codes::{self, GROUP};

/// Rows that share their bounds, and are asked about at a time.
pub(crate) const BLOCK: usize = 256;

/// What rounding of one `f32` may add, per number of a sum and for the steps around it.
const ROUNDING: f64 = 1.2e-7;

/// Rows as half bytes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Codes {
    width: usize,
    bytes: Vec<u8>,
    scales: Vec<f32>,
    bounds: Vec<Bound>,
}

/// The greatest norms of a block's rows, in parts of their scale; they only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Bound {
    length: f32,
    error: f32,
}

/// A query made ready.
#[derive(Debug)]
pub(crate) struct Asked {
    query: codes::Query,
    scale: f32,
    /// Times a row's length.
    missed: f32,
    /// Times a row's error.
    length: f32,
}

/// A row rounded: its codes, their scale, its norm and that of what rounding lost.
struct Rounded {
    codes: Vec<i8>,
    scale: f32,
    length: f64,
    error: f64,
}

impl Codes {
    /// Codes of rows `width` wide.
    pub(crate) fn of(width: usize, values: &[f32]) -> Self {
        let mut codes = Self::default();
        for (place, row) in values.chunks_exact(width.max(1)).enumerate() {
            codes.put(place, row);
        }
        codes
    }

    /// Puts a row at a place, at most one behind the last.
    pub(crate) fn put(&mut self, place: usize, row: &[f32]) {
        self.width = row.len();
        let (bytes, rounded) = (codes::bytes(row.len()), round(row, codes::GREATEST));
        if place == self.scales.len() {
            self.scales.push(0.0);
            self.bytes
                .resize(self.scales.len().next_multiple_of(GROUP) * bytes, codes::ZEROS);
            self.bounds
                .resize(self.scales.len().div_ceil(BLOCK), Bound::default());
        }
        self.scales[place] = rounded.scale;
        for (at, code) in rounded.codes.iter().enumerate() {
            codes::put(&mut self.bytes, (place, at), bytes, *code);
        }
        self.bounds[place / BLOCK].widen(&rounded);
    }

    /// Moves the last row to `place` and forgets the last.
    pub(crate) fn swap_remove(&mut self, place: usize) {
        let Some(last) = self.scales.len().checked_sub(1) else {
            return;
        };
        let bytes = codes::bytes(self.width);
        for at in 0..self.width {
            let code = codes::get(&self.bytes, (last, at), bytes);
            codes::put(&mut self.bytes, (last, at), bytes, 0);
            if place != last {
                codes::put(&mut self.bytes, (place, at), bytes, code);
            }
        }
        let from = self.bounds[last / BLOCK];
        self.bounds[place / BLOCK].join(from);
        self.scales.swap_remove(place);
        self.bytes.truncate(last.next_multiple_of(GROUP) * bytes);
        self.bounds.truncate(last.div_ceil(BLOCK));
    }

    /// The query as it is held against the codes; `None` where its numbers are too great to bound anything by.
    pub(crate) fn ask(&self, query: &[f32]) -> Option<Asked> {
        let rounded = round(query, i8::MAX);
        #[expect(clippy::cast_precision_loss, reason = "a width far below 2^52")]
        let slack = ROUNDING * (query.len() as f64 / 16.0 + 32.0);
        let asked = Asked {
            query: codes::Query::new(&rounded.codes),
            scale: rounded.scale,
            missed: up(rounded.error + slack * rounded.length),
            length: up(rounded.length + rounded.error),
        };
        #[expect(clippy::cast_precision_loss, reason = "a bound")]
        let greatest = asked.scale * 127.0 * 127.0 * (query.len() as f32);
        let known = [asked.missed, asked.length, greatest];
        known.iter().all(|number| number.is_finite()).then_some(asked)
    }

    /// For each row of a block a number that its score does not exceed, infinite where nothing is known; the greatest of them.
    /// `out` is as long as the block.
    pub(crate) fn bounds(&self, asked: &Asked, block: usize, out: &mut [f32]) -> f32 {
        let from = block * BLOCK;
        let scales = &self.scales[from..from + out.len()];
        let groups = scales.len().next_multiple_of(GROUP);
        let (mut sums, bytes) = ([0i32; BLOCK], codes::bytes(self.width));
        codes::sums(
            &asked.query,
            &self.bytes[from * bytes..(from + groups) * bytes],
            &mut sums[..groups],
        );
        let bound = self.bounds[block];
        let rest = asked.missed * bound.length + asked.length * bound.error;
        for ((out, sum), scale) in out.iter_mut().zip(&sums).zip(scales) {
            #[expect(clippy::cast_precision_loss, reason = "what is lost is in the slack")]
            let bound = scale * (asked.scale * (*sum as f32) + rest);
            *out = if bound.is_nan() { f32::INFINITY } else { bound };
        }
        greatest(out)
    }
}

/// The greatest of numbers none of which is NaN; side by side, as a register compares them.
fn greatest(numbers: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let (whole, rest) = numbers.as_chunks::<8>();
    let mut lanes = [f32::NEG_INFINITY; 8];
    for numbers in whole {
        for (lane, number) in lanes.iter_mut().zip(numbers) {
            *lane = larger(*lane, *number);
        }
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, larger)
}

impl Bound {
    fn widen(&mut self, row: &Rounded) {
        let scale = f64::from(row.scale);
        self.join(Bound {
            length: up(row.length / scale),
            error: up(row.error / scale),
        });
    }

    fn join(&mut self, other: Bound) {
        self.length = self.length.max(other.length);
        self.error = self.error.max(other.error);
    }
}

/// Rounds a finite row to whole numbers up to `most`; the scale is never zero, so that a row of zeros has length 0 in parts of it.
fn round(row: &[f32], most: i8) -> Rounded {
    let greatest = row.iter().fold(0.0f32, |greatest, v| greatest.max(v.abs()));
    let most = f32::from(most);
    let scale = (greatest / most).max(f32::MIN_POSITIVE);
    let (mut length, mut error) = (0.0f64, 0.0f64);
    let code = |v: &f32| {
        #[expect(clippy::cast_possible_truncation, reason = "clamped to the range of bytes")]
        let code = (v / scale).round().clamp(-most, most) as i8;
        let lost = f64::from(*v) - f64::from(scale) * f64::from(code);
        length += f64::from(*v) * f64::from(*v);
        error += lost * lost;
        code
    };
    let codes = row.iter().map(code).collect();
    Rounded {
        codes,
        scale,
        length: length.sqrt(),
        error: error.sqrt(),
    }
}

/// The number in single precision, rounded up.
fn up(number: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "rounding is made up for")]
    let near = (number * (1.0 + 1e-6)) as f32;
    near
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rankine_kernel::dense;

    fn rows() -> impl Strategy<Value = (Vec<f32>, Vec<Vec<f32>>)> {
        let number = prop_oneof![4 => -1.0f32..1.0, 1 => -1e6f32..1e6, 1 => Just(0.0), 1 => -1e-38f32..1e-38];
        (1usize..40, 1usize..40).prop_flat_map(move |(width, rows)| {
            let row = prop::collection::vec(number.clone(), width);
            (row.clone(), prop::collection::vec(row, rows))
        })
    }

    proptest! {
        #[test]
        fn no_score_exceeds_its_bound((query, rows) in rows(), gone in 0usize..40) {
            let mut kept = rows.clone();
            let mut codes = Codes::of(query.len(), &rows.concat());
            if gone < kept.len() {
                kept.swap_remove(gone);
                codes.swap_remove(gone);
            }
            let (asked, mut out) = (codes.ask(&query).expect("finite"), vec![0.0; kept.len()]);
            let greatest = if kept.is_empty() { 0.0 } else { codes.bounds(&asked, 0, &mut out) };
            for (row, bound) in kept.iter().zip(out) {
                let score = dense::dot(&query, row);
                prop_assert!(score <= bound || score.is_nan(), "{} against {}", score, bound);
                prop_assert!(bound <= greatest);
            }
        }
    }

    #[test]
    fn a_bound_stands_close_above_the_score() {
        let row: Vec<f32> = (0..64u8).map(|i| (f32::from(i) * 0.7).sin()).collect();
        let codes = Codes::of(64, &row);
        let mut out = [0.0];
        codes.bounds(&codes.ask(&row).expect("finite"), 0, &mut out);
        let score = dense::dot(&row, &row);
        assert!(out[0] >= score && out[0] < score * 1.2, "{} for {score}", out[0]);
    }

    #[test]
    fn a_query_beyond_all_bounds_is_not_asked() {
        let codes = Codes::of(2, &[1.0, 2.0]);
        assert!(codes.ask(&[f32::MAX, f32::MAX]).is_none());
        assert!(codes.ask(&[0.0, 0.0]).is_some());
    }
}
