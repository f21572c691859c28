//! `data describe`: the imported data in numbers, with a histogram in the terminal.
//!
//! The decision: one pass over the events, all figures exact; the text form is made from the same
//! structure that `--json` prints.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;

use crate::events::EventReader;
use crate::{Catalogue, Event, PipelineError};

/// The imported data in numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Description {
    /// Items in the catalogue.
    pub items: u64,
    /// Users in the catalogue.
    pub users: u64,
    /// Events in the log.
    pub events: u64,
    /// First instant (RFC 3339, UTC); `None` without events.
    pub first: Option<String>,
    /// Last instant (RFC 3339, UTC); `None` without events.
    pub last: Option<String>,
    /// Share of user-item pairs without any event, 0 to 1.
    pub sparsity: f64,
    /// Pairs of user and item with at least one event.
    pub pairs: u64,
    /// Events of a user and an item after the first of the two.
    pub repeats: u64,
    /// Events that share user and instant with another.
    pub ties: u64,
    /// Events by kind.
    pub kinds: BTreeMap<String, u64>,
    /// Events per user that has any.
    pub per_user: Spread,
    /// Events per item that has any.
    pub per_item: Spread,
    /// Mean of all values; `None` without values.
    pub mean_value: Option<f64>,
    /// How often each value occurs, ascending; at most 20 bins (then each is named by its lower bound).
    pub values: Vec<Bin>,
    /// Items by genre, most frequent first.
    pub genres: Vec<(String, u64)>,
    /// Earliest and latest year of release.
    pub years: Option<(i64, i64)>,
    /// Values that are missing, by field.
    pub missing: BTreeMap<String, u64>,
    /// Items with most events, most first.
    pub top_items: Vec<TopItem>,
}

/// Smallest, middle and largest of some counts.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Spread {
    /// Smallest.
    pub min: u64,
    /// Lower median.
    pub median: u64,
    /// Mean.
    pub mean: f64,
    /// Largest.
    pub max: u64,
}

/// One bar of the histogram of values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// The value, or the bin's lower bound.
    pub value: f64,
    /// Events with it.
    pub events: u64,
}

/// An item with its number of events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopItem {
    /// Its id.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// Its events.
    pub events: u64,
    /// Mean of their values; `None` if they have none.
    pub mean_value: Option<f64>,
}

const BINS: u32 = 20;
const TOP: usize = 10;
const BAR: u64 = 40;

/// Describes the imported data of a home.
///
/// # Errors
/// [`PipelineError::NotImported`], or what makes a file unreadable.
pub fn describe(home: &Path) -> Result<Description, PipelineError> {
    let catalogue = Catalogue::load(home)?;
    let mut tally = Tally::default();
    let mut reader = EventReader::open(&home.join("events/base-1.parquet"))?;
    loop {
        let events = reader.next_batch()?;
        if events.is_empty() {
            return Ok(tally.describe(&catalogue));
        }
        events.iter().for_each(|event| tally.take(event));
    }
}

#[derive(Default)]
struct Tally {
    events: u64,
    first: Option<i64>,
    last: Option<i64>,
    pairs: FxHashSet<(i64, i64)>,
    users: FxHashMap<i64, u64>,
    items: FxHashMap<i64, ItemTally>,
    instant: FxHashMap<i64, u64>,
    ties: u64,
    kinds: BTreeMap<String, u64>,
    values: Vec<f64>,
    without_value: u64,
}

#[derive(Default, Clone, Copy)]
struct ItemTally {
    events: u64,
    values: u64,
    sum: f64,
}

impl Tally {
    fn take(&mut self, event: &Event) {
        self.events += 1;
        self.first.get_or_insert(event.time);
        if self.last != Some(event.time) {
            self.close_instant();
        }
        self.last = Some(event.time);
        *self.instant.entry(event.user).or_default() += 1;
        self.pairs.insert((event.user, event.item));
        *self.users.entry(event.user).or_default() += 1;
        match self.kinds.get_mut(&event.kind) {
            Some(count) => *count += 1,
            None => drop(self.kinds.insert(event.kind.clone(), 1)),
        }
        let item = self.items.entry(event.item).or_default();
        item.events += 1;
        match event.value {
            Some(value) => {
                (item.values, item.sum) = (item.values + 1, item.sum + value);
                self.values.push(value);
            }
            None => self.without_value += 1,
        }
    }

