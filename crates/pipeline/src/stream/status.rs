//! What the stream tells about itself: counters, a latency histogram, the last items with the time of each step.
//!
//! Written by the worker and the feed, read by `/metrics`, a page and the last line of `--json`. The decision: plain
//! atomics and one short lock, so that reading never holds up the stream.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::change::Position;

/// How many items are remembered.
const LAST: usize = 50;
/// Upper bounds of what `/metrics` shows, in microseconds.
const BOUNDS: [u64; 13] = [
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    5_000_000,
    30_000_000,
    300_000_000,
];

/// A histogram of microseconds with eight buckets per power of two: any quantile within a tenth.
#[derive(Debug)]
pub struct Histogram {
    buckets: Vec<AtomicU64>,
    sum: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram {
            buckets: (0..512).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    /// Adds a duration.
    pub fn add(&self, micros: u64) {
        if let Some(bucket) = self.buckets.get(place(micros)) {
            bucket.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(micros, Relaxed);
    }

    /// How many were added.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|b| b.load(Relaxed)).sum()
    }

    /// The duration below which a share of them lies (upper end of its bucket); none where there are none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let count = self.count();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank of a share between 0 and 1"
        )]
        let rank = ((count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let at = self.buckets.iter().position(|bucket| {
            seen += bucket.load(Relaxed);
            seen >= rank
        });
        at.map(|at| bound(at + 1).saturating_sub(1))
    }

    /// How many were at most `micros`, to the bucket.
    #[must_use]
    pub fn up_to(&self, micros: u64) -> u64 {
        let end = place(micros);
        self.buckets.iter().take(end).map(|b| b.load(Relaxed)).sum()
    }
}

/// The bucket of a duration.
fn place(micros: u64) -> usize {
    if micros < 8 {
        return usize::try_from(micros).unwrap_or(0);
    }
    let octave = u64::from(63 - micros.leading_zeros());
    let part = (micros >> (octave - 3)) & 7;
    usize::try_from((octave - 2) * 8 + part).unwrap_or(usize::MAX)
}

/// The lowest duration of a bucket.
fn bound(place: usize) -> u64 {
    let place = place as u64;
    if place < 8 {
        return place;
    }
    let (octave, part) = (place / 8 + 2, place % 8);
    (8 + part) << (octave - 3).min(59)
}

/// One item's way: when each step was done, microseconds since 1970 UTC.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Trace {
    /// The item.
    pub id: i64,
    /// `embedded`, `removed`, `dead`.
    pub outcome: &'static str,
    /// Its place in the source.
    pub position: String,
    /// Committed in the source.
    pub committed: i64,
    /// Read from the source.
    pub received: i64,
    /// Joined with the other tables.
    pub joined: i64,
    /// Its vector made.
    pub embedded: i64,
    /// On disk, and found by searches.
    pub searchable: i64,
    /// Why it is dead: the stage of its letter, and the reason.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// The outcome of a change that became a dead letter: it went no further than it was read.
pub const DEAD: &str = "dead";

