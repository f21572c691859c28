//! Times as sources write them, to microseconds since 1970 UTC.
//!
//! Used by rules and by fields of the type `timestamp`. The decision: three forms and no more: ISO text (UTC where it
//! names no offset), and whole numbers, which are seconds, milliseconds or microseconds by their size.

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;

/// Reads `2022-03-03`, `2022-03-03 00:00:00.25+01`, `2022-03-03T00:00:00Z`, or a number of seconds (below 10¹¹),
/// milliseconds (below 10¹⁴) or microseconds.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.parse::<i64>() {
        Ok(number) => of_number(number),
        Err(_) => of_text(text),
    }
}

/// The time that a whole number stands for.
#[must_use]
pub fn of_number(number: i64) -> Option<i64> {
    match number.unsigned_abs() {
        0..100_000_000_000 => number.checked_mul(SECOND),
        100_000_000_000..100_000_000_000_000 => number.checked_mul(1000),
        _ => Some(number),
    }
}

/// The time that a JSON value stands for.
#[must_use]
pub fn of_json(value: &serde_json::Value) -> Option<i64> {
    match value.as_str() {
        Some(text) => parse(text),
        None => value.as_i64().and_then(of_number),
    }
}

fn of_text(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = time::Month::try_from(digits::<u8>(month)?).ok()?;
    let date = time::Date::from_calendar_date(digits(year)?, month, digits(day)?).ok()?;
    let days = i64::from(date.to_julian_day()) - 2_440_588;
    let (clock, offset) = cut_offset(rest.get(1..).unwrap_or_default());
    Some(days * 86_400 * SECOND + clock_of(clock)? - offset_of(offset)?)
}

/// Parts `12:00:00+01` into the time and what follows it.
fn cut_offset(text: &str) -> (&str, &str) {
    let at = text.find(['Z', '+', '-']).unwrap_or(text.len());
    text.split_at(at)
}

fn clock_of(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':');
    let (hour, minute): (i64, i64) = (digits(parts.next()?)?, digits(parts.next()?)?);
    let second: i64 = parts.next().map_or(Some(0), digits)?;
    let fits = parts.next().is_none() && hour < 24 && minute < 60 && second < 61;
    let micros: i64 = format!("{fraction:0<6}").get(..6).and_then(digits)?;
    fits.then_some(((hour * 60 + minute) * 60 + second) * SECOND + micros)
}

fn offset_of(text: &str) -> Option<i64> {
    if text.is_empty() || text == "Z" {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits_only: String = text[1..].chars().filter(|c| *c != ':').collect();
    let hours: i64 = digits(digits_only.get(..2)?)?;
    let minutes: i64 = match digits_only.get(2..4) {
        Some(minutes) => digits(minutes)?,
        None => 0,
    };
    Some(sign * (hours * 60 + minutes) * 60 * SECOND)
}

fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms_of_one_time() {
        let time = 1_646_265_600 * SECOND;
        for text in [
            "2022-03-03",
            "2022-03-03 00:00:00",
            "2022-03-03T00:00:00Z",
            "2022-03-03 01:00:00+01",
            "2022-03-02 18:30:00.000-05:30",
            "1646265600",
            "1646265600000",
            "1646265600000000",
        ] {
            assert_eq!(parse(text), Some(time), "{text}");
        }
        assert_eq!(parse("2022-03-03 00:00:00.25"), Some(time + 250_000));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "soon",
            "2022-13-01",
            "2022-03-03 25:00:00",
            "2022-03-03 1",
            "é022-03-033",
            "2022-03-03 00:00:00+x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,30}") {
            let _ = parse(&text);
        }

        #[test]
        fn text_of_any_second_comes_back(seconds in 0_i64..4_000_000_000) {
            let (day, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
            let date = time::Date::from_julian_day(i32::try_from(day).unwrap() + 2_440_588).unwrap();
            let clock = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
            prop_assert_eq!(parse(&format!("{date} {clock}")), Some(seconds * SECOND));
        }
    }
}
