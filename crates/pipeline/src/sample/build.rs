//! Events to samples, by replay.
//!
//! Events are taken instant by instant: first every sample of the instant reads its features, then the
//! aggregates observe the instant's events. So no feature of a sample rests on an event at or after its time.
//! Decision: rows leave in batches as they are made, so memory does not grow with the number of samples.

use std::path::Path;

use rankine_feature::FieldType::{Float, Timestamp};
use rankine_feature::Value;
use rankine_table::{Table, parquet};
use xxhash_rust::xxh3::Xxh3;

use super::report::{self, Key, SplitReport, hash_table, input_hash};
use super::split::{Part, Split};
use super::{LABEL, PARTS, RATING, TIME, WEIGHT, columns};
use crate::aggregate::FieldSpec;
use crate::{AggregateConfig, Aggregates, Catalogue, Event, PipelineError};

/// Samples in memory, with the record of their split. Rows stand in the order of events.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// The training part.
    pub train: Table,
    /// The validation part.
    pub valid: Table,
    /// The test part.
    pub test: Table,
    /// Counts, cold shares, hashes.
    pub report: SplitReport,
}

/// What samples are made of.
#[derive(Clone, Copy)]
struct Input<'a> {
    catalogue: &'a Catalogue,
    events: &'a [Event],
    config: &'a AggregateConfig,
    split: &'a Split,
}

/// Columns after the fields.
const EXTRA: [FieldSpec; 4] = [
    (LABEL, Float),
    (WEIGHT, Float),
    (TIME, Timestamp),
    (RATING, Float),
];

/// Builds the samples of all rated events in memory: a column per user, item and context field, then `label`
/// (1 from the positive rating on, else 0), `weight` (1), `time` (µs UTC, equal to the field `timestamp`) and
/// `rating`. Events may come in any order; they are taken by (time, seq).
///
/// # Errors
/// [`PipelineError::Split`] for fractions that leave no training part.
pub fn build_samples(
    catalogue: &Catalogue,
    events: &[Event],
    config: &AggregateConfig,
    split: &Split,
) -> Result<Samples, PipelineError> {
    let mut tables = PARTS.map(|_| header());
    let input = Input {
        catalogue,
        events,
        config,
        split,
    };
    let report = replay(input, &mut |part, batch| {
        let target = &mut tables[part as usize];
        for ((_, to), (_, from)) in target.columns.iter_mut().zip(&mut batch.columns) {
            to.append(from);
        }
        Ok(())
    })?;
    let [train, valid, test] = tables;
    Ok(Samples {
        train,
        valid,
        test,
        report,
    })
}

/// Builds the samples into `folder`: `train.parquet`, `valid.parquet`, `test.parquet`, and `split.json` last.
/// Columns are those of [`build_samples`]. Memory: one batch per part and a few bytes per event.
///
/// # Errors
/// As [`build_samples`], and [`PipelineError::Table`] if a file cannot be written.
pub fn write_samples(
    catalogue: &Catalogue,
    events: &[Event],
    config: &AggregateConfig,
    split: &Split,
    folder: &Path,
) -> Result<SplitReport, PipelineError> {
    split.check()?;
    SplitReport::remove(folder)?;
    let metadata = [("rankine.schema".to_owned(), schema_text())];
    let mut writers = Vec::new();
    for (_, name) in PARTS {
        let path = folder.join(report::file_name(name));
        writers.push(parquet::Writer::create(&path, &header(), &metadata)?);
    }
    let input = Input {
        catalogue,
        events,
        config,
        split,
    };
    let mut report = replay(input, &mut |part, batch| Ok(writers[part as usize].write(batch)?))?;
    for writer in writers {
        writer.commit()?;
    }
    report.take_down_files(folder)?;
    report.save(folder)?;
    Ok(report)
}

/// All columns, without rows.
fn header() -> Table {
    let fields = Aggregates::user_fields().iter().chain(Aggregates::item_fields());
    columns::table(fields.chain(Aggregates::context_fields()).chain(&EXTRA))
}

/// The schema as the files' metadata carry it: JSON, `{"user": [{"name": …, "type": …}, …], "item": …, …}`.
fn schema_text() -> String {
    let side = |fields: &[FieldSpec]| -> Vec<serde_json::Value> {
        let field = |(name, ty): &FieldSpec| serde_json::json!({ "name": name, "type": ty.to_string() });
        fields.iter().map(field).collect()
    };
    serde_json::json!({
        "user": side(Aggregates::user_fields()),
        "item": side(Aggregates::item_fields()),
        "context": side(Aggregates::context_fields()),
    })
    .to_string()
}

