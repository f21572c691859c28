//! The worker: takes what the source sent, a micro-batch at a time, through rules, join, model and sinks.
//!
//! The heart of the stream. The decision: one batch after the other, in an order in which a crash between any two steps costs
//! a replay: feature rows and vectors, then the state, then the source is told. New changes come first; rows to be made
//! again, and the catalogue of a new version, get the time that is left, in small pieces.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rankine_store::vectors::{Gone, VectorRow, VectorStore};
use rustc_hash::FxHashSet;
use serde_json::Value as Json;
use xxhash_rust::xxh3::xxh3_64;

use super::allowance::{Allowance, Remade};
use super::change::{Change, Kind, Position};
use super::dead::{DIMENSION, DeadLetters, Letter};
use super::dimension::Turns;
use super::embedder::{Embedder, Embedders, is_bare, lacking, vectors_of};
use super::features::{FeatureRows, Refused, put_each};
use super::file::{arrival, line};
use super::generation::Generations;
use super::joined::JoinedRow;
use super::lookup::{Dimension, Found, Lookup};
use super::moment;
use super::onward::Onward;
use super::rules::{Rules, Watermark};
use super::sort::{Wish, Work, same_table};
use super::source::{Arrival, Source};
use super::state::{Applied, State};
use super::status::{DEAD, Status, Trace};
use super::users::Users;
use crate::error::PipelineError;

/// How long a commit may be hidden from others before that is told.
const UNSEEN: Duration = Duration::from_millis(500);
/// How often is looked whether a commit can be seen: at first, and once that takes long.
const QUICK_LOOK: Duration = Duration::from_micros(200);
const IDLE_LOOK: Duration = Duration::from_millis(20);

/// Figures of the worker; everything else is a part.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The item table and its key column.
    pub item: (String, String),
    /// The column that says when an item came into being; also looked for in the joined row.
    pub created: Option<String>,
    /// The joined column whose texts are the vector's categories.
    pub category: Option<String>,
    /// Tables that items rest on.
    pub dimensions: Vec<Dimension>,
    /// The rules.
    pub rules: Rules,
    /// The vector set.
    pub set: String,
    /// Rows per micro-batch.
    pub batch: usize,
    /// How long a micro-batch waits for more.
    pub wait: Duration,
    /// Arrivals between source and worker.
    pub queue: usize,
    /// Rows made again per second, at most.
    pub remake_per_s: u32,
    /// How often all rows are asked whether their features have changed with time alone; none: never.
    pub refresh: Option<i64>,
    /// How often a new artefact version is looked for.
    pub look_for_versions: Duration,
    /// Ends once the source has nothing more and nothing waits.
    pub until_idle: bool,
    /// The clock: microseconds since 1970 UTC.
    pub clock: fn() -> i64,
}

/// What the worker works with.
pub struct Parts {
    /// Where changes come from.
    pub source: Box<dyn Source>,
    /// The user's statement.
    pub lookup: Box<dyn Lookup>,
    /// The item feature table.
    pub features: Box<dyn FeatureRows>,
    /// The item model.
    pub embedders: Arc<dyn Embedders>,
    /// Where vectors go; all of them.
    pub vectors: Vec<Arc<dyn VectorStore>>,
    /// Whose vectors are made for each version; none: only items'.
    pub users: Option<Users>,
    /// What must not be forgotten.
    pub state: State,
    /// Where rows go that cannot be processed.
    pub dead: DeadLetters,
}

/// See the module's text.
pub(crate) struct Worker {
    pub(crate) settings: Settings,
    pub(crate) lookup: Box<dyn Lookup>,
    pub(crate) features: Box<dyn FeatureRows>,
    pub(crate) generations: Generations,
    pub(crate) state: State,
    pub(crate) dead: DeadLetters,
    pub(crate) status: Arc<Status>,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) watermark: Watermark,
    /// Rows that may be made again now.
    allowance: Allowance,
    pub(crate) turns: Turns,
    /// What has been told once: tables of changes that are nobody's, columns that are not there.
    pub(crate) told: FxHashSet<String>,
    /// Whether the serving version's users are still to be embedded.
    pub(crate) users_due: bool,
}

