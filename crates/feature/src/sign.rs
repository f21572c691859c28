//! Signs: the 64-bit names of feature values.
//!
//! `sign = xxh3_64(slot u32 LE ‖ tag u8 ‖ payload)`. The model's tables are keyed by signs and the two worlds meet in
//! them, so nothing here may ever change: `tests/data/golden_signs.jsonl` holds every rule. Values are typed by the
//! schema before they come here; that is why `5`, `"5"` and `5.0` of an int field have one sign.
//!
//! Slot 0 stands for "no slot": fields that a cross reads directly, and features without a slot.

use crate::Value;
use xxhash_rust::xxh3::xxh3_64;

/// Tag of an i64 payload (little-endian): int fields, buckets, parts of a time.
pub const INT: u8 = 1;
/// Tag of an f64 payload (bits, little-endian; −0 as 0; NaN has no sign).
pub const FLOAT: u8 = 2;
/// Tag of a UTF-8 payload.
pub const TEXT: u8 = 3;
/// Tag of a cross: the components' signs (u64 LE) in depend order.
pub const CROSS: u8 = 4;
/// Tag of a timestamp: i64 microseconds, little-endian.
pub const TIME: u8 = 5;
/// Tag of a truth value: one byte, 0 or 1.
pub const BOOL: u8 = 6;

/// The most components a cross may have.
pub(crate) const MAX_CROSS: usize = 8;

/// Bytes before the payload.
const HEAD: usize = 5;

fn fixed<const N: usize>(slot: u32, tag: u8, payload: [u8; N]) -> u64 {
    let mut bytes = [0; HEAD + 8];
    bytes[..4].copy_from_slice(&slot.to_le_bytes());
    bytes[4] = tag;
    bytes[HEAD..HEAD + N].copy_from_slice(&payload);
    xxh3_64(&bytes[..HEAD + N])
}

/// The sign of a whole number.
#[must_use]
pub fn int(slot: u32, value: i64) -> u64 {
    fixed(slot, INT, value.to_le_bytes())
}

/// The sign of a number; none for NaN.
#[must_use]
pub fn float(slot: u32, value: f64) -> Option<u64> {
    let value = if value == 0.0 { 0.0 } else { value };
    (!value.is_nan()).then(|| fixed(slot, FLOAT, value.to_bits().to_le_bytes()))
}

/// The sign of a text. `buffer` is working memory.
#[must_use]
pub fn text(slot: u32, value: &str, buffer: &mut Vec<u8>) -> u64 {
    buffer.clear();
    buffer.extend_from_slice(&slot.to_le_bytes());
    buffer.push(TEXT);
    buffer.extend_from_slice(value.as_bytes());
    xxh3_64(buffer)
}

/// The sign of a cross of up to eight signs (more are not read).
#[must_use]
#[inline]
pub fn cross(slot: u32, signs: &[u64]) -> u64 {
    if let [a, b] = signs {
        return pair(slot, *a, *b);
    }
    let mut bytes = [0; HEAD + 8 * MAX_CROSS];
    bytes[..4].copy_from_slice(&slot.to_le_bytes());
    bytes[4] = CROSS;
    let count = signs.len().min(MAX_CROSS);
    for (to, sign) in bytes[HEAD..].chunks_exact_mut(8).zip(&signs[..count]) {
        to.copy_from_slice(&sign.to_le_bytes());
    }
    xxh3_64(&bytes[..HEAD + 8 * count])
}

