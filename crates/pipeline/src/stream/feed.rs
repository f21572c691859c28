//! The source on a thread of its own, with a bounded queue between it and the worker.
//!
//! The decision: the thread keeps talking to the source while the queue is full (status messages, the bound on retained
//! log), so a slow sink neither loses the connection nor fills the source's disk unseen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::source::{Arrival, Source};
use super::status::Status;
use crate::error::PipelineError;

/// How long the thread waits for the source before it looks at what else there is to do.
const WAIT: Duration = Duration::from_millis(20);
/// How often the source is asked what it keeps.
const WATCH: Duration = Duration::from_secs(2);

/// A source that was read, and how that ended.
pub(crate) type Read = (Box<dyn Source>, Result<(), PipelineError>);

/// A source that is being read.
pub(crate) struct Feed {
    arrivals: Receiver<Arrival>,
    shared: Arc<Shared>,
    thread: JoinHandle<Read>,
}

#[derive(Default)]
struct Shared {
    confirmed: AtomicU64,
    stop: AtomicBool,
    /// The source was asked last and had nothing.
    rests: AtomicBool,
}

/// What the worker got.
pub(crate) enum Taken {
    /// An arrival.
    Arrival(Arrival),
    /// Nothing for now.
    Nothing,
    /// The source has ended; [`Feed::end`] says why.
    Ended,
}

impl Feed {
    /// Starts reading an opened source.
    pub(crate) fn start(source: Box<dyn Source>, queue: usize, status: Arc<Status>) -> Feed {
        let (sender, arrivals) = sync_channel(queue.max(1));
        let shared = Arc::new(Shared::default());
        let reader = Reader {
            source,
            sender,
            shared: shared.clone(),
            status,
            told: 0,
            watched: Instant::now(),
        };
        Feed {
            arrivals,
            shared,
            thread: std::thread::spawn(move || reader.run()),
        }
    }

    /// The next arrival, or nothing within `wait`.
    pub(crate) fn take(&self, wait: Duration) -> Taken {
        if wait.is_zero() {
            return match self.arrivals.try_recv() {
                Ok(arrival) => Taken::Arrival(arrival),
                Err(TryRecvError::Empty) => Taken::Nothing,
                Err(TryRecvError::Disconnected) => Taken::Ended,
            };
        }
        match self.arrivals.recv_timeout(wait) {
            Ok(arrival) => Taken::Arrival(arrival),
            Err(RecvTimeoutError::Timeout) => Taken::Nothing,
            Err(RecvTimeoutError::Disconnected) => Taken::Ended,
        }
    }

    /// Says that everything up to `end` is safe.
    pub(crate) fn confirm(&self, end: u64) {
        self.shared.confirmed.fetch_max(end, Ordering::Release);
    }

    /// Whether the source has said that it has nothing more for now: a thread that gets no time says nothing.
    pub(crate) fn rests(&self) -> bool {
        self.shared.rests.load(Ordering::Acquire)
    }

    /// Stops reading and gives the source back, with the fault that ended it.
    pub(crate) fn end(self) -> Result<Read, PipelineError> {
        self.shared.stop.store(true, Ordering::Release);
        drop(self.arrivals);
        let died = |_| PipelineError::Stream {
            reason: "the thread that reads the source has died".to_owned(),
        };
        self.thread.join().map_err(died)
    }
}

/// What runs on the thread.
struct Reader {
    source: Box<dyn Source>,
    sender: SyncSender<Arrival>,
    shared: Arc<Shared>,
    status: Arc<Status>,
    told: u64,
    watched: Instant,
}

impl Reader {
    fn run(mut self) -> Read {
        let ended = self.read();
        // the last places may still be told; where the connection is gone, a replay makes up for it
        let _ = self.attend();
        (self.source, ended)
    }

    fn stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Acquire)
    }

    fn read(&mut self) -> Result<(), PipelineError> {
        while !self.stopped() {
            self.attend()?;
            let arrival = self.source.next(WAIT)?;
            self.shared.rests.store(arrival.is_none(), Ordering::Release);
            if let Some(arrival) = arrival
                && !self.hand_on(arrival)?
            {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Confirms, and watches what the source keeps.
    fn attend(&mut self) -> Result<(), PipelineError> {
        let confirmed = self.shared.confirmed.load(Ordering::Acquire);
        if confirmed > self.told {
            self.source.confirm(confirmed)?;
            self.told = confirmed;
        }
        if self.watched.elapsed() > WATCH {
            self.watched = Instant::now();
            if let Some(kept) = self.source.retained()? {
                self.status.retained.store(kept.bytes, Ordering::Relaxed);
                self.status.behind.store(kept.behind, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Puts an arrival into the queue; false where nobody takes it any more.
    fn hand_on(&mut self, mut arrival: Arrival) -> Result<bool, PipelineError> {
        loop {
            match self.sender.try_send(arrival) {
                Ok(()) => return Ok(true),
                Err(TrySendError::Disconnected(_)) => return Ok(false),
                Err(TrySendError::Full(back)) => arrival = back,
            }
            if self.stopped() {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(1));
            self.attend()?;
            // keeps the connection alive while nothing is taken
            self.source.confirm(self.told)?;
        }
    }
}
