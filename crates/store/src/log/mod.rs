//! The event log: the one place where a posted event becomes durable, and the truth all rows derive from.
//!
//! Files `live-<n>.log`: the 8-byte magic, then records `len u32 ‖ crc32c u32 ‖ JSON`, little-endian, the
//! checksum over the JSON. `record` encodes them, `segment` reads and repairs a file, `commit` is the group
//! commit, `ids` remembers the clients' event ids. One decision: the owner gives an *observer* at open, and it
//! is called with every durable record in log order, for old records while opening and for new ones between
//! their fsync and their answer, always by one thread at a time. So live state and replayed state are made by
//! the same calls in the same order, without a lock of the caller's around the fsync.

mod commit;
mod files;
mod hold;
mod ids;
mod record;
mod segment;

use std::fs::File;
use std::path::Path;

pub use hold::LogHold;
pub use record::LogRecord;
pub use segment::Torn;

use crate::StoreError;
use commit::Commit;

/// Limits of an event log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogOptions {
    /// Largest encoded record in bytes; larger events are refused, and larger lengths on disk are damage.
    pub max_record: usize,
    /// A file that has reached this size is closed and the next one begun.
    pub rotate_at: u64,
    /// How many client event ids are remembered, the newest ones.
    pub remembered_ids: usize,
    /// Records get times after this one, µs UTC: the last time of the events the log continues.
    pub last_time: i64,
    /// Records get sequence numbers from this one on.
    pub first_seq: u64,
}

impl Default for LogOptions {
    fn default() -> LogOptions {
        LogOptions {
            max_record: 64 << 10,
            rotate_at: 64 << 20,
            remembered_ids: 1 << 20,
            last_time: i64::MIN,
            first_seq: 0,
        }
    }
}

/// Where an event stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its sequence number.
    pub seq: u64,
    /// Its time, µs UTC: `max(now, last + 1)`.
    pub time: i64,
    /// The event id was seen before: nothing was written, `seq` and `time` are those of the first.
    pub duplicate: bool,
}

/// What reading a log found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplaySummary {
    /// Complete records.
    pub records: u64,
    /// Files read.
    pub files: usize,
    /// An incomplete write at the end of the last file, if there was one.
    pub torn: Option<Torn>,
}

/// Counters since the log was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogStats {
    /// Records appended.
    pub appended: u64,
    /// Appends answered as duplicates.
    pub duplicates: u64,
    /// Calls of fsync on records; fewer than `appended` under concurrent load.
    pub syncs: u64,
}

/// Called with each durable record in log order.
pub type Observer = Box<dyn FnMut(&LogRecord) + Send>;

/// An append-only log of events, shared by threads. One writer process per folder.
///
/// # Contract
/// - When [`EventLog::append`] returns, the record is on disk and the observer has seen it.
/// - Sequence numbers and times strictly increase in file order.
/// - After a crash at any point, opening finds every acknowledged record. An incomplete last write is cut off
///   with a warning; damage anywhere else is an error that names the offset and changes nothing.
pub struct EventLog {
    commit: Commit,
    /// Holds the lock on the folder as long as the log lives.
    _lock: File,
}

impl EventLog {
    /// Opens the log in `folder` (made if missing), cuts a torn tail, and shows `observer` every record.
    ///
    /// # Errors
    /// [`StoreError::LogLocked`], [`StoreError::LogDamaged`] or [`StoreError::Io`].
    pub fn open(
        folder: &Path,
        options: LogOptions,
        mut observer: Observer,
    ) -> Result<(EventLog, ReplaySummary), StoreError> {
        files::make_folder(folder)?;
        let lock = files::lock(folder)?;
        let mut ids = ids::RecentIds::new(options.remembered_ids);
        let mut next = record::Next {
            seq: options.first_seq,
            last_time: options.last_time,
        };
        let summary = segment::replay(folder, options.max_record, &mut |record| {
            next.after(record);
            ids.insert(record);
            observer(record);
        })?;
        if let Some(torn) = &summary.torn {
            segment::cut(torn)?;
        }
        let tail = files::open_tail(folder)?;
        let commit = Commit::new(folder, options, tail, commit::Start { ids, next, observer });
        Ok((EventLog { commit, _lock: lock }, summary))
    }

    /// Appends an event and returns once it is durable and observed. `body` is a JSON object without the
    /// names `seq`, `time` and `event_id`; `now` is the clock, µs UTC.
    ///
    /// An `event_id` (1 to 128 bytes) makes a retry harmless: the same id with the same `user` in its body writes
    /// nothing and returns the first one's place, once that is durable.
    ///
    /// # Errors
    /// [`StoreError::EventRefused`], [`StoreError::EventTooLarge`]; [`StoreError::LogStopped`] after any failed
    /// write, from then on until the log is opened again (a failed fsync may have dropped what it promised).
    pub fn append(
        &self,
        now: i64,
        event_id: Option<&str>,
        body: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Appended, StoreError> {
        self.commit.append(now, event_id, body)
    }

    /// Counters since opening.
    pub fn stats(&self) -> LogStats {
        self.commit.stats()
    }

    /// Reads a log without opening it for writing: nothing is cut, a torn tail is only reported.
    ///
    /// # Errors
    /// [`StoreError::LogDamaged`] or [`StoreError::Io`]. A folder that does not exist is an empty log.
    pub fn read(
        folder: &Path,
        max_record: usize,
        visit: &mut dyn FnMut(&LogRecord),
    ) -> Result<ReplaySummary, StoreError> {
        segment::replay(folder, max_record, visit)
    }
}

#[cfg(test)]
mod tests;
