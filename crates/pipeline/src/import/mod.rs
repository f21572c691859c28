//! Import: foreign files in, a typed catalogue and an event log out.
//!
//! `detect` finds the format of a folder, the format's file reads it into a `Draft`, `publish` writes
//! `<home>/data/{items,users}.parquet`, `<home>/events/base-1.parquet`, `data/rejects.tsv` and, last,
//! `data/import.json`. The decisions: a row is taken or listed as a reject, never lost; the summary is
//! removed first and written last, so its presence says that the other files belong together; a second
//! import of the same bytes does nothing; `events/data-hash` says which data the live events belong to, and outlives
//! an interrupted import.
//!
//! Rules (the `rule` column of the reject file): `fields` wrong number of cells, `missing` an empty cell
//! that is needed, `number`, `range`, `time` a cell out of its type or bounds (a negative id), `encoding`, `quote`, `json`,
//! `length` an unreadable line, `duplicate` an item or user listed before (the first is kept), `unknown
//! item` an event or link of an item the source does not list. Users need not be listed. Events that
//! repeat are kept; `check` counts them.

mod binding;
mod detect;
mod draft;
mod event_columns;
mod fields;
mod ids;
mod mapped;
mod mapping;
mod movielens_100k;
mod movielens_1m;
mod movielens_csv;
mod publish;
mod recbole;
mod sparrow;
mod summary;
mod title;

use std::path::{Path, PathBuf};

use rankine_table::Progress;

pub use mapping::{EventMapping, ItemMapping, Mapping, TextLayout, TimeUnit, UnknownItems, UserMapping};
pub(crate) use summary::hash_file;
pub use summary::{HashedFile, ImportSummary};
pub use title::split_year;

use crate::PipelineError;
use draft::Draft;
use publish::Publication;

/// What to import, from where, to where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// A folder, or one file.
    pub source: PathBuf,
    /// The home folder; made if it is not there.
    pub home: PathBuf,
    /// A format's name, to read the folder as that and nothing else.
    pub format: Option<String>,
    /// A mapping file; default is `mapping.toml` in the source folder.
    pub mapping: Option<PathBuf>,
    /// Whether the first bad row stops the import.
    pub strict: bool,
}

/// Names of all formats, in the order they are tried.
pub fn formats() -> Vec<&'static str> {
    detect::FORMATS.iter().map(|format| format.name).collect()
}

/// The summary of the import a home holds; `None` if there is none, or one was interrupted.
///
/// # Errors
/// [`PipelineError::Malformed`] if the summary cannot be read.
pub fn imported(home: &Path) -> Result<Option<ImportSummary>, PipelineError> {
    summary::load(home)
}

/// Imports a folder or file into a home.
///
/// # Errors
/// [`PipelineError::UnknownFormat`], [`PipelineError::WrongFormat`], [`PipelineError::Mapping`],
/// [`PipelineError::Busy`], [`PipelineError::Serving`], [`PipelineError::Table`] for files that cannot be read or written and, in
/// strict mode, for the first bad row.
pub fn import(options: &ImportOptions, progress: &Progress) -> Result<ImportSummary, PipelineError> {
    let found = detect::detect(options)?;
    let files = summary::hashed(&found.files)?;
    let publication = Publication::begin(&options.home)?;
    if let Some(summary) = publication.same_as_before(found.format.name, &files, options.strict)? {
        return Ok(summary);
    }
    let log = publication.hold_log()?;
    let rejects = publication.rejects(options.strict)?;
    let mut draft = Draft::new(rejects, progress);
    (found.format.read)(&found.files, &mut draft)?;
    let mut stage = progress.stage("writing", 0);
    let summary = publication.publish(draft, found.format.name, files, &log)?;
    stage.add(summary.events);
    stage.finish(&format!(
        "{} items, {} users, {} events",
        summary.items, summary.users, summary.events
    ));
    Ok(summary)
}
