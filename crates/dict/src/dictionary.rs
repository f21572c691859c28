//! The dictionary: a loader thread on one side, an atomically swapped `Arc` on the other.
//!
//! Readers call [`Dictionary::snapshot`] once at a request's entry and keep what they got; no lock is taken there.
//! Refused: a generation that a reader could see change, and loading on the thread that asks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use crate::error::DictError;
use crate::generation::Generation;
use crate::parser::Parser;
use crate::reload::Memory;
use crate::source::{Candidate, Source};
use crate::status::Status;
use crate::watch::{Alarm, Wake};

/// How much less a loader's priority is than that of threads that answer.
#[cfg(target_os = "linux")]
const COURTESY: i32 = 10;

/// Microseconds UTC; the binary passes the real clock, tests a counter.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How a dictionary watches.
#[derive(Clone)]
pub struct Options {
    /// Longest time a change stays unseen; 500 ms unless set.
    pub poll: Duration,
    /// Whether file notices shorten that time.
    pub notices: bool,
    /// Where `loaded_at` comes from.
    pub clock: Clock,
    /// Called after every swap, on the thread that loaded: for what is derived from several dictionaries.
    pub swapped: Option<Swapped>,
}

/// What is called after a swap.
pub type Swapped = Arc<dyn Fn() + Send + Sync>;

impl Options {
    /// Poll every 500 ms, notices on.
    pub fn new(clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self {
            poll: Duration::from_millis(500),
            notices: true,
            clock: Arc::new(clock),
            swapped: None,
        }
    }
}

/// What loader thread and owner share.
struct Shared<T> {
    name: String,
    source: Source,
    parser: Box<dyn Parser<Output = T>>,
    clock: Clock,
    swapped: Option<Swapped>,
    current: ArcSwapOption<Generation<T>>,
    /// Held during a look, so that two never load at once.
    memory: Mutex<Memory>,
    /// Readable while a load is under way.
    status: Mutex<Status>,
    old: Mutex<Vec<Weak<Generation<T>>>>,
    generations: AtomicU64,
}

/// Something loaded from disk and swapped while serving. Dropping it stops its loader thread.
pub struct Dictionary<T: Send + Sync + 'static> {
    shared: Arc<Shared<T>>,
    stopper: Sender<Wake>,
    loader: Option<JoinHandle<()>>,
}

impl<T: Send + Sync + 'static> Dictionary<T> {
    /// Loads what is there now, on the calling thread, then watches. A first load that fails, or finds nothing, is no
    /// error: [`Dictionary::snapshot`] is `None`, [`Dictionary::status`] says why, and the loader keeps looking.
    ///
    /// # Errors
    /// [`DictError::Thread`] where the loader thread cannot start.
    pub fn open(
        name: &str,
        source: Source,
        options: Options,
        parser: impl Parser<Output = T>,
    ) -> Result<Self, DictError> {
        let mut alarm = Alarm::new(source.path(), options.poll, options.notices);
        let shared = Arc::new(Shared::new(
            name,
            source,
            (options.clock, options.swapped),
            Box::new(parser),
        ));
        shared.look_and_log();
        let (stopper, seen) = (alarm.stopper(), Arc::clone(&shared));
        let run = move || {
            courteous();
            while alarm.wait() {
                seen.look_and_log();
            }
        };
        let spawned = std::thread::Builder::new()
            .name(format!("dict-{name}"))
            .spawn(run);
        let loader = spawned.map_err(|source| DictError::Thread {
            name: name.to_owned(),
            source,
        })?;
        Ok(Self {
            shared,
            stopper,
            loader: Some(loader),
        })
    }

    /// The serving generation; `None` until something has loaded. Lock-free; the generation lives as long as the `Arc`.
    #[must_use]
    pub fn snapshot(&self) -> Option<Arc<Generation<T>>> {
        self.shared.current.load_full()
    }

    /// Looks now, on the calling thread, and says whether a new generation serves.
    ///
    /// # Errors
    /// The fault that kept the old generation, also shown by [`Dictionary::status`]; [`DictError::Empty`] where nothing
    /// serves and there is nothing to load. A candidate that failed before and has not changed is not tried again.
    pub fn reload(&self) -> Result<bool, DictError> {
        let swapped = self.shared.look()?;
        if self.snapshot().is_none() {
            return Err(DictError::Empty {
                path: self.shared.source.path().to_path_buf(),
            });
        }
        Ok(swapped)
    }

    /// State for `/status` and metrics. Never waits for a load.
    #[must_use]
    pub fn status(&self) -> Status {
        let (old_generations, old_readers) = self.shared.count_old();
        Status {
            old_generations,
            old_readers,
            ..lock(&self.shared.status).clone()
        }
    }

    /// The name given at opening.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }
}

