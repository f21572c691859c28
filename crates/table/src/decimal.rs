//! Decimal numbers of text files as floats, exactly as the standard library reads them, several times as fast.
//!
//! Two ways that cannot err: `d.dddddd` (what vector files are written with) is read as one word, and its seven digits and
//! the million they are divided by are whole floats, so one division rounds once. Any other short decimal is divided in
//! double precision and rounded to a float, which is the nearest float unless the double stands exactly between two. That
//! case and every other form (exponents, many digits, `inf`) go to the standard library.

/// Powers of ten that a double holds exactly.
const TENS: [f64; 19] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
];
/// The bits of a double that a float has no place for, and their middle.
const BELOW: u64 = (1 << 29) - 1;
const MIDDLE: u64 = 1 << 28;

/// Reads a number that ends at `separator` or with the text; returns it and the bytes it takes, the separator not
/// counted. None if it is no number.
#[inline]
fn take(text: &[u8], separator: u8) -> Option<(f32, usize)> {
    // the sign is random: neither its place nor its bit may be a branch
    if let Some(first) = text.first_chunk::<10>() {
        let negative = first[0] == b'-';
        let sign = usize::from(negative);
        if first[sign + 8] == separator
            && let Some(word) = first[sign..].first_chunk::<8>()
            && let Some(digits) = seven(u64::from_le_bytes(*word))
        {
            #[expect(clippy::cast_precision_loss, reason = "below 2^24")]
            let value = digits as f32 / 1e6;
            let value = f32::from_bits(value.to_bits() | u32::from(negative) << 31);
            return Some((value, sign + 8));
        }
    }
    let end = text.iter().position(|b| *b == separator).unwrap_or(text.len());
    Some((decimal(&text[..end])?, end))
}

/// The seven digits of `d.dddddd`, first byte lowest; none if it is not that.
#[inline]
fn seven(word: u64) -> Option<u64> {
    let point = (word >> 8) & 0xff == u64::from(b'.');
    // 0 d d d d d d d: the first digit takes the point's place, a zero its own
    let v = (word & !0xffff) | ((word & 0xff) << 8) | u64::from(b'0');
    let high = v & 0xF0F0_F0F0_F0F0_F0F0 == 0x3030_3030_3030_3030;
    let low = v.wrapping_add(0x0606_0606_0606_0606) & 0xF0F0_F0F0_F0F0_F0F0 == 0x3030_3030_3030_3030;
    if !(point && high && low) {
        return None;
    }
    // pairs, fours, all eight: each step multiplies the earlier digits and adds the later ones
    let v = (v & 0x0F0F_0F0F_0F0F_0F0F).wrapping_mul(2561) >> 8;
    let v = (v & 0x00FF_00FF_00FF_00FF).wrapping_mul(6_553_601) >> 16;
    Some((v & 0x0000_FFFF_0000_FFFF).wrapping_mul(42_949_672_960_001) >> 32)
}

/// Reads one number, the whole text; the float is the one that `str::parse` gives. None where that gives an error.
#[must_use]
pub fn decimal(text: &[u8]) -> Option<f32> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut mantissa, mut after, mut point) = (0u64, 0, false);
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
                after += usize::from(point);
            }
            b'.' if !point => point = true,
            _ => return slow(text),
        }
    }
    let count = digits.len() - usize::from(point);
    if count == 0 || count > 18 || mantissa >= 1 << 53 {
        return slow(text);
    }
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let value = mantissa as f64 / TENS[after];
    // at zero, below the normal floats and between two floats the second rounding is not sure
    if value.to_bits() & BELOW == MIDDLE || (mantissa > 0 && value < 1e-37) {
        return slow(text);
    }
    #[expect(clippy::cast_possible_truncation, reason = "rounded on purpose")]
    let value = value as f32;
    Some(if negative { -value } else { value })
}

#[cold]
fn slow(text: &[u8]) -> Option<f32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// What stands before the next separator.
fn cell(line: &[u8], separator: u8) -> &[u8] {
    line.split(|byte| *byte == separator).next().unwrap_or_default()
}

/// [`take`] of a number with blanks around it, as other readers take it.
#[cold]
fn among_blanks(line: &[u8], separator: u8) -> Option<(f32, usize)> {
    let cell = cell(line, separator);
    Some((decimal(cell.trim_ascii())?, cell.len()))
}

