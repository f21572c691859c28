//! MovieLens 1M and 10M: `movies.dat`, `ratings.dat`, perhaps `users.dat`, cells separated by `::`.
//!
//! The decision: 1M is Latin-1 and 10M is UTF-8 under the same names, so a line is read as UTF-8 if it
//! is, as Latin-1 otherwise. Quotes are ordinary characters.

use std::path::PathBuf;

use rankine_table::Record;

use super::detect::{Folder, Format, named};
use super::draft::Draft;
use super::fields::{Problem, whole};
use super::movielens_100k::read_file;
use super::movielens_csv::{movie, rating};
use crate::{PipelineError, User};

pub(super) const FORMAT: Format = Format {
    name: "movielens-1m",
    needs: "movies.dat and ratings.dat",
    find,
    read,
};

const USER: [&str; 5] = ["user", "gender", "age", "occupation", "zip_code"];

fn find(folder: &Folder) -> Result<Option<Vec<PathBuf>>, PipelineError> {
    let both = folder.named("movies.dat").zip(folder.named("ratings.dat"));
    Ok(both
        .map(|(movies, ratings)| [Some(movies), Some(ratings), folder.named("users.dat")])
        .map(|files| files.into_iter().flatten().collect()))
}

fn read(files: &[PathBuf], draft: &mut Draft<'_>) -> Result<(), PipelineError> {
    if let Some(path) = named(files, "movies.dat") {
        read_file(&path, "::", &["movie", "title", "genres"], draft, movie)?;
    }
    draft.close_items();
    if let Some(path) = named(files, "users.dat") {
        read_file(&path, "::", &USER, draft, user)?;
    }
    if let Some(path) = named(files, "ratings.dat") {
        read_file(&path, "::", &["user", "movie", "rating", "time"], draft, rating)?;
    }
    Ok(())
}

fn user(draft: &mut Draft<'_>, row: &Record) -> Result<(), Problem> {
    let id = whole(row.get(0), "user id")?;
    let extra = extras(row, &USER);
    draft.user(
        id,
        User {
            extra,
            ..User::default()
        },
    )
}

/// The cells behind the first that are not empty, by column name.
pub(super) fn extras(row: &Record, columns: &[&str]) -> std::collections::BTreeMap<String, String> {
    let cells = columns.iter().enumerate().skip(1);
    let filled = cells.filter_map(|(at, name)| Some((name, super::fields::optional(row.get(at))?)));
    filled
        .map(|(name, text)| ((*name).to_owned(), text.to_owned()))
        .collect()
}
