//! Any CSV, TSV, JSON lines or Parquet through a mapping file.
//!
//! The decision: the mapping names columns, never code; what needs more than renaming and a unit is
//! prepared outside (with SQL, say).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rankine_config::{Faults, Source};
use rankine_table::delimited::Layout;
use rankine_table::{Encoding, Form, Record, TableError};

use super::detect::{Folder, Format};
use super::draft::Draft;
use super::event_columns::EventRow;
use super::fields::{Problem, instant, list, needed, number, optional, year};
use super::mapping::{EventMapping, ItemMapping, Mapping, TextLayout, TimeUnit, UnknownItems, UserMapping};
use super::title::split_year;
use crate::{Item, PipelineError, User};

pub(super) const FORMAT: Format = Format {
    name: "mapping",
    needs: "a mapping.toml",
    find,
    read,
};

/// The mapping file first, then the files it names.
fn find(folder: &Folder) -> Result<Option<Vec<PathBuf>>, PipelineError> {
    let Some(path) = &folder.mapping else {
        return Ok(None);
    };
    let mapping = load(path)?;
    let names = [
        mapping.items.as_ref().map(|items| &items.file),
        mapping.users.as_ref().map(|users| &users.file),
        Some(&mapping.events.file),
    ];
    let mut files = vec![path.clone()];
    files.extend(names.into_iter().flatten().map(|name| beside(path, name)));
    Ok(Some(files))
}

fn read(files: &[PathBuf], draft: &mut Draft<'_>) -> Result<(), PipelineError> {
    let Some(path) = files.first() else { return Ok(()) };
    let mapping = load(path)?;
    if let Some(items) = &mapping.items {
        read_items(&beside(path, &items.file), items, draft)?;
        if mapping.events.unknown_items == UnknownItems::Reject {
            draft.close_items();
        }
    }
    if let Some(users) = &mapping.users {
        read_users(&beside(path, &users.file), users, draft)?;
    }
    read_events(&beside(path, &mapping.events.file), &mapping.events, draft)
}

pub(super) fn load(path: &Path) -> Result<Mapping, PipelineError> {
    let text = std::fs::read_to_string(path).map_err(|source| TableError::Open {
        path: path.to_owned(),
        source,
    })?;
    let file = path.display().to_string();
    let mapping: Mapping = rankine_config::parse(&text, &file)?;
    let source = Source::new(&text, &file);
    let mut faults = Vec::new();
    if mapping.format.value != 1 {
        let message = format!("expected format 1, got {}", mapping.format.value);
        faults.push(source.fault(mapping.format.span.clone(), "format", message));
    }
    if let Some(range) = &mapping.events.range {
        let [low, high] = range.value;
        if !(low.is_finite() && high.is_finite() && low < high) {
            let message = format!("expected [lowest, highest], got [{low}, {high}]");
            faults.push(source.fault(range.span.clone(), "range", message));
        }
    }
    if faults.is_empty() {
        return Ok(mapping);
    }
    Err(Faults(faults).into())
}

fn beside(mapping: &Path, file: &str) -> PathBuf {
    mapping.parent().unwrap_or(Path::new("")).join(file)
}

fn form(path: &Path, text: Option<&TextLayout>) -> Result<Form, PipelineError> {
    let guessed = Form::of(path);
    let Some(text) = text else {
        return guessed.ok_or_else(|| PipelineError::Malformed {
            path: path.to_owned(),
            reason: "expected a name that ends in csv, tsv, jsonl or parquet, or a `text` layout".to_owned(),
        });
    };
    let mut layout = match guessed {
        Some(Form::Delimited(layout)) => layout,
        Some(Form::JsonLines | Form::Parquet) | None => Layout::csv(),
    };
    layout.delimiter = text
        .delimiter
        .clone()
        .filter(|text| !text.is_empty())
        .unwrap_or(layout.delimiter);
    layout.quotes = text.quotes.unwrap_or(layout.quotes);
    layout.columns.clone_from(&text.columns);
    layout.encoding = if text.latin1 {
        Encoding::Latin1
    } else {
        Encoding::Utf8
    };
    Ok(Form::Delimited(layout))
}

/// The columns a mapping asks for, each once, and where each wanted one stands among them.
#[derive(Default)]
struct Chosen<'m> {
    names: Vec<&'m str>,
}

impl<'m> Chosen<'m> {
    fn add(&mut self, name: &'m str) -> usize {
        let at = self.names.iter().position(|other| *other == name);
        at.unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        })
    }

    fn maybe(&mut self, name: Option<&'m String>) -> Option<usize> {
        name.map(|name| self.add(name))
    }

    fn all(&mut self, names: &'m [String]) -> Vec<(&'m str, usize)> {
        names.iter().map(|name| (name.as_str(), self.add(name))).collect()
    }
}