impl Worker {
    /// Takes the parts, and gives the source back.
    pub(crate) fn new(
        settings: Settings,
        parts: Parts,
        status: Arc<Status>,
        stop: Arc<AtomicBool>,
    ) -> (Worker, Box<dyn Source>) {
        let generations = Generations::new(&settings.set, parts.embedders, (parts.vectors, parts.users));
        let worker = Worker {
            settings,
            lookup: parts.lookup,
            features: parts.features,
            generations,
            state: parts.state,
            dead: parts.dead,
            status,
            stop,
            watermark: Watermark::default(),
            allowance: Allowance::new(Instant::now()),
            turns: Turns::default(),
            told: FxHashSet::default(),
            users_due: false,
        };
        (worker, Box::new(Onward::new(parts.source)))
    }

    /// The stop signal, to be held beside the worker.
    pub(crate) fn stop_signal(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Relaxed)
    }

    /// Processes arrivals and leaves their results durable; `confirmed` is what may be confirmed once the state is synced.
    ///
    /// # Errors
    /// What cannot be mended by trying again; `Stopped` where the stop signal came while trying.
    pub(crate) fn process(
        &mut self,
        arrivals: Vec<Arrival>,
        confirmed: Option<u64>,
    ) -> Result<(), PipelineError> {
        let mut work = Work::default();
        work.outcome.confirmed = confirmed;
        let mut changes = Vec::new();
        for arrival in arrivals {
            match arrival {
                Arrival::Change(change) => changes.push(change),
                Arrival::Commit { .. } => {}
                Arrival::Unreadable {
                    raw,
                    reason,
                    position,
                } => work.letters.push(Letter {
                    raw: Some(raw),
                    ..self.letter("read", &reason, None, position, 0)
                }),
            }
        }
        Status::add(&self.status.changes, changes.len());
        if let Some(oldest) = changes.iter().map(|change| change.commit_time).min() {
            let age = (self.settings.clock)().saturating_sub(oldest);
            self.status.lag.store(u64::try_from(age).unwrap_or(0), Relaxed);
        }
        self.take_unnamed(&mut changes, &mut work);
        self.land(&mut changes, &mut work)?;
        self.sort(&changes, &mut work)?;
        work.outcome.latest = self.watermark.latest();
        self.drop_repeated(&mut work)?;
        self.make(work)
    }

    /// Processes the records of letters anew; those of items that are further by now are left out.
    pub(crate) fn read_again(&mut self, letters: &[&Letter]) -> Result<(), PipelineError> {
        let (mut arrivals, mut work) = (Vec::new(), Work::default());
        for letter in letters {
            let raw = letter.raw.clone().unwrap_or_default();
            let position = Position::new(letter.lsn, letter.seq);
            let time = Some(letter.commit_time).filter(|time| *time != 0);
            let time = time.unwrap_or_else(|| (self.settings.clock)());
            match arrival(raw.as_bytes(), position, time) {
                // the row is in its table, where a later one may stand by now
                Arrival::Change(change) if letter.stage == DIMENSION => {
                    self.sort_dimension(&change, &mut work);
                }
                // what it would empty has been filled again since
                Arrival::Change(change) if change.kind == Kind::Truncate => {
                    arrivals.push(Arrival::Unreadable {
                        raw,
                        reason: letter.reason.clone(),
                        position,
                    })
                }
                Arrival::Change(change) if self.is_over(&change)? => {}
                other @ (Arrival::Change(_) | Arrival::Commit { .. } | Arrival::Unreadable { .. }) => {
                    arrivals.push(other);
                }
            }
        }
        self.process(arrivals, None)?;
        self.make(work)
    }

    /// Whether a later change of its item has been applied.
    fn is_over(&self, change: &Change) -> Result<bool, PipelineError> {
        let of_item = same_table(&self.settings.item.0, &change.table);
        let Some(key) = self.key_of(change).filter(|_| of_item) else {
            return Ok(false);
        };
        let applied = self.state.applied(&[key])?.pop().flatten();
        Ok(applied.is_some_and(|a| a.position >= change.position))
    }

    /// Brings the changes into the tables that are ours to keep; those that cannot be are dead letters.
    fn land(&mut self, changes: &mut Vec<Change>, work: &mut Work) -> Result<(), PipelineError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.settle(changes)?;
        let Worker {
            lookup, status, stop, ..
        } = self;
        let refused = retry(status, stop, || lookup.land(changes))?;
        for (at, reason) in refused.into_iter().rev() {
            let change = changes.remove(at);
            let letter = self.letter_of("land", &reason, &change);
            work.bury(letter, change.received);
        }
        Ok(())
    }

    /// Waits until what the changes did can be read; says what it waits for where that is more than the moment between a commit
    /// and its being seen.
    fn settle(&mut self, changes: &[Change]) -> Result<(), PipelineError> {
        let Worker {
            lookup, status, stop, ..
        } = self;
        let (begun, lag) = (Instant::now(), status.lag.load(Relaxed));
        let mut held = false;
        while let Some(xid) = retry(status, stop, || lookup.unsettled(changes))? {
            if stop.load(Relaxed) {
                return Err(PipelineError::Stopped);
            }
            held = begun.elapsed() > UNSEEN;
            if held {
                let waited = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                status.lag.store(lag.saturating_add(waited), Relaxed);
                status.hold(Some(format!(
                    "transaction {xid} cannot be seen by others yet: its commit waits for a standby, or `join.dsn` is another server than the source's"
                )));
            }
            std::thread::sleep(if held { IDLE_LOOK } else { QUICK_LOOK });
        }
        if held {
            status.lag.store(lag, Relaxed);
            status.hold(None);
        }
        Ok(())
    }

    /// Makes rows again that wait for it, as many as the rate allows and at most `most`.
    pub(crate) fn remake(&mut self, most: usize) -> Result<Remade, PipelineError> {
        let allowed = self.allowance.now(self.settings.remake_per_s, Instant::now());
        if allowed == 0 {
            return Ok(if self.state.waits()? {
                Remade::Later
            } else {
                Remade::Nothing
            });
        }
        let pending = self.next_waiting(allowed.min(most).clamp(1, self.settings.batch))?;
        if pending.is_empty() {
            // items of changed rows were asked for, and there were none
            return Ok(if self.state.waits()? {
                Remade::Some
            } else {
                Remade::Nothing
            });
        }
        self.allowance.spend(pending.len());
        let mut work = Work::default();
        self.wishes_of(&pending, &mut work)?;
        work.outcome.done = pending;
        self.make(work)?;
        Ok(Remade::Some)
    }

    /// Join, model, sinks, state: the same for new rows and for rows made again.
    pub(crate) fn make(&mut self, mut work: Work) -> Result<(), PipelineError> {
        self.note_moved(&mut work)?;
        let rows = self.join(&mut work)?;
        let joined = (self.settings.clock)();
        let vectors = self.embed(&rows, &mut work)?;
        let embedded = (self.settings.clock)();
        self.write(&rows, &vectors, &mut work)?;
        self.bury_all(&work.letters)?;
        self.state.commit(&work.outcome)?;
        let searchable = (self.settings.clock)();
        let traces = work.news.into_iter().map(|trace| match trace.outcome {
            DEAD => trace,
            _ => Trace {
                joined,
                embedded,
                searchable,
                ..trace
            },
        });
        let traces: Vec<Trace> = traces.collect();
        for trace in traces.iter().filter(|trace| trace.outcome != DEAD) {
            let took = u64::try_from(searchable.saturating_sub(trace.committed)).unwrap_or(0);
            self.status.latency.add(took);
            self.status.lag.store(took, Relaxed);
        }
        self.status.trace(traces);
        Status::add(&self.status.batches, 1);
        Ok(())
    }

    /// Puts letters on disk.
    pub(crate) fn bury_all(&mut self, letters: &[Letter]) -> Result<(), PipelineError> {
        self.dead.put(letters)?;
        Status::add(&self.status.dead, letters.len());
        Ok(())
    }

    /// Joins the wishes; ids without a row are gone, ids the statement fails on are dead letters.
    fn join(&mut self, work: &mut Work) -> Result<Vec<JoinedRow>, PipelineError> {
        let wanted: Vec<(i64, i64)> = work.wishes.iter().map(|(key, wish)| (*key, wish.as_of)).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let Worker {
            lookup, status, stop, ..
        } = self;
        let found = retry(status, stop, || lookup.join(&wanted))?;
        let mut rows = Vec::with_capacity(found.len());
        for ((key, _), found) in wanted.into_iter().zip(found) {
            let Some(wish) = work.wishes.get(&key).copied() else {
                continue;
            };
            match found {
                Found::Row(row) => rows.push(row),
                Found::Nothing => {
                    work.wishes.remove(&key);
                    work.gone.insert(key, (wish.position, wish.as_of));
                    work.unjoined.insert(key, wish);
                }
                Found::Faulty(reason) => self.bury("join", &reason, key, work),
            }
        }
        Ok(rows)
    }

    /// Puts an item to the dead letters; what is known of it stays as it was.
    fn bury(&mut self, stage: &str, reason: &str, key: i64, work: &mut Work) {
        if let Some(wish) = work.wishes.remove(&key) {
            let letter = self.letter(stage, reason, Some(key), wish.position, wish.as_of);
            match wish.remake {
                None => work.bury(letter, wish.received),
                Some(_) => work.letters.push(letter),
            }
        }
    }

    /// Vectors by each generation's model; rows that the version that serves cannot embed are out of `work`
    /// afterwards; what only a coming one cannot is a letter.
    fn embed(&mut self, rows: &[JoinedRow], work: &mut Work) -> Result<Vec<GenerationRows>, PipelineError> {
        let mut made = Vec::new();
        for (at, embedder) in self.generations.embedders().into_iter().enumerate() {
            let version = embedder.version();
            let fresh: Vec<&JoinedRow> = rows
                .iter()
                .filter(|row| at > 0 || !self.unchanged(row, work, embedder.as_ref()))
                .collect();
            if at == 0 {
                Status::add(&self.status.cache_hits, rows.len() - fresh.len());
            }
            let fresh: Vec<JoinedRow> = fresh.into_iter().cloned().collect();
            if fresh.is_empty() {
                continue;
            }
            let Worker { status, stop, .. } = self;
            let mut vectors = retry(status, stop, || vectors_of(embedder.as_ref(), &fresh))?;
            self.tell_lacking(embedder.as_ref(), &fresh);
            for (row, vector) in fresh.iter().zip(&mut vectors) {
                if is_bare(embedder.needed(), row) {
                    *vector = Err(lacks(embedder.as_ref(), row).unwrap_or_default());
                }
            }
            let mut of_version = GenerationRows {
                version,
                rows: Vec::new(),
            };
            for (row, vector) in fresh.into_iter().zip(vectors) {
                match (vector, work.wishes.get(&row.id).copied()) {
                    (Ok(vector), Some(wish)) => of_version.rows.push(self.vector_row(&row, &wish, vector)),
                    (Err(reason), Some(wish)) if at > 0 => {
                        // otherwise the filling comes by, and says so
                        if self.generations.has_passed(row.id) {
                            let place = (wish.position, wish.as_of);
                            let letter = self.fill_letter((version, &reason), row.id, place);
                            work.letters.push(letter);
                        }
                    }
                    (Err(reason), Some(_)) => self.bury("embed", &reason, row.id, work),
                    (_, None) => {}
                }
            }
            made.push(of_version);
        }
        Ok(made)
    }

    /// Tells, once, a column that the model reads and the join does not give: it is the same for every row.
    fn tell_lacking(&mut self, embedder: &dyn Embedder, rows: &[JoinedRow]) {
        let first = rows.first().filter(|row| !is_bare(embedder.needed(), row));
        if let Some(told) = first.and_then(|row| lacks(embedder, row))
            && self.told.insert(told.clone())
        {
            tracing::warn!("{told}: it is missing for every row");
        }
    }

    fn vector_row(&self, row: &JoinedRow, wish: &Wish, vector: Vec<f32>) -> VectorRow {
        let created = wish.created.or_else(|| self.created_of(row));
        VectorRow {
            id: row.id,
            vector,
            as_of: row.as_of,
            position: wish.position.packed(),
            created: created.unwrap_or(0),
            categories: self
                .settings
                .category
                .as_deref()
                .map_or_else(Vec::new, |name| categories(row, name)),
        }
    }

    /// Whether a row that is made again is what was embedded before.
    fn unchanged(&self, row: &JoinedRow, work: &Work, embedder: &dyn Embedder) -> bool {
        let wish = work.wishes.get(&row.id);
        wish.is_some_and(|wish| {
            let before = wish
                .before
                .is_some_and(|a| a.live && a.hash == self.hash(row, embedder));
            wish.remake.is_some() && before
        })
    }

    /// What a vector's row was made of: the columns that the model reads and its version, and the categories beside the vector.
    fn hash(&self, row: &JoinedRow, embedder: &dyn Embedder) -> u64 {
        let read = row.hash(embedder.fields()) ^ embedder.version().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let category = self.settings.category.as_deref();
        match category.map(|name| categories(row, name)) {
            None => read,
            Some(texts) => read ^ xxh3_64(texts.join("\0").as_bytes()),
        }
    }

    pub(crate) fn created_of(&self, row: &JoinedRow) -> Option<i64> {
        let cell = row.cells.get(self.settings.created.as_deref()?)?;
        moment::of_json(cell)
    }

    /// Writes feature rows and vectors; fills in what the state has to remember.
    fn write(
        &mut self,
        rows: &[JoinedRow],
        vectors: &[GenerationRows],
        work: &mut Work,
    ) -> Result<(), PipelineError> {
        let embedded: FxHashSet<i64> = vectors
            .iter()
            .flat_map(|v| v.rows.iter().map(|row| row.id))
            .collect();
        // a column that the model does not read may be one that a page shows
        let made: Vec<(JoinedRow, Position)> = rows
            .iter()
            .filter_map(|row| Some((row, work.wishes.get(&row.id)?)))
            .filter(|(row, wish)| {
                embedded.contains(&row.id) || wish.before.is_none_or(|a| a.row_hash != row.hash(&[]))
            })
            .map(|(row, wish)| (row.clone(), wish.position))
            .collect();
        let tombs: Vec<Gone> = work
            .gone
            .iter()
            .map(|(id, (position, _))| Gone {
                id: *id,
                position: position.packed(),
            })
            .collect();
        let refused = self.write_both(&made, vectors, &tombs)?;
        let refused: FxHashSet<i64> = refused
            .into_iter()
            .filter_map(|(id, reason)| {
                let wish = work.wishes.get(&id).copied()?;
                let letter = self.letter("features", &reason, Some(id), wish.position, wish.as_of);
                work.letters.push(letter);
                Some(id)
            })
            .collect();
        self.remember(rows, &refused, work);
        Ok(())
    }

    /// Feature rows and vectors side by side: each waits for a disk of its own, and the state, which comes after both, is what
    /// says that they are there. Rows that the feature table refuses, with the reason: their vectors are there all the same.
    fn write_both(
        &mut self,
        made: &[(JoinedRow, Position)],
        vectors: &[GenerationRows],
        tombs: &[Gone],
    ) -> Result<Refused, PipelineError> {
        let Worker {
            features,
            generations,
            status,
            stop,
            ..
        } = self;
        let (status, stop): (&Status, &AtomicBool) = (status, stop);
        let keep = || -> Result<Refused, PipelineError> {
            let gone: Vec<i64> = tombs.iter().map(|one| one.id).collect();
            let mut refused = Refused::new();
            if !made.is_empty() {
                refused = retry(status, stop, || put_each(features.as_mut(), made))?;
            }
            if !gone.is_empty() {
                retry(status, stop, || features.delete(&gone))?;
            }
            Ok(refused)
        };
        let upsert = || -> Result<(), PipelineError> {
            for of_version in vectors {
                retry(status, stop, || {
                    generations.upsert(of_version.version, &of_version.rows)
                })?;
            }
            if !tombs.is_empty() {
                retry(status, stop, || generations.delete(tombs))?;
            }
            Ok(())
        };
        if made.is_empty() && tombs.is_empty() {
            return upsert().map(|()| Refused::new());
        }
        std::thread::scope(|scope| {
            let kept = scope.spawn(keep);
            let upserted = upsert();
            let died = |_| {
                Err(PipelineError::Stream {
                    reason: "the thread that writes feature rows has died".to_owned(),
                })
            };
            let refused = kept.join().unwrap_or_else(died)?;
            upserted.map(|()| refused)
        })
    }

    /// Notes what has become of each row; of those whose feature row was refused, that it is still to be written.
    fn remember(&mut self, rows: &[JoinedRow], refused: &FxHashSet<i64>, work: &mut Work) {
        let active = self.generations.embedders().into_iter().next();
        for row in rows {
            let Some(wish) = work.wishes.get(&row.id) else {
                continue;
            };
            let applied = Applied {
                position: wish.position,
                live: true,
                unjoined: false,
                as_of: row.as_of,
                created: wish.created.or_else(|| self.created_of(row)),
                hash: active.as_deref().map_or(0, |active| self.hash(row, active)),
                row_hash: if refused.contains(&row.id) {
                    0
                } else {
                    row.hash(&[])
                },
            };
            work.outcome.applied.push((row.id, applied));
            match wish.remake {
                Some(_) => Status::add(&self.status.remade, 1),
                None => {
                    Status::add(&self.status.embedded, 1);
                    let times = (wish.as_of, wish.received);
                    work.news
                        .push(Trace::new(row.id, "embedded", wish.position, times));
                }
            }
        }
        let mut removed = 0;
        for (key, (position, time)) in &work.gone {
            let unjoined = work.unjoined.get(key);
            let applied = Applied {
                position: *position,
                live: false,
                unjoined: unjoined.is_some(),
                as_of: *time,
                created: unjoined
                    .and_then(|wish| wish.created)
                    .or_else(|| work.expired.get(key).copied()),
                hash: 0,
                row_hash: 0,
            };
            work.outcome.applied.push((*key, applied));
            // what was made again and is still nothing is no news
            let known = unjoined.is_some_and(|w| w.remake.is_some() && w.before.is_some_and(|a| !a.live));
            if !known {
                removed += 1;
                work.news
                    .push(Trace::new(*key, "removed", *position, (*time, *time)));
            }
        }
        Status::add(&self.status.removed, removed);
    }

    /// Removes a batch of vectors whose time is over, and forgets one of old tombstones; whether there may be more.
    pub(crate) fn expire(&mut self) -> Result<bool, PipelineError> {
        let Some(now) = self.watermark.age(&self.settings.rules) else {
            return Ok(false);
        };
        let mut more = false;
        if let Some(kept) = self.settings.rules.kept {
            let over = self
                .state
                .live_before(now.saturating_sub(kept), self.settings.batch)?;
            more = over.len() == self.settings.batch;
            let gone = over.iter().map(|(key, a)| (*key, (a.position, a.as_of)));
            let created = over.iter().filter_map(|(key, a)| Some((*key, a.created?)));
            let work = Work {
                gone: gone.collect(),
                expired: created.collect(),
                ..Work::default()
            };
            if !work.gone.is_empty() {
                self.make(work)?;
            }
        }
        if let Some(tombstones) = self.settings.rules.tombstones {
            more |= self.forget_tombstones(now.saturating_sub(tombstones))?;
        }
        Ok(more)
    }

    /// Removes these items at a place of the source: a snapshot did not have them.
    pub(crate) fn remove(&mut self, keys: &[i64], at: Position) -> Result<(), PipelineError> {
        let time = (self.settings.clock)();
        let work = Work {
            gone: keys.iter().map(|key| (*key, (at, time))).collect(),
            ..Work::default()
        };
        self.make(work)
    }

    /// A letter that keeps the whole change.
    pub(crate) fn letter_of(&self, stage: &str, reason: &str, change: &Change) -> Letter {
        let key = same_table(&self.settings.item.0, &change.table).then(|| self.key_of(change));
        Letter {
            raw: Some(line(change)),
            ..self.letter(stage, reason, key.flatten(), change.position, change.commit_time)
        }
    }

    pub(crate) fn letter(
        &self,
        stage: &str,
        reason: &str,
        key: Option<i64>,
        at: Position,
        commit_time: i64,
    ) -> Letter {
        Letter {
            time: (self.settings.clock)(),
            stage: stage.to_owned(),
            reason: reason.to_owned(),
            key,
            lsn: at.lsn,
            seq: at.seq,
            commit_time,
            raw: None,
        }
    }
}

