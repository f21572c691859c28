//! The newest client event ids and where their events stand.
//!
//! Bounded by forgetting the oldest: a retry comes seconds after its first attempt, not a million events later.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::record::LogRecord;

/// Ids of the last `limit` events that had one.
#[derive(Debug)]
pub(crate) struct RecentIds {
    limit: usize,
    places: FxHashMap<Arc<str>, (u64, i64)>,
    order: VecDeque<Arc<str>>,
}

impl RecentIds {
    pub(crate) fn new(limit: usize) -> RecentIds {
        RecentIds {
            limit,
            places: FxHashMap::default(),
            order: VecDeque::new(),
        }
    }

    /// Sequence number and time of the event with this id.
    pub(crate) fn find(&self, id: &str) -> Option<(u64, i64)> {
        self.places.get(id).copied()
    }

    /// Remembers a record's id; the first record of an id stays its place.
    pub(crate) fn insert(&mut self, record: &LogRecord) {
        let Some(id) = record.event_id.as_deref() else {
            return;
        };
        if self.limit == 0 || self.places.contains_key(id) {
            return;
        }
        if self.order.len() == self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.places.remove(&oldest);
        }
        let id: Arc<str> = id.into();
        self.places.insert(Arc::clone(&id), (record.seq, record.time));
        self.order.push_back(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(seq: u64, id: &str) -> LogRecord {
        LogRecord {
            seq,
            time: 0,
            event_id: Some(id.into()),
            body: serde_json::Map::new(),
        }
    }

    #[test]
    fn the_oldest_id_is_forgotten_first() {
        let mut ids = RecentIds::new(2);
        for (seq, id) in [(1, "a"), (2, "b"), (3, "a"), (4, "c")] {
            ids.insert(&record(seq, id));
        }
        assert_eq!(
            (ids.find("a"), ids.find("b"), ids.find("c")),
            (None, Some((2, 0)), Some((4, 0)))
        );
        assert_eq!(ids.places.len(), ids.order.len());
    }
}
