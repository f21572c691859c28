//! Generations of vectors: the one that is searched, and the one that a new artefact version is filling.
//!
//! Between the worker and the vector stores. The decision: a new version's generation is filled from the stored feature
//! rows while every change goes to both; searches are switched when it is complete and the users' vectors for it are, too
//! (`users`), in one step per store. A search names its version, so none ever mixes two.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rankine_store::vectors::{Generation, Gone, Metric, Shape, VectorRow, VectorStore};

use super::embedder::{Embedder, Embedders};
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
            active: None,
            next: None,
        }
    }

    /// Opens the version that serves, or, where none does, the newest, which then serves at once.
    ///
    /// # Errors
    /// `Embed`: no version, or it cannot be opened.
    pub(crate) fn start(&mut self, newest: u64) -> Result<(), PipelineError> {
        let mut serving = None;
        for store in &self.stores {
            serving = serving.or(store.current(&self.set)?);
        }
        // the version that served may be gone by now: then the newest takes its place when it is complete
        let version = serving.unwrap_or(newest);
        let opened = self.embedders.open(version);
        let embedder = match (opened, serving) {
            (Err(error), Some(_)) if version != newest => {
                tracing::warn!(%error, "the version that served cannot be opened");
                self.embedders.open(newest)?
            }
            (opened, _) => opened?,
        };
        self.prepare(embedder.as_ref())?;
        let generation = self.generation(embedder.version());
        for store in &self.stores {
            // a crash between the switches of two stores is made good here
            if store.current(&self.set)? != Some(generation.version) {
                store.switch(std::slice::from_ref(&generation))?;
            }
        }
        self.active = Some(embedder);
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
        self.active.as_ref().map_or(0, |embedder| embedder.version())
    }

    pub(crate) fn upsert(&self, version: u64, rows: &[VectorRow]) -> Result<(), PipelineError> {
        for store in &self.stores {
            store.upsert(&self.generation(version), rows)?;
        }
        Ok(())
    }

    /// Removes from every generation that is fed.
    pub(crate) fn delete(&self, gone: &[Gone]) -> Result<(), PipelineError> {
        for embedder in self.embedders() {
            for store in &self.stores {
                store.delete(&self.generation(embedder.version()), gone)?;
            }
        }
        Ok(())
    }

    /// Begins to fill the generation of a newer version, where there is one.
    pub(crate) fn look(&mut self) -> Result<Option<u64>, PipelineError> {
        let newest = self.embedders.newest()?.unwrap_or(0);
        let being = self
            .next
            .as_ref()
            .map_or(self.version(), |next| next.embedder.version());
        if newest == being || newest == self.version() {
            return Ok(None);
        }
        let embedder = self.embedders.open(newest)?;
        // what an earlier service or a broken-off attempt left knows nothing of what has changed since
        for store in &self.stores {
            store.discard(&self.generation(newest))?;
        }
        self.prepare(embedder.as_ref())?;
        self.next = Some(Next {
            embedder,
            after: None,
        });
        Ok(Some(newest))
    }

    /// Whether users' vectors of `version` serve or are ready to; begins to make them where they are not. A failure is the
    /// caller's to tell; it is tried again after a while.
    pub(crate) fn users_ready(&mut self, version: u64, now: i64) -> Result<bool, PipelineError> {
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
                let ended = self.making.take().map_or(Ok(0), Making::end);
                self.rest = ended.is_err().then(|| Instant::now() + AGAIN);
                let count = ended?;
                tracing::info!(version, count, "users have vectors of this version");
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
    /// Looks for a new version; a fault of one that does not open is told and leaves the stream alone.
    pub(crate) fn look_for_version(&mut self) {
        match self.generations.look() {
            Ok(Some(version)) => self.status.next_version.store(version, Relaxed),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a new version cannot be used"),
        }
    }

    /// Embeds a slice of the catalogue for the next version; switches after the last. False where there is nothing to do.
    ///
    /// # Errors
    /// What cannot be mended by trying again.
    pub(crate) fn fill_next(&mut self) -> Result<bool, PipelineError> {
        let Some(next) = &self.generations.next else {
            return self.fill_users();
        };
        let (embedder, after) = (next.embedder.clone(), next.after);
        let live = self.state.live_after(after, SLICE)?;
        let Some((last, _)) = live.last().copied() else {
            return self.complete();
        };
        let ids: Vec<i64> = live.iter().map(|(key, _)| *key).collect();
        let stop = self.stop_signal();
        let Worker { features, status, .. } = self;
        let found = retry(status, &stop, || features.get(&ids))?;
        let kept = live
            .into_iter()
            .zip(found)
            .filter_map(|((_, applied), row)| Some((applied, row?)));
        let (applied, rows): (Vec<_>, Vec<_>) = kept.unzip();
        let vectors = retry(status, &stop, || embedder.embed(&rows))?;
        let mut made = Vec::new();
        for ((applied, row), vector) in applied.iter().zip(&rows).zip(vectors) {
            match vector {
                Ok(vector) => made.push(VectorRow {
                    id: row.id,
                    vector,
                    as_of: row.as_of,
                    position: applied.position.packed(),
                    created: applied.created.unwrap_or(0),
                    categories: self
                        .settings
                        .category
                        .as_deref()
                        .map_or_else(Vec::new, |c| categories(row, c)),
                }),
                Err(reason) => tracing::warn!(id = row.id, reason, "no vector in the new version"),
            }
        }
        let version = embedder.version();
        let Worker {
            generations, status, ..
        } = self;
        retry(status, &stop, || generations.upsert(version, &made))?;
        Status::add(&self.status.next_rows, made.len());
        if let Some(next) = &mut self.generations.next {
            next.after = Some(last);
        }
        Ok(true)
    }

    /// Gives the serving version its users, where they have no vectors yet: at the first start, or after a crash.
    fn fill_users(&mut self) -> Result<bool, PipelineError> {
        if !self.users_due {
            return Ok(false);
        }
        let version = self.generations.version();
        let now = (self.settings.clock)();
        let ready = match self.generations.users_ready(version, now) {
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
        let ready = self.generations.users_ready(version, now);
        if !self.told_ready(version, ready) {
            return Ok(false);
        }
        self.status.hold(None);
        // rows that still wait are made in both generations, whichever serves by then
        let stop = self.stop_signal();
        let Worker {
            generations, status, ..
        } = self;
        let version = retry(status, &stop, || generations.switch())?;
        self.users_due = false;
        self.status.version.store(version, Relaxed);
        self.status.next_version.store(0, Relaxed);
        self.status.next_rows.store(0, Relaxed);
        tracing::info!(version, "searches use a new version");
        Ok(true)
    }
}
