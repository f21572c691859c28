//! `data check`: is the imported data whole and consistent?
//!
//! Reads everything a home holds once and lists findings. The decision: a finding is a fault (something
//! is broken: files that do not belong together, events of unknown items) or a remark (true of the data,
//! worth knowing: repeated events, missing values); only faults make the check fail.

use std::fmt::Write;
use std::path::Path;

use rustc_hash::FxHashSet;
use serde::Serialize;

use crate::events::EventReader;
use crate::import::{self, ImportSummary};
use crate::{Catalogue, Event, Item, PipelineError, User};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CheckReport {
    /// Items in the catalogue.
    pub items: u64,
    /// Users in the catalogue.
    pub users: u64,
    /// Events in the log.
    pub events: u64,
    /// Rows the import did not take.
    pub rejected: u64,
    /// All findings, faults first.
    pub findings: Vec<Finding>,
}

/// One thing a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whether something is broken.
    pub fault: bool,
    /// What was found, in a sentence.
    pub what: String,
    /// How many rows or values it concerns.
    pub count: u64,
    /// One example, empty if the sentence says it all.
    pub example: String,
}

impl CheckReport {
    /// Whether nothing is broken.
    pub fn is_good(&self) -> bool {
        self.findings.iter().all(|finding| !finding.fault)
    }

    /// The report as text for a terminal.
    pub fn text(&self) -> String {
        let mut out = format!(
            "{} items, {} users, {} events\n",
            self.items, self.users, self.events
        );
        for finding in &self.findings {
            let mark = if finding.fault { "FAULT" } else { "note " };
            let example = if finding.example.is_empty() {
                String::new()
            } else {
                format!(" ({})", finding.example)
            };
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{mark}  {:>9}  {}{example}", finding.count, finding.what);
        }
        out.push_str(if self.is_good() { "good\n" } else { "not good\n" });
        out
    }

    fn add(&mut self, fault: bool, count: usize, what: &str, example: String) {
        if count > 0 {
            let what = what.to_owned();
            self.findings.push(Finding {
                fault,
                what,
                count: count as u64,
                example,
            });
        }
    }
}

/// Checks the imported data of a home.
///
/// # Errors
/// [`PipelineError::NotImported`], or what makes a file unreadable; inconsistencies are findings.
pub fn check(home: &Path) -> Result<CheckReport, PipelineError> {
    let catalogue = Catalogue::load(home)?;
    let mut report = CheckReport {
        items: catalogue.items.len() as u64,
        users: catalogue.users.len() as u64,
        ..CheckReport::default()
    };
    check_files(home, &mut report)?;
    check_catalogue(&catalogue, &mut report);
    check_events(home, &catalogue, &mut report)?;
    report.findings.sort_by_key(|finding| !finding.fault);
    Ok(report)
}

fn check_files(home: &Path, report: &mut CheckReport) -> Result<(), PipelineError> {
    let Some(summary) = import::imported(home)? else {
        report.add(
            true,
            1,
            "no finished import: data/import.json is missing",
            String::new(),
        );
        return Ok(());
    };
    report.rejected = summary.rejected.values().sum();
    let rules: Vec<String> = summary
        .rejected
        .iter()
        .map(|(rule, count)| format!("{rule}: {count}"))
        .collect();
    let rejected = summary.rejected.values().sum::<u64>();
    let rejected = usize::try_from(rejected).unwrap_or(usize::MAX);
    report.add(
        false,
        rejected,
        "rows were rejected, see data/rejects.tsv",
        rules.join(", "),
    );
    let changed = changed_files(home, &summary);
    report.add(
        true,
        changed.len(),
        "files differ from what the import wrote",
        changed.join(", "),
    );
    Ok(())
}

