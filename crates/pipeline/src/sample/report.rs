//! The record of a split: `split.json` beside the sample files, and what an artefact says of its data.
//!
//! Decision: it is removed before the files change and written after them, so a folder with a `split.json`
//! holds the files it describes, at whatever point a build was killed; and it knows their bytes, so that whoever
//! reads or reuses them finds damage first ([`SplitReport::verify`]).

use std::io::Write;
use std::path::Path;

use rankine_table::{AtomicFile, Column, Table};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::split::{Part, Split};
use super::{LABEL, PARTS};
use crate::import::{HashedFile, hash_file};
use crate::{AggregateConfig, Catalogue, Event, PipelineError};

/// Version of this record.
pub(super) const FORMAT: u32 = 2;

/// Version of what the columns mean: another one, other samples.
const MEANING: u32 = 1;

/// Name of the record in a sample folder.
const FILE: &str = "split.json";

/// What a split is made of and how it turned out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitReport {
    /// Version of this record.
    pub format: u32,
    /// How samples were divided.
    pub split: Split,
    /// How features and labels were made.
    pub aggregates: AggregateConfig,
    /// Hash of everything the samples were made of, see [`input_hash`].
    pub input: String,
    /// The training part.
    pub train: PartReport,
    /// The validation part.
    pub valid: PartReport,
    /// The test part.
    pub test: PartReport,
    /// The files of the parts, in their order, with their bytes; empty for samples in memory.
    pub files: Vec<HashedFile>,
}

/// Counts of one part. Cold users and items are those without a training sample.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PartReport {
    /// Samples.
    pub rows: u64,
    /// Samples with label 1.
    pub positives: u64,
    /// Distinct users.
    pub users: u64,
    /// Distinct items.
    pub items: u64,
    /// Time of the first sample, µs UTC.
    pub first_time: Option<i64>,
    /// Time of the last sample, µs UTC.
    pub last_time: Option<i64>,
    /// Users without a training sample.
    pub cold_users: u64,
    /// Samples of such users.
    pub cold_user_rows: u64,
    /// Share of such samples, 0 to 1.
    pub cold_user_share: f64,
    /// Items without a training sample.
    pub cold_items: u64,
    /// Samples of such items.
    pub cold_item_rows: u64,
    /// Share of such samples, 0 to 1.
    pub cold_item_share: f64,
    /// 32 hex digits: hash of the content of all columns, in order.
    pub hash: String,
}

impl SplitReport {
    /// Reads the record of a sample folder; `None` if there is none, or one of another version: then the folder
    /// holds nothing usable.
    pub fn load(folder: &Path) -> Option<SplitReport> {
        let text = std::fs::read_to_string(folder.join(FILE)).ok()?;
        serde_json::from_str(&text)
            .ok()
            .filter(|report: &SplitReport| report.format == FORMAT)
    }

    /// Compares size and hash of every part's file in `folder` with this record. Cost: one pass over their bytes.
    ///
    /// # Errors
    /// [`PipelineError::Damaged`] for the first file that is not the one written with this record,
    /// [`PipelineError::Table`] if it cannot be read.
    pub fn verify(&self, folder: &Path) -> Result<(), PipelineError> {
        for (_, part) in PARTS {
            let name = file_name(part);
            let damaged = |expected: &str, got: String| PipelineError::Damaged {
                path: folder.join(&name),
                expected: expected.to_owned(),
                got,
            };
            let Some(written) = self.files.iter().find(|file| file.name == name) else {
                return Err(damaged("an entry in split.json", "none".to_owned()));
            };
            let path = folder.join(&name);
            if !path.exists() {
                return Err(damaged(&told(written), "no file".to_owned()));
            }
            let there = hash_file(&path, name.clone())?;
            if there != *written {
                return Err(damaged(&told(written), told(&there)));
            }
        }
        Ok(())
    }

    /// Takes down the bytes of the parts' files, which are there now.
    pub(super) fn take_down_files(&mut self, folder: &Path) -> Result<(), PipelineError> {
        let take = |(_, part): (Part, &str)| hash_file(&folder.join(file_name(part)), file_name(part));
        self.files = PARTS.into_iter().map(take).collect::<Result<_, _>>()?;
        Ok(())
    }

    pub(super) fn save(&self, folder: &Path) -> Result<(), PipelineError> {
        let path = folder.join(FILE);
        let malformed = |reason: String| PipelineError::Malformed {
            path: path.clone(),
            reason,
        };
        let text = serde_json::to_string_pretty(self).map_err(|error| malformed(error.to_string()))?;
        let mut file = AtomicFile::create(&path)?;
        writeln!(file, "{text}").map_err(|error| malformed(error.to_string()))?;
        Ok(file.commit()?)
    }