/// The first column that the model reads and a joined row does not have, in words.
fn lacks(embedder: &dyn Embedder, row: &JoinedRow) -> Option<String> {
    let told = lacking(embedder.needed().iter().map(|name| &**name), row)?;
    Some(format!(
        "{told}, which model `{}` reads",
        embedder.identity().model
    ))
}

/// Vectors that one version made.
struct GenerationRows {
    version: u64,
    rows: Vec<VectorRow>,
}

/// The texts of a column: one, or a list.
pub(crate) fn categories(row: &JoinedRow, name: &str) -> Vec<String> {
    // PostgreSQL keeps no text with a zero byte, and would refuse all rows of a batch for it
    let text = |cell: &Json| super::joined::print(None, cell).map(|text| text.replace('\0', ""));
    match row.cells.get(name) {
        Some(Json::Array(items)) => items.iter().filter_map(text).collect(),
        // SQLite has no arrays: a list lies there as the text of one
        Some(Json::String(list)) if list.starts_with('[') => match serde_json::from_str::<Vec<Json>>(list) {
            Ok(items) => items.iter().filter_map(text).collect(),
            Err(_) => vec![list.replace('\0', "")],
        },
        Some(cell) => text(cell).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Tries until it works, the stop signal comes, or the fault is not one that time mends.
pub(crate) fn retry<T>(
    status: &Status,
    stop: &AtomicBool,
    mut run: impl FnMut() -> Result<T, PipelineError>,
) -> Result<T, PipelineError> {
    let mut pause = Duration::from_millis(20);
    let (begun, lag) = (Instant::now(), status.lag.load(Relaxed));
    loop {
        match run() {
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "trying again");
                let held = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                status.lag.store(lag.saturating_add(held), Relaxed);
                status.hold(Some(error.to_string()));
                Status::add(&status.retries, 1);
            }
            other => {
                if pause > Duration::from_millis(20) {
                    status.hold(None);
                    status.lag.store(lag, Relaxed);
                }
                return other;
            }
        }
        if stop.load(Relaxed) {
            return Err(PipelineError::Stopped);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_texts_that_every_store_takes() {
        let of = |cell: Json| {
            let cells = [("genres".to_owned(), cell)].into_iter().collect();
            categories(
                &JoinedRow {
                    cells,
                    ..JoinedRow::default()
                },
                "genres",
            )
        };
        assert_eq!(of(serde_json::json!(["W\0ar", 7, null])), ["War", "7"]);
        assert_eq!(of(serde_json::json!("[\"a\", \"b\"]")), ["a", "b"]);
        assert_eq!(of(serde_json::json!("\0[a")), ["[a"]);
        assert_eq!(of(Json::Null), Vec::<String>::new());
    }

    #[test]
    fn what_is_held_up_ages() {
        let (status, stop, mut seen) = (Status::default(), AtomicBool::new(false), Vec::new());
        status.lag.store(5, Relaxed);
        let tried = retry(&status, &stop, || {
            seen.push(status.lag.load(Relaxed));
            match seen.len() {
                3 => Ok(status.held_by()),
                _ => Err(PipelineError::Embed {
                    model: "m".to_owned(),
                    reason: "away".to_owned(),
                    transient: true,
                }),
            }
        });
        assert!(tried.unwrap().is_some_and(|held| held.contains("away")));
        // it sleeps before it tries again
        assert!(seen[0] == 5 && seen[2] >= seen[1] + 20_000, "{seen:?}");
        assert_eq!((status.lag.load(Relaxed), status.held_by()), (5, None));
    }
}
