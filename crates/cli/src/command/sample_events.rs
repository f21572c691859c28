//! `rankine sample events`: behaviour and labelled samples of ids out of the imported events, between two dates.
//!
//! For scenes within a bigger one: a context (a store, a page) of the same log. A positive is a user's first event with an item in
//! the span; its negatives are drawn evenly from the items that the scene had before the span, without those the user met
//! until its end. Decision: what a scene knew before `--from` (items, who met what) is all that decides which samples there are, so
//! that nothing of the future leaks into them.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use rankine_pipeline::{Event, events};
use rankine_table::AtomicFile;
use rankine_table::vectors::VectorTable;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

use super::Globals;
use crate::output;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine sample events --until 2017-09-01 --out behaviour.csv\n  \
    rankine sample events --context 367 --from 2017-09-01 --until 2017-11-01 --new --negatives 4 --out train.csv --counts counts.txt")]
pub(crate) struct Options {
    /// Only events of this context; default: all
    #[arg(long, value_name = "TEXT")]
    context: Option<String>,
    /// Only events from this day on (UTC); default: from the first
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    from: Option<i64>,
    /// Only events before this day; default: to the last
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    until: Option<i64>,
    /// Negatives per positive; 0: every event is a row of label 1, in time order
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    negatives: usize,
    /// Only items that the user had not met before --from, in any context (with --negatives)
    #[arg(long)]
    new: bool,
    /// Seed of the draws
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the rows go: label,user,item with a header
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where it goes how often each item of the scene was met before --from, as a file of vectors of one number
    #[arg(long, value_name = "FILE")]
    counts: Option<PathBuf>,
}

/// Chooses, draws, writes.
///
/// # Errors
/// No import, the disk's.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let path = globals.home().base_events();
    let log = events::load(&path).with_context(|| "rankine data import comes first")?;
    let scene = Scene::of(&log, options);
    let rows = match options.negatives {
        0 => scene
            .span
            .iter()
            .map(|event| (true, event.user, event.item))
            .collect(),
        _ => scene.samples(options),
    };
    write(&options.out, &rows)?;
    if let Some(path) = &options.counts {
        counts(&scene.before).write(path)?;
    }
    let positive = rows.iter().filter(|row| row.0).count();
    if globals.json {
        return output::json(&json!({
            "rows": rows.len(), "positive": positive, "items_before": scene.before.len(),
        }));
    }
    output::line(&format!(
        "{} rows, {positive} positive; {} items before: {}",
        rows.len(),
        scene.before.len(),
        options.out.display()
    ));
    Ok(())
}

/// What of the log a span and a context leave.
struct Scene<'a> {
    /// The scene's events of the span.
    span: Vec<&'a Event>,
    /// Items of the scene before the span with the number of their events.
    before: BTreeMap<i64, u32>,
    /// Who met what before the span, in any context.
    met: BTreeSet<(i64, i64)>,
}

