//! Places that go on: a source that begins anew stands above all that was applied before it.
//!
//! Between every source and the worker. The decision: a later place wins everywhere, in the state and in every vector store, so a database
//! restored from a backup, or another one under the same stream, whose log stands lower, would be taken for a replay and its
//! deletes for old ones. One number is added to each place that comes in and taken off each that goes out; it is kept beside what was
//! confirmed, and is 0 until a source begins too low.

use std::time::Duration;

use super::change::Position;
use super::source::{Arrival, Backfill, Opened, Past, Retained, Source};
use crate::error::PipelineError;

/// A source whose places go on.
pub(crate) struct Onward {
    source: Box<dyn Source>,
    base: u64,
}

impl Onward {
    pub(crate) fn new(source: Box<dyn Source>) -> Onward {
        Onward { source, base: 0 }
    }
}

impl Source for Onward {
    fn open(&mut self, past: &Past, backfill: &mut dyn Backfill) -> Result<Opened, PipelineError> {
        let own = Past {
            confirmed: past.confirmed.map(|place| place.saturating_sub(past.base)),
            ..past.clone()
        };
        let mut lifted = Lifted {
            backfill,
            base: past.base,
            decided: false,
        };
        let opened = self.source.open(&own, &mut lifted)?;
        let another = past
            .origin
            .as_ref()
            .is_some_and(|origin| *origin != opened.origin);
        if opened.snapshot || another {
            lifted.decide(opened.from)?;
        }
        self.base = lifted.base;
        if self.base > past.base {
            tracing::warn!(
                origin = opened.origin,
                base = self.base,
                "the source stands lower than what was applied: its places are counted on from there"
            );
        }
        Ok(Opened {
            from: opened.from + self.base,
            base: self.base,
            ..opened
        })
    }

    fn next(&mut self, wait: Duration) -> Result<Option<Arrival>, PipelineError> {
        let arrival = self.source.next(wait)?;
        Ok(arrival.map(|arrival| lift(arrival, self.base)))
    }

    fn confirm(&mut self, end: u64) -> Result<(), PipelineError> {
        self.source.confirm(end.saturating_sub(self.base))
    }

    fn retained(&mut self) -> Result<Option<Retained>, PipelineError> {
        self.source.retained()
    }
}

/// The backfill of a source that may begin too low.
struct Lifted<'a> {
    backfill: &'a mut dyn Backfill,
    base: u64,
    /// Whether the base is above all that was applied: asked once, since the backfill's own rows count, too.
    decided: bool,
}

impl Lifted<'_> {
    fn decide(&mut self, from: u64) -> Result<(), PipelineError> {
        if !std::mem::replace(&mut self.decided, true) {
            let highest = self.backfill.highest()?;
            if highest > 0 && from + self.base <= highest {
                // places are multiples of 8
                self.base = ((highest - from) / 8 + 1) * 8;
            }
        }
        Ok(())
    }
}

impl Backfill for Lifted<'_> {
    fn rows(&mut self, at: Position, keys: &[i64]) -> Result<(), PipelineError> {
        self.decide(at.lsn)?;
        self.backfill
            .rows(Position::new(at.lsn + self.base, at.seq), keys)
    }
}

fn lift(mut arrival: Arrival, base: u64) -> Arrival {
    match &mut arrival {
        Arrival::Change(change) => change.position.lsn += base,
        Arrival::Commit { end } => *end += base,
        Arrival::Unreadable { position, .. } => position.lsn += base,
    }
    arrival
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Begins at 80, with two pieces of a snapshot or none.
    struct Fixed {
        origin: &'static str,
        snapshot: bool,
        past: Past,
    }

    impl Source for Fixed {
        fn open(&mut self, past: &Past, backfill: &mut dyn Backfill) -> Result<Opened, PipelineError> {
            self.past = past.clone();
            for key in 0..if self.snapshot { 2 } else { 0 } {
                backfill.rows(Position::new(80, 0), &[key])?;
            }
            Ok(Opened {
                origin: self.origin.to_owned(),
                from: 80,
                base: 0,
                snapshot: self.snapshot,
            })
        }

        fn next(&mut self, _: Duration) -> Result<Option<Arrival>, PipelineError> {
            assert_eq!(self.past.confirmed.unwrap_or(0) % 8, 0);
            Ok(Some(Arrival::Commit { end: 88 }))
        }

        fn confirm(&mut self, end: u64) -> Result<(), PipelineError> {
            assert_eq!(end, 88);
            Ok(())
        }
    }

    /// What was applied, and the snapshot's rows.
    struct Told(u64, Vec<u64>);

    impl Backfill for Told {
        fn rows(&mut self, at: Position, _: &[i64]) -> Result<(), PipelineError> {
            self.0 = self.0.max(at.lsn);
            self.1.push(at.lsn);
            Ok(())
        }

        fn highest(&mut self) -> Result<u64, PipelineError> {
            Ok(self.0)
        }
    }

    /// Where it begins and with which base, and the places of the snapshot's rows.
    fn opened(snapshot: bool, past: Past, highest: u64) -> (u64, u64, Vec<u64>) {
        let source = Fixed {
            origin: "b",
            snapshot,
            past: Past::default(),
        };
        let mut onward = Onward::new(Box::new(source));
        let mut told = Told(highest, Vec::new());
        let opened = onward.open(&past, &mut told).unwrap();
        let next = onward.next(Duration::ZERO).unwrap();
        let end = 88 + opened.base;
        assert_eq!(next, Some(Arrival::Commit { end }));
        onward.confirm(end).unwrap();
        (opened.from, opened.base, told.1)
    }

    fn past(origin: &str, confirmed: u64, base: u64) -> Past {
        Past {
            confirmed: Some(confirmed),
            origin: Some(origin.to_owned()),
            base,
        }
    }

    #[test]
    fn places_are_the_sources_own_while_they_grow() {
        assert_eq!(opened(true, Past::default(), 0), (80, 0, vec![80, 80]));
        assert_eq!(opened(true, past("b", 40, 0), 72), (80, 0, vec![80, 80]));
        assert_eq!(opened(true, past("a", 40, 0), 72), (80, 0, vec![80, 80]));
        assert_eq!(
            opened(false, past("b", 80, 0), 200),
            (80, 0, vec![]),
            "it goes on"
        );
    }

    #[test]
    fn what_begins_lower_than_what_was_applied_is_lifted_above_it() {
        let (from, base, rows) = opened(true, past("a", 400, 0), 408);
        assert_eq!((from, base, rows), (416, 336, vec![416, 416]));
        assert_eq!(opened(true, past("b", 400, 0), 408).0, 416, "restored");
        assert_eq!(
            opened(false, past("a", 400, 0), 408).0,
            416,
            "another file or topic"
        );
        // and once more, from there on
        assert_eq!(opened(false, past("b", 416, 336), 500), (416, 336, vec![]));
        assert_eq!(opened(true, past("c", 504, 336), 504).0, 512);
    }
}
