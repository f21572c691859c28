//! Generations of vectors: the one that is searched, and the one that a new artefact version is filling.
//!
//! Between the worker and the vector stores. The decision: a new version's generation is filled from the stored feature
//! rows while every change goes to both; searches are switched when it is complete and the users' vectors for it are, too
//! (`users`), in one step per store. A search names its version, so none ever mixes two.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rankine_store::vectors::{Generation, Gone, Metric, Shape, VectorRow, VectorStore};

use super::change::Position;
use super::dead::Letter;
use super::embedder::{Embedder, Embedders, vectors_of};
use super::joined::JoinedRow;
use super::sort::Work;
use super::state::{Applied, Pending, Reason, State};
use super::status::Status;
use super::users::{Making, Users};
use super::worker::{Worker, categories, retry};
use crate::error::PipelineError;

/// Rows of the catalogue embedded between two looks at what is new.
const SLICE: usize = 128;
/// How long to wait after users could not be embedded.
const AGAIN: Duration = Duration::from_secs(2);

/// The generations that the stream feeds.
pub(crate) struct Generations {
    set: String,
    embedders: Arc<dyn Embedders>,
    stores: Vec<Arc<dyn VectorStore>>,
    users: Option<Users>,
    making: Option<Making>,
    /// No users are embedded before this moment: the last attempt failed.
    rest: Option<Instant>,
    /// The version that serves; none before the start.
    serving: Option<u64>,
    /// Its model; none where that has gone: what is stored is searched, and takes deletes alone, until `next` takes over.
    active: Option<Arc<dyn Embedder>>,
    next: Option<Next>,
}

/// A generation that is being filled.
struct Next {
    embedder: Arc<dyn Embedder>,
    /// The last key that was embedded.
    after: Option<i64>,
}

impl Generations {
    pub(crate) fn new(
        set: &str,
        embedders: Arc<dyn Embedders>,
        (stores, users): (Vec<Arc<dyn VectorStore>>, Option<Users>),
    ) -> Generations {
        Generations {
            set: set.to_owned(),
            embedders,
            stores,
            users,
            making: None,
            rest: None,
            serving: None,
            active: None,
            next: None,
        }
    }

    /// Opens the version that serves, or, where none does, the newest, which then serves at once. A version that serves and
    /// has no model any more (or another one under its number) goes on serving, and the newest is filled beside it.
    ///
    /// # Errors
    /// `Embed`: no version, or it cannot be opened, or it is of another model than the vectors that serve.
    pub(crate) fn start(&mut self, newest: u64, state: &State) -> Result<(), PipelineError> {
        let mut serving = Vec::new();
        for store in &self.stores {
            serving.extend(store.current(&self.set)?);
        }
        let version = serving.first().copied().unwrap_or(newest);
        let opened = match serving.is_empty() {
            true => self.embedders.open(version),
            false => self.opened(version, state),
        };
        match opened {
            // its model has come back: what came meanwhile is not in its generation
            Ok(_) if state.lacking()? == Some(version) => self.serve_stored(version, newest, state),
            Ok(embedder) => self.activate(embedder, state),
            // one of the stores has switched already: the newest is complete
            Err(_) if version != newest && serving.contains(&newest) => {
                let embedder = self.opened(newest, state)?;
                self.activate(embedder, state)
            }
            // a predictor that has just named its newest version answers: what it does not open is not there
            Err(error) if version != newest => {
                tracing::warn!(%error, version, newest, "the version that serves cannot be opened; its vectors serve until the newest is complete");
                self.serve_stored(version, newest, state)
            }
            Err(error) => Err(error),
        }
    }

    /// Serves what a version has stored, without its model, and fills the generation of `next`.
    fn serve_stored(&mut self, version: u64, next: u64, state: &State) -> Result<(), PipelineError> {
        (self.serving, self.active) = (Some(version), None);
        self.begin(next, state)?;
        // only now: a start that is tried again, and finds the model, lacks nothing
        state.set_lacking(Some(version))?;
        self.agree(true)
    }

