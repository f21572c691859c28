//! The event log: who did what with which item, when.
//!
//! Base files `<home>/events/base-<n>.parquet` come from imports and are sorted by (time, seq); live
//! events are appended elsewhere (`store`). The decision: `seq` is the position in the order of
//! ingestion after sorting by time, counted from 1, so a live event only has to count on.

use std::path::Path;

use rankine_table::{Column, Kind, Table, parquet};

use crate::PipelineError;
use crate::catalogue::Columns;

/// Something a user did with an item at an instant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Event {
    /// Microseconds since 1970 in UTC.
    pub time: i64,
    /// Order of ingestion; breaks ties of `time`.
    pub seq: u64,
    /// The user's id.
    pub user: i64,
    /// The item's id.
    pub item: i64,
    /// What happened: `rating`, `click`, …
    pub kind: String,
    /// How much: the rating, where there is one.
    pub value: Option<f64>,
    /// Circumstances, as the source or the client gave them.
    pub context: Option<String>,
}

/// Columns of an event file, in order.
pub(crate) const COLUMNS: [(&str, Kind); 7] = [
    ("time", Kind::Time),
    ("seq", Kind::Int),
    ("user", Kind::Int),
    ("item", Kind::Int),
    ("kind", Kind::Text),
    ("value", Kind::Float),
    ("context", Kind::Text),
];

/// Reads events batch by batch, in file order.
#[derive(Debug)]
pub struct EventReader {
    path: std::path::PathBuf,
    batches: parquet::Reader,
    last: Option<(i64, u64)>,
}

impl EventReader {
    /// Opens an event file.
    ///
    /// # Errors
    /// [`PipelineError::Table`] if it cannot be opened or is damaged.
    pub fn open(path: &Path) -> Result<Self, PipelineError> {
        let batches = parquet::Reader::open(path, parquet::BATCH)?;
        Ok(Self {
            path: path.to_owned(),
            batches,
            last: None,
        })
    }

    /// Number of events in the file.
    pub fn rows(&self) -> u64 {
        self.batches.rows()
    }

    /// Reads the next events; empty after the last.
    ///
    /// # Errors
    /// [`PipelineError::Table`] for damage; [`PipelineError::Malformed`] for a missing column or
    /// value, or events that are not in the order of (time, seq).
    pub fn next_batch(&mut self) -> Result<Vec<Event>, PipelineError> {
        let Some(table) = self.batches.next_batch()? else {
            return Ok(Vec::new());
        };
        let events = decode(Columns {
            path: &self.path,
            table,
        })?;
        for event in &events {
            let at = (event.time, event.seq);
            if self.last.is_some_and(|last| last >= at) {
                let reason = format!(
                    "event {} is out of order: expected ascending (time, seq)",
                    event.seq
                );
                return Err(PipelineError::Malformed {
                    path: self.path.clone(),
                    reason,
                });
            }
            self.last = Some(at);
        }
        Ok(events)
    }
}

/// Reads a whole event file, in order of (time, seq).
///
/// # Errors
/// As [`EventReader::open`] and [`EventReader::next_batch`].
pub fn load(path: &Path) -> Result<Vec<Event>, PipelineError> {
    let mut reader = EventReader::open(path)?;
    let mut events = Vec::new();
    loop {
        let batch = reader.next_batch()?;
        if batch.is_empty() {
            return Ok(events);
        }
        events.extend(batch);
    }
}

/// Writes events, which must be in the order of (time, seq), to a file that appears complete or not
/// at all.
///
/// # Errors
/// [`PipelineError::Table`]; [`PipelineError::Malformed`] if they are not in order.
pub fn save(path: &Path, events: &[Event]) -> Result<(), PipelineError> {
    let in_order = events
        .windows(2)
        .all(|pair| (pair[0].time, pair[0].seq) < (pair[1].time, pair[1].seq));
    if !in_order {
        let reason = "events are not in ascending order of (time, seq)".to_owned();
        return Err(PipelineError::Malformed {
            path: path.to_owned(),
            reason,
        });
    }
    let mut writer = parquet::Writer::create(path, &encode(&[])?, &[])?;
    for part in events.chunks(parquet::BATCH) {
        writer.write(&encode(part)?)?;
    }
    Ok(writer.commit()?)
}