/// The sign of a cross of two, the common one, once per candidate: xxh3_64 of 21 bytes (its form for 17 to 128), whose
/// words are put together in registers. Through a buffer every word would be read across the stores that made it, which
/// stalls for longer than the hash takes.
#[inline]
fn pair(slot: u32, a: u64, b: u64) -> u64 {
    const LENGTH: u64 = 21;
    // The first 32 bytes of xxh3's secret.
    const SECRET: [u64; 4] = [
        0xbe4b_a423_396c_feb8,
        0x1cad_21f7_2c81_017c,
        0xdb97_9083_e96d_d4de,
        0x1f67_b3b7_a4a4_4072,
    ];
    let fold = |x: u64, y: u64| {
        let product = u128::from(x) * u128::from(y);
        #[expect(clippy::cast_possible_truncation, reason = "the two halves are meant")]
        let folded = product as u64 ^ (product >> 64) as u64;
        folded
    };
    let first = u64::from(slot) | u64::from(CROSS) << 32 | a << 40;
    let second = a >> 24 | b << 40;
    let mut hash = LENGTH.wrapping_mul(0x9E37_79B1_85EB_CA87);
    hash = hash.wrapping_add(fold(first ^ SECRET[0], second ^ SECRET[1]));
    hash = hash.wrapping_add(fold(a ^ SECRET[2], b ^ SECRET[3]));
    hash = (hash ^ hash >> 37).wrapping_mul(0x1656_6791_9E37_79F9);
    hash ^ hash >> 32
}

/// The sign of a scalar value; none for missing values, lists, maps and vectors.
#[must_use]
pub fn scalar(slot: u32, value: &Value, buffer: &mut Vec<u8>) -> Option<u64> {
    match value {
        Value::Int(x) => Some(int(slot, *x)),
        Value::Float(x) => float(slot, *x),
        Value::Str(x) => Some(text(slot, x, buffer)),
        Value::Time(x) => Some(fixed(slot, TIME, x.to_le_bytes())),
        Value::Bool(x) => Some(fixed(slot, BOOL, [u8::from(*x)])),
        Value::Missing
        | Value::Ints(_)
        | Value::Floats(_)
        | Value::Strs(_)
        | Value::Weighted(_)
        | Value::Vector(_) => None,
    }
}

/// Calls `each` with the sign and weight of every element of a value, in order: scalars have one of weight 1, lists one
/// per element, maps one per tag with its weight. Missing values, NaN and vectors have none.
pub(crate) fn each(slot: u32, value: &Value, buffer: &mut Vec<u8>, mut each: impl FnMut(u64, f32)) {
    match value {
        Value::Ints(items) => items.iter().for_each(|x| each(int(slot, *x), 1.0)),
        Value::Floats(items) => items
            .iter()
            .filter_map(|x| float(slot, *x))
            .for_each(|sign| each(sign, 1.0)),
        Value::Strs(items) => items.iter().for_each(|x| each(text(slot, x, buffer), 1.0)),
        Value::Weighted(items) => items
            .iter()
            .for_each(|(tag, weight)| each(text(slot, tag, buffer), *weight)),
        Value::Missing
        | Value::Int(_)
        | Value::Float(_)
        | Value::Str(_)
        | Value::Time(_)
        | Value::Bool(_)
        | Value::Vector(_) => {
            if let Some(sign) = scalar(slot, value, buffer) {
                each(sign, 1.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_layout_is_slot_tag_payload() {
        let mut bytes = vec![7, 0, 0, 0, INT];
        bytes.extend_from_slice(&5i64.to_le_bytes());
        assert_eq!(int(7, 5), xxh3_64(&bytes));
        assert_eq!(text(7, "abc", &mut Vec::new()), xxh3_64(b"\x07\0\0\0\x03abc"));
        assert_eq!(cross(1, &[]), xxh3_64(&[1, 0, 0, 0, CROSS]));
    }

    proptest! {
        #[test]
        fn a_cross_of_two_is_xxh3_of_its_bytes(slot in any::<u32>(), a in any::<u64>(), b in any::<u64>()) {
            let bytes = [&slot.to_le_bytes()[..], &[CROSS], &a.to_le_bytes(), &b.to_le_bytes()].concat();
            prop_assert_eq!(cross(slot, &[a, b]), xxh3_64(&bytes));
        }
    }

    #[test]
    fn zero_has_one_sign_and_nan_none() {
        assert_eq!(float(1, 0.0), float(1, -0.0));
        assert_eq!(float(1, f64::NAN), None);
        assert_ne!(float(1, 5.0), Some(int(1, 5)), "types differ");
    }

    #[test]
    fn crosses_keep_their_order() {
        assert_ne!(cross(1, &[2, 3]), cross(1, &[3, 2]));
    }
}
