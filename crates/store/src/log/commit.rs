//! The group commit: many threads append, one of them writes and syncs for all.
//!
//! A thread stamps and queues its record under the lock. The first to find no leader becomes one: it takes the
//! whole queue, lets go of the lock, writes, syncs, shows the records to the observer, and wakes the others; it
//! goes on until the queue is empty. Whoever queued meanwhile is in the next batch, so the number of syncs
//! follows the disk, not the clients. Each thread has at most one record queued, which bounds the queue.
//! A background thread with a channel was refused: it would add a hop to every answer and a thread to stop.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use super::files::{self, Tail};
use super::ids::RecentIds;
use super::record::{self, LogRecord, Next};
use super::{Appended, LogOptions, LogStats, Observer};
use crate::StoreError;

/// Where appending starts: what replay left.
pub(crate) struct Start {
    pub(crate) ids: RecentIds,
    pub(crate) next: Next,
    pub(crate) observer: Observer,
}

pub(crate) struct Commit {
    folder: PathBuf,
    options: LogOptions,
    state: Mutex<State>,
    durable: Condvar,
}

struct State {
    ids: RecentIds,
    next: Next,
    queue: Batch,
    /// All records below this sequence number are durable and observed.
    done: u64,
    /// What only a leader touches; taken out while one is at work.
    writer: Option<Writer>,
    stopped: Option<String>,
    stats: LogStats,
}

struct Writer {
    tail: Tail,
    observer: Observer,
}

#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    records: Vec<LogRecord>,
}

impl Commit {
    pub(crate) fn new(folder: &Path, options: LogOptions, tail: Tail, start: Start) -> Commit {
        let state = State {
            done: start.next.seq,
            ids: start.ids,
            next: start.next,
            queue: Batch::default(),
            writer: Some(Writer {
                tail,
                observer: start.observer,
            }),
            stopped: None,
            stats: LogStats::default(),
        };
        Commit {
            folder: folder.to_owned(),
            options,
            state: Mutex::new(state),
            durable: Condvar::new(),
        }
    }

    pub(crate) fn stats(&self) -> LogStats {
        self.lock().stats
    }

    pub(crate) fn append(
        &self,
        now: i64,
        event_id: Option<&str>,
        body: Map<String, Value>,
    ) -> Result<Appended, StoreError> {
        record::check(event_id, &body)?;
        let mut state = self.lock();
        self.refuse_stopped(&state)?;
        let appended = match event_id.and_then(|id| state.ids.find(id, &body)) {
            Some((seq, time)) => {
                state.stats.duplicates += 1;
                Appended {
                    seq,
                    time,
                    duplicate: true,
                }
            }
            None => self.queue(&mut state, now, event_id, body)?,
        };
        self.wait(state, appended.seq)?;
        Ok(appended)
    }

    /// Stamps the event and puts it into the queue.
    fn queue(
        &self,
        state: &mut State,
        now: i64,
        event_id: Option<&str>,
        body: Map<String, Value>,
    ) -> Result<Appended, StoreError> {
        let (seq, time) = (state.next.seq, state.next.time(now));
        let record = LogRecord {
            seq,
            time,
            event_id: event_id.map(str::to_owned),
            body,
        };
        let bytes = record::encode(&record, self.options.max_record)?;
        state.next.after(&record);
        state.ids.insert(&record);
        state.queue.bytes.extend(bytes);
        state.queue.records.push(record);
        state.stats.appended += 1;
        Ok(Appended {
            seq,
            time,
            duplicate: false,
        })
    }

    /// Returns once record `seq` is durable and observed, leading the commit if nobody does.
    fn wait<'a>(&'a self, mut state: MutexGuard<'a, State>, seq: u64) -> Result<(), StoreError> {
        while state.done <= seq {
            self.refuse_stopped(&state)?;
            state = match state.writer.take() {
                Some(writer) => self.lead(state, writer),
                None => self.durable.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        Ok(())
    }

    /// Commits one batch without holding the lock, then puts the outcome into the state.
    fn lead<'a>(&'a self, mut state: MutexGuard<'a, State>, mut writer: Writer) -> MutexGuard<'a, State> {
        let batch = std::mem::take(&mut state.queue);
        let up_to = state.next.seq;
        drop(state);
        // If the observer panics, the others must not wait forever.
        let stop = StopOnPanic { commit: self };
        let outcome = self.write(&mut writer, &batch);
        std::mem::forget(stop);
        let mut state = self.lock();
        match outcome {
            Ok(()) => {
                state.done = up_to;
                state.stats.syncs += 1;
                state.writer = Some(writer);
            }
            Err(error) => state.stopped = Some(error.to_string()),
        }
        self.durable.notify_all();
        state
    }

    fn write(&self, writer: &mut Writer, batch: &Batch) -> Result<(), StoreError> {
        if writer.tail.bytes >= self.options.rotate_at && !writer.tail.is_empty() {
            writer.tail = files::begin(&self.folder, writer.tail.number + 1)?;
        }
        let tail = &mut writer.tail;
        tail.file
            .write_all(&batch.bytes)
            .map_err(files::fail("append to", &tail.path))?;
        tail.file.sync_data().map_err(files::fail("sync", &tail.path))?;
        tail.bytes += batch.bytes.len() as u64;
        batch.records.iter().for_each(|record| (writer.observer)(record));
        Ok(())
    }

    fn refuse_stopped(&self, state: &State) -> Result<(), StoreError> {
        match &state.stopped {
            None => Ok(()),
            Some(reason) => Err(StoreError::LogStopped {
                path: self.folder.clone(),
                reason: reason.clone(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops the log when a leader unwinds.
struct StopOnPanic<'a> {
    commit: &'a Commit,
}

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        self.commit.lock().stopped = Some("the observer panicked".to_owned());
        self.commit.durable.notify_all();
    }
}
