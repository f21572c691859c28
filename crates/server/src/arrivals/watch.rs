//! A change written into the stream's source and watched until it shows: in a chosen user's row, or out of it.
//!
//! Behind the page that inserts films. The decision: a thread of its own looks every few milliseconds and notes the time, so
//! that what the page tells does not depend on when a browser asks; few are watched at once, and none for long.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rankine_pipeline::stream::config::StreamConfig;
use rankine_pipeline::stream::insert::{Cells, SourceWriter};
use serde_json::{Value, json};

use super::Arrivals;
use crate::config::{InsertConfig, ServerConfig};
use crate::error::ServerError;
use crate::state::live::Live;

/// Changes remembered.
const KEPT: usize = 20;
/// How long one is watched, and how often.
const WATCHED: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(5);
/// How often after the first seconds.
const LOOK_LATER: Duration = Duration::from_millis(100);
const FIRST: Duration = Duration::from_secs(3);
/// Watched at once; of more, only what the stream tells is shown.
const AT_ONCE: usize = 8;
/// Places of the user's list that are looked through.
const PLACES: usize = 500;

/// What is done to a film.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It comes into being.
    Insert,
    /// It has another title or other genres.
    Edit,
    /// It goes.
    Delete,
}

/// A change on its way. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// The film.
    pub id: i64,
    /// What was done.
    pub deed: Deed,
    /// Title as it was typed.
    pub title: String,
    /// Genres as they were typed.
    pub genres: Vec<String>,
    /// Whose row is watched.
    pub user: i64,
    /// When writing it began.
    pub begun: i64,
    /// When it was in the source.
    pub written: i64,
    /// The stream's steps, once it has told them.
    pub trace: Option<Value>,
    /// When it showed.
    pub shown: Option<i64>,
    /// Where it stands in the user's list by then, from 1.
    pub place: Option<usize>,
    /// Whether nobody looks any more.
    pub over: bool,
}

/// Writes into the source and watches.
pub(crate) struct Insertion {
    config: InsertConfig,
    clock: rankine_dict::Clock,
    writer: Mutex<SourceWriter>,
    watched: Arc<Mutex<VecDeque<Watched>>>,
    arrivals: Arc<Arrivals>,
}

impl Insertion {
    /// What is configured, if something is.
    ///
    /// # Errors
    /// [`ServerError::Part`]: faults of the stream's configuration, or a source that cannot be written.
    pub(crate) fn of(
        config: &ServerConfig,
        arrivals: Option<&Arc<Arrivals>>,
        clock: rankine_dict::Clock,
    ) -> Result<Option<Insertion>, ServerError> {
        let Some(arrivals) = arrivals.filter(|_| !config.insert.stream.as_os_str().is_empty()) else {
            return Ok(None);
        };
        let writer = source(&config.home.join(&config.insert.stream))?;
        Ok(Some(Insertion {
            config: config.insert.clone(),
            clock,
            writer: Mutex::new(writer),
            watched: Arc::default(),
            arrivals: arrivals.clone(),
        }))
    }

    /// Inserts, edits (`id`) or deletes a film; its id.
    ///
    /// # Errors
    /// Why the source did not take it; `None` where it has no such film.
    pub(crate) fn write(&self, mut change: Watched) -> Result<Option<i64>, String> {
        change.begun = (self.clock)();
        let written = {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let cells = Cells::from_iter([
                (self.config.title.clone(), json!(change.title)),
                (self.config.genres.clone(), json!(change.genres)),
            ]);
            match change.deed {
                Deed::Insert => writer.insert(cells, &*self.clock).map(Some),
                Deed::Edit => writer
                    .update(change.id, cells, change.begun)
                    .map(|done| done.then_some(change.id)),
                Deed::Delete => writer
                    .delete(change.id, change.begun)
                    .map(|done| done.then_some(change.id)),
            }
        };
        let Some(id) = written.map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        (change.id, change.written) = (id, (self.clock)());
        self.watch(change);
        Ok(Some(id))
    }

    /// The newest changes, newest first.
    pub(crate) fn watched(&self) -> Vec<Watched> {
        lock(&self.watched).iter().rev().cloned().collect()
    }