    fn close_instant(&mut self) {
        self.ties += self
            .instant
            .drain()
            .map(|(_, count)| count)
            .filter(|count| *count > 1)
            .sum::<u64>();
    }

    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    fn describe(mut self, catalogue: &Catalogue) -> Description {
        self.close_instant();
        self.values.sort_unstable_by(f64::total_cmp);
        let cells = catalogue.items.len() as f64 * catalogue.users.len() as f64;
        let years = || catalogue.items.iter().filter_map(|item| item.release_year);
        let sum: f64 = self.values.iter().sum();
        Description {
            items: catalogue.items.len() as u64,
            users: catalogue.users.len() as u64,
            events: self.events,
            first: self.first.map(instant),
            last: self.last.map(instant),
            sparsity: if cells > 0.0 {
                1.0 - self.pairs.len() as f64 / cells
            } else {
                0.0
            },
            pairs: self.pairs.len() as u64,
            repeats: self.events - self.pairs.len() as u64,
            ties: self.ties,
            per_user: spread(self.users.values().copied().collect()),
            per_item: spread(self.items.values().map(|item| item.events).collect()),
            mean_value: (!self.values.is_empty()).then(|| sum / self.values.len() as f64),
            values: histogram(&self.values),
            genres: genres(catalogue),
            years: years().min().zip(years().max()),
            missing: missing(catalogue, self.without_value),
            top_items: top_items(&self.items, catalogue),
            kinds: self.kinds,
        }
    }
}

/// Writes microseconds since 1970 UTC as RFC 3339.
#[must_use]
pub fn instant(micros: i64) -> String {
    let time = UtcDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok();
    time.and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{micros} µs"))
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn spread(mut counts: Vec<u64>) -> Spread {
    counts.sort_unstable();
    let (Some(&min), Some(&max)) = (counts.first(), counts.last()) else {
        return Spread::default();
    };
    let mean = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    Spread {
        min,
        median: counts[(counts.len() - 1) / 2],
        mean,
        max,
    }
}

/// Counts sorted values: each by itself if there are few, in bins of equal width otherwise.
fn histogram(values: &[f64]) -> Vec<Bin> {
    let mut bins: Vec<Bin> = Vec::new();
    for part in values.chunk_by(|a, b| a == b) {
        bins.push(Bin {
            value: part[0],
            events: part.len() as u64,
        });
        if bins.len() > BINS as usize {
            return equal_bins(values);
        }
    }
    bins
}

fn equal_bins(values: &[f64]) -> Vec<Bin> {
    let (low, high) = (values[0], values[values.len() - 1]);
    let width = (high - low) / f64::from(BINS);
    let bounds: Vec<f64> = (0..BINS).map(|bin| low + width * f64::from(bin)).collect();
    let start = |bound: &f64| values.partition_point(|value| value < bound);
    let ends = bounds.iter().skip(1).map(start).chain([values.len()]);
    bounds
        .iter()
        .zip(ends)
        .map(|(bound, end)| Bin {
            value: *bound,
            events: (end - start(bound)) as u64,
        })
        .collect()
}

fn genres(catalogue: &Catalogue) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<&String, u64> = BTreeMap::new();
    for genre in catalogue.items.iter().flat_map(|item| &item.genres) {
        *counts.entry(genre).or_default() += 1;
    }
    let mut genres: Vec<(String, u64)> = counts
        .into_iter()
        .map(|(genre, count)| (genre.clone(), count))
        .collect();
    genres.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    genres
}