    /// Removes the record, so that the folder counts as empty while its files change.
    pub(super) fn remove(folder: &Path) -> Result<(), PipelineError> {
        let path = folder.join(FILE);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(PipelineError::Malformed {
                path,
                reason: format!("cannot be removed: {error}"),
            }),
            _ => Ok(()),
        }
    }

    /// The report of a part.
    pub fn part(&self, part: Part) -> &PartReport {
        match part {
            Part::Train => &self.train,
            Part::Valid => &self.valid,
            Part::Test => &self.test,
        }
    }
}

/// Name of a part's file in a sample folder.
pub(super) fn file_name(part: &str) -> String {
    format!("{part}.parquet")
}

/// A file's bytes in words.
fn told(file: &HashedFile) -> String {
    format!("{} bytes, xxh3 {}", file.bytes, file.xxh3_128)
}

/// What the counts need of one sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) user: i64,
    pub(super) item: i64,
    pub(super) time: i64,
    pub(super) positive: bool,
}

/// Counts the three parts; hashes are filled in by the caller.
pub(super) fn count(keys: &[Key], parts: &[Part]) -> [PartReport; 3] {
    let of = |part| {
        keys.iter()
            .zip(parts)
            .filter(move |(_, p)| **p == part)
            .map(|(key, _)| *key)
    };
    let users: FxHashSet<i64> = of(Part::Train).map(|key| key.user).collect();
    let items: FxHashSet<i64> = of(Part::Train).map(|key| key.item).collect();
    PARTS.map(|(part, _)| {
        let keys: Vec<Key> = of(part).collect();
        let (all_users, cold_users, cold_user_rows) = distinct(&keys, |key| key.user, &users);
        let (all_items, cold_items, cold_item_rows) = distinct(&keys, |key| key.item, &items);
        PartReport {
            rows: keys.len() as u64,
            positives: keys.iter().filter(|key| key.positive).count() as u64,
            users: all_users,
            items: all_items,
            first_time: keys.iter().map(|key| key.time).min(),
            last_time: keys.iter().map(|key| key.time).max(),
            cold_users,
            cold_user_rows,
            cold_user_share: share(cold_user_rows, keys.len()),
            cold_items,
            cold_item_rows,
            cold_item_share: share(cold_item_rows, keys.len()),
            hash: String::new(),
        }
    })
}

/// Distinct ids, those of them not in `known`, and the samples of the latter.
fn distinct(keys: &[Key], id: impl Fn(&Key) -> i64, known: &FxHashSet<i64>) -> (u64, u64, u64) {
    let ids: FxHashSet<i64> = keys.iter().map(&id).collect();
    let cold = ids.iter().filter(|id| !known.contains(id)).count() as u64;
    let rows = keys.iter().filter(|key| !known.contains(&id(key))).count() as u64;
    (ids.len() as u64, cold, rows)
}

#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn share(rows: u64, total: usize) -> f64 {
    if total == 0 {
        0.0
    } else {
        rows as f64 / total as f64
    }
}

/// Hash of everything samples are made of, 32 hex digits: equal hashes, equal samples. Lets a caller skip a
/// build whose result is already there.
pub fn input_hash(
    catalogue: &Catalogue,
    events: &[Event],
    config: &AggregateConfig,
    split: &Split,
) -> String {
    let mut hash = Xxh3::new();
    hash.update(format!("{MEANING} {config:?} {split:?} {LABEL}").as_bytes());
    for item in &catalogue.items {
        let genres: String = item
            .genres
            .iter()
            .map(|genre| format!("{}:{genre}", genre.len()))
            .collect();
        hash.update(format!("{} {:?} {genres};", item.id, item.release_year).as_bytes());
    }
    for event in events {
        let value = event.value.map_or([0; 9], |value| tagged(value.to_bits()));
        for number in [event.time, event.seq.cast_signed(), event.user, event.item] {
            hash.update(&number.to_le_bytes());
        }
        hash.update(&value);
        hash.update(format!("{}:{}", event.kind.len(), event.kind).as_bytes());
    }
    format!("{:032x}", hash.digest128())
}

/// 1, then the number: tells a value from none.
fn tagged(bits: u64) -> [u8; 9] {
    let mut bytes = [1; 9];
    bytes[1..].copy_from_slice(&bits.to_le_bytes());
    bytes
}

