//! Which format a folder is in.
//!
//! The decision: a format is recognised by the names of its files (and SparrowRecSys samples by their
//! header), the first that fits wins, and a folder that fits none gets an error that lists what was
//! looked for and what was found. A new format is one file and one line in `FORMATS`.

use std::path::{Path, PathBuf};

use super::draft::Draft;
use super::{ImportOptions, mapped, movielens_1m, movielens_100k, movielens_csv, recbole, sparrow};
use crate::PipelineError;

/// A source format: how to recognise it and how to read it.
pub(super) struct Format {
    pub(super) name: &'static str,
    /// What a folder needs to be in this format, for messages.
    pub(super) needs: &'static str,
    /// The files to read, if the folder is in this format.
    pub(super) find: fn(&Folder) -> Result<Option<Vec<PathBuf>>, PipelineError>,
    /// Reads those files.
    pub(super) read: fn(&[PathBuf], &mut Draft<'_>) -> Result<(), PipelineError>,
}

/// All formats, in the order they are tried.
pub(super) const FORMATS: [Format; 6] = [
    mapped::FORMAT,
    movielens_csv::FORMAT,
    movielens_1m::FORMAT,
    movielens_100k::FORMAT,
    recbole::FORMAT,
    sparrow::FORMAT,
];

/// The files of a source.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) files: Vec<PathBuf>,
    pub(super) mapping: Option<PathBuf>,
}

/// A format with the files it will read.
pub(super) struct Found {
    pub(super) format: &'static Format,
    pub(super) files: Vec<PathBuf>,
}

impl Folder {
    fn open(options: &ImportOptions) -> Result<Self, PipelineError> {
        let mut files = entries(&options.source)?;
        // An unpacked archive, or a folder that holds one data set in a folder of its own.
        if let [only] = &files[..]
            && only.is_dir()
        {
            files = entries(only)?;
        }
        files.retain(|path| path.is_file());
        let mapping = options.mapping.clone().or_else(|| named(&files, "mapping.toml"));
        Ok(Self { files, mapping })
    }

    /// Finds a file by name, packed or not.
    pub(super) fn named(&self, name: &str) -> Option<PathBuf> {
        named(&self.files, name)
    }
}

/// What lies in a folder, by name; a file is its own only entry.
fn entries(source: &Path) -> Result<Vec<PathBuf>, PipelineError> {
    let fail = |error| rankine_table::TableError::Open {
        path: source.to_owned(),
        source: error,
    };
    if !std::fs::metadata(source).map_err(fail)?.is_dir() {
        return Ok(vec![source.to_owned()]);
    }
    let entries = std::fs::read_dir(source).map_err(fail)?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// Finds a file by name, packed (`.gz`, `.zst`) or not, among others.
pub(super) fn named(files: &[PathBuf], name: &str) -> Option<PathBuf> {
    files.iter().find(|path| bare_name(path) == name).cloned()
}

/// The name of a file without folder and packing.
pub(super) fn bare_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".gz")
        .or(name.strip_suffix(".zst"))
        .unwrap_or(&name)
        .to_owned()
}

/// Finds the format of a source.
pub(super) fn detect(options: &ImportOptions) -> Result<Found, PipelineError> {
    let folder = Folder::open(options)?;
    let wanted = options
        .format
        .as_deref()
        .or(options.mapping.as_ref().map(|_| mapped::FORMAT.name));
    for format in &FORMATS {
        if wanted.is_some_and(|wanted| wanted != format.name) {
            continue;
        }
        if let Some(files) = (format.find)(&folder)? {
            return Ok(Found { format, files });
        }
    }
    Err(nothing_found(options, &folder, wanted))
}

fn nothing_found(options: &ImportOptions, folder: &Folder, wanted: Option<&str>) -> PipelineError {
    let source_path = options.source.clone();
    if let Some(wanted) = wanted {
        let known = FORMATS.iter().find(|format| format.name == wanted);
        let unknown = || format!("one of the names {}", super::formats().join(", "));
        let needs = known.map_or_else(unknown, |format| format.needs.to_owned());
        return PipelineError::WrongFormat {
            source_path,
            format: wanted.to_owned(),
            needs,
        };
    }
    let looked_for: Vec<String> = FORMATS
        .iter()
        .map(|format| format!("{} ({})", format.needs, format.name))
        .collect();
    let found: Vec<String> = folder.files.iter().take(12).map(|path| bare_name(path)).collect();
    let found = if found.is_empty() {
        "no files".to_owned()
    } else {
        found.join(", ")
    };
    PipelineError::UnknownFormat {
        source_path,
        looked_for: looked_for.join("; "),
        found,
    }
}
