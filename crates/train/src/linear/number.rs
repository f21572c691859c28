//! Numbers of text files: the usual short decimal by hand, anything else by the standard library.

/// Powers of ten that a double holds exactly.
const TENS: [f64; 16] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

/// Reads a finite number. At most fifteen digits with a point are exact in a double, so dividing once rounds once, as the
/// standard library does; the float is that double rounded again, off by an ulp in rare ties at most.
#[expect(clippy::cast_possible_truncation, reason = "values are kept as floats")]
pub(super) fn parse(text: &str) -> Option<f32> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut mantissa, mut after, mut point) = (0u64, 0, false);
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                mantissa = mantissa.wrapping_mul(10) + u64::from(byte - b'0');
                after += usize::from(point);
            }
            b'.' if !point => point = true,
            _ => return slow(text),
        }
    }
    if digits.len() > 15 || digits.len() <= usize::from(point) {
        return slow(text);
    }
    let value = mantissa as f64 / TENS[after];
    Some(if negative { -value } else { value } as f32)
}

fn slow(text: &str) -> Option<f32> {
    text.parse::<f32>().ok().filter(|v| v.is_finite())
}

#[cfg(test)]
mod tests {
    use super::parse;
    use proptest::prelude::*;

    #[test]
    fn odd_texts_are_read_or_refused() {
        assert_eq!(parse("1"), Some(1.0));
        assert_eq!(parse("-0.25"), Some(-0.25));
        assert_eq!(
            (parse("1e3"), parse(".5"), parse("+2")),
            (Some(1000.0), Some(0.5), Some(2.0))
        );
        for bad in ["", "-", ".", "1.2.3", "nan", "inf", "1e99", "0x1", "1 "] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn decimals_are_those_of_the_standard_library(whole in 0u32..100_000, part in "[0-9]{0,8}", negative: bool) {
            let text = format!("{}{whole}.{part}", if negative { "-" } else { "" });
            let (got, expected) = (parse(&text).unwrap(), text.parse::<f32>().unwrap());
            prop_assert!((got - expected).abs() <= expected.abs() * f32::EPSILON, "{got} {expected}");
        }

        #[test]
        fn nothing_panics(text in ".{0,24}") {
            let _ = parse(&text);
        }
    }
}