    /// Opens a version that has vectors, where it is of the models that made them, items' and users'.
    fn opened(&self, version: u64, state: &State) -> Result<Arc<dyn Embedder>, PipelineError> {
        let embedder = self.embedders.open(version)?;
        embedder
            .identity()
            .follows(state.maker(version)?, ("vectors", version))?;
        if let Some(users) = &self.users {
            users.agree(version, &self.stores, state)?;
        }
        Ok(embedder)
    }

    /// Serves a version at once.
    fn activate(&mut self, embedder: Arc<dyn Embedder>, state: &State) -> Result<(), PipelineError> {
        self.prepare(embedder.as_ref())?;
        state.set_maker(embedder.version(), &embedder.identity())?;
        (self.serving, self.active) = (Some(embedder.version()), Some(embedder));
        self.agree(false)
    }

    /// Makes every store that has the serving generation serve it: a crash between the switches of two stores is made good
    /// here. `accelerate`: that generation was not prepared.
    fn agree(&self, accelerate: bool) -> Result<(), PipelineError> {
        let generation = self.generation(self.version());
        for store in &self.stores {
            if store.shape(&generation)?.is_none() {
                continue;
            }
            if accelerate {
                store.accelerate(&generation)?;
            }
            if store.current(&self.set)? != Some(generation.version) {
                store.switch(std::slice::from_ref(&generation))?;
            }
        }
        Ok(())
    }

    fn generation(&self, version: u64) -> Generation {
        Generation::new(&self.set, version)
    }

    fn prepare(&self, embedder: &dyn Embedder) -> Result<(), PipelineError> {
        let shape = Shape {
            width: embedder.width(),
            metric: Metric::InnerProduct,
        };
        for store in &self.stores {
            let generation = self.generation(embedder.version());
            store.prepare(&generation, shape)?;
            store.accelerate(&generation)?;
        }
        Ok(())
    }

    /// The newest version there is.
    ///
    /// # Errors
    /// `Embed`: there is none.
    pub(crate) fn newest(&self) -> Result<u64, PipelineError> {
        let none = || PipelineError::Embed {
            model: self.set.clone(),
            reason: "no version is published".to_owned(),
            transient: false,
        };
        self.embedders.newest()?.ok_or_else(none)
    }

    /// The models that every change goes through, the serving one first.
    pub(crate) fn embedders(&self) -> Vec<Arc<dyn Embedder>> {
        let next = self.next.as_ref().map(|next| next.embedder.clone());
        self.active.iter().cloned().chain(next).collect()
    }

    /// The version that serves; 0 before the start.
    pub(crate) fn version(&self) -> u64 {
        self.serving.unwrap_or(0)
    }

    /// The version that is being filled; 0 where none is.
    pub(crate) fn coming(&self) -> u64 {
        self.next.as_ref().map_or(0, |next| next.embedder.version())
    }

    pub(crate) fn upsert(&self, version: u64, rows: &[VectorRow]) -> Result<(), PipelineError> {
        for store in &self.stores {
            store.upsert(&self.generation(version), rows)?;
        }
        Ok(())
    }

    /// Whether the version that serves is the one to use again, since versions were looked for last.
    fn is_rolled_back(&self) -> bool {
        let serving = self.version();
        let other = self.active.is_some() && self.coming() != serving;
        other && self.newest().is_ok_and(|newest| newest == serving)
    }

    /// Whether the filling of the next version has passed an item, and will not come by it again.
    pub(crate) fn has_passed(&self, key: i64) -> bool {
        let after = self.next.as_ref().and_then(|next| next.after);
        after.is_some_and(|after| key <= after)
    }

    /// Removes from the generation that serves and the one that is being filled.
    pub(crate) fn delete(&self, gone: &[Gone]) -> Result<(), PipelineError> {
        for embedder in self.embedders() {
            for store in &self.stores {
                store.delete(&self.generation(embedder.version()), gone)?;
            }
        }
        if self.active.is_some() || self.coming() == self.version() {
            return Ok(());
        }
        let generation = self.generation(self.version());
        for store in &self.stores {
            if store.shape(&generation)?.is_some() {
                store.delete(&generation, gone)?;
            }
        }
        Ok(())
    }

