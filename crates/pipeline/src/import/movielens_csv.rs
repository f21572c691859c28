//! MovieLens latest-small, latest, 20M, 25M, 32M: `movies.csv`, `ratings.csv`, perhaps `links.csv`.
//!
//! The decision: titles lose the year at their end to the `release_year` field, tags and genome files
//! are not read, ratings outside 0.5 to 5 are rejects.

use std::path::PathBuf;

use rankine_table::delimited::Layout;
use rankine_table::{Form, Record};

use super::detect::{Folder, Format, named};
use super::draft::Draft;
use super::event_columns::EventRow;
use super::fields::{Problem, instant, list, needed, number, optional, whole};
use super::mapping::TimeUnit;
use super::title::split_year;
use crate::{Item, PipelineError};

pub(super) const FORMAT: Format = Format {
    name: "movielens-csv",
    needs: "movies.csv and ratings.csv",
    find,
    read,
};

/// Bounds of a MovieLens rating.
pub(super) const RATINGS: [f64; 2] = [0.5, 5.0];

fn find(folder: &Folder) -> Result<Option<Vec<PathBuf>>, PipelineError> {
    let both = folder.named("movies.csv").zip(folder.named("ratings.csv"));
    Ok(both
        .map(|(movies, ratings)| [Some(movies), Some(ratings), folder.named("links.csv")])
        .map(|files| files.into_iter().flatten().collect()))
}

fn read(files: &[PathBuf], draft: &mut Draft<'_>) -> Result<(), PipelineError> {
    let csv = Form::Delimited(Layout::csv());
    if let Some(path) = named(files, "movies.csv") {
        draft.read(&path, &csv, &["movieId", "title", "genres"], movie)?;
    }
    draft.close_items();
    if let Some(path) = named(files, "links.csv") {
        draft.read(&path, &csv, &["movieId", "imdbId", "tmdbId"], link)?;
    }
    if let Some(path) = named(files, "ratings.csv") {
        draft.read(&path, &csv, &["userId", "movieId", "rating", "timestamp"], rating)?;
    }
    Ok(())
}

/// Cells id, title with year, genres separated by `|`.
pub(super) fn movie(draft: &mut Draft<'_>, row: &Record) -> Result<(), Problem> {
    let id = whole(row.get(0), "movie id")?;
    let (title, release_year) = split_year(needed(row.get(1), "title")?);
    let genres = list(row.get(2).unwrap_or_default(), "|");
    draft.item(
        id,
        Item {
            title,
            release_year,
            genres,
            ..Item::default()
        },
    )
}

/// Cells user, movie, rating, seconds since 1970.
pub(super) fn rating(draft: &mut Draft<'_>, row: &Record) -> Result<(), Problem> {
    let (user, item) = (whole(row.get(0), "user id")?, whole(row.get(1), "movie id")?);
    let value = number(needed(row.get(2), "rating")?, "rating", Some(RATINGS))?;
    let time = instant(needed(row.get(3), "timestamp")?, TimeUnit::Seconds)?;
    draft.event(&EventRow {
        user,
        item,
        time,
        kind: "rating",
        value: Some(value),
        context: None,
    })
}

fn link(draft: &mut Draft<'_>, row: &Record) -> Result<(), Problem> {
    let item = draft.listed_item(whole(row.get(0), "movie id")?)?;
    item.imdb_id = optional(row.get(1)).map(str::to_owned);
    item.tmdb_id = optional(row.get(2)).map(str::to_owned);
    Ok(())
}
