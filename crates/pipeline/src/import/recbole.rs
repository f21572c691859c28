//! RecBole atomic files: one `.inter`, perhaps an `.item` and a `.user`, with typed headers.
//!
//! A header cell is `name:type` (token, token_seq, float, float_seq). The decision: known names become
//! fields (`movie_title`, `title`, `name`; `release_year`, `year`; `class`, `genre`, `genres`), all
//! others extras; a file without ratings has events of kind "interaction", one without timestamps keeps
//! the order of its rows, one microsecond apart.

use std::path::{Path, PathBuf};

use rankine_table::delimited::{DelimitedReader, Layout};
use rankine_table::{Form, Record};

use super::detect::{Folder, Format, bare_name};
use super::draft::Draft;
use super::event_columns::EventRow;
use super::fields::{Problem, instant, list, needed, number, optional, year};
use super::mapping::TimeUnit;
use super::title::split_year;
use crate::{Item, PipelineError, User};

pub(super) const FORMAT: Format = Format {
    name: "recbole",
    needs: "one .inter file, perhaps .item and .user",
    find,
    read,
};

fn find(folder: &Folder) -> Result<Option<Vec<PathBuf>>, PipelineError> {
    let ending = |end: &'static str| {
        folder
            .files
            .iter()
            .filter(move |path| bare_name(path).ends_with(end))
    };
    let mut inter = ending(".inter");
    let (Some(first), None) = (inter.next(), inter.next()) else {
        return Ok(None);
    };
    let stem = bare_name(first).trim_end_matches(".inter").to_owned();
    let others = [".item", ".user"].map(|end| folder.named(&format!("{stem}{end}")));
    Ok(Some(
        others.into_iter().flatten().chain([first.clone()]).collect(),
    ))
}

fn read(files: &[PathBuf], draft: &mut Draft<'_>) -> Result<(), PipelineError> {
    let ending = |end: &str| files.iter().find(|path| bare_name(path).ends_with(end));
    if let Some(path) = ending(".item") {
        let columns = Columns::of(path, "item_id")?;
        draft.read(path, &form(), &columns.full(), |draft, row| {
            item(draft, row, &columns)
        })?;
        draft.close_items();
    }
    if let Some(path) = ending(".user") {
        let columns = Columns::of(path, "user_id")?;
        draft.read(path, &form(), &columns.full(), |draft, row| {
            user(draft, row, &columns)
        })?;
    }
    match ending(".inter") {
        Some(path) => events(path, draft),
        None => Ok(()),
    }
}

fn form() -> Form {
    Form::Delimited(Layout::tsv())
}

/// Header cells: whole, and the names in them.
struct Columns {
    full: Vec<String>,
    names: Vec<String>,
}

impl Columns {
    fn of(path: &Path, id: &str) -> Result<Self, PipelineError> {
        let reader = DelimitedReader::open(path, Layout::tsv())?;
        let full = reader.names().to_vec();
        let names: Vec<String> = full
            .iter()
            .map(|cell| cell.split(':').next().unwrap_or(cell).to_owned())
            .collect();
        let columns = Self { full, names };
        match columns.find(&[id]) {
            Some(_) => Ok(columns),
            None => Err(reader.column(&format!("{id}:token")).err().map_or_else(
                || PipelineError::Malformed {
                    path: path.to_owned(),
                    reason: format!("column `{id}` is missing"),
                },
                PipelineError::from,
            )),
        }
    }

    fn full(&self) -> Vec<&str> {
        self.full.iter().map(String::as_str).collect()
    }

    fn find(&self, names: &[&str]) -> Option<usize> {
        self.names.iter().position(|name| names.contains(&name.as_str()))
    }

    fn cell<'r>(&self, row: &'r Record, names: &[&str]) -> Option<&'r str> {
        self.find(names).and_then(|at| optional(row.get(at)))
    }

    fn extras(&self, row: &Record, known: &[&str]) -> std::collections::BTreeMap<String, String> {
        let cells = self
            .names
            .iter()
            .enumerate()
            .filter(|(_, name)| !known.contains(&name.as_str()));
        cells
            .filter_map(|(at, name)| Some((name.clone(), optional(row.get(at))?.to_owned())))
            .collect()
    }
}

const TITLE: [&str; 3] = ["movie_title", "title", "name"];
const YEAR: [&str; 2] = ["release_year", "year"];
const GENRES: [&str; 3] = ["class", "genre", "genres"];

fn item(draft: &mut Draft<'_>, row: &Record, columns: &Columns) -> Result<(), Problem> {
    let id = needed(columns.cell(row, &["item_id"]), "item_id")?;
    let (title, in_title) = split_year(columns.cell(row, &TITLE).unwrap_or_default());
    let release_year = columns
        .cell(row, &YEAR)
        .and_then(|text| year(text).ok())
        .or(in_title);
    let genres = columns
        .cell(row, &GENRES)
        .map(|text| list(text, " "))
        .unwrap_or_default();
    let known: Vec<&str> = [&["item_id"], &TITLE[..], &YEAR, &GENRES].concat();
    let extra = columns.extras(row, &known);
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

fn user(draft: &mut Draft<'_>, row: &Record, columns: &Columns) -> Result<(), Problem> {
    let id = needed(columns.cell(row, &["user_id"]), "user_id")?;
    draft.user(
        id,
        User {
            extra: columns.extras(row, &["user_id"]),
            ..User::default()
        },
    )
}

fn events(path: &Path, draft: &mut Draft<'_>) -> Result<(), PipelineError> {
    let columns = Columns::of(path, "user_id")?;
    Columns::of(path, "item_id")?;
    if columns.find(&["timestamp"]).is_none() {
        draft
            .notes
            .push("the source has no times: events keep its order, one microsecond apart".to_owned());
    }
    let mut rows = 0;
    draft.read(path, &form(), &columns.full(), |draft, row| {
        rows += 1;
        event(draft, row, &columns, rows)
    })
}

fn event(draft: &mut Draft<'_>, row: &Record, columns: &Columns, place: i64) -> Result<(), Problem> {
    let user = needed(columns.cell(row, &["user_id"]), "user_id")?;
    let item = needed(columns.cell(row, &["item_id"]), "item_id")?;
    let (value, kind) = match columns.find(&["rating"]) {
        Some(at) => (
            Some(number(needed(row.get(at), "rating")?, "rating", None)?),
            "rating",
        ),
        None => (None, "interaction"),
    };
    let time = match columns.find(&["timestamp"]) {
        Some(at) => instant(needed(row.get(at), "timestamp")?, TimeUnit::Seconds)?,
        None => place,
    };
    draft.event(&EventRow {
        user,
        item,
        time,
        kind,
        value,
        context: None,
    })
}
