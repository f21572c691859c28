//! Puts the files of an import into the home, all or none of them announced.
//!
//! The decision: one import at a time per home (a lock file), leftovers of killed imports are swept,
//! the old summary goes before the first file changes and the new one comes after the last. Which data the live events
//! belong to is kept beside them, so that a killed import does not make them events of the next.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use rankine_store::{LogHold, StoreError};
use rankine_table::{AtomicFile, RejectFile, TableError, sync_folder};

use super::binding;
use super::draft::Draft;
use super::summary::{self, HashedFile, ImportSummary};
use crate::{Catalogue, PipelineError};

const OUTPUTS: [&str; 4] = [
    "data/items.parquet",
    "data/users.parquet",
    "events/base-1.parquet",
    "data/rejects.tsv",
];

/// The right to write one home's imported files; held until dropped.
pub(super) struct Publication {
    home: PathBuf,
    _lock: File,
}

impl Publication {
    /// Makes the folders and takes the lock.
    pub(super) fn begin(home: &Path) -> Result<Self, PipelineError> {
        let data = home.join("data");
        let lock_path = data.join(".import.lock");
        let fail = |source| TableError::Write {
            path: lock_path.clone(),
            source,
        };
        std::fs::create_dir_all(&data).map_err(fail)?;
        std::fs::create_dir_all(home.join("events")).map_err(fail)?;
        let lock = File::create(&lock_path).map_err(fail)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(PipelineError::Busy {
                    home: home.to_owned(),
                });
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(fail(error).into()),
        }
        AtomicFile::sweep(&data);
        AtomicFile::sweep(&home.join("events"));
        Ok(Self {
            home: home.to_owned(),
            _lock: lock,
        })
    }

    /// The summary of an earlier import that did exactly this, if all its files are still what it wrote.
    pub(super) fn same_as_before(
        &self,
        format: &str,
        sources: &[HashedFile],
        strict: bool,
    ) -> Result<Option<ImportSummary>, PipelineError> {
        let Ok(Some(before)) = summary::load(&self.home) else {
            return Ok(None);
        };
        let same = before.format == format && before.sources == sources;
        let allowed = !strict || before.rejected.is_empty();
        let whole = |file: &HashedFile| {
            let there = summary::hash_file(&self.home.join(&file.name), file.name.clone());
            there.is_ok_and(|there| there == *file)
        };
        let there = before.outputs.iter().all(whole);
        Ok((same && allowed && there).then_some(ImportSummary {
            unchanged: true,
            ..before
        }))
    }

    /// Starts the reject file.
    pub(super) fn rejects(&self, strict: bool) -> Result<RejectFile, PipelineError> {
        Ok(RejectFile::create(&self.home.join("data/rejects.tsv"), strict)?)
    }

    /// Writes everything a draft holds.
    pub(super) fn publish(
        &self,
        draft: Draft<'_>,
        format: &str,
        sources: Vec<HashedFile>,
        log: &LogHold,
    ) -> Result<ImportSummary, PipelineError> {
        self.bind_log()?;
        self.withdraw()?;
        let done = draft.finish();
        let catalogue = Catalogue::new(done.items, done.users);
        catalogue.save(&self.home)?;
        done.events.save(
            &self.home.join("events/base-1.parquet"),
            &done.user_ids,
            &done.item_ids,
        )?;
        let counted = |(rule, count): (&&str, &u64)| ((*rule).to_owned(), *count);
        let rejected = done.rejects.counts().iter().map(counted).collect();
        done.rejects.commit()?;
        let outputs = self.hashed_outputs()?;
        let span = done.events.span();
        let summary = ImportSummary {
            version: summary::VERSION,
            format: format.to_owned(),
            sources,
            items: catalogue.items.len() as u64,
            users: catalogue.users.len() as u64,
            events: done.events.len() as u64,
            first_time: span.map(|(first, _)| first),
            last_time: span.map(|(_, last)| last),
            rejected,
            notes: done.notes,
            hash: summary::hash_of(&outputs),
            outputs,
            unchanged: false,
        };
        self.rebind_log(log, &summary.hash)?;
        self.announce(&summary)?;
        Ok(summary)
    }

    /// Holds the live log until the new data is announced: a server would go on writing events of the old.
    pub(super) fn hold_log(&self) -> Result<LogHold, PipelineError> {
        let held = LogHold::take(&self.home.join("events"));
        if matches!(held, Err(StoreError::LogLocked { .. })) {
            let home = self.home.clone();
            return Err(PipelineError::Serving { home });
        }
        Ok(held?)
    }

    /// Writes down whose the live events are where that is only in the summary, which is about to go.
    fn bind_log(&self) -> Result<(), PipelineError> {
        match (binding::read(&self.home)?, summary::load(&self.home)) {
            (None, Ok(Some(before))) => binding::write(&self.home, &before.hash),
            _ => Ok(()),
        }
    }

    /// Moves the live events of other data to `events/of-<its hash>/`: its users and items mean nothing here.
    fn rebind_log(&self, log: &LogHold, hash: &str) -> Result<(), PipelineError> {
        let bound = binding::read(&self.home)?;
        if bound.as_deref() == Some(hash) {
            return Ok(());
        }
        log.set_aside(&format!("of-{}", bound.as_deref().unwrap_or("unknown")))?;
        binding::write(&self.home, hash)
    }

    fn withdraw(&self) -> Result<(), PipelineError> {
        let path = summary::path(&self.home);
        let fail = |source| TableError::Write {
            path: path.clone(),
            source,
        };
        if path.exists() {
            std::fs::remove_file(&path).map_err(fail)?;
            sync_folder(&self.home.join("data")).map_err(fail)?;
        }
        Ok(())
    }

    fn hashed_outputs(&self) -> Result<Vec<HashedFile>, PipelineError> {
        OUTPUTS
            .iter()
            .map(|name| summary::hash_file(&self.home.join(name), (*name).to_owned()))
            .collect()
    }

    fn announce(&self, summary: &ImportSummary) -> Result<(), PipelineError> {
        let path = summary::path(&self.home);
        let malformed = |error: serde_json::Error| PipelineError::Malformed {
            path: path.clone(),
            reason: error.to_string(),
        };
        let text = serde_json::to_string_pretty(summary).map_err(malformed)?;
        let mut file = AtomicFile::create(&path)?;
        writeln!(file, "{text}").map_err(|source| TableError::Write {
            path: path.clone(),
            source,
        })?;
        Ok(file.commit()?)
    }
}
