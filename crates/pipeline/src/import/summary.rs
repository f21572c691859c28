//! `<home>/data/import.json`: what was imported, from which bytes, into which bytes.
//!
//! Its presence says that the files it lists belong together. The decision: no clock in it, so that
//! importing the same bytes twice gives the same bytes.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use rankine_table::TableError;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::PipelineError;

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImportSummary {
    /// Number of this file's format; a reader refuses others.
    pub version: u32,
    /// Name of the source format.
    pub format: String,
    /// The files that were read.
    pub sources: Vec<HashedFile>,
    /// Items in the catalogue.
    pub items: u64,
    /// Users in the catalogue.
    pub users: u64,
    /// Events in the log.
    pub events: u64,
    /// First instant, microseconds since 1970; `None` without events.
    pub first_time: Option<i64>,
    /// Last instant, microseconds since 1970; `None` without events.
    pub last_time: Option<i64>,
    /// Rows not taken, by rule; listed in `data/rejects.tsv`.
    pub rejected: BTreeMap<String, u64>,
    /// What a reader of the data should know, in sentences.
    pub notes: Vec<String>,
    /// The files that were written, by their path in the home.
    pub outputs: Vec<HashedFile>,
    /// One hash over all outputs: the identity of this data.
    pub hash: String,
    /// Whether the import found its work already done.
    #[serde(skip)]
    pub unchanged: bool,
}

/// A file with its size and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashedFile {
    /// File name, or path in the home.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Its xxh3 hash of 128 bits, 32 hex digits.
    pub xxh3_128: String,
}

/// Number of the summary's format, raised when an import would give other files from the same bytes.
pub(super) const VERSION: u32 = 1;

pub(super) fn path(home: &Path) -> PathBuf {
    home.join("data/import.json")
}

/// Reads a home's summary; one of another version counts as none.
pub(super) fn load(home: &Path) -> Result<Option<ImportSummary>, PipelineError> {
    let path = path(home);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(TableError::Open { path, source }.into()),
    };
    match serde_json::from_slice::<ImportSummary>(&bytes) {
        Ok(summary) => Ok((summary.version == VERSION).then_some(summary)),
        Err(error) => Err(PipelineError::Malformed {
            path,
            reason: error.to_string(),
        }),
    }
}

/// Hashes files in order.
pub(super) fn hashed(files: &[PathBuf]) -> Result<Vec<HashedFile>, PipelineError> {
    let name = |path: &PathBuf| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    files.iter().map(|path| hash_file(path, name(path))).collect()
}

/// Hashes one file, which will be called `name`. Cost: one pass over its bytes.
pub(crate) fn hash_file(path: &Path, name: String) -> Result<HashedFile, PipelineError> {
    let fail = |source| TableError::Open {
        path: path.to_owned(),
        source,
    };
    let mut file = std::fs::File::open(path).map_err(fail)?;
    let (mut hash, mut bytes, mut buffer) = (Xxh3::new(), 0, vec![0; 1 << 18]);
    loop {
        let read = file.read(&mut buffer).map_err(fail)?;
        if read == 0 {
            return Ok(HashedFile {
                name,
                bytes,
                xxh3_128: format!("{:032x}", hash.digest128()),
            });
        }
        bytes += read as u64;
        hash.update(&buffer[..read]);
    }
}

/// One hash over several files.
pub(super) fn hash_of(files: &[HashedFile]) -> String {
    let mut hash = Xxh3::new();
    for file in files {
        hash.update(format!("{}\0{}\n", file.name, file.xxh3_128).as_bytes());
    }
    format!("{:032x}", hash.digest128())
}
