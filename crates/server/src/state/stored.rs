//! Feature rows of ids that no event of this home tells of: what `rankine data redis` imported, or what another job
//! wrote into the same Redis.
//!
//! Asked only where the live rows know nothing, so a known user costs no look-up. The decision: a store that fails is
//! left alone for a second and the id counts as unknown; a request must not wait for one dead store per instance.

use super::record::UserRecord;
use rankine_feature::Value;
use rankine_pipeline::Aggregates;
use rankine_pipeline::aggregate::FieldSpec;
use rankine_pipeline::rows::{ITEMS, USERS, decode};
use rankine_predict::Row;
use rankine_recommend::{Action, Catalogue};
use rankine_store::RowStore;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a store is left alone after a failure.
const REST: Duration = Duration::from_secs(1);
/// Fields with the latest positive films, latest first.
const LATEST: [&str; 5] = [
    "userRatedMovie1",
    "userRatedMovie2",
    "userRatedMovie3",
    "userRatedMovie4",
    "userRatedMovie5",
];

/// Rows in a store, read one by one.
pub(crate) struct StoredRows {
    store: Arc<dyn RowStore>,
    failed: Mutex<Option<Instant>>,
}

impl StoredRows {
    pub(crate) fn new(store: Arc<dyn RowStore>) -> Self {
        StoredRows {
            store,
            failed: Mutex::default(),
        }
    }

    /// The values of a user's row, in the order of [`Aggregates::user_fields`].
    pub(crate) fn user(&self, id: i64) -> Option<Vec<Value>> {
        self.row(USERS, Aggregates::user_fields(), id)
    }

    /// The values of an item's row, in the order of [`Aggregates::item_fields`].
    pub(crate) fn item(&self, id: i64) -> Option<Vec<Value>> {
        self.row(ITEMS, Aggregates::item_fields(), id)
    }

    fn row(&self, family: &str, fields: &[FieldSpec], id: i64) -> Option<Vec<Value>> {
        if self.rests() {
            return None;
        }
        let cells = match self.store.get_many(family, &[id]) {
            Ok(rows) => rows.into_iter().next().flatten()?,
            Err(error) => {
                tracing::warn!(%error, family, id, "a feature row was not read from the store");
                *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                return None;
            }
        };
        let specs = fields.iter().map(|(name, ty)| (*name, *ty));
        let mut values = decode(specs, id, &cells)
            .inspect_err(|error| tracing::warn!(%error, family, "a feature row in the store is no row"))
            .ok()?;
        // the id itself is known even where the writer left it out
        if let Some(own) = values.first_mut() {
            *own = Value::Int(id);
        }
        Some(values)
    }

    fn rests(&self) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.is_some_and(|at| at.elapsed() < REST)
    }
}

/// What recall can know of a user from the row alone: the positive films, as if each had been looked at.
pub(crate) fn record(catalogue: &Catalogue, id: i64, row: &Row) -> UserRecord {
    let mut record = UserRecord::new(id);
    for item in positives(row).into_iter().rev() {
        record.state.observe(catalogue, item, Action::Click);
    }
    record
}

/// Latest first; the long history where the row has one.
fn positives(row: &Row) -> Vec<i64> {
    match row.get("userHistory") {
        Some(Value::Ints(history)) if !history.is_empty() => history.to_vec(),
        _ => LATEST.iter().filter_map(|name| int(row.get(name)?)).collect(),
    }
}

fn int(value: &Value) -> Option<i64> {
    if let Value::Int(id) = value {
        Some(*id)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_store::{Cells, MemoryRows, StoreError};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts its reads; fails all of them.
    #[derive(Default)]
    struct Dead(AtomicUsize);

    impl RowStore for Dead {
        fn get_many(&self, family: &str, _: &[i64]) -> Result<Vec<Option<Cells>>, StoreError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let family = family.to_owned();
            Err(StoreError::Family { family })
        }
        fn put_many(&self, _: &str, _: &[(i64, Cells)]) -> Result<(), StoreError> {
            Ok(())
        }
        fn delete_many(&self, _: &str, _: &[i64]) -> Result<(), StoreError> {
            Ok(())
        }
        fn scan(&self, _: &str, _: &mut dyn FnMut(i64, Cells)) -> Result<(), StoreError> {
            Ok(())
        }
    }

    fn cells(pairs: &[(&str, &str)]) -> Cells {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn a_row_is_typed_and_what_is_no_row_is_unknown() {
        let store = MemoryRows::new();
        let rows = [
            (7, cells(&[("userRatedMovie1", "318"), ("userAvgRating", "3.5")])),
            (8, cells(&[("userAvgRating", "good")])),
        ];
        store.put_many(USERS, &rows).unwrap();
        let stored = StoredRows::new(Arc::new(store));
        let user = stored.user(7).unwrap();
        assert_eq!(user[..2], [Value::Int(7), Value::Int(318)]);
        assert!(user.contains(&Value::Float(3.5)) && user[2].is_missing());
        assert!(stored.user(8).is_none() && stored.user(9).is_none() && stored.item(7).is_none());
    }

    #[test]
    fn a_dead_store_is_not_asked_for_every_id() {
        let dead = Arc::new(Dead::default());
        let stored = StoredRows::new(dead.clone());
        assert!((0..1_000).all(|id| stored.user(id).is_none()));
        assert!(
            dead.0.load(Ordering::Relaxed) < 1_000,
            "a thousand waits for one dead store"
        );
    }

    #[test]
    fn recall_knows_the_positive_films_of_a_row() {
        let items = [1, 2, 3].map(|id| rankine_recommend::Item::new(id, "x")).to_vec();
        let catalogue = Catalogue::new(items, []);
        let short = Row::of([
            ("userRatedMovie1", Value::Int(2)),
            ("userRatedMovie2", Value::Int(1)),
        ]);
        let user = record(&catalogue, 7, &short);
        assert_eq!(user.state.positives().collect::<Vec<_>>(), [2, 1]);
        assert!(user.state.has_seen(1) && user.events.is_empty());
        let long = Row::of([("userHistory", Value::Ints(Arc::from([3, 2, 1])))]);
        assert_eq!(
            record(&catalogue, 7, &long).state.positives().collect::<Vec<_>>(),
            [3, 2, 1]
        );
    }
}