    /// Forgets tombstones of the generation that serves and the one that is being filled.
    fn forget(&self, gone: &[Gone]) -> Result<(), PipelineError> {
        for version in [self.version(), self.coming()] {
            let generation = self.generation(version);
            for store in &self.stores {
                if store.shape(&generation)?.is_some() {
                    store.forget(&generation, gone)?;
                }
            }
        }
        Ok(())
    }

    /// Begins to fill the generation of another version, where there is one to use; leaves what was being filled where the
    /// version that serves is the one to use.
    pub(crate) fn look(&mut self, state: &State) -> Result<(), PipelineError> {
        let newest = self.embedders.newest()?.unwrap_or(0);
        let being = self.next.as_ref().map_or(self.version(), |_| self.coming());
        if newest == being {
            return Ok(());
        }
        if newest == self.version() && self.active.is_some() {
            return self.leave_next();
        }
        self.begin(newest, state)
    }

    /// Begins to fill a version's generation.
    fn begin(&mut self, version: u64, state: &State) -> Result<(), PipelineError> {
        // a version that serves and whose model has come back is written over
        let embedder = match version == self.version() {
            true => self.opened(version, state)?,
            false => self.embedders.open(version)?,
        };
        // what an earlier service or a broken-off attempt left knows nothing of what has changed since
        if version != self.version() {
            for store in &self.stores {
                store.discard(&self.generation(version))?;
            }
        }
        self.prepare(embedder.as_ref())?;
        state.set_maker(version, &embedder.identity())?;
        self.next = Some(Next {
            embedder,
            after: None,
        });
        Ok(())
    }

    /// Leaves the version that was being filled: it was rolled back.
    fn leave_next(&mut self) -> Result<(), PipelineError> {
        let version = self.coming();
        self.next = None;
        self.rest = None;
        if let Some(making) = self.making.take_if(|making| making.version() == version) {
            making.give_up();
        }
        for store in &self.stores {
            for set in self.sets() {
                store.discard(&Generation::new(set, version))?;
            }
        }
        Ok(())
    }

    /// Whether users' vectors of `version` serve or are ready to; begins to make them where they are not. A failure is the
    /// caller's to tell; it is tried again after a while.
    pub(crate) fn users_ready(
        &mut self,
        version: u64,
        now: i64,
        state: &State,
    ) -> Result<bool, PipelineError> {
        let Some(users) = &self.users else {
            return Ok(true);
        };
        if let Some(other) = self.making.take_if(|making| making.version() != version) {
            other.give_up();
        }
        let over = self.making.as_ref().map(Making::is_over);
        match over {
            Some(false) => Ok(false),
            Some(true) => {
                let ended = self.making.take().map(Making::end).transpose();
                self.rest = ended.is_err().then(|| Instant::now() + AGAIN);
                if let Some((count, maker)) = ended? {
                    users.made(version, &maker, state)?;
                    tracing::info!(version, count, "users have vectors of this version");
                }
                Ok(true)
            }
            None if self.rest.is_some_and(|rest| Instant::now() < rest) => Ok(false),
            None => {
                self.making = Some(users.begin(version, &self.stores, now));
                Ok(false)
            }
        }
    }

