//! Keeps the row store up with the live rows, for readers outside this process (Redis) and as a plain copy (redb).
//!
//! The live rows are the truth here and the event log behind them; the store follows. Requests that come together
//! are written together: each marks its ids, then whoever gets the lock writes all that are marked, read from the
//! live state at that moment, so a later write never carries older values.

use super::live::Live;
use rankine_feature::{Value, text};
use rankine_predict::{FeatureRows, Row};
use rankine_store::{Cells, RowStore, StoreError};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Family of user rows.
const USERS: &str = "uf";
/// Family of item rows.
const ITEMS: &str = "mf";
/// Rows written at once when everything is written.
const BATCH: usize = 1_000;

#[derive(Default)]
struct Marked {
    users: BTreeSet<i64>,
    items: BTreeSet<i64>,
}

/// The follower.
pub(crate) struct RowSink {
    store: Box<dyn RowStore>,
    live: Arc<Live>,
    marked: Mutex<Marked>,
    writing: Mutex<()>,
}

impl RowSink {
    pub(crate) fn new(store: Box<dyn RowStore>, live: Arc<Live>) -> Self {
        RowSink {
            store,
            live,
            marked: Mutex::default(),
            writing: Mutex::default(),
        }
    }

    /// Writes the rows of a user and an item; returns when they are in the store, by whosever hand.
    pub(crate) fn follow(&self, user: i64, item: i64) -> Result<(), StoreError> {
        {
            let mut marked = lock(&self.marked);
            marked.users.insert(user);
            marked.items.insert(item);
        }
        let _writing = lock(&self.writing);
        let marked = std::mem::take(&mut *lock(&self.marked));
        self.write(USERS, &marked.users, &|id| FeatureRows::user(&*self.live, id))?;
        self.write(ITEMS, &marked.items, &|id| Some(self.live.item(id)?.0))
    }

    /// Writes all rows, some at a time, so that events come in between.
    pub(crate) fn write_all(&self, users: &[i64]) -> Result<(), StoreError> {
        let items: Vec<i64> = self.live.catalogue.items().iter().map(|item| item.id).collect();
        for ids in users.chunks(BATCH) {
            let _writing = lock(&self.writing);
            self.write(USERS, ids, &|id| FeatureRows::user(&*self.live, id))?;
        }
        for ids in items.chunks(BATCH) {
            let _writing = lock(&self.writing);
            self.write(ITEMS, ids, &|id| Some(self.live.item(id)?.0))?;
        }
        Ok(())
    }

    fn write<'a>(
        &self,
        family: &str,
        ids: impl IntoIterator<Item = &'a i64>,
        row: &dyn Fn(i64) -> Option<Row>,
    ) -> Result<(), StoreError> {
        let rows: Vec<(i64, Cells)> = ids
            .into_iter()
            .filter_map(|&id| Some((id, cells(&row(id)?))))
            .collect();
        if rows.is_empty() {
            Ok(())
        } else {
            self.store.put_many(family, &rows)
        }
    }
}

/// The text form of a row; missing values have no cell.
fn cells(row: &Row) -> Cells {
    let present = row
        .layout()
        .names()
        .iter()
        .zip(row.values())
        .filter(|(_, value)| **value != Value::Missing);
    let cell = |(name, value): (&Arc<str>, &Value)| {
        let mut cell = String::new();
        text::print(value, &mut cell);
        (name.to_string(), cell)
    };
    present.map(cell).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