impl<'a> Scene<'a> {
    fn of(log: &'a [Event], options: &Options) -> Scene<'a> {
        let from = options.from.unwrap_or(i64::MIN);
        let until = options.until.unwrap_or(i64::MAX);
        let inside = |event: &&Event| options.context.is_none() || event.context == options.context;
        let mut scene = Scene {
            span: Vec::new(),
            before: BTreeMap::new(),
            met: BTreeSet::new(),
        };
        for event in log.iter().filter(|event| event.time < until) {
            if event.time >= from {
                scene.span.extend(Some(event).filter(inside));
                continue;
            }
            scene.met.insert((event.user, event.item));
            if inside(&event) {
                *scene.before.entry(event.item).or_default() += 1;
            }
        }
        scene
    }

    /// Positives of items known before, each with its negatives behind it.
    fn samples(&self, options: &Options) -> Vec<(bool, i64, i64)> {
        let items: Vec<i64> = self.before.keys().copied().collect();
        let in_span: BTreeSet<(i64, i64)> = self.span.iter().map(|event| (event.user, event.item)).collect();
        let (mut draw, mut done, mut rows) = (Draw(options.seed), BTreeSet::new(), Vec::new());
        for event in &self.span {
            let pair = (event.user, event.item);
            let known = self.before.contains_key(&event.item) && !(options.new && self.met.contains(&pair));
            if !known || !done.insert(pair) {
                continue;
            }
            rows.push((true, pair.0, pair.1));
            for _ in 0..options.negatives {
                let item = items[draw.below(items.len())];
                let other = (event.user, item);
                let met = in_span.contains(&other) || options.new && self.met.contains(&other);
                if !met {
                    rows.push((false, other.0, other.1));
                }
            }
        }
        rows
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Draw(u64);

impl Draw {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let wide = u128::from(z ^ (z >> 31)) * count as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }
}

fn write(path: &Path, rows: &[(bool, i64, i64)]) -> anyhow::Result<()> {
    let mut file = std::io::BufWriter::new(AtomicFile::create(path)?);
    writeln!(file, "label,user,item")?;
    for (label, user, item) in rows {
        writeln!(file, "{},{user},{item}", u8::from(*label))?;
    }
    Ok(file.into_inner().map_err(|error| error.into_error())?.commit()?)
}

#[expect(clippy::cast_precision_loss, reason = "a count of events of one item")]
fn counts(before: &BTreeMap<i64, u32>) -> VectorTable {
    VectorTable {
        ids: before.keys().map(ToString::to_string).collect(),
        width: 1,
        floats: before.values().map(|count| *count as f32).collect(),
        version: None,
    }
}

/// Microseconds of the beginning of a day, by Hinnant's days from civil.
fn day(text: &str) -> Result<i64, String> {
    let parsed = || -> anyhow::Result<i64> {
        let parts: Vec<i64> = text.split('-').map(str::parse).collect::<Result<_, _>>()?;
        let [year, month, day] = parts[..] else {
            anyhow::bail!("three numbers");
        };
        ensure!((1..=12).contains(&month) && (1..=31).contains(&day), "a date");
        ensure!((1970..=9999).contains(&year), "a year from 1970 on");
        let shifted = if month > 2 { year } else { year - 1 };
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let of_era = shifted % 400 * 365 + shifted % 400 / 4 - shifted % 400 / 100 + of_year;
        Ok((shifted / 400 * 146_097 + of_era - 719_468) * DAY)
    };
    parsed().map_err(|_| "expected a day as YYYY-MM-DD".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(time: i64, user: i64, item: i64, context: &str) -> Event {
        Event {
            time,
            user,
            item,
            context: Some(context.to_owned()),
            ..Event::default()
        }
    }

    fn options(new: bool) -> Options {
        Options {
            context: Some("small".to_owned()),
            from: Some(100),
            until: Some(200),
            negatives: 50,
            new,
            seed: 1,
            out: PathBuf::new(),
            counts: None,
        }
    }

    #[test]
    fn days_are_microseconds_since_1970() {
        assert_eq!(day("1970-01-01"), Ok(0));
        assert_eq!(day("2000-03-01"), Ok(11_017 * DAY));
        assert_eq!(day("2017-09-01"), Ok(17_410 * DAY));
        for bad in ["", "2017", "2017-13-01", "2017-01-32", "1969-01-01", "a-b-c"] {
            assert!(day(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn samples_know_nothing_of_what_comes_after_their_span() {
        let log = [
            event(10, 1, 1, "small"),
            event(20, 2, 2, "small"),
            event(30, 1, 3, "big"),
            event(110, 1, 2, "small"),
            event(120, 1, 3, "small"),
            event(130, 1, 1, "small"),
            event(140, 1, 2, "small"),
            event(150, 2, 1, "big"),
            event(250, 2, 9, "small"),
        ];
        let scene = Scene::of(&log, &options(false));
        assert_eq!(scene.before, BTreeMap::from([(1, 1), (2, 1)]));
        let positive = |rows: &[(bool, i64, i64)]| -> Vec<(i64, i64)> {
            rows.iter()
                .filter(|row| row.0)
                .map(|row| (row.1, row.2))
                .collect()
        };
        let rows = scene.samples(&options(false));
        assert_eq!(
            positive(&rows),
            [(1, 2), (1, 1)],
            "3 was unknown to the scene before"
        );
        assert!(rows.iter().all(|row| row.0), "user 1 met both items of the scene");
        assert_eq!(
            positive(&scene.samples(&options(true))),
            [(1, 2)],
            "1 was met before"
        );
    }

    #[test]
    fn negatives_are_items_of_the_scene_that_the_user_did_not_meet() {
        let mut log: Vec<Event> = (0..50).map(|item| event(item, 9, item, "small")).collect();
        log.extend((0..5).map(|item| event(110, 1, item, "small")));
        let scene = Scene::of(&log, &options(true));
        let rows = scene.samples(&options(true));
        let negative: BTreeSet<i64> = rows.iter().filter(|row| !row.0).map(|row| row.2).collect();
        assert!(negative.len() > 40 && negative.iter().all(|item| (5..50).contains(item)));
        assert_eq!(rows, scene.samples(&options(true)), "the seed decides");
    }
}