/// Feeds a table's content into a hash, column by column: name, then each value tagged present or missing, with
/// lengths before whatever has one.
pub(super) fn hash_table(hash: &mut Xxh3, table: &Table) {
    for (name, column) in &table.columns {
        hash_bytes(hash, name.as_bytes());
        match column {
            Column::Int(rows) | Column::Time(rows) => {
                each(hash, rows, |hash, x| hash.update(&x.to_le_bytes()));
            }
            Column::Float(rows) => each(hash, rows, |hash, x| hash.update(&x.to_bits().to_le_bytes())),
            Column::Text(rows) => each(hash, rows, |hash, x| hash_bytes(hash, x.as_bytes())),
            Column::Bool(rows) => each(hash, rows, |hash, x| hash.update(&[u8::from(*x)])),
            Column::Ints(rows) => lists(hash, rows, |hash, x| hash.update(&x.to_le_bytes())),
            Column::Floats(rows) => lists(hash, rows, |hash, x| hash.update(&x.to_bits().to_le_bytes())),
            Column::Texts(rows) => lists(hash, rows, |hash, x| hash_bytes(hash, x.as_bytes())),
            Column::Weighted(rows) => lists(hash, rows, |hash, (tag, weight)| {
                hash_bytes(hash, tag.as_bytes());
                hash.update(&weight.to_bits().to_le_bytes());
            }),
            Column::Signs(rows) => lists(hash, rows, |hash, (sign, weight)| {
                hash.update(&sign.to_le_bytes());
                hash.update(&weight.to_bits().to_le_bytes());
            }),
            Column::Vector { rows, .. } => {
                lists(hash, rows, |hash, x| hash.update(&x.to_bits().to_le_bytes()));
            }
        }
    }
}

fn hash_bytes(hash: &mut Xxh3, bytes: &[u8]) {
    hash.update(&(bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

fn each<T>(hash: &mut Xxh3, rows: &[Option<T>], one: impl Fn(&mut Xxh3, &T)) {
    for row in rows {
        hash.update(&[u8::from(row.is_some())]);
        if let Some(value) = row {
            one(hash, value);
        }
    }
}

fn lists<T>(hash: &mut Xxh3, rows: &[Option<Vec<T>>], one: impl Fn(&mut Xxh3, &T)) {
    each(hash, rows, |hash, list| {
        hash.update(&(list.len() as u64).to_le_bytes());
        list.iter().for_each(|value| one(hash, value));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(user: i64, item: i64, time: i64) -> Key {
        Key {
            user,
            item,
            time,
            positive: item == 1,
        }
    }

    #[test]
    fn cold_is_what_training_never_saw() {
        let keys = [
            key(1, 1, 10),
            key(1, 2, 20),
            key(2, 1, 30),
            key(2, 3, 40),
            key(1, 3, 50),
        ];
        let parts = [Part::Train, Part::Train, Part::Test, Part::Test, Part::Test];
        let [train, valid, test] = count(&keys, &parts);
        assert_eq!((train.rows, train.cold_users, train.cold_items), (2, 0, 0));
        assert_eq!(valid, PartReport::default());
        assert_eq!((test.rows, test.positives, test.users, test.items), (3, 1, 2, 2));
        assert_eq!(
            (
                test.cold_users,
                test.cold_user_rows,
                test.cold_items,
                test.cold_item_rows
            ),
            (1, 2, 1, 2)
        );
        assert_eq!((test.first_time, test.last_time), (Some(30), Some(50)));
        assert!((test.cold_user_share - 2.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn the_hash_sees_missing_values_and_borders() {
        let digest = |columns: Vec<(&str, Column)>| {
            let columns = columns
                .into_iter()
                .map(|(name, column)| (name.to_owned(), column))
                .collect();
            let mut hash = Xxh3::new();
            hash_table(&mut hash, &Table { columns });
            hash.digest128()
        };
        let text = |a: &str, b: &str| Column::Text(vec![Some(a.into()), Some(b.into())]);
        assert_ne!(
            digest(vec![("x", text("ab", "c"))]),
            digest(vec![("x", text("a", "bc"))])
        );
        let ints = |rows: Vec<Option<i64>>| digest(vec![("x", Column::Int(rows))]);
        assert_ne!(ints(vec![Some(0)]), ints(vec![None]));
        assert_eq!(ints(vec![Some(3)]), ints(vec![Some(3)]));
    }
}