    fn watch(&self, mut change: Watched) {
        let mut all = lock(&self.watched);
        change.over = all.iter().filter(|one| !one.over).count() >= AT_ONCE;
        let over = change.over;
        all.push_back(change.clone());
        if all.len() > KEPT {
            all.pop_front();
        }
        drop(all);
        let watch = Watch {
            change,
            clock: self.clock.clone(),
            watched: self.watched.clone(),
            arrivals: self.arrivals.clone(),
        };
        if !over {
            // without a thread the page shows what was written, and no more
            std::thread::Builder::new()
                .name("watch".to_owned())
                .spawn(move || watch.run())
                .ok();
        }
    }
}

/// One change that is being watched.
struct Watch {
    change: Watched,
    clock: rankine_dict::Clock,
    watched: Arc<Mutex<VecDeque<Watched>>>,
    arrivals: Arc<Arrivals>,
}

impl Watch {
    fn run(mut self) {
        let begun = Instant::now();
        while begun.elapsed() < WATCHED && !self.is_over() {
            if self.change.shown.is_none() {
                self.look();
            }
            if self.change.trace.is_none() {
                self.change.trace = self.trace();
            }
            self.tell();
            std::thread::sleep(if begun.elapsed() < FIRST { LOOK } else { LOOK_LATER });
        }
        self.change.over = true;
        self.tell();
    }

    /// Whether nothing more is to be seen: it shows, or became a dead letter.
    fn is_over(&self) -> bool {
        let dead = |trace: &Value| trace["outcome"] == rankine_pipeline::stream::status::DEAD;
        let trace = self.change.trace.as_ref();
        trace.is_some_and(|trace| self.change.shown.is_some() || dead(trace))
    }

    /// Looks whether the change shows in the user's list.
    fn look(&mut self) {
        let Change { place, as_typed } = Change::of(&self.change, &self.arrivals);
        let shows = match self.change.deed {
            Deed::Insert => place.is_some(),
            Deed::Edit => place.is_some() && as_typed,
            Deed::Delete => place.is_none(),
        };
        if shows {
            self.change.shown = Some((self.clock)());
            self.change.place = place;
        }
    }

    /// The stream's own times of this change.
    fn trace(&self) -> Option<Value> {
        let figures = self.arrivals.figures().ok()?;
        let last = figures["last"].as_array()?;
        let own = |trace: &&Value| {
            trace["id"] == self.change.id
                && trace["committed"]
                    .as_i64()
                    .is_some_and(|at| at >= self.change.begun)
        };
        last.iter().find(own).cloned()
    }

    fn tell(&self) {
        let mut all = lock(&self.watched);
        let same = |one: &&mut Watched| one.id == self.change.id && one.written == self.change.written;
        if let Some(one) = all.iter_mut().find(same) {
            one.clone_from(&self.change);
        }
    }
}

/// How a change stands in the user's list.
struct Change {
    place: Option<usize>,
    as_typed: bool,
}

impl Change {
    fn of(change: &Watched, arrivals: &Arrivals) -> Change {
        // an edit shows once its row is told
        if change.deed == Deed::Edit {
            arrivals.poll().ok();
        }
        let user = arrivals.user(change.user);
        let nearest = arrivals.nearest(&user, PLACES).ok();
        let items = nearest.map(|nearest| nearest.items).unwrap_or_default();
        // where nothing can be searched nothing is known to be gone
        let unknown = change.deed == Deed::Delete && items.is_empty() && arrivals.figures().is_err();
        let place = items
            .iter()
            .position(|(id, _)| *id == change.id)
            .map(|place| place + 1);
        Change {
            place: place.or(unknown.then_some(0)),
            as_typed: as_typed(change, &arrivals.live),
        }
    }
}

fn as_typed(change: &Watched, live: &Live) -> bool {
    let Some(item) = live.arrival(change.id) else {
        return false;
    };
    let (title, _) = rankine_pipeline::import::split_year(&change.title);
    let genres = item.genres.iter().map(|genre| &**genre);
    *item.title == *title && genres.eq(change.genres.iter().map(String::as_str))
}

/// The writer of a stream's source.
fn source(path: &Path) -> Result<SourceWriter, ServerError> {
    let fault = |error: &dyn std::fmt::Display| ServerError::part("insert", error);
    let config = StreamConfig::load(path).map_err(|e| fault(&e))?;
    let dsn = std::env::var("RANKINE_STREAM_DSN").ok();
    let plan = config.compile(path, dsn, || 0).map_err(|e| fault(&e))?;
    SourceWriter::new(&plan.config, path).map_err(|e| fault(&e))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
