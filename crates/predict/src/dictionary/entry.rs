//! What a dictionary is opened with.

use std::path::PathBuf;
use std::sync::Arc;

use rankine_dict::{Candidate, LoadFault};
use rankine_feature::{FieldType, Lookup};

use super::{Loaded, boundaries, items, keyed, vectors, vocabulary};

/// What a dictionary file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DictionaryKind {
    /// Item rows by item id: Parquet, the first column is the key (whole numbers).
    Items,
    /// Item vectors by item id: Parquet of id, vector and the artefact version that made it.
    Vectors,
    /// Words: text, a line's number (from 0) is the word's place; column `line`.
    Vocabulary,
    /// Boundaries by feature: CSV or Parquet `feature,boundaries`, strictly increasing; column `boundaries`.
    Boundaries,
    /// Values by key: tab-separated text without header (column `value`) or Parquet, the first column is the key.
    Keyed,
}

impl DictionaryKind {
    /// The kind's name in configurations and statuses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Items => "items",
            Self::Vectors => "vectors",
            Self::Vocabulary => "vocabulary",
            Self::Boundaries => "boundaries",
            Self::Keyed => "keyed",
        }
    }
}

/// One dictionary to serve.
#[derive(Debug, Clone, PartialEq)]
pub struct DictionaryEntry {
    /// The name confs and requests use.
    pub name: String,
    /// What the file holds.
    pub kind: DictionaryKind,
    /// The file; replace it by renaming over it.
    pub path: PathBuf,
    /// Most MiB read per second while loading; 0 is unbounded.
    pub max_mb_s: f64,
    /// Of tab-separated keyed values: the key's type, `Int` or `String`.
    pub key: FieldType,
    /// Of tab-separated keyed values: the value's type.
    pub value: FieldType,
}

/// Loads a dictionary once, for work that no reload must reach: training, extraction.
///
/// # Errors
/// What is wrong with the file, with the line or row.
pub fn dictionary(entry: &DictionaryEntry) -> Result<Arc<dyn Lookup>, LoadFault> {
    let candidate = Candidate {
        version: 0,
        path: entry.path.clone(),
        stamp: 0,
    };
    Ok(Arc::new(entry.parser()(&candidate)?))
}

impl DictionaryEntry {
    /// An entry with no bound of speed; keyed values are text by text.
    #[must_use]
    pub fn new(name: &str, kind: DictionaryKind, path: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            path: path.into(),
            max_mb_s: 0.0,
            key: FieldType::String,
            value: FieldType::String,
        }
    }

    /// What loads its files.
    pub(crate) fn parser(&self) -> impl Fn(&Candidate) -> Result<Loaded, LoadFault> + Send + Sync + use<> {
        let entry = self.clone();
        move |candidate| {
            let (path, speed) = (candidate.path.as_path(), entry.max_mb_s);
            match entry.kind {
                DictionaryKind::Items => items::load(path, speed).map(Loaded::Items),
                DictionaryKind::Vectors => vectors::load(path, speed).map(Loaded::Vectors),
                DictionaryKind::Vocabulary => vocabulary::load(path, speed).map(Loaded::Memory),
                DictionaryKind::Boundaries => boundaries::load(path, speed).map(Loaded::Memory),
                DictionaryKind::Keyed => {
                    keyed::load(path, speed, (entry.key, entry.value)).map(Loaded::Memory)
                }
            }
        }
    }
}
