//! Events while they are read: columns instead of rows, because there may be tens of millions.
//!
//! The decision: users and items are indexes into the id tables, kinds are small numbers, and sorting
//! by time moves a permutation; rows of the source that share an instant keep the source's order.

use std::path::Path;

use rankine_table::{Column, Table, parquet};
use rustc_hash::FxHashMap;

use crate::PipelineError;
use crate::events::COLUMNS;

/// One event as a format reads it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct EventRow<'a> {
    pub(super) user: &'a str,
    pub(super) item: &'a str,
    /// Microseconds since 1970.
    pub(super) time: i64,
    pub(super) kind: &'a str,
    pub(super) value: Option<f64>,
    pub(super) context: Option<&'a str>,
}

/// All events of a source, in its order.
#[derive(Debug, Default)]
pub(super) struct EventColumns {
    times: Vec<i64>,
    users: Vec<u32>,
    items: Vec<u32>,
    values: Vec<Option<f64>>,
    kinds: Vec<u8>,
    kind_names: Vec<String>,
    contexts: FxHashMap<u32, Box<str>>,
}

impl EventColumns {
    /// Appends an event; `false` if there is no more room (2^32 events or 256 kinds).
    pub(super) fn push(&mut self, user: u32, item: u32, row: &EventRow<'_>) -> bool {
        let (Ok(at), Some(kind)) = (u32::try_from(self.times.len()), self.kind(row.kind)) else {
            return false;
        };
        self.times.push(row.time);
        self.users.push(user);
        self.items.push(item);
        self.values.push(row.value);
        self.kinds.push(kind);
        if let Some(context) = row.context {
            self.contexts.insert(at, context.into());
        }
        true
    }

    /// Number of events.
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// First and last instant.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        Some((*self.times.iter().min()?, *self.times.iter().max()?))
    }

    /// Writes the events sorted by time, numbered from 1; `users` and `items` give final ids by index.
    pub(super) fn save(&self, path: &Path, users: &[i64], items: &[i64]) -> Result<(), PipelineError> {
        let order = self.order();
        let mut writer = parquet::Writer::create(path, &self.batch(&[], 0, users, items)?, &[])?;
        let mut seq = 1;
        for part in order.chunks(parquet::BATCH) {
            writer.write(&self.batch(part, seq, users, items)?)?;
            seq += part.len() as u64;
        }
        Ok(writer.commit()?)
    }

    fn kind(&mut self, name: &str) -> Option<u8> {
        let at = self
            .kind_names
            .iter()
            .position(|other| other == name)
            .unwrap_or(self.kind_names.len());
        if at == self.kind_names.len() {
            self.kind_names.push(name.to_owned());
        }
        u8::try_from(at).ok()
    }

    fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..).zip(&self.times).map(|(at, _)| at).collect();
        if !self.times.is_sorted() {
            order.sort_unstable_by_key(|&at| (self.times[at as usize], at));
        }
        order
    }

    fn batch(&self, part: &[u32], seq: u64, users: &[i64], items: &[i64]) -> Result<Table, PipelineError> {
        let rows = || part.iter().map(|&at| at as usize);
        let seqs = (seq.cast_signed()..).zip(part).map(|(seq, _)| Some(seq));
        let kind = |at: usize| self.kind_names.get(usize::from(self.kinds[at])).cloned();
        let context = |at: &u32| self.contexts.get(at).map(|context| context.to_string());
        let columns = [
            Column::Time(rows().map(|at| Some(self.times[at])).collect()),
            Column::Int(seqs.collect()),
            Column::Int(
                rows()
                    .map(|at| users.get(self.users[at] as usize).copied())
                    .collect(),
            ),
            Column::Int(
                rows()
                    .map(|at| items.get(self.items[at] as usize).copied())
                    .collect(),
            ),
            Column::Text(rows().map(kind).collect()),
            Column::Float(rows().map(|at| self.values[at]).collect()),
            Column::Text(part.iter().map(context).collect()),
        ];
        let names = COLUMNS.iter().map(|(name, _)| (*name).to_owned());
        Ok(Table::new(names.zip(columns).collect())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events;

    #[test]
    fn events_are_sorted_by_time_and_keep_source_order_within_an_instant() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.parquet");
        let mut columns = EventColumns::default();
        for (time, user, kind) in [
            (9, 0, "rating"),
            (5, 1, "click"),
            (9, 2, "rating"),
            (5, 0, "rating"),
        ] {
            let context = (kind == "click").then_some("phone");
            let row = EventRow {
                time,
                kind,
                value: Some(0.5),
                context,
                ..EventRow::default()
            };
            assert!(columns.push(user, 0, &row));
        }
        assert_eq!((columns.len(), columns.span()), (4, Some((5, 9))));
        columns.save(&path, &[10, 11, 12], &[7]).unwrap();
        let events = events::load(&path).unwrap();
        let seen: Vec<_> = events
            .iter()
            .map(|e| (e.time, e.seq, e.user, e.kind.as_str()))
            .collect();
        let expected = [
            (5, 1, 11, "click"),
            (5, 2, 10, "rating"),
            (9, 3, 10, "rating"),
            (9, 4, 12, "rating"),
        ];
        assert_eq!(seen, expected);
        assert_eq!(events[0].context.as_deref(), Some("phone"));
        assert_eq!(events[1].context, None);
    }

    #[test]
    fn there_is_room_for_256_kinds() {
        let mut columns = EventColumns::default();
        let mut push = |kind: &str| {
            columns.push(
                0,
                0,
                &EventRow {
                    kind,
                    ..EventRow::default()
                },
            )
        };
        assert!((0..256).all(|kind| push(&kind.to_string())));
        assert!(push("0") && !push("256"));
    }
}