impl<T: Send + Sync + 'static> Drop for Dictionary<T> {
    fn drop(&mut self) {
        // A loader that has already ended has closed the channel; both results say nothing more.
        drop(self.stopper.send(Wake::Stop));
        drop(self.loader.take().map(JoinHandle::join));
    }
}

impl<T: Send + Sync + 'static> Shared<T> {
    fn new(
        name: &str,
        source: Source,
        (clock, swapped): (Clock, Option<Swapped>),
        parser: Box<dyn Parser<Output = T>>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            source,
            parser,
            clock,
            swapped,
            current: ArcSwapOption::const_empty(),
            memory: Mutex::default(),
            status: Mutex::new(Status {
                name: name.to_owned(),
                ..Status::default()
            }),
            old: Mutex::default(),
            generations: AtomicU64::new(0),
        }
    }

    fn look_and_log(&self) {
        let before = lock(&self.status).failures;
        match self.look() {
            Ok(true) => tracing::info!(dictionary = self.name, "new generation serves"),
            Ok(false) => {}
            // what is waited for is looked at again and again: told once
            Err(_) if lock(&self.status).failures == before => {}
            Err(fault) => tracing::warn!(dictionary = self.name, %fault, "old generation kept"),
        }
    }

    fn look(&self) -> Result<bool, DictError> {
        let mut memory = lock(&self.memory);
        let started = Instant::now();
        let found = memory.look(&self.source, self.parser.as_ref(), (self.clock)());
        let swapped = match &found {
            Ok(Some(_)) => true,
            Ok(None) | Err(_) => false,
        };
        let found = found.map(|loaded| {
            if let Some((candidate, value)) = loaded {
                self.swap(candidate, value, started.elapsed());
            }
        });
        let mut status = lock(&self.status);
        status.error = memory.failure().cloned();
        status.failures = memory.failures;
        found.map(|()| swapped)
    }

    fn swap(&self, candidate: Candidate, value: T, took: Duration) {
        let number = self.generations.fetch_add(1, Ordering::Relaxed) + 1;
        let loaded_at = (self.clock)();
        let (version, path) = (candidate.version, candidate.path);
        let bytes = crate::source::size(&path);
        let next = Arc::new(Generation {
            number,
            version,
            path,
            loaded_at,
            value,
        });
        let before = self.current.swap(Some(next));
        lock(&self.old).extend(before.as_ref().map(Arc::downgrade));
        let mut status = lock(&self.status);
        status.generation = number;
        status.version = Some(version);
        status.loaded_at = loaded_at;
        status.bytes = bytes;
        status.load_micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        status.loads += 1;
        drop(status);
        if let Some(swapped) = &self.swapped {
            swapped();
        }
    }

    /// Older generations still held, and by how many.
    fn count_old(&self) -> (usize, usize) {
        let mut old = lock(&self.old);
        old.retain(|generation| generation.strong_count() > 0);
        (old.len(), old.iter().map(Weak::strong_count).sum())
    }
}

/// A poisoned lock guards plain numbers here, so its content is still right.
fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets everything else on the machine go before this thread: what is loaded later than it might be is still served, a
/// request that waits is late. On Linux priority is a thread's own; elsewhere it would be the whole process's.
fn courteous() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(COURTESY) {
        tracing::debug!(%error, "the loader keeps its priority");
    }
}

#[cfg(test)]
mod tests;
