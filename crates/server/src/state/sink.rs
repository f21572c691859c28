//! Keeps the row store up with the live rows, for readers outside this process (Redis) and as a plain copy (redb).
//!
//! The live rows are the truth here and the event log behind them; the store follows. Requests that come together
//! are written together: each marks its ids, then whoever gets the lock writes all that are marked, read from the
//! live state at that moment, so a later write never carries older values.

use super::live::Live;
use rankine_pipeline::Aggregates;
use rankine_pipeline::aggregate::FieldSpec;
use rankine_pipeline::rows::{ITEMS, USERS, encode};
use rankine_predict::{FeatureRows, Row};
use rankine_store::{Cells, RowStore, StoreError};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Rows written at once when everything is written.
const BATCH: usize = 1_000;

#[derive(Default)]
struct Marked {
    users: BTreeSet<i64>,
    items: BTreeSet<i64>,
}

/// The follower.
pub(crate) struct RowSink {
    store: Arc<dyn RowStore>,
    live: Arc<Live>,
    marked: Mutex<Marked>,
    writing: Mutex<()>,
    stopping: AtomicBool,
}

impl RowSink {
    pub(crate) fn new(store: Arc<dyn RowStore>, live: Arc<Live>) -> Self {
        RowSink {
            store,
            live,
            marked: Mutex::default(),
            writing: Mutex::default(),
            stopping: AtomicBool::new(false),
        }
    }

    /// Writes the rows of a user and an item; returns when they are in the store, by whosever hand. What a failing
    /// store did not take stays marked, so that whoever waited for it tries itself.
    pub(crate) fn follow(&self, user: i64, item: i64) -> Result<(), StoreError> {
        self.mark(&[user], &[item]);
        let _writing = lock(&self.writing);
        let Marked { users, items } = std::mem::take(&mut *lock(&self.marked));
        let (users, items): (Vec<i64>, Vec<i64>) = (users.into_iter().collect(), items.into_iter().collect());
        let written = self.write_users(&users).and_then(|()| self.write_items(&items));
        if written.is_err() {
            self.mark(&users, &items);
        }
        written
    }

    /// Writes all rows, some at a time, so that events come in between; ends early after [`RowSink::stop`].
    pub(crate) fn write_all(&self, users: &[i64]) -> Result<(), StoreError> {
        let items: Vec<i64> = self.live.catalogue.items().iter().map(|item| item.id).collect();
        self.in_steps(users, |ids| self.write_users(ids))?;
        self.in_steps(&items, |ids| self.write_items(ids))
    }

    /// Makes [`RowSink::write_all`] end at its next step.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    fn mark(&self, users: &[i64], items: &[i64]) {
        let mut marked = lock(&self.marked);
        marked.users.extend(users);
        marked.items.extend(items);
    }

    fn in_steps(
        &self,
        ids: &[i64],
        write: impl Fn(&[i64]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for step in ids.chunks(BATCH) {
            if self.stopping.load(Ordering::Relaxed) {
                break;
            }
            let _writing = lock(&self.writing);
            write(step)?;
        }
        Ok(())
    }

    fn write_users(&self, ids: &[i64]) -> Result<(), StoreError> {
        let row = |&id: &i64| Some((id, FeatureRows::user(&*self.live, id)?));
        self.write(USERS, Aggregates::user_fields(), ids.iter().filter_map(row))
    }

    fn write_items(&self, ids: &[i64]) -> Result<(), StoreError> {
        let row = |&id: &i64| Some((id, self.live.item(id)?.0));
        self.write(ITEMS, Aggregates::item_fields(), ids.iter().filter_map(row))
    }

    fn write(
        &self,
        family: &str,
        fields: &[FieldSpec],
        rows: impl Iterator<Item = (i64, Row)>,
    ) -> Result<(), StoreError> {
        let rows: Vec<(i64, Cells)> = rows.map(|(id, row)| (id, encode(fields, row.values()))).collect();
        if rows.is_empty() {
            Ok(())
        } else {
            self.store.put_many(family, &rows)
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::live::tests::{event, writer};
    use super::*;
    use rankine_store::MemoryRows;

    /// A store that refuses until it is told to take.
    struct Moody(Arc<MemoryRows>, Arc<AtomicBool>);

    impl RowStore for Moody {
        fn get_many(&self, family: &str, keys: &[i64]) -> Result<Vec<Option<Cells>>, StoreError> {
            self.0.get_many(family, keys)
        }
        fn put_many(&self, family: &str, rows: &[(i64, Cells)]) -> Result<(), StoreError> {
            if self.1.load(Ordering::Relaxed) {
                return self.0.put_many(family, rows);
            }
            Err(StoreError::Family {
                family: "refused".to_owned(),
            })
        }
        fn delete_many(&self, family: &str, keys: &[i64]) -> Result<(), StoreError> {
            self.0.delete_many(family, keys)
        }
        fn scan(&self, family: &str, visit: &mut dyn FnMut(i64, Cells)) -> Result<(), StoreError> {
            self.0.scan(family, visit)
        }
    }

    #[test]
    fn rows_follow_events_and_a_failed_write_is_made_good() {
        let mut writer = writer();
        writer.finish_replay();
        let (rows, takes) = (Arc::new(MemoryRows::new()), Arc::new(AtomicBool::new(false)));
        let sink = RowSink::new(Arc::new(Moody(rows.clone(), takes.clone())), writer.live());
        writer.apply(&event(5, 1, 4.0));
        assert!(sink.follow(6, 1).is_err());
        takes.store(true, Ordering::Relaxed);
        writer.apply(&event(6, 2, 5.0));
        sink.follow(6, 2).unwrap();
        assert_eq!(
            rows.get_many(USERS, &[6]).unwrap()[0].as_ref().unwrap()["userRatedMovie1"],
            "2"
        );
        let films = rows.get_many(ITEMS, &[1, 2]).unwrap();
        assert!(
            films
                .iter()
                .all(|film| film.as_ref().unwrap()["movieRatingCount"] == "1")
        );
    }

    #[test]
    fn everything_is_written_unless_stopped() {
        let mut writer = writer();
        writer.finish_replay();
        let rows = Arc::new(MemoryRows::new());
        let sink = RowSink::new(
            Arc::new(Moody(rows.clone(), Arc::new(AtomicBool::new(true)))),
            writer.live(),
        );
        sink.write_all(&[6]).unwrap();
        assert!(rows.get_many(ITEMS, &[1, 2]).unwrap().iter().all(Option::is_some));
        rows.delete_many(ITEMS, &[1, 2]).unwrap();
        sink.stop();
        sink.write_all(&[6]).unwrap();
        assert!(rows.get_many(ITEMS, &[1, 2]).unwrap().iter().all(Option::is_none));
    }
}
