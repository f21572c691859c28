//! Text cells to numbers and instants, with the reason when they are not.
//!
//! The decision: a cell's fault is a rule and a sentence (expected, got); the caller that knows file
//! and line lists it as a reject.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcDateTime};

use super::mapping::TimeUnit;

/// Why a row is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) rule: &'static str,
    pub(super) reason: String,
}

impl Problem {
    pub(super) fn new(rule: &'static str, reason: impl Into<String>) -> Self {
        Self {
            rule,
            reason: reason.into(),
        }
    }
}

/// Latest instant either side of 1970: the year 9999.
const FARTHEST: i64 = 253_402_300_800 * 1_000_000;

/// A cell that may not be empty.
pub(super) fn needed<'a>(cell: Option<&'a str>, name: &str) -> Result<&'a str, Problem> {
    let text = cell.unwrap_or_default().trim();
    if text.is_empty() {
        Err(Problem::new("missing", format!("{name} is missing")))
    } else {
        Ok(text)
    }
}

/// A cell that may be empty; then it is `None`.
pub(super) fn optional(cell: Option<&str>) -> Option<&str> {
    cell.map(str::trim).filter(|text| !text.is_empty())
}

/// A whole-number id in its one decimal form (`+6` and `06` are 6): 0 or more, for requests name users and items so.
pub(super) fn whole<'a>(cell: Option<&'a str>, name: &str) -> Result<&'a str, Problem> {
    let text = needed(cell, name)?;
    match text.parse::<i64>() {
        Ok(_) if text.starts_with('-') => Err(Problem::new(
            "range",
            format!("{name}: expected 0 or more, got {text}"),
        )),
        Ok(_) => Ok(canonical(text)),
        Err(_) => Err(Problem::new(
            "number",
            format!("{name}: expected a whole number, got `{text}`"),
        )),
    }
}

/// The digits of a whole number without sign and leading zeros; of zero, one digit is left.
fn canonical(text: &str) -> &str {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() { "0" } else { significant }
}

/// A finite number within bounds.
pub(super) fn number(text: &str, name: &str, range: Option<[f64; 2]>) -> Result<f64, Problem> {
    let value: f64 = text
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
        .ok_or_else(|| Problem::new("number", format!("{name}: expected a number, got `{text}`")))?;
    match range {
        Some([low, high]) if !(low..=high).contains(&value) => Err(Problem::new(
            "range",
            format!("{name}: expected {low} to {high}, got {text}"),
        )),
        _ => Ok(value),
    }
}

/// An instant, in microseconds since 1970.
pub(super) fn instant(text: &str, unit: TimeUnit) -> Result<i64, Problem> {
    let parsed = match unit {
        TimeUnit::Seconds => scaled(text, 1_000_000),
        TimeUnit::Milliseconds => scaled(text, 1_000),
        TimeUnit::Microseconds => scaled(text, 1),
        TimeUnit::Iso8601 => calendar(text),
    };
    let parsed = parsed.filter(|time| (-FARTHEST..=FARTHEST).contains(time));
    parsed.ok_or_else(|| Problem::new("time", format!("time: expected {unit}, got `{text}`")))
}

fn scaled(text: &str, factor: i64) -> Option<i64> {
    if let Ok(whole) = text.parse::<i64>() {
        return whole.checked_mul(factor);
    }
    #[expect(clippy::cast_precision_loss, reason = "factors are at most a million")]
    let micros = (text.parse::<f64>().ok()? * factor as f64).round();
    #[expect(clippy::cast_possible_truncation, reason = "bounded in the line before")]
    (micros.abs() < 9e18).then_some(micros as i64)
}

fn calendar(text: &str) -> Option<i64> {
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return micros(time.to_utc());
    }
    let second = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let day = format_description!("[year]-[month]-[day]");
    let local = PrimitiveDateTime::parse(text, &second)
        .or_else(|_| Date::parse(text, &day).map(Date::midnight))
        .ok()?;
    micros(local.as_utc())
}

fn micros(time: UtcDateTime) -> Option<i64> {
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000)).ok()
}

/// A year.
pub(super) fn year(text: &str) -> Result<i64, Problem> {
    match text.parse::<i64>() {
        Ok(year) if (1_000..=2_999).contains(&year) => Ok(year),
        _ => Err(Problem::new(
            "number",
            format!("year: expected four digits, got `{text}`"),
        )),
    }
}

/// The parts of a list cell without empty ones; MovieLens writes "(no genres listed)" for none.
pub(super) fn list(text: &str, separator: &str) -> Vec<String> {
    let parts = text.split(separator).map(str::trim);
    parts
        .filter(|part| !part.is_empty() && *part != "(no genres listed)")
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_in_every_unit() {
        let of = |text: &str, unit| instant(text, unit).map_err(|problem| problem.rule);
        assert_eq!(of("881250949", TimeUnit::Seconds), Ok(881_250_949_000_000));
        assert_eq!(of("8.5", TimeUnit::Seconds), Ok(8_500_000));
        assert_eq!(of("-1", TimeUnit::Milliseconds), Ok(-1_000));
        assert_eq!(of("7", TimeUnit::Microseconds), Ok(7));
        assert_eq!(
            of("1970-01-02T00:00:01.5+01:00", TimeUnit::Iso8601),
            Ok(82_801_500_000)
        );
        assert_eq!(of("1970-01-01 00:01:00", TimeUnit::Iso8601), Ok(60_000_000));
        assert_eq!(of("1970-01-02", TimeUnit::Iso8601), Ok(86_400_000_000));
        for bad in [
            "",
            "x",
            "nan",
            "inf",
            "9223372036854775807",
            "1e300",
            "260000000000",
        ] {
            assert_eq!(of(bad, TimeUnit::Seconds), Err("time"), "{bad}");
        }
        assert_eq!(of("1970-13-01", TimeUnit::Iso8601), Err("time"));
    }

    #[test]
    fn numbers_are_finite_and_in_range() {
        let of = |text: &str| number(text, "rating", Some([0.5, 5.0]));
        assert_eq!(of("3.5"), Ok(3.5));
        assert_eq!(
            of("5.5").unwrap_err(),
            Problem::new("range", "rating: expected 0.5 to 5, got 5.5")
        );
        for bad in ["NaN", "inf", "", "four", "3,5"] {
            assert_eq!(of(bad).unwrap_err().rule, "number", "{bad}");
        }
    }

    #[test]
    fn empty_cells_are_missing() {
        assert_eq!(
            needed(Some(" "), "userId").unwrap_err(),
            Problem::new("missing", "userId is missing")
        );
        assert_eq!(optional(Some(" ")), None);
        assert_eq!(whole(Some(" 12 "), "id"), Ok("12"));
        for (text, id) in [
            ("06", "6"),
            ("+6", "6"),
            ("+006", "6"),
            ("000", "0"),
            ("100", "100"),
        ] {
            assert_eq!(whole(Some(text), "id"), Ok(id), "{text}");
        }
        for bad in ["+", "+-6", "--6", "0x6"] {
            assert_eq!(whole(Some(bad), "id").unwrap_err().rule, "number", "{bad}");
        }
        assert_eq!(whole(Some("1.0"), "id").unwrap_err().rule, "number");
        assert_eq!(
            whole(Some("-3"), "user id").unwrap_err(),
            Problem::new("range", "user id: expected 0 or more, got -3")
        );
        assert_eq!(whole(Some("-0"), "id").unwrap_err().rule, "range");
        assert_eq!(list("a| b||(no genres listed)", "|"), ["a", "b"]);
        assert_eq!((year("1995"), year("95").is_err()), (Ok(1995), true));
    }
}
