//! SparrowRecSys samples: CSV with 27 columns, one rating each, features beside it.
//!
//! The decision: the files stay usable as samples as they are; importing takes the rating of each row
//! as an event and year and genres of each film as a catalogue. Titles are not in them, so films are
//! called by their id. Files with "train" in the name are read first.

use std::path::{Path, PathBuf};

use rankine_table::delimited::{DelimitedReader, Layout};
use rankine_table::{Form, Record, stream};

use super::detect::{Folder, Format, bare_name};
use super::draft::Draft;
use super::fields::{Problem, optional, whole, year};
use super::movielens_csv::rating;
use crate::{Item, PipelineError};

pub(super) const FORMAT: Format = Format {
    name: "sparrow-samples",
    needs: "CSV files with the columns of SparrowRecSys samples",
    find,
    read,
};

const COLUMNS: [&str; 8] = [
    "userId",
    "movieId",
    "rating",
    "timestamp",
    "releaseYear",
    "movieGenre1",
    "movieGenre2",
    "movieGenre3",
];

fn find(folder: &Folder) -> Result<Option<Vec<PathBuf>>, PipelineError> {
    let mut files: Vec<PathBuf> = folder
        .files
        .iter()
        .filter(|path| is_sample(path))
        .cloned()
        .collect();
    files.sort_by_key(|path| (!bare_name(path).contains("train"), path.clone()));
    Ok((!files.is_empty()).then_some(files))
}

fn is_sample(path: &Path) -> bool {
    let csv = stream::inner_extension(path).as_deref() == Some("csv");
    let Some(reader) = csv
        .then(|| DelimitedReader::open(path, Layout::csv()).ok())
        .flatten()
    else {
        return false;
    };
    let needed = COLUMNS.iter().chain(&["label", "userRatedMovie1"]);
    needed
        .copied()
        .all(|name| reader.names().iter().any(|other| other == name))
}

fn read(files: &[PathBuf], draft: &mut Draft<'_>) -> Result<(), PipelineError> {
    draft
        .notes
        .push("the source has no titles: films are called by their id".to_owned());
    for path in files {
        draft.read(path, &Form::Delimited(Layout::csv()), &COLUMNS, sample)?;
    }
    Ok(())
}

fn sample(draft: &mut Draft<'_>, row: &Record) -> Result<(), Problem> {
    rating(draft, row)?;
    let id = whole(row.get(1), "movie id")?;
    if draft.has_item(id) {
        return Ok(());
    }
    let release_year = optional(row.get(4)).and_then(|text| year(text).ok());
    let genres = (5..8)
        .filter_map(|at| optional(row.get(at)).map(str::to_owned))
        .collect();
    draft.item(
        id,
        Item {
            release_year,
            genres,
            ..Item::default()
        },
    )
}