fn missing(catalogue: &Catalogue, without_value: u64) -> BTreeMap<String, u64> {
    let items = &catalogue.items;
    let counts = [
        (
            "item.release_year",
            items.iter().filter(|item| item.release_year.is_none()).count(),
        ),
        (
            "item.genres",
            items.iter().filter(|item| item.genres.is_empty()).count(),
        ),
        (
            "item.imdb_id",
            items.iter().filter(|item| item.imdb_id.is_none()).count(),
        ),
        (
            "item.tmdb_id",
            items.iter().filter(|item| item.tmdb_id.is_none()).count(),
        ),
    ];
    let mut missing: BTreeMap<String, u64> = counts
        .iter()
        .map(|(field, count)| ((*field).to_owned(), *count as u64))
        .collect();
    missing.insert("event.value".to_owned(), without_value);
    missing.retain(|_, count| *count > 0);
    missing
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn top_items(items: &FxHashMap<i64, ItemTally>, catalogue: &Catalogue) -> Vec<TopItem> {
    let mut order: Vec<(i64, ItemTally)> = items.iter().map(|(id, tally)| (*id, *tally)).collect();
    order.sort_unstable_by_key(|(id, tally)| (std::cmp::Reverse(tally.events), *id));
    let top = |&(id, tally): &(i64, ItemTally)| TopItem {
        id,
        title: catalogue
            .item(id)
            .map(|item| item.title.clone())
            .unwrap_or_default(),
        events: tally.events,
        mean_value: (tally.values > 0).then(|| tally.sum / tally.values as f64),
    };
    order.iter().take(TOP).map(top).collect()
}

impl Description {
    /// The description as text for a terminal, about 80 columns wide.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "{:<14} {}", "items", self.items)?;
        writeln!(out, "{:<14} {}", "users", self.users)?;
        writeln!(out, "{:<14} {}", "events", self.events)?;
        if let (Some(first), Some(last)) = (&self.first, &self.last) {
            writeln!(out, "{:<14} {first} to {last}", "time")?;
        }
        writeln!(
            out,
            "{:<14} {:.2} % ({} pairs)",
            "sparsity",
            self.sparsity * 100.0,
            self.pairs
        )?;
        writeln!(
            out,
            "{:<14} {} events of a user and an item after the first",
            "duplicates", self.repeats
        )?;
        writeln!(
            out,
            "{:<14} {} events share user and instant with another",
            "ties", self.ties
        )?;
        for (name, spread) in [("per user", self.per_user), ("per item", self.per_item)] {
            let Spread {
                min,
                median,
                mean,
                max,
            } = spread;
            writeln!(out, "{name:<14} {min} to {max}, median {median}, mean {mean:.1}")?;
        }
        if let Some((first, last)) = self.years {
            writeln!(out, "{:<14} {first} to {last}", "years")?;
        }
        self.write_lists(out)
    }

    fn write_lists(&self, out: &mut String) -> std::fmt::Result {
        for (kind, count) in &self.kinds {
            writeln!(out, "{:<14} {kind}: {count}", "kind")?;
        }
        for (field, count) in &self.missing {
            writeln!(out, "{:<14} {field}: {count}", "missing")?;
        }
        let genres: Vec<String> = self
            .genres
            .iter()
            .map(|(genre, count)| format!("{genre} {count}"))
            .collect();
        if !genres.is_empty() {
            writeln!(out, "{:<14} {}", "genres", genres.join(", "))?;
        }
        self.write_values(out)?;
        for top in &self.top_items {
            let mean = top
                .mean_value
                .map(|mean| format!("mean {mean:.2}"))
                .unwrap_or_default();
            writeln!(
                out,
                "{:>9} events  {mean}  {} ({})",
                top.events, top.title, top.id
            )?;
        }
        Ok(())
    }

    fn write_values(&self, out: &mut String) -> std::fmt::Result {
        let most = self.values.iter().map(|bin| bin.events).max().unwrap_or(0).max(1);
        if let Some(mean) = self.mean_value {
            writeln!(out, "\nvalues, mean {mean:.3}")?;
        }
        for bin in &self.values {
            let length = usize::try_from(bin.events * BAR / most).unwrap_or(0);
            writeln!(
                out,
                "{:>9} {} {}",
                trimmed(bin.value),
                "█".repeat(length),
                bin.events
            )?;
        }
        writeln!(out)
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_counted_one_by_one_and_many_in_twenty_bins() {
        let bins = histogram(&[0.5, 0.5, 3.0]);
        assert_eq!(
            bins,
            [
                Bin {
                    value: 0.5,
                    events: 2
                },
                Bin {
                    value: 3.0,
                    events: 1
                }
            ]
        );
        let many: Vec<f64> = (0..=100).map(f64::from).collect();
        let bins = histogram(&many);
        assert_eq!(
            (bins.len(), bins[0], bins[19].events),
            (
                20,
                Bin {
                    value: 0.0,
                    events: 5
                },
                6
            )
        );
        assert_eq!(bins.iter().map(|bin| bin.events).sum::<u64>(), 101);
        assert!(histogram(&[]).is_empty());
    }

    #[test]
    fn spread_takes_the_lower_median() {
        assert_eq!(
            spread(vec![4, 1, 3, 2]),
            Spread {
                min: 1,
                median: 2,
                mean: 2.5,
                max: 4
            }
        );
        assert_eq!(spread(vec![]), Spread::default());
    }

    #[test]
    fn instants_read_as_dates() {
        assert_eq!(instant(789_652_009_000_000), "1995-01-09T11:46:49Z");
        assert_eq!(instant(i64::MAX), "9223372036854775807 µs");
        assert_eq!(
            (trimmed(3.5), trimmed(4.0), trimmed(0.0)),
            ("3.5".into(), "4".into(), "0".into())
        );
    }
}
