//! The newest client event ids and where their events stand.
//!
//! An id is its user's: two clients that count their events from 1 must not lose each other's. The user is the field
//! `user` of the body; bodies without one share one space of ids. Bounded by forgetting the oldest: a retry comes
//! seconds after its first attempt, not a million events later.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use super::record::LogRecord;

/// A user (none where the body names none) and the id it gave.
type Owned = (Option<i64>, Arc<str>);

/// Whose event a body is.
fn user_of(body: &Map<String, Value>) -> Option<i64> {
    body.get("user").and_then(Value::as_i64)
}

/// Ids of the last `limit` events that had one.
#[derive(Debug)]
pub(crate) struct RecentIds {
    limit: usize,
    places: FxHashMap<Owned, (u64, i64)>,
    order: VecDeque<Owned>,
}

impl RecentIds {
    pub(crate) fn new(limit: usize) -> RecentIds {
        RecentIds {
            limit,
            places: FxHashMap::default(),
            order: VecDeque::new(),
        }
    }

    /// Sequence number and time of the event with this id by the user of `body`.
    pub(crate) fn find(&self, id: &str, body: &Map<String, Value>) -> Option<(u64, i64)> {
        self.places.get(&(user_of(body), id.into())).copied()
    }

    /// Remembers a record's id; the first record of an id stays its place.
    pub(crate) fn insert(&mut self, record: &LogRecord) {
        let Some(id) = record.event_id.as_deref() else {
            return;
        };
        let id: Owned = (user_of(&record.body), id.into());
        if self.limit == 0 || self.places.contains_key(&id) {
            return;
        }
        if self.order.len() == self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.places.remove(&oldest);
        }
        self.places.insert(id.clone(), (record.seq, record.time));
        self.order.push_back(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(user: i64) -> Map<String, Value> {
        Map::from_iter([("user".to_owned(), user.into())])
    }

    fn record(seq: u64, id: &str) -> LogRecord {
        LogRecord {
            seq,
            time: 0,
            event_id: Some(id.into()),
            body: Map::new(),
        }
    }

    #[test]
    fn the_oldest_id_is_forgotten_first() {
        let mut ids = RecentIds::new(2);
        for (seq, id) in [(1, "a"), (2, "b"), (3, "a"), (4, "c")] {
            ids.insert(&record(seq, id));
        }
        assert_eq!(
            ["a", "b", "c"].map(|id| ids.find(id, &Map::new())),
            [None, Some((2, 0)), Some((4, 0))]
        );
        assert_eq!(ids.places.len(), ids.order.len());
    }

    #[test]
    fn an_id_is_its_users_own() {
        let mut ids = RecentIds::new(9);
        for (seq, user) in [(1, 6), (2, 7), (3, 6)] {
            let body = body(user);
            ids.insert(&LogRecord {
                body,
                ..record(seq, "a")
            });
        }
        let found = [6, 7, 8].map(|user| ids.find("a", &body(user)));
        assert_eq!(found, [Some((1, 0)), Some((2, 0)), None]);
        assert_eq!(ids.find("a", &Map::new()), None);
    }
}
