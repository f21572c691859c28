//! A topic as a source: its records in order, from the offset after the one that was confirmed.
//!
//! The decision: one partition, so that there is one order of all changes, of items and of the tables they rest on; a place is the
//! offset after the record. The stream's own state says how far it is; the broker keeps no group for it. There is no snapshot to
//! ask for: what Debezium wrote first (`op` = `r`) is the snapshot.

use std::collections::VecDeque;
use std::time::Duration;

use super::batches::{self, Record};
use super::request;
use super::wire::{Broker, lost};
use crate::error::PipelineError;
use crate::stream::change::Position;
use crate::stream::file::arrival;
use crate::stream::source::{Arrival, Backfill, Opened, Past, Retained, Source};

/// What to read, and where.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// `host:port` of one or more brokers, with commas between them.
    pub brokers: String,
    /// The topic.
    pub topic: String,
    /// The clock: microseconds since 1970 UTC.
    pub clock: fn() -> i64,
}

/// See the module's text.
#[derive(Debug)]
pub struct KafkaSource {
    options: KafkaOptions,
    leader: Option<Broker>,
    /// The offset to be read next.
    next: i64,
    /// The offset after the newest record.
    end: i64,
    waiting: VecDeque<Arrival>,
}

impl KafkaSource {
    /// A source that is not connected yet.
    #[must_use]
    pub fn new(options: KafkaOptions) -> KafkaSource {
        KafkaSource {
            options,
            leader: None,
            next: 0,
            end: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Asks the first broker that answers.
    fn place(&self) -> Result<request::Place, PipelineError> {
        let mut last = lost("connect", "`source.brokers` names no broker");
        for address in self.options.brokers.split(',').map(str::trim) {
            let asked = Broker::connect(address)
                .and_then(|mut broker| request::place(&mut broker, &self.options.topic));
            match asked {
                Err(error) if error.is_transient() => last = error,
                asked => return asked,
            }
        }
        Err(last)
    }

    /// A record as what it says, and where it ends.
    fn take(&mut self, record: Record) {
        let place = place(record.offset.saturating_add(1));
        if let Some(value) = record.value {
            let position = Position::new(place, 0);
            self.waiting
                .push_back(arrival(&value, position, (self.options.clock)()));
        }
        self.waiting.push_back(Arrival::Commit { end: place });
    }
}

/// An offset as a place in the stream's order.
fn place(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or(0) << 3
}

impl Source for KafkaSource {
    fn open(&mut self, past: &Past, _: &mut dyn Backfill) -> Result<Opened, PipelineError> {
        self.waiting.clear();
        let found = self.place()?;
        let mut leader = Broker::connect(&found.leader)?;
        let origin = format!("kafka {} {}", found.cluster, self.options.topic);
        let known = past.origin.as_ref().is_none_or(|o| *o == origin);
        self.next = match past.confirmed.filter(|_| known) {
            Some(confirmed) => i64::try_from(confirmed >> 3).unwrap_or(i64::MAX),
            None => request::first(&mut leader, &self.options.topic)?,
        };
        self.leader = Some(leader);
        Ok(Opened {
            origin,
            from: place(self.next),
            snapshot: false,
        })
    }

    fn next(&mut self, wait: Duration) -> Result<Option<Arrival>, PipelineError> {
        if let Some(arrival) = self.waiting.pop_front() {
            return Ok(Some(arrival));
        }
        let leader = self
            .leader
            .as_mut()
            .ok_or_else(|| lost("fetch records", "the stream is not open"))?;
        let fetched = request::fetch(leader, &self.options.topic, self.next, wait)?;
        let (records, next) = batches::records(&fetched.bytes, self.next, &fetched.aborted)?;
        (self.next, self.end) = (next, fetched.end);
        records.into_iter().for_each(|record| self.take(record));
        Ok(self.waiting.pop_front())
    }

    fn confirm(&mut self, _: u64) -> Result<(), PipelineError> {
        // what is confirmed stands in the stream's own state
        Ok(())
    }

    fn retained(&mut self) -> Result<Option<Retained>, PipelineError> {
        // records behind, where other sources tell bytes
        let behind = u64::try_from(self.end.saturating_sub(self.next)).unwrap_or(0);
        Ok(Some(Retained { bytes: 0, behind }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::change::Kind;

    fn source() -> KafkaSource {
        KafkaSource::new(KafkaOptions {
            brokers: "127.0.0.1:1, 127.0.0.1:2".to_owned(),
            topic: "t".to_owned(),
            clock: || 5,
        })
    }

    #[test]
    fn a_record_is_a_change_and_its_end_and_a_null_only_its_end() {
        let mut source = source();
        let value = br#"{"payload":{"op":"d","before":{"id":7},"source":{"table":"item"}}}"#;
        let record = |offset, value: Option<&[u8]>| Record {
            offset,
            value: value.map(<[u8]>::to_vec),
        };
        source.take(record(0, Some(value)));
        source.take(record(1, None));
        source.take(record(2, Some(b"x\xff")));
        let Some(Arrival::Change(change)) = source.waiting.pop_front() else {
            panic!("no change");
        };
        assert_eq!(
            (change.kind, change.position),
            (Kind::Delete, Position::new(8, 0))
        );
        assert_eq!(source.waiting.pop_front(), Some(Arrival::Commit { end: 8 }));
        assert_eq!(source.waiting.pop_front(), Some(Arrival::Commit { end: 16 }));
        assert!(
            matches!(source.waiting.pop_front(), Some(Arrival::Unreadable { raw, .. }) if raw == "x\u{fffd}")
        );
    }

    #[test]
    fn brokers_that_do_not_answer_are_tried_one_after_the_other() {
        let error = source().place().unwrap_err();
        assert!(
            error.is_transient() && error.to_string().contains("127.0.0.1:2"),
            "{error}"
        );
    }
}