fn changed_files(home: &Path, summary: &ImportSummary) -> Vec<String> {
    let differs = |file: &&import::HashedFile| {
        import::hash_file(&home.join(&file.name), file.name.clone())
            .ok()
            .as_ref()
            != Some(*file)
    };
    summary
        .outputs
        .iter()
        .filter(differs)
        .map(|file| file.name.clone())
        .collect()
}

fn check_catalogue(catalogue: &Catalogue, report: &mut CheckReport) {
    let mut missing = |what: &str, of_all: bool, lacks: fn(&Item) -> bool| {
        let lacking: Vec<&Item> = catalogue.items.iter().filter(|item| lacks(item)).collect();
        let example = lacking
            .first()
            .map(|item| format!("item {}", item.id))
            .unwrap_or_default();
        // A source without links at all is no news; one with gaps is.
        if of_all || lacking.len() < catalogue.items.len() {
            report.add(false, lacking.len(), what, example);
        }
    };
    missing("items without year", true, |item| item.release_year.is_none());
    missing("items without genre", true, |item| item.genres.is_empty());
    missing("items without imdb id", false, |item| item.imdb_id.is_none());
    missing("items without tmdb id", false, |item| item.tmdb_id.is_none());
    let mut titles: Vec<_> = catalogue
        .items
        .iter()
        .map(|item| (&item.title, item.release_year))
        .collect();
    titles.sort_unstable();
    let doubles: Vec<_> = titles.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    let example = doubles.first().map(|pair| pair[0].0.clone()).unwrap_or_default();
    report.add(
        false,
        doubles.len(),
        "items share title and year with another",
        example,
    );
}

/// What is counted while events pass.
#[derive(Default)]
struct Tally {
    unknown_items: Vec<i64>,
    unknown_users: Vec<i64>,
    without_value: usize,
    repeats: usize,
    again: usize,
    seen: FxHashSet<(i64, i64)>,
    at_time: FxHashSet<(i64, i64)>,
    time: Option<i64>,
}

fn check_events(home: &Path, catalogue: &Catalogue, report: &mut CheckReport) -> Result<(), PipelineError> {
    let mut reader = EventReader::open(&home.join("events/base-1.parquet"))?;
    report.events = reader.rows();
    let mut tally = Tally::default();
    let known_items: FxHashSet<i64> = catalogue.items.iter().map(|item| item.id).collect();
    let known_users: FxHashSet<i64> = catalogue.users.iter().map(|user: &User| user.id).collect();
    loop {
        let events = reader.next_batch()?;
        if events.is_empty() {
            break;
        }
        for event in &events {
            if !known_items.contains(&event.item) {
                tally.unknown_items.push(event.item);
            }
            if !known_users.contains(&event.user) {
                tally.unknown_users.push(event.user);
            }
            tally.take(event);
        }
    }
    tally.report(report);
    Ok(())
}

impl Tally {
    fn take(&mut self, event: &Event) {
        self.without_value += usize::from(event.value.is_none());
        if self.time != Some(event.time) {
            self.time = Some(event.time);
            self.at_time.clear();
        }
        let pair = (event.user, event.item);
        let repeat = !self.at_time.insert(pair);
        let again = !self.seen.insert(pair);
        self.repeats += usize::from(repeat);
        self.again += usize::from(again && !repeat);
    }

    fn report(&self, report: &mut CheckReport) {
        let first = |ids: &[i64]| ids.first().map(|id| format!("first {id}")).unwrap_or_default();
        let (items, users) = (&self.unknown_items, &self.unknown_users);
        report.add(
            true,
            items.len(),
            "events of items that are not in the catalogue",
            first(items),
        );
        report.add(
            true,
            users.len(),
            "events of users that are not in the catalogue",
            first(users),
        );
        report.add(
            false,
            self.repeats,
            "events repeat another of the same user, item and instant",
            String::new(),
        );
        report.add(
            false,
            self.again,
            "events are of a user and item that met before",
            String::new(),
        );
        report.add(false, self.without_value, "events have no value", String::new());
    }
}