fn encode(events: &[Event]) -> Result<Table, PipelineError> {
    let mut table = Table::default();
    for (name, kind) in COLUMNS {
        table.columns.push((name.to_owned(), column(events, name, kind)));
    }
    Ok(table)
}

fn column(events: &[Event], name: &str, kind: Kind) -> Column {
    match name {
        "time" => Column::Time(events.iter().map(|event| Some(event.time)).collect()),
        "seq" => Column::Int(events.iter().map(|event| Some(event.seq.cast_signed())).collect()),
        "user" => Column::Int(events.iter().map(|event| Some(event.user)).collect()),
        "item" => Column::Int(events.iter().map(|event| Some(event.item)).collect()),
        "kind" => Column::Text(events.iter().map(|event| Some(event.kind.clone())).collect()),
        "value" => Column::Float(events.iter().map(|event| event.value).collect()),
        "context" => Column::Text(events.iter().map(|event| event.context.clone()).collect()),
        _ => Column::new(kind, 0),
    }
}

fn decode(mut columns: Columns<'_>) -> Result<Vec<Event>, PipelineError> {
    let (times, seqs) = (columns.ints("time")?, columns.ints("seq")?);
    let (users, items) = (columns.ints("user")?, columns.ints("item")?);
    let (kinds, values) = (columns.texts("kind")?, columns.floats("value")?);
    let contexts = columns.texts("context")?;
    let numbers = times.into_iter().zip(seqs).zip(users.into_iter().zip(items));
    let rest = kinds.into_iter().zip(values).zip(contexts);
    let event = |(((time, seq), (user, item)), ((kind, value), context))| {
        let (time, seq): (Option<i64>, Option<i64>) = (time, seq);
        let seq = u64::try_from(seq?).ok()?;
        Some(Event {
            time: time?,
            seq,
            user: user?,
            item: item?,
            kind: kind?,
            value,
            context,
        })
    };
    let missing = || columns.malformed("an event lacks its time, seq, user, item or kind".to_owned());
    numbers
        .zip(rest)
        .map(event)
        .collect::<Option<_>>()
        .ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(time: i64, seq: u64) -> Event {
        let context = seq.is_multiple_of(2).then(|| "phone".to_owned());
        Event {
            time,
            seq,
            user: 1,
            item: 2,
            kind: "rating".into(),
            value: Some(4.5),
            context,
        }
    }

    #[test]
    fn events_are_read_back_in_order_over_several_batches() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events/base-1.parquet");
        let events: Vec<Event> = (1..=70_000_u64)
            .map(|seq| event(seq.cast_signed() / 3 - 5, seq))
            .collect();
        save(&path, &events).unwrap();
        assert_eq!(EventReader::open(&path).unwrap().rows(), 70_000);
        assert_eq!(load(&path).unwrap(), events);
        save(&path, &[]).unwrap();
        assert!(load(&path).unwrap().is_empty());
    }

    #[test]
    fn events_out_of_order_are_neither_written_nor_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("base-1.parquet");
        let events = [event(5, 2), event(5, 1)];
        let error = save(&path, &events).unwrap_err().to_string();
        assert!(
            error.ends_with("not in ascending order of (time, seq)"),
            "{error}"
        );
        assert!(!path.exists());
        parquet::write(&path, &encode(&events).unwrap(), &[]).unwrap();
        let error = load(&path).unwrap_err().to_string();
        assert!(error.contains("event 1 is out of order"), "{error}");
    }

    #[test]
    fn a_missing_value_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("base-1.parquet");
        let mut table = encode(&[event(1, 1)]).unwrap();
        table.columns[2].1 = Column::Int(vec![None]);
        parquet::write(&path, &table, &[]).unwrap();
        let error = load(&path).unwrap_err().to_string();
        assert!(
            error.contains("lacks its time, seq, user, item or kind"),
            "{error}"
        );
    }
}
