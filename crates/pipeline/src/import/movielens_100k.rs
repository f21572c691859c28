//! MovieLens 100K: `u.data` (tabs), `u.item` and `u.user` (bars), Latin-1.
//!
//! The decision: genres are flags in the order of the file's documentation (and of `u.genre`); the flag
//! "unknown" is no genre. The year is the title's, else the release date's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rankine_table::delimited::Layout;
use rankine_table::{Encoding, Form, Record};

use super::detect::{Folder, Format, named};
use super::draft::Draft;
use super::fields::{Problem, needed, optional, whole};
use super::movielens_1m::extras;
use super::movielens_csv::rating;
use super::title::split_year;
use crate::{Item, PipelineError, User};

pub(super) const FORMAT: Format = Format {
    name: "movielens-100k",
    needs: "u.data and u.item",
    find,
    read,
};

const GENRES: [&str; 18] = [
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
];
const ITEM: [&str; 6] = [
    "item",
    "title",
    "release_date",
    "video_date",
    "imdb_url",
    "unknown",
];
const USER: [&str; 5] = ["user", "age", "gender", "occupation", "zip_code"];

fn find(folder: &Folder) -> Result<Option<Vec<PathBuf>>, PipelineError> {
    let both = folder.named("u.item").zip(folder.named("u.data"));
    Ok(both
        .map(|(items, data)| [Some(items), Some(data), folder.named("u.user")])
        .map(|files| files.into_iter().flatten().collect()))
}

fn read(files: &[PathBuf], draft: &mut Draft<'_>) -> Result<(), PipelineError> {
    if let Some(path) = named(files, "u.item") {
        let columns: Vec<&str> = ITEM.iter().chain(&GENRES).copied().collect();
        read_file(&path, "|", &columns, draft, item)?;
    }
    draft.close_items();
    if let Some(path) = named(files, "u.user") {
        read_file(&path, "|", &USER, draft, user)?;
    }
    if let Some(path) = named(files, "u.data") {
        read_file(&path, "\t", &["user", "item", "rating", "time"], draft, rating)?;
    }
    Ok(())
}

/// Reads one file of unquoted cells, UTF-8 or Latin-1 by line.
pub(super) fn read_file(
    path: &Path,
    delimiter: &str,
    columns: &[&str],
    draft: &mut Draft<'_>,
    take: fn(&mut Draft<'_>, &Record) -> Result<(), Problem>,
) -> Result<(), PipelineError> {
    let layout = Layout {
        delimiter: delimiter.to_owned(),
        quotes: false,
        columns: None,
        encoding: Encoding::Utf8OrLatin1,
    };
    draft.read(
        path,
        &Form::Delimited(layout.with_columns(columns)),
        columns,
        take,
    )
}

fn item(draft: &mut Draft<'_>, row: &Record) -> Result<(), Problem> {
    let id = whole(row.get(0), "item id")?;
    let (title, year) = split_year(needed(row.get(1), "title")?);
    let released = optional(row.get(2));
    let release_year = year.or_else(|| released?.rsplit('-').next()?.parse().ok());
    let flagged =
        |(at, genre): (usize, &&str)| (row.get(at + ITEM.len()) == Some("1")).then(|| (*genre).to_owned());
    let genres = GENRES.iter().enumerate().filter_map(flagged).collect();
    let pairs = [("release_date", released), ("imdb_url", optional(row.get(4)))];
    let extra: BTreeMap<String, String> = pairs
        .iter()
        .filter_map(|(name, text)| Some(((*name).to_owned(), (*text)?.to_owned())))
        .collect();
    draft.item(
        id,
        Item {
            title,
            release_year,
            genres,
            extra,
            ..Item::default()
        },
    )
}

fn user(draft: &mut Draft<'_>, row: &Record) -> Result<(), Problem> {
    let id = whole(row.get(0), "user id")?;
    draft.user(
        id,
        User {
            extra: extras(row, &USER),
            ..User::default()
        },
    )
}
