//! `${bizdate}`, `${bizdate-13}` and variables of the user's, in any text of a template.
//!
//! The decision: what is not known stays as it stands, for the scheduler that runs the SQL; who runs it here asks
//! [`Variables::open`] first.

use std::collections::BTreeMap;

use time::{Date, Duration, Month};

/// A day, and whether partitions write it with dashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    date: Date,
    dashed: bool,
}

impl Day {
    /// Reads `20261122` or `2026-11-22`.
    ///
    /// # Errors
    /// What was expected and what was there.
    pub fn parse(text: &str) -> Result<Day, String> {
        let dashed = text.len() == 10;
        let digits: String = if dashed {
            text.split('-').collect()
        } else {
            text.to_owned()
        };
        let part = |from, to| digits.get(from..to).and_then(|part| part.parse::<u16>().ok());
        let date = (digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit()))
            .then(|| {
                let month = Month::try_from(u8::try_from(part(4, 6)?).ok()?).ok()?;
                let day = u8::try_from(part(6, 8)?).ok()?;
                Date::from_calendar_date(i32::from(part(0, 4)?), month, day).ok()
            })
            .flatten();
        let date = date.ok_or_else(|| format!("expected a day as 20261122 or 2026-11-22, got `{text}`"))?;
        Ok(Day { date, dashed })
    }

    /// So many days before.
    #[must_use]
    pub fn back(self, days: u32) -> Day {
        let date = self.date.saturating_sub(Duration::days(i64::from(days)));
        Day { date, ..self }
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dash = if self.dashed { "-" } else { "" };
        let (year, month, day) = (self.date.year(), u8::from(self.date.month()), self.date.day());
        write!(f, "{year:04}{dash}{month:02}{dash}{day:02}")
    }
}

/// What `${…}` stands for.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    /// The last day of the window, `${bizdate}`.
    pub date: Option<Day>,
    /// Others by name.
    pub named: BTreeMap<String, String>,
}

impl Variables {
    /// The text with what is known put in.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        let (mut filled, mut rest) = (String::new(), text);
        while let Some((before, name, after)) = next(rest) {
            filled.push_str(before);
            match self.value(name) {
                Some(value) => filled.push_str(&value),
                None => filled.push_str(&format!("${{{name}}}")),
            }
            rest = after;
        }
        filled + rest
    }

    /// The names in a text that are not known.
    #[must_use]
    pub fn open(&self, text: &str) -> Vec<String> {
        let (mut open, mut rest) = (Vec::new(), text);
        while let Some((_, name, after)) = next(rest) {
            if self.value(name).is_none() && !open.iter().any(|o| o == name) {
                open.push(name.to_owned());
            }
            rest = after;
        }
        open
    }

    fn value(&self, name: &str) -> Option<String> {
        if let Some(value) = self.named.get(name) {
            return Some(value.clone());
        }
        let back = name.strip_prefix("bizdate")?;
        let days = if back.is_empty() {
            0
        } else {
            back.strip_prefix('-')?.parse().ok()?
        };
        Some(self.date?.back(days).to_string())
    }
}

/// What stands before the first variable, its name, what stands behind.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let (before, behind) = text.split_once("${")?;
    let (name, after) = behind.split_once('}')?;
    Some((before, name, after))
}
