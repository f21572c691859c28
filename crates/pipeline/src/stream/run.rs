//! Runs a stream until it is told to stop: opens the source, feeds the worker, starts over after a fault that time mends.
//!
//! The outermost loop. The decision: whatever goes wrong with the source, it is opened again from what was confirmed; so
//! there is one way to begin, and it is taken at every start.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::allowance::Remade;
use super::change::Position;
use super::dead::{Letter, Replay};
use super::feed::{Feed, Taken};
use super::rules::Watermark;
use super::source::{Arrival, Source};
use super::state::{Outcome, Pending, Reason};
use super::status::Status;
use super::worker::{Parts, Settings, Worker, retry};
use crate::error::PipelineError;

/// How long an idle worker waits for the source at a time.
const IDLE: Duration = Duration::from_millis(50);
/// How often waiting rows, live rows and tombstones are counted, and rules of time are applied.
const HOUSEKEEPING: Duration = Duration::from_secs(2);
/// How often the state is synced and the source told, at most: a sync costs as much as a batch.
const SYNC: Duration = Duration::from_millis(50);

/// Rows made again, or for a new version, between two batches of news: without them a steady stream of news, each batch of which
/// leaves the next one waiting, would hold them up for ever.
const PIECE: usize = 32;

/// Why the worker stopped taking from the feed.
enum Ended {
    /// It was told to, or there is nothing more to come.
    Stopped,
    /// The source failed.
    Source,
}

/// Runs the stream until `stop`, or with [`Settings::until_idle`] until nothing is left to do.
///
/// # Errors
/// What trying again cannot mend: a wrong statement, a missing table, a model without an item tower.
pub fn run(
    settings: Settings,
    parts: Parts,
    replay: &Replay,
    status: &Arc<Status>,
    stop: &Arc<AtomicBool>,
) -> Result<(), PipelineError> {
    let (mut worker, mut source) = Worker::new(settings, parts, status.clone(), stop.clone());
    let ended = supervise(&mut worker, &mut source, replay);
    match ended {
        Err(PipelineError::Stopped) => Ok(()),
        other => other,
    }
}

