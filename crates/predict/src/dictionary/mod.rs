//! Lookup dictionaries: item rows, item vectors, vocabularies, boundaries and keyed values, one type per kind.
//!
//! In the flow: files named in the server's configuration are watched and loaded aside (`rankine-dict`), each kind by
//! its own parser; a conf reads them through the feature crate's `Lookup`, an item of a request is completed from its
//! row. The decision here: whoever reads a generation holds it, a bound plan too, so that "readers of old generations"
//! counts all of them; a swap rebinds the plans on the loader thread.

mod boundaries;
mod cells;
mod entry;
mod items;
mod keyed;
mod loaded;
mod pages;
mod row_file;
mod snapshot;
mod vectors;
mod vocabulary;

use std::sync::Arc;

use rankine_dict::{DictError, Dictionary, Options, Source, Status};

pub use entry::{DictionaryEntry, DictionaryKind, dictionary};
pub(crate) use items::ItemTable;
pub(crate) use loaded::Loaded;
pub use row_file::RowFile;
pub(crate) use snapshot::DictionarySnapshot;
pub(crate) use vectors::ARTEFACT;
pub use vectors::VectorTable;

/// One configured dictionary.
struct Named {
    name: Arc<str>,
    kind: DictionaryKind,
    dictionary: Dictionary<Loaded>,
}

/// All configured dictionaries.
pub(crate) struct Dictionaries(Vec<Named>);

impl Dictionaries {
    /// Opens them; what does not load yet is no error.
    ///
    /// # Errors
    /// Where a loader thread does not start, with the dictionary's name.
    pub(crate) fn open(entries: &[DictionaryEntry], options: &Options) -> Result<Self, (String, DictError)> {
        let open = |entry: &DictionaryEntry| {
            let source = Source::File(entry.path.clone());
            let opened = Dictionary::open(&entry.name, source, options.clone(), entry.parser());
            let dictionary = opened.map_err(|fault| (entry.name.clone(), fault))?;
            Ok(Named {
                name: entry.name.as_str().into(),
                kind: entry.kind,
                dictionary,
            })
        };
        Ok(Self(entries.iter().map(open).collect::<Result<_, _>>()?))
    }

    /// The generations now.
    pub(crate) fn snapshot(&self) -> DictionarySnapshot {
        let take = |named: &Named| (Arc::clone(&named.name), named.kind, named.dictionary.snapshot());
        DictionarySnapshot::new(self.0.iter().map(take).collect())
    }

    /// Looks for changes now, on the calling thread.
    pub(crate) fn reload(&self) {
        for named in &self.0 {
            if let Err(fault) = named.dictionary.reload() {
                tracing::debug!(dictionary = %named.name, %fault, "nothing newer");
            }
        }
    }

    /// Kind and state of each, in order of configuration.
    pub(crate) fn status(&self) -> Vec<(DictionaryKind, Status)> {
        let status = |named: &Named| (named.kind, named.dictionary.status());
        self.0.iter().map(status).collect()
    }
}

#[cfg(test)]
mod tests;