fn cell(row: &Record, at: Option<usize>) -> Option<&str> {
    at.and_then(|at| optional(row.get(at)))
}

fn extras(row: &Record, names: &[(&str, usize)]) -> BTreeMap<String, String> {
    let filled = names
        .iter()
        .filter_map(|(name, at)| Some((*name, optional(row.get(*at))?)));
    filled
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect()
}

fn read_items(path: &Path, map: &ItemMapping, draft: &mut Draft<'_>) -> Result<(), PipelineError> {
    let mut chosen = Chosen::default();
    let id = chosen.add(&map.id);
    let (title, at_year) = (chosen.maybe(map.title.as_ref()), chosen.maybe(map.year.as_ref()));
    let genres = chosen.maybe(map.genres.as_ref());
    let (imdb, tmdb) = (
        chosen.maybe(map.imdb_id.as_ref()),
        chosen.maybe(map.tmdb_id.as_ref()),
    );
    let extra = chosen.all(&map.extra);
    let separator = map
        .genre_separator
        .as_deref()
        .filter(|text| !text.is_empty())
        .unwrap_or("|");
    draft.read(
        path,
        &form(path, map.text.as_ref())?,
        &chosen.names,
        |draft, row| {
            let text = cell(row, title).unwrap_or_default();
            let (title, release_year) = match cell(row, at_year) {
                Some(digits) => (text.to_owned(), Some(year(digits)?)),
                None if at_year.is_some() => (text.to_owned(), None),
                None => split_year(text),
            };
            let item = Item {
                title,
                release_year,
                genres: cell(row, genres)
                    .map(|text| list(text, separator))
                    .unwrap_or_default(),
                imdb_id: cell(row, imdb).map(str::to_owned),
                tmdb_id: cell(row, tmdb).map(str::to_owned),
                extra: extras(row, &extra),
                ..Item::default()
            };
            draft.item(needed(row.get(id), &map.id)?, item)
        },
    )
}

fn read_users(path: &Path, map: &UserMapping, draft: &mut Draft<'_>) -> Result<(), PipelineError> {
    let mut chosen = Chosen::default();
    let id = chosen.add(&map.id);
    let extra = chosen.all(&map.extra);
    draft.read(
        path,
        &form(path, map.text.as_ref())?,
        &chosen.names,
        |draft, row| {
            draft.user(
                needed(row.get(id), &map.id)?,
                User {
                    extra: extras(row, &extra),
                    ..User::default()
                },
            )
        },
    )
}

/// Where the cells of an event stand.
struct EventCells {
    user: usize,
    item: usize,
    time: usize,
    value: Option<usize>,
    kind: Option<usize>,
    context: Option<usize>,
    unit: TimeUnit,
}

fn read_events(path: &Path, map: &EventMapping, draft: &mut Draft<'_>) -> Result<(), PipelineError> {
    let form = form(path, map.text.as_ref())?;
    let mut chosen = Chosen::default();
    let mut cells = EventCells {
        user: chosen.add(&map.user),
        item: chosen.add(&map.item),
        time: chosen.add(&map.time),
        value: chosen.maybe(map.value.as_ref()),
        kind: chosen.maybe(map.kind_column.as_ref()),
        context: chosen.maybe(map.context.as_ref()),
        unit: map.time_unit,
    };
    if rankine_table::RowReader::open(path, &form, &[&map.time])?.is_time(0) {
        cells.unit = TimeUnit::Microseconds;
    }
    draft.read(path, &form, &chosen.names, |draft, row| {
        event(draft, row, map, &cells)
    })
}

fn event(draft: &mut Draft<'_>, row: &Record, map: &EventMapping, at: &EventCells) -> Result<(), Problem> {
    let fallback = if at.value.is_some() {
        "rating"
    } else {
        "interaction"
    };
    let fixed = map.kind.as_deref().unwrap_or(fallback);
    let name = map.value.as_deref().unwrap_or_default();
    let value = cell(row, at.value)
        .map(|text| number(text, name, map.range.as_ref().map(|range| range.value)))
        .transpose()?;
    draft.event(&EventRow {
        user: needed(row.get(at.user), &map.user)?,
        item: needed(row.get(at.item), &map.item)?,
        time: instant(needed(row.get(at.time), &map.time)?, at.unit)?,
        kind: cell(row, at.kind).unwrap_or(fixed),
        value,
        context: cell(row, at.context),
    })
}