fn supervise(
    worker: &mut Worker,
    source: &mut Box<dyn Source>,
    replay: &Replay,
) -> Result<(), PipelineError> {
    let stop = worker.stop_signal();
    let status = worker.status.clone();
    worker.start()?;
    worker.take_back(replay)?;
    loop {
        retry(&status, &stop, || worker.open(source.as_mut()))?;
        let idle = Box::new(super::source::NoSource);
        let feed = Feed::start(
            std::mem::replace(source, idle),
            worker.settings.queue,
            status.clone(),
        );
        let ended = worker.consume(&feed);
        let (back, fault) = feed.end()?;
        *source = back;
        match (ended?, fault) {
            (Ended::Stopped, _) => return worker.measure(),
            (Ended::Source, Err(error)) if !error.is_transient() => return Err(error),
            (Ended::Source, fault) => {
                let reason = fault.err().map(|e| e.to_string());
                tracing::warn!(reason, "the source is opened again");
                Status::add(&status.reopened, 1);
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

impl Worker {
    /// Opens the model's version that serves.
    fn start(&mut self) -> Result<(), PipelineError> {
        self.watermark = Watermark::resumed(self.state.latest()?);
        let stop = self.stop_signal();
        let Worker {
            generations,
            status,
            state,
            ..
        } = self;
        self.users_due = retry(status, &stop, || {
            let newest = generations.newest()?;
            generations.start(newest, state)?;
            generations.users_missing()
        })?;
        self.status.version.store(self.generations.version(), Relaxed);
        let coming = self.generations.coming();
        self.status.next_version.store(coming, Relaxed);
        Ok(())
    }

    /// Opens the source; what a snapshot did not have any more goes.
    fn open(&mut self, source: &mut dyn Source) -> Result<(), PipelineError> {
        let past = self.state.past()?;
        let opened = source.open(&past, &mut self.state)?;
        // before the place is kept: whoever is stopped here begins with a snapshot again
        if opened.snapshot {
            self.reconcile(opened.from)?;
        }
        self.state.opened(&opened)?;
        self.status.confirmed.store(opened.from, Relaxed);
        Ok(())
    }

    /// Removes items that live here and are in the table no more: their deletes were lost with the log.
    fn reconcile(&mut self, from: u64) -> Result<(), PipelineError> {
        let mut after = None;
        loop {
            let keys = self.state.live_not_since(from, after, 10_000)?;
            let Some(last) = keys.last() else {
                return Ok(());
            };
            after = Some(*last);
            let present = self.lookup.present(&keys)?;
            let absent: Vec<i64> = keys.into_iter().filter(|key| !present.contains(key)).collect();
            if !absent.is_empty() {
                self.remove(&absent, Position::new(from, 0))?;
            }
        }
    }

    /// Lets the items of dead letters wait to be made again, and reads the records of the others anew. Only then does their file go
    /// aside: whoever is stopped before finds it as it was.
    fn take_back(&mut self, replay: &Replay) -> Result<(), PipelineError> {
        let (records, rows): (Vec<&Letter>, Vec<&Letter>) =
            replay.letters().iter().partition(|letter| letter.raw.is_some());
        let pending = rows.iter().filter_map(|letter| {
            Some(Pending {
                key: letter.key?,
                position: Position::new(letter.lsn, letter.seq),
                as_of: letter.commit_time,
                reason: Reason::Replay,
            })
        });
        let outcome = Outcome {
            pending: pending.collect(),
            ..Outcome::default()
        };
        self.state.commit(&outcome)?;
        self.dead.hold();
        for some in records.chunks(self.settings.batch.max(1)) {
            self.read_again(some)?;
        }
        self.state.sync()?;
        replay.end()?;
        self.dead.release()
    }

    /// Takes from the feed until it ends.
    fn consume(&mut self, feed: &Feed) -> Result<Ended, PipelineError> {
        let mut timers = Timers::new();
        // whether the last batch ended within a transaction, whose end is still to be kept
        // and whether rows wait until more may be made again
        let (mut busy, mut owing, mut later) = (true, false, false);
        // what the source may be told, once the state is synced
        let mut owed: Option<u64> = None;
        loop {
            if self.stopped() {
                self.confirm(feed, &mut owed)?;
                return Ok(Ended::Stopped);
            }
            let wait = if busy { Duration::ZERO } else { IDLE };
            let (arrivals, end, ended) = self.gather(feed, wait);
            let (news, full) = (!arrivals.is_empty(), arrivals.len() >= self.settings.batch);
            if news {
                let changes = arrivals.iter().any(|a| !matches!(a, Arrival::Commit { .. }));
                if changes || owing || timers.quiet_commit() {
                    owing = !matches!(arrivals.last(), Some(Arrival::Commit { .. }));
                    self.process(arrivals, end)?;
                    owed = end.or(owed);
                }
            }
            if timers.sync.elapsed() > SYNC {
                timers.sync = Instant::now();
                self.confirm(feed, &mut owed)?;
            }
            if ended {
                return Ok(Ended::Source);
            }
            busy = news;
            if !news || (!full && timers.may_pause_news()) {
                let begun = Instant::now();
                let rows = if news { PIECE } else { usize::MAX };
                let remade = self.remake(rows)?;
                later = remade == Remade::Later;
                busy |= self.fill_next(rows)? || remade == Remade::Some;
                timers.paused = Instant::now() + begun.elapsed() * 4;
            }
            self.keep_house(&mut timers, full)?;
            busy |= timers.expiring;
            let under_way = later || self.users_due || self.generations.is_under_way();
            let quiet = !busy && !news && !under_way && owed.is_none() && feed.rests();
            if timers.idle_for(quiet) && self.settings.until_idle {
                return Ok(Ended::Stopped);
            }
        }
    }

    /// Tells the source what is safe, after it has been made so.
    fn confirm(&mut self, feed: &Feed, owed: &mut Option<u64>) -> Result<(), PipelineError> {
        if let Some(end) = owed.take() {
            self.state.sync()?;
            feed.confirm(end);
            self.status.confirmed.store(end, Relaxed);
        }
        Ok(())
    }

    /// A micro-batch: what is there, and what comes within the wait; with the last complete place.
    fn gather(&self, feed: &Feed, wait: Duration) -> (Vec<Arrival>, Option<u64>, bool) {
        let (mut arrivals, mut end) = (Vec::new(), None);
        let mut until: Option<Instant> = None;
        while arrivals.len() < self.settings.batch {
            let left = until.map_or(wait, |until| until.saturating_duration_since(Instant::now()));
            match feed.take(left) {
                Taken::Arrival(arrival) => {
                    if let Arrival::Commit { end: place } = arrival {
                        end = Some(place);
                    }
                    arrivals.push(arrival);
                    until.get_or_insert_with(|| Instant::now() + self.settings.wait);
                }
                Taken::Nothing => break,
                Taken::Ended => return (arrivals, end, true),
            }
        }
        (arrivals, end, false)
    }

    /// What is due from time to time; vectors whose time is over leave batch after batch, unless news fill theirs.
    fn keep_house(&mut self, timers: &mut Timers, full: bool) -> Result<(), PipelineError> {
        let due = Instant::now() > timers.housekeeping;
        if due || (timers.expiring && !full) {
            timers.expiring = self.expire()?;
        }
        if due {
            let begun = Instant::now();
            self.refresh_if_due()?;
            self.measure()?;
            // counting a large catalogue takes its time: seldom enough that few changes wait for it
            timers.housekeeping = Instant::now() + HOUSEKEEPING.max(begun.elapsed() * 200);
        }
        if timers.versions.elapsed() > self.settings.look_for_versions {
            timers.versions = Instant::now();
            self.look_for_version();
        }
        Ok(())
    }

    /// Counts rows for the figures.
    fn measure(&self) -> Result<(), PipelineError> {
        let (live, tombstones, pending) = self.state.counts()?;
        self.status.live.store(live, Relaxed);
        self.status.tombstones.store(tombstones, Relaxed);
        self.status.pending.store(pending, Relaxed);
        Ok(())
    }

    /// Once a period, asks for every row to be looked at again, as of now.
    fn refresh_if_due(&mut self) -> Result<(), PipelineError> {
        let Some(period) = self.settings.refresh else {
            return Ok(());
        };
        let now = (self.settings.clock)();
        let last = self
            .state
            .meta("refreshed")?
            .and_then(|text| text.parse::<i64>().ok());
        if last.is_some_and(|last| now < last.saturating_add(period)) {
            return Ok(());
        }
        if last.is_some() {
            self.state.refresh(now)?;
        }
        self.state.set_meta("refreshed", &now.to_string())
    }
}

/// When things were done last.
struct Timers {
    /// When the next is due.
    housekeeping: Instant,
    /// Whether more vectors' time is over than could be removed so far.
    expiring: bool,
    sync: Instant,
    versions: Instant,
    commit: Instant,
    /// Until when news come before all else.
    paused: Instant,
    idle: Option<Instant>,
}

impl Timers {
    fn new() -> Timers {
        let now = Instant::now();
        Timers {
            housekeeping: now + HOUSEKEEPING,
            expiring: false,
            sync: now,
            versions: now,
            commit: now,
            paused: now,
            idle: None,
        }
    }

    /// Whether what is no news may have a piece of the time, of which it gets a fifth at most.
    fn may_pause_news(&self) -> bool {
        Instant::now() >= self.paused
    }

    /// Whether a commit without changes of ours is worth keeping: now and then, so that the log can go.
    fn quiet_commit(&mut self) -> bool {
        let due = self.commit.elapsed() > Duration::from_secs(5);
        if due {
            self.commit = Instant::now();
        }
        due
    }

    /// Whether nothing has happened for a while.
    fn idle_for(&mut self, quiet: bool) -> bool {
        match (quiet, self.idle) {
            (false, _) => {
                self.idle = None;
                false
            }
            (true, None) => {
                self.idle = Some(Instant::now());
                false
            }
            (true, Some(since)) => since.elapsed() > Duration::from_millis(300),
        }
    }
}