/// Appends the numbers of a line, `separator` between them and blanks around them or not, to `out`; returns how many.
///
/// # Errors
/// What is no number, with its place in the line.
pub fn decimals(line: &[u8], separator: u8, out: &mut Vec<f32>) -> Result<usize, String> {
    let (mut at, before) = (0, out.len());
    loop {
        let taken = take(&line[at..], separator).or_else(|| among_blanks(&line[at..], separator));
        let Some((value, bytes)) = taken else {
            let (place, cell) = (out.len() - before + 1, cell(&line[at..], separator));
            let cell = String::from_utf8_lossy(&cell[..cell.len().min(40)]).into_owned();
            return Err(format!("column {place} is `{cell}`, expected a number"));
        };
        out.push(value);
        at += bytes + 1;
        if at > line.len() {
            return Ok(out.len() - before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(text: &str) {
        let expected = text.parse::<f32>().ok().map(f32::to_bits);
        assert_eq!(decimal(text.as_bytes()).map(f32::to_bits), expected, "{text}");
        let taken = take(text.as_bytes(), b',').map(|(value, _)| value.to_bits());
        assert_eq!(taken, expected, "{text}");
    }

    #[test]
    fn forms_by_hand() {
        for text in [
            "0",
            "-0",
            "1",
            "-0.25",
            "0.111400",
            "-2.107100",
            "9.999999",
            "1e3",
            ".5",
            "5.",
            "+2",
            "",
            "-",
            ".",
            "1.2.3",
            "nan",
            "inf",
            "1e99",
            "1e-45",
            "0x1",
            "1 ",
            "16777217",
            "16777219",
            "0.000000000000000001",
            "123456789012345678",
            "1234567890123456789",
            "8.5899973e9",
            "9007199791611905",
            "d.dddddd",
            "1.00000a",
            "-1.000000",
            "33554433.0",
            "0.50000002980232238",
            "0.5000000298023224",
        ] {
            same(text);
        }
    }

    #[test]
    fn a_line_is_read_and_its_fault_told_by_column() {
        let mut out = Vec::new();
        assert_eq!(decimals(b"1,-2.500000,3e1,0.5", b',', &mut out).unwrap(), 4);
        assert_eq!(out, [1.0, -2.5, 30.0, 0.5]);
        out.clear();
        assert_eq!(decimals(b"1, -2.500000 ,3,\t4 ", b',', &mut out).unwrap(), 4);
        assert_eq!(out, [1.0, -2.5, 3.0, 4.0]);
        let fault = decimals(b"1, 2 3,4", b',', &mut Vec::new()).unwrap_err();
        assert_eq!(fault, "column 2 is ` 2 3`, expected a number");
        let fault = decimals(b"1,2.0000000,x,4", b',', &mut Vec::new()).unwrap_err();
        assert_eq!(fault, "column 3 is `x`, expected a number");
        assert!(decimals(b"", b',', &mut Vec::new()).is_err());
        assert!(decimals(b"1,", b',', &mut Vec::new()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
        #[test]
        fn decimals_are_those_of_the_standard_library(text in "-?[0-9]{0,11}\\.?[0-9]{0,9}(e-?[0-9]{1,2})?") {
            same(&text);
        }

        #[test]
        fn fixed_point_of_six_digits(whole in 0u32..12, part in 0u32..1_000_000, negative: bool) {
            same(&format!("{}{whole}.{part:06}", if negative { "-" } else { "" }));
        }

        #[test]
        fn floats_and_the_middles_between_them_come_back(bits: u32, more in 0usize..3) {
            let value = f32::from_bits(bits);
            prop_assume!(value.is_finite());
            let next = f32::from_bits(bits.wrapping_add(1));
            let middle = (f64::from(value) + f64::from(next)) / 2.0;
            same(&format!("{value}"));
            same(&format!("{:.*}", 6 + 6 * more, middle));
        }

        #[test]
        fn nothing_panics(text in ".{0,24}") {
            let _ = decimal(text.as_bytes());
            let _ = decimals(text.as_bytes(), b',', &mut Vec::new());
        }
    }
}
