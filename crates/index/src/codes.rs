//! What tells, before a row's real numbers are read, that it cannot be among the n best: the row rounded to bytes.
//!
//! A row x stands as `s·c` with whole numbers c from −127 to 127 and `s = max|x| / 127`. For a query `q = t·d + rest`
//!
//! `q·x ≤ t·s·(d·c) + ‖q − t·d‖·‖x‖ + ‖t·d‖·‖x − s·c‖`,
//!
//! and only rows whose right side reaches the n-th best score so far are held against the query in full. The decision behind it:
//! the answer is that of the plain scan to the bit, for a quarter of the memory read. A row keeps `s` alone; the two norms
//! are bounded, in parts of `s`, by the greatest of a block.

use rankine_kernel::codes::{self, GROUP};

/// Rows that share their bounds, and are asked about at a time.
pub(crate) const BLOCK: usize = 256;

/// What rounding of one `f32` may add, per number of a sum and for the steps around it.
const ROUNDING: f64 = 1.2e-7;

/// Rows as bytes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Codes {
    width: usize,
    bytes: Vec<i8>,
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

/// A row rounded: its bytes, its scale, its norm and that of what rounding lost.
struct Rounded {
    bytes: Vec<i8>,
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
        let (padded, rounded) = (codes::padded(row.len()), round(row));
        if place == self.scales.len() {
            self.scales.push(0.0);
            self.bytes
                .resize(self.scales.len().next_multiple_of(GROUP) * padded, 0);
            self.bounds
                .resize(self.scales.len().div_ceil(BLOCK), Bound::default());
        }
        self.scales[place] = rounded.scale;
        for (at, byte) in rounded.bytes.iter().enumerate() {
            self.bytes[codes::place(place, at, padded)] = *byte;
        }
        self.bounds[place / BLOCK].widen(&rounded);
    }

    /// Moves the last row to `place` and forgets the last.
    pub(crate) fn swap_remove(&mut self, place: usize) {
        let Some(last) = self.scales.len().checked_sub(1) else {
            return;
        };
        let padded = codes::padded(self.width);
        for at in 0..padded {
            self.bytes[codes::place(place, at, padded)] = self.bytes[codes::place(last, at, padded)];
            self.bytes[codes::place(last, at, padded)] = 0;
        }
        let from = self.bounds[last / BLOCK];
        self.bounds[place / BLOCK].join(from);
        self.scales.swap_remove(place);
        self.bytes.truncate(last.next_multiple_of(GROUP) * padded);
        self.bounds.truncate(last.div_ceil(BLOCK));
    }

    /// The query as it is held against the codes; `None` where its numbers are too great to bound anything by.
    pub(crate) fn ask(&self, query: &[f32]) -> Option<Asked> {
        let rounded = round(query);
        #[expect(clippy::cast_precision_loss, reason = "a width far below 2^52")]
        let slack = ROUNDING * (query.len() as f64 / 16.0 + 32.0);
        let asked = Asked {
            query: codes::Query::new(&rounded.bytes),
            scale: rounded.scale,
            missed: up(rounded.error + slack * rounded.length),
            length: up(rounded.length + rounded.error),
        };
        #[expect(clippy::cast_precision_loss, reason = "a bound")]
        let greatest = asked.scale * 127.0 * 127.0 * (query.len() as f32);
        let known = [asked.missed, asked.length, greatest];
        known.iter().all(|number| number.is_finite()).then_some(asked)
    }

    /// For each row of a block a number that its score does not exceed; NaN where nothing is known.
    pub(crate) fn bounds(&self, asked: &Asked, block: usize, out: &mut [f32; BLOCK]) -> usize {
        let from = block * BLOCK;
        let scales = &self.scales[from..self.scales.len().min(from + BLOCK)];
        let groups = scales.len().next_multiple_of(GROUP);
        let (mut sums, padded) = ([0i32; BLOCK], codes::padded(self.width));
        codes::sums(
            &asked.query,
            &self.bytes[from * padded..(from + groups) * padded],
            &mut sums[..groups],
        );
        let bound = self.bounds[block];
        let rest = asked.missed * bound.length + asked.length * bound.error;
        for ((out, sum), scale) in out.iter_mut().zip(&sums).zip(scales) {
            #[expect(clippy::cast_precision_loss, reason = "what is lost is in the slack")]
            let sum = *sum as f32;
            *out = scale * (asked.scale * sum + rest);
        }
        scales.len()
    }
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

/// Rounds a finite row; the scale is never zero, so that a row of zeros has length 0 in parts of it.
fn round(row: &[f32]) -> Rounded {
    let greatest = row.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    let scale = (greatest / f32::from(i8::MAX)).max(f32::MIN_POSITIVE);
    let (mut length, mut error) = (0.0f64, 0.0f64);
    let byte = |v: &f32| {
        #[expect(clippy::cast_possible_truncation, reason = "clamped to the range of bytes")]
        let byte = (v / scale).round().clamp(-127.0, 127.0) as i8;
        let lost = f64::from(*v) - f64::from(scale) * f64::from(byte);
        length += f64::from(*v) * f64::from(*v);
        error += lost * lost;
        byte
    };
    let bytes = row.iter().map(byte).collect();
    Rounded {
        bytes,
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
            let (asked, mut out) = (codes.ask(&query).expect("finite"), [0.0; BLOCK]);
            prop_assert_eq!(if kept.is_empty() { 0 } else { codes.bounds(&asked, 0, &mut out) }, kept.len());
            for (row, bound) in kept.iter().zip(out) {
                let score = dense::dot(&query, row);
                prop_assert!(score <= bound || bound.is_nan() || score.is_nan(), "{} against {}", score, bound);
            }
        }
    }

    #[test]
    fn a_bound_stands_close_above_the_score() {
        let row: Vec<f32> = (0..64u8).map(|i| (f32::from(i) * 0.7).sin()).collect();
        let codes = Codes::of(64, &row);
        let mut out = [0.0; BLOCK];
        codes.bounds(&codes.ask(&row).expect("finite"), 0, &mut out);
        let score = dense::dot(&row, &row);
        assert!(out[0] >= score && out[0] < score * 1.02, "{} for {score}", out[0]);
    }

    #[test]
    fn a_query_beyond_all_bounds_is_not_asked() {
        let codes = Codes::of(2, &[1.0, 2.0]);
        assert!(codes.ask(&[f32::MAX, f32::MAX]).is_none());
        assert!(codes.ask(&[0.0, 0.0]).is_some());
    }
}