    /// Whether the users' vectors of the serving version are still to be made.
    pub(crate) fn users_missing(&self) -> Result<bool, PipelineError> {
        let (Some(users), Some(active)) = (&self.users, &self.active) else {
            return Ok(false);
        };
        for store in &self.stores {
            if store.current(&users.set)? != Some(active.version()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a version is being prepared.
    pub(crate) fn is_under_way(&self) -> bool {
        self.next.is_some() || self.making.is_some() || self.rest.is_some()
    }

    /// The sets that serve together, items' first.
    fn sets(&self) -> impl Iterator<Item = &str> {
        let users = self.users.as_ref().map(|users| users.set.as_str());
        std::iter::once(self.set.as_str()).chain(users)
    }

    /// Makes searches use `version` of all sets in one step per store.
    fn serve(&self, version: u64) -> Result<(), PipelineError> {
        let to: Vec<Generation> = self.sets().map(|set| Generation::new(set, version)).collect();
        for store in &self.stores {
            store.switch(&to)?;
        }
        Ok(())
    }

    /// Switches searches to the generation that is complete, and drops those before the last.
    fn switch(&mut self) -> Result<u64, PipelineError> {
        let Some(next) = &self.next else {
            return Ok(self.version());
        };
        let version = next.embedder.version();
        self.serve(version)?;
        let before = self.version();
        self.active = self.next.take().map(|next| next.embedder);
        self.serving = Some(version);
        // the version before this one stays: queries under way still search it
        for store in &self.stores {
            for set in self.sets() {
                for old in store.versions(set)? {
                    if old != version && old != before {
                        store.discard(&Generation::new(set, old))?;
                    }
                }
            }
        }
        Ok(version)
    }
}

impl Drop for Generations {
    fn drop(&mut self) {
        if let Some(making) = self.making.take() {
            making.give_up();
        }
    }
}

impl Worker {
    /// Looks which version to use; a fault of one that does not open is told and leaves the stream alone.
    pub(crate) fn look_for_version(&mut self) {
        let before = self.generations.coming();
        if let Err(error) = self.generations.look(&self.state) {
            tracing::warn!(%error, "a new version cannot be used");
        }
        let coming = self.generations.coming();
        if coming != before {
            self.status.next_rows.store(0, Relaxed);
            self.status.next_version.store(coming, Relaxed);
            self.status.hold(None);
        }
    }

    /// Embeds a slice of the catalogue, of at most `most` rows, for the next version; switches after the last. False where there
    /// is nothing to do.
    ///
    /// # Errors
    /// What cannot be mended by trying again.
    pub(crate) fn fill_next(&mut self, most: usize) -> Result<bool, PipelineError> {
        let Some(next) = &self.generations.next else {
            return self.fill_users();
        };
        let (embedder, after) = (next.embedder.clone(), next.after);
        let live = self.state.live_after(after, SLICE.min(most))?;
        let Some((last, _)) = live.last().copied() else {
            return self.complete();
        };
        if let Some(next) = &mut self.generations.next {
            next.after = Some(last);
        }
        let stored = self.stored(live)?;
        let (made, letters) = self.made_by(embedder.as_ref(), stored)?;
        let (version, stop) = (embedder.version(), self.stop_signal());
        let Worker {
            generations, status, ..
        } = self;
        retry(status, &stop, || generations.upsert(version, &made))?;
        self.dead.put(&letters)?;
        Status::add(&self.status.dead, letters.len());
        Status::add(&self.status.next_rows, made.len());
        Ok(true)
    }

    /// The stored rows of live items. Those whose row is gone from the feature table are joined anew, which also brings them
    /// to the generations that are fed, and are left out.
    fn stored(&mut self, live: Vec<(i64, Applied)>) -> Result<Vec<(Applied, JoinedRow)>, PipelineError> {
        let ids: Vec<i64> = live.iter().map(|(key, _)| *key).collect();
        let stop = self.stop_signal();
        let Worker { features, status, .. } = self;
        let found = retry(status, &stop, || features.get(&ids))?;
        let (mut stored, mut lost) = (Vec::with_capacity(live.len()), Vec::new());
        for ((key, applied), row) in live.into_iter().zip(found) {
            match row {
                Some(row) => stored.push((applied, row)),
                None => lost.push(Pending {
                    key,
                    position: applied.position,
                    as_of: applied.as_of,
                    reason: Reason::Replay,
                }),
            }
        }
        if !lost.is_empty() {
            let mut work = Work::default();
            self.wishes_of(&lost, &mut work)?;
            // whatever was known of the row, it is to be written
            let before = work.wishes.values_mut().filter_map(|wish| wish.before.as_mut());
            before.for_each(|before| before.row_hash = 0);
            self.make(work)?;
        }
        Ok(stored)
    }

    /// A version's vectors of stored rows, and letters for rows that it cannot embed.
    fn made_by(
        &self,
        embedder: &dyn Embedder,
        stored: Vec<(Applied, JoinedRow)>,
    ) -> Result<(Vec<VectorRow>, Vec<Letter>), PipelineError> {
        let (applied, rows): (Vec<_>, Vec<_>) = stored.into_iter().unzip();
        let stop = self.stop_signal();
        let vectors = retry(&self.status, &stop, || vectors_of(embedder, &rows))?;
        let (mut made, mut letters) = (Vec::with_capacity(rows.len()), Vec::new());
        for ((applied, row), vector) in applied.iter().zip(&rows).zip(vectors) {
            match vector {
                Ok(vector) => made.push(self.filled(applied, row, vector)),
                Err(reason) => letters.push(self.fill_letter(
                    (embedder.version(), &reason),
                    row.id,
                    (applied.position, applied.as_of),
                )),
            }
        }
        Ok((made, letters))
    }

    fn filled(&self, applied: &Applied, row: &JoinedRow, vector: Vec<f32>) -> VectorRow {
        let category = self.settings.category.as_deref();
        VectorRow {
            id: row.id,
            vector,
            as_of: row.as_of,
            position: applied.position.packed(),
            created: applied.created.unwrap_or(0),
            categories: category.map_or_else(Vec::new, |name| categories(row, name)),
        }
    }

    /// The letter of an item that a coming version cannot embed; in the version that serves it stays.
    pub(crate) fn fill_letter(
        &self,
        (version, reason): (u64, &str),
        key: i64,
        (position, time): (Position, i64),
    ) -> Letter {
        let reason = format!("version {version}: {reason}");
        self.letter("fill", &reason, Some(key), position, time)
    }

    /// Gives the serving version its users, where they have no vectors yet: at the first start, or after a crash.
    fn fill_users(&mut self) -> Result<bool, PipelineError> {
        if !self.users_due {
            return Ok(false);
        }
        let version = self.generations.version();
        let now = (self.settings.clock)();
        let ready = match self.generations.users_ready(version, now, &self.state) {
            // a wrong statement, a model without users: better told at the start than waited for
            Err(error) if !error.is_transient() => return Err(error),
            ready => self.told_ready(version, ready),
        };
        if ready {
            let stop = self.stop_signal();
            let Worker {
                generations, status, ..
            } = self;
            retry(status, &stop, || generations.serve(version))?;
            self.status.hold(None);
            self.users_due = false;
        }
        Ok(false)
    }

    /// Forgets a batch of tombstones of changes before `time`, in the stores and then here; whether there may be more.
    pub(crate) fn forget_tombstones(&mut self, time: i64) -> Result<bool, PipelineError> {
        let old = self.state.tombstones_before(time, self.settings.batch)?;
        if old.is_empty() {
            return Ok(false);
        }
        let gone = old.iter().map(|(id, position)| Gone {
            id: *id,
            position: position.packed(),
        });
        let (gone, stop): (Vec<Gone>, _) = (gone.collect(), self.stop_signal());
        let Worker {
            generations, status, ..
        } = self;
        retry(status, &stop, || generations.forget(&gone))?;
        self.state.forget(&old)?;
        Ok(old.len() == self.settings.batch)
    }

    /// Whether users are ready; a failure is told, and holds up nothing but the switch.
    fn told_ready(&self, version: u64, ready: Result<bool, PipelineError>) -> bool {
        ready.unwrap_or_else(|error| {
            tracing::warn!(%error, version, "users cannot be embedded; trying again");
            self.status.hold(Some(error.to_string()));
            false
        })
    }

    fn complete(&mut self) -> Result<bool, PipelineError> {
        let next = self.generations.next.as_ref();
        let version = next.map_or(0, |next| next.embedder.version());
        let now = (self.settings.clock)();
        let ready = self.generations.users_ready(version, now, &self.state);
        if !self.told_ready(version, ready) {
            return Ok(false);
        }
        self.status.hold(None);
        if self.generations.is_rolled_back() {
            self.look_for_version();
            return Ok(false);
        }
        // rows that still wait are made in both generations, whichever serves by then
        let stop = self.stop_signal();
        let Worker {
            generations, status, ..
        } = self;
        let version = retry(status, &stop, || generations.switch())?;
        self.state.set_lacking(None)?;
        self.users_due = false;
        self.status.version.store(version, Relaxed);
        self.status.next_version.store(0, Relaxed);
        self.status.next_rows.store(0, Relaxed);
        tracing::info!(version, "searches use a new version");
        Ok(true)
    }
}
