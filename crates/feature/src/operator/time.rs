//! `time`: parts of a time, and the days between two times.
//!
//! The time zone is a fixed offset that the conf writes down; there is no clock and no zone database here. Calendar
//! arithmetic: proleptic Gregorian, days to civil date after Howard Hinnant's `chrono`-compatible algorithms.

use super::{Built, Class, Doc, Example, InputType, Inputs, Operator, Out, Setting};
use crate::{FieldType, Value};

pub(super) const CLASS: Class = Class {
    name: "time",
    version: 1,
    doc: Doc {
        what: "a part of a time, or the age of one time at another",
        inputs: "one timestamp, for `age` two: then, now. With `seconds` also int fields that count seconds since 1970",
        args: "str_args: one of `year`, `month` (1..12), `day` (1..31), `hour` (0..23), `weekday` (1 Monday .. 7 Sunday), \
               `weekend` (0 or 1), `age`; the zone as `+08:00`, `-03:30` or `UTC` (default); `seconds`; `dense` gives the \
               part as a float instead of a category",
        output: "one sign of weight 1 (the part as an int); `dense` and `age`: one float",
        formula: "age: (now - then) in days, exact to the microsecond",
        missing: "no sign, or 0",
        examples: &[
            Example::of(
                "a timestamp = 84600000000",
                "str_args = [\"hour\", \"+01:00\"]",
                "{int 0}",
            ),
            Example::of(
                "then int = 0; now int = 129600",
                "str_args = [\"age\", \"seconds\"]",
                "[1.5]",
            ),
        ],
    },
    depend: (1, 2),
    accepts: |input| {
        use FieldType::{Int, Timestamp};
        matches!(input, InputType::Unknown | InputType::Field(Int | Timestamp))
    },
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    let words = ["year", "month", "day", "hour", "weekday", "weekend", "age"];
    let part = setting.one_of(&words, false);
    let seconds = setting.flag("seconds");
    let dense = part != "age" && setting.flag("dense");
    let zone = if part == "age" {
        0
    } else {
        setting.parsed(parse_zone).unwrap_or(0)
    };
    check(setting, part, seconds);
    let reader = Reader { seconds, zone };
    match part {
        "age" => Built::dense(1, Age { reader }),
        _ if dense => Built::dense(
            1,
            Part {
                reader,
                part: part_of(part),
                dense,
            },
        ),
        _ => Built::sparse(Part {
            reader,
            part: part_of(part),
            dense,
        }),
    }
}

/// Checks the number of inputs, and that ints are said to be seconds.
fn check(setting: &mut Setting<'_>, part: &str, seconds: bool) {
    let wanted = if part == "age" { 2 } else { 1 };
    if setting.inputs.len() != wanted {
        setting.complain(
            "depend",
            None,
            format!("`{part}` takes {wanted} input(s), got {}", setting.inputs.len()),
        );
    }
    let ints = setting
        .inputs
        .iter()
        .position(|input| *input == InputType::Field(FieldType::Int));
    if let (Some(i), false) = (ints, seconds) {
        setting.complain("depend", Some(i), "an int as a time needs `seconds` in str_args");
    }
}

/// `+08:00` → microseconds.
fn parse_zone(word: &str) -> Option<i64> {
    if word == "UTC" {
        return Some(0);
    }
    let (sign, rest) = match word.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, word.strip_prefix('-')?),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let digits = |text: &str| {
        let two = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        two.then(|| text.parse::<u8>().ok()).flatten()
    };
    let (hours, minutes) = (i64::from(digits(hours)?), i64::from(digits(minutes)?));
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60 * MICROS)
}

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400 * MICROS;

fn part_of(word: &str) -> fn(i64) -> i64 {
    match word {
        "year" => |t| civil(t.div_euclid(DAY)).0,
        "month" => |t| civil(t.div_euclid(DAY)).1,
        "day" => |t| civil(t.div_euclid(DAY)).2,
        "hour" => |t| t.rem_euclid(DAY) / (3600 * MICROS),
        "weekend" => |t| i64::from(weekday(t) >= 6),
        _ => weekday,
    }
}

/// 1 Monday … 7 Sunday; 1970-01-01 was a Thursday.
fn weekday(t: i64) -> i64 {
    (t.div_euclid(DAY) + 3).rem_euclid(7) + 1
}

/// Days since 1970 → year, month, day.
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * day_of_year + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * mp + 2) / 5 + 1)
}

/// Reads times, in local microseconds.
struct Reader {
    seconds: bool,
    zone: i64,
}

impl Reader {
    fn read(&self, value: &Value) -> Option<i64> {
        let time = if let Value::Time(t) = value {
            Some(*t)
        } else {
            None
        };
        let seconds = if let (Value::Int(t), true) = (value, self.seconds) {
            t.checked_mul(MICROS)
        } else {
            None
        };
        time.or(seconds)?.checked_add(self.zone)
    }
}

struct Part {
    reader: Reader,
    part: fn(i64) -> i64,
    dense: bool,
}

impl Operator for Part {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let part = self.reader.read(inputs.value(0)).map(self.part);
        match (part, self.dense) {
            (part, true) => out.number(part.map(|x| x as f64)),
            (Some(part), false) => out.int(part),
            (None, false) => {}
        }
    }
}

struct Age {
    reader: Reader,
}

impl Operator for Age {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let then = self.reader.read(inputs.value(0));
        let now = self.reader.read(inputs.value(1));
        let micros = then.zip(now).and_then(|(then, now)| now.checked_sub(then));
        out.number(micros.map(|micros| micros as f64 / DAY as f64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_dates_by_hand() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(19_782), (2024, 2, 29));
    }

    #[test]
    fn every_day_of_400_years_follows_the_day_before() {
        let mut before = civil(-1);
        for days in 0..146_097 {
            let (year, month, day) = civil(days);
            let next_day = (year, month, day) == (before.0, before.1, before.2 + 1);
            let next_month = day == 1 && before.2 >= 28 && (year, month) == (before.0, before.1 + 1);
            let next_year = (year, month, day) == (before.0 + 1, 1, 1) && (before.1, before.2) == (12, 31);
            assert!(
                next_day || next_month || next_year,
                "{before:?} -> {year}-{month}-{day}"
            );
            before = (year, month, day);
        }
        assert_eq!(before, (2369, 12, 31));
    }

    #[test]
    fn weekdays_and_hours_before_1970() {
        assert_eq!((weekday(0), weekday(-1), weekday(3 * DAY)), (4, 3, 7));
        assert_eq!(part_of("hour")(-1), 23);
    }

    #[test]
    fn zones_are_hours_and_minutes() {
        assert_eq!(parse_zone("+08:00"), Some(8 * 3600 * MICROS));
        assert_eq!(parse_zone("-03:30"), Some(-12_600 * MICROS));
        assert_eq!(parse_zone("UTC"), Some(0));
        assert!(
            ["08:00", "+8:00", "+25:00", "+01:60", "", "+é:00", "++8:00"]
                .iter()
                .all(|z| parse_zone(z).is_none())
        );
    }
}