impl Trace {
    /// A change of an item that was committed and received at these times, before any step.
    pub(crate) fn new(
        id: i64,
        outcome: &'static str,
        position: Position,
        (committed, received): (i64, i64),
    ) -> Trace {
        Trace {
            id,
            outcome,
            position: position.to_string(),
            committed,
            received,
            joined: 0,
            embedded: 0,
            searchable: 0,
            reason: String::new(),
        }
    }
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident: $metric:literal $kind:literal,)+) => {
        /// The stream's figures.
        #[derive(Debug, Default)]
        pub struct Status {
            $($(#[doc = $doc])+ pub $name: AtomicU64,)+
            /// Microseconds from commit to searchable, of new changes.
            pub latency: Histogram,
            last: Mutex<VecDeque<Trace>>,
            fault: Mutex<Option<String>>,
        }

        impl Status {
            /// All figures by name.
            fn figures(&self) -> Vec<(&'static str, &'static str, &'static str, &'static str, u64)> {
                vec![$((stringify!($name), $metric, $kind, concat!($($doc),+), self.$name.load(Relaxed)),)+]
            }
        }
    };
}

counters! {
    /// Changes read from the source.
    changes: "rankine_stream_changes_total" "counter",
    /// Vectors written for new changes.
    embedded: "rankine_stream_embedded_total" "counter",
    /// Vectors made again: backfill, dimensions, refreshes, replays.
    remade: "rankine_stream_remade_total" "counter",
    /// Vectors removed.
    removed: "rankine_stream_removed_total" "counter",
    /// Changes that the eligibility rule left out.
    ineligible: "rankine_stream_ineligible_total" "counter",
    /// Changes that were applied before (replays).
    repeated: "rankine_stream_repeated_total" "counter",
    /// Changes later than the watermark.
    late: "rankine_stream_late_total" "counter",
    /// Rows put to the dead letters.
    dead: "rankine_stream_dead_letters_total" "counter",
    /// Rows made again whose features had not changed, so that no vector was made.
    cache_hits: "rankine_stream_cache_hits_total" "counter",
    /// Micro-batches.
    batches: "rankine_stream_batches_total" "counter",
    /// Steps tried again after a transient fault.
    retries: "rankine_stream_retries_total" "counter",
    /// Times the source was opened again.
    reopened: "rankine_stream_reopened_total" "counter",
    /// Rows waiting to be made again.
    pending: "rankine_stream_pending" "gauge",
    /// Items with a vector.
    live: "rankine_stream_live" "gauge",
    /// Deleted keys remembered.
    tombstones: "rankine_stream_tombstones" "gauge",
    /// Microseconds between the last processed change's commit and its processing; of what is held up, its age.
    lag: "rankine_stream_lag_microseconds" "gauge",
    /// Bytes of log the source keeps for this stream.
    retained: "rankine_stream_retained_bytes" "gauge",
    /// Bytes of log between the confirmed place and the newest.
    behind: "rankine_stream_behind_bytes" "gauge",
    /// The place confirmed last.
    confirmed: "rankine_stream_confirmed_position" "gauge",
    /// The artefact version whose vectors are searched.
    version: "rankine_stream_version" "gauge",
    /// The artefact version being prepared; 0 for none.
    next_version: "rankine_stream_next_version" "gauge",
    /// Rows embedded for the version being prepared.
    next_rows: "rankine_stream_next_rows" "gauge",
}

impl Status {
    /// Adds to a counter.
    pub fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Relaxed);
    }

    /// Remembers items' ways.
    pub fn trace(&self, traces: Vec<Trace>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.extend(traces);
        let over = last.len().saturating_sub(LAST);
        last.drain(..over);
    }

    /// The last items, newest first.
    #[must_use]
    pub fn last(&self) -> Vec<Trace> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().rev().cloned().collect()
    }

    /// Notes what holds the stream up; none once it goes on.
    pub fn hold(&self, fault: Option<String>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// What holds the stream up.
    #[must_use]
    pub fn held_by(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything as JSON: figures by name, quantiles in milliseconds, the last items.
    #[must_use]
    pub fn json(&self, with_last: bool) -> serde_json::Value {
        let mut all = serde_json::Map::new();
        for (name, _, _, _, value) in self.figures() {
            all.insert(name.to_owned(), value.into());
        }
        #[expect(clippy::cast_precision_loss, reason = "milliseconds to show")]
        let ms = |share| self.latency.quantile(share).map(|us| us as f64 / 1000.0);
        all.insert("latency_ms_p50".to_owned(), ms(0.5).into());
        all.insert("latency_ms_p99".to_owned(), ms(0.99).into());
        let buckets: Vec<_> = BOUNDS
            .iter()
            .map(|b| serde_json::json!([b / 1000, self.latency.up_to(*b)]))
            .collect();
        all.insert("latency_buckets_ms".to_owned(), buckets.into());
        all.insert("held_by".to_owned(), self.held_by().into());
        if with_last {
            all.insert("last".to_owned(), serde_json::json!(self.last()));
        }
        serde_json::Value::Object(all)
    }

    /// Everything in Prometheus' text form.
    #[must_use]
    pub fn prometheus(&self) -> String {
        let mut out = String::new();
        for (_, metric, kind, doc, value) in self.figures() {
            let _ = writeln!(
                out,
                "# HELP {metric}{doc}\n# TYPE {metric} {kind}\n{metric} {value}"
            );
        }
        let metric = "rankine_stream_searchable_seconds";
        let _ = writeln!(
            out,
            "# HELP {metric} Seconds from commit to searchable.\n# TYPE {metric} histogram"
        );
        #[expect(clippy::cast_precision_loss, reason = "seconds to show")]
        let seconds = |micros: u64| micros as f64 / 1e6;
        for bound in BOUNDS {
            let (le, count) = (seconds(bound), self.latency.up_to(bound));
            let _ = writeln!(out, "{metric}_bucket{{le=\"{le}\"}} {count}");
        }
        let (count, sum) = (self.latency.count(), seconds(self.latency.sum.load(Relaxed)));
        let _ = writeln!(
            out,
            "{metric}_bucket{{le=\"+Inf\"}} {count}\n{metric}_sum {sum}\n{metric}_count {count}"
        );
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_duration_lies_in_its_bucket(micros in 0_u64..1 << 50) {
            let at = place(micros);
            prop_assert!(bound(at) <= micros && micros < bound(at + 1), "{at}");
        }
    }

    #[test]
    fn quantiles_are_within_a_tenth_or_so() {
        let histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        (1..=1000).for_each(|n| histogram.add(n * 100));
        let (half, most) = (
            histogram.quantile(0.5).unwrap(),
            histogram.quantile(0.99).unwrap(),
        );
        assert!((50_000..57_000).contains(&half), "{half}");
        assert!((99_000..112_000).contains(&most), "{most}");
        assert_eq!(histogram.count(), 1000);
    }

    #[test]
    fn prometheus_and_json_tell_the_same() {
        let status = Status::default();
        Status::add(&status.changes, 3);
        status.latency.add(1500);
        let text = status.prometheus();
        assert!(text.contains("\nrankine_stream_changes_total 3\n"), "{text}");
        assert!(
            text.contains("rankine_stream_searchable_seconds_bucket{le=\"0.002\"} 1"),
            "{text}"
        );
        assert_eq!(status.json(true)["changes"], 3);
    }

    #[test]
    fn only_the_last_items_are_kept() {
        let status = Status::default();
        let trace = |id| Trace::new(id, "embedded", Position::default(), (0, 0));
        status.trace((0..80).map(trace).collect());
        assert_eq!((status.last().len(), status.last()[0].id), (LAST, 79));
    }
}
