//! What a conf reads from outside the rows, for the verbs that run it offline: the same files, named in the same way, as
//! serving reads.
//!
//! The decision: offline and online must not differ, so a conf that reads dictionaries runs with all of them or not at all.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use rankine_feature::{DictionarySpec, Lookup, Plan};
use rankine_predict::DictionaryEntry;
use rankine_server::ServerConfig;

use crate::home::Home;

/// The flag that verbs share.
#[derive(Debug, Clone, Args)]
pub(crate) struct Dictionaries {
    /// Server configuration whose dictionary entries name what the conf reads; paths are relative to the home
    #[arg(long, value_name = "SERVER.toml")]
    dictionaries: Option<PathBuf>,
}

/// Loaded dictionaries by name; a plan without dictionaries needs none.
#[derive(Clone, Default)]
pub(crate) struct Tables(Vec<(Arc<str>, Arc<dyn Lookup>)>);

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Dictionaries {
    /// The file that names them.
    pub(crate) fn file(&self) -> &Option<PathBuf> {
        &self.dictionaries
    }

    /// Loads what `plan` reads.
    ///
    /// # Errors
    /// A dictionary that the configuration does not name or that does not load.
    pub(crate) fn load(&self, plan: &Plan, home: &Home) -> anyhow::Result<Tables> {
        let load = |entry: &DictionaryEntry| -> anyhow::Result<(Arc<str>, Arc<dyn Lookup>)> {
            let table = rankine_predict::dictionary(entry)
                .map_err(|fault| anyhow!("dictionary `{}`, {}: {fault}", entry.name, entry.path.display()))?;
            Ok((Arc::from(&*entry.name), table))
        };
        // each on a thread of its own: there are few, and the largest is what one waits for
        let entries = self.entries(plan, home)?;
        let tables: anyhow::Result<_> = std::thread::scope(|scope| {
            let begun: Vec<_> = entries
                .iter()
                .map(|entry| scope.spawn(move || load(entry)))
                .collect();
            let ended = begun.into_iter().map(|table| match table.join() {
                Ok(loaded) => loaded,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            ended.collect()
        });
        Ok(Tables(tables?))
    }

    /// What `plan` reads, as the configuration names it: for a predictor, which loads it itself.
    ///
    /// # Errors
    /// A dictionary that the configuration does not name.
    pub(crate) fn entries(&self, plan: &Plan, home: &Home) -> anyhow::Result<Vec<DictionaryEntry>> {
        let Some(first) = plan.dictionaries().first() else {
            return Ok(Vec::new());
        };
        let Some(file) = &self.dictionaries else {
            bail!(
                "conf `{}` reads the dictionary @{}: say where it is with --dictionaries SERVER.toml",
                plan.name(),
                first.name
            );
        };
        let mut config = ServerConfig::load(file)?;
        config.home = home.root().to_owned();
        config.check(&file.display().to_string())?;
        let entries = config.dictionary_entries();
        let find = |spec: &DictionarySpec| {
            let mut named = entries.iter().filter(|entry| *entry.name == *spec.name);
            let entry = named.next().cloned();
            entry.with_context(|| format!("{} names no dictionary `{}`", file.display(), spec.name))
        };
        plan.dictionaries().iter().map(find).collect()
    }

    /// The plan over what it reads.
    ///
    /// # Errors
    /// As [`Dictionaries::load`] and [`Tables::bind`].
    pub(crate) fn bound(&self, plan: &Arc<Plan>, home: &Home) -> anyhow::Result<Arc<Plan>> {
        self.load(plan, home)?.bind(plan)
    }
}

impl Tables {
    /// The plan over these tables.
    ///
    /// # Errors
    /// A column that a table lacks or has with another type.
    pub(crate) fn bind(&self, plan: &Arc<Plan>) -> anyhow::Result<Arc<Plan>> {
        if plan.dictionaries().is_empty() {
            return Ok(Arc::clone(plan));
        }
        let find = |name: &str| {
            let (_, table) = self.0.iter().find(|(known, _)| **known == *name)?;
            Some(Arc::clone(table))
        };
        Ok(Arc::new(plan.bind(find)?))
    }
}