/// Takes a full batch of a part; may empty it.
type Sink<'a> = dyn FnMut(Part, &mut Table) -> Result<(), PipelineError> + 'a;

/// Plays the events through the aggregates and hands out the samples in batches.
fn replay(input: Input<'_>, sink: &mut Sink<'_>) -> Result<SplitReport, PipelineError> {
    input.split.check()?;
    let mut ordered: Vec<&Event> = input.events.iter().collect();
    ordered.sort_by_key(|event| (event.time, event.seq));
    let keys: Vec<Key> = ordered
        .iter()
        .filter_map(|event| key(event, input.config))
        .collect();
    let users: Vec<i64> = keys.iter().map(|key| key.user).collect();
    let times: Vec<i64> = keys.iter().map(|key| key.time).collect();
    let parts = input.split.assign(&users, &times);
    let mut batches = Batches::new(sink);
    let mut aggregates = Aggregates::new(input.catalogue, input.config.clone());
    let mut next = parts.iter();
    for instant in ordered.chunk_by(|a, b| a.time == b.time) {
        let rated = instant
            .iter()
            .filter(|event| AggregateConfig::rating(event).is_some());
        for (event, part) in rated.zip(&mut next) {
            batches.push(*part, sample(&aggregates, event, input.config))?;
        }
        instant.iter().for_each(|event| aggregates.observe(event));
    }
    let hashes = batches.finish()?;
    Ok(report(input, &keys, &parts, hashes))
}

fn report(input: Input<'_>, keys: &[Key], parts: &[Part], hashes: [String; 3]) -> SplitReport {
    let mut counts = report::count(keys, parts);
    for (count, hash) in counts.iter_mut().zip(hashes) {
        count.hash = hash;
    }
    let [train, valid, test] = counts;
    SplitReport {
        format: report::FORMAT,
        split: *input.split,
        aggregates: input.config.clone(),
        input: input_hash(input.catalogue, input.events, input.config, input.split),
        train,
        valid,
        test,
        files: Vec::new(),
    }
}

/// What the split and the counts need of an event; none if it is not rated and makes no sample.
fn key(event: &Event, config: &AggregateConfig) -> Option<Key> {
    let positive = AggregateConfig::rating(event)? >= config.positive;
    Some(Key {
        user: event.user,
        item: event.item,
        time: event.time,
        positive,
    })
}

/// One sample: the three rows as of before the event, then the columns of [`EXTRA`].
fn sample(aggregates: &Aggregates, event: &Event, config: &AggregateConfig) -> Vec<Value> {
    let rating = AggregateConfig::rating(event).unwrap_or(f64::NAN);
    let label = f64::from(u8::from(rating >= config.positive));
    let mut row = aggregates.user_row(event.user);
    row.extend(aggregates.item_row(event.item));
    row.extend(Aggregates::context_row(event.time));
    row.extend([
        Value::Float(label),
        Value::Float(1.0),
        Value::Time(event.time),
        Value::Float(rating),
    ]);
    row
}

/// A batch and a running hash per part.
struct Batches<'a, 'b> {
    sink: &'a mut Sink<'b>,
    tables: [Table; 3],
    hashes: [Xxh3; 3],
}

impl<'a, 'b> Batches<'a, 'b> {
    fn new(sink: &'a mut Sink<'b>) -> Batches<'a, 'b> {
        Batches {
            sink,
            tables: PARTS.map(|_| header()),
            hashes: PARTS.map(|_| Xxh3::new()),
        }
    }

    fn push(&mut self, part: Part, row: Vec<Value>) -> Result<(), PipelineError> {
        columns::push(&mut self.tables[part as usize], row.into_iter());
        if self.tables[part as usize].rows() == parquet::BATCH {
            return self.flush(part);
        }
        Ok(())
    }

    fn flush(&mut self, part: Part) -> Result<(), PipelineError> {
        let table = &mut self.tables[part as usize];
        if table.rows() == 0 {
            return Ok(());
        }
        hash_table(&mut self.hashes[part as usize], table);
        (self.sink)(part, table)?;
        table.columns.iter_mut().for_each(|(_, column)| column.clear());
        Ok(())
    }

    fn finish(mut self) -> Result<[String; 3], PipelineError> {
        for (part, _) in PARTS {
            self.flush(part)?;
        }
        Ok(self.hashes.map(|hash| format!("{:032x}", hash.digest128())))
    }
}
