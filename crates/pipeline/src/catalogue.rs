//! The typed catalogue: which items exist, which users are known.
//!
//! Written by the import to `<home>/data/{items,users}.parquet`, read by everything after it. The
//! decision: what recommenders always need has a field (title, year, genres, links); whatever else a
//! source says is kept as text under its own name, in columns `extra.<name>`.

use std::collections::BTreeMap;
use std::path::Path;

use rankine_table::{Column, Kind, Table, parquet};

use crate::PipelineError;

/// One thing that may be shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Item {
    /// Identity inside Rankine.
    pub id: i64,
    /// The source's own identity, where that was not a whole number.
    pub key: Option<String>,
    /// Title without the year in parentheses; the source's id where it has no titles.
    pub title: String,
    /// Year of release.
    pub release_year: Option<i64>,
    /// Genres in the source's order; empty if none are listed.
    pub genres: Vec<String>,
    /// Digits of the address at imdb.com, leading zeros kept.
    pub imdb_id: Option<String>,
    /// Digits of the address at themoviedb.org.
    pub tmdb_id: Option<String>,
    /// Everything else the source says, by the source's name.
    pub extra: BTreeMap<String, String>,
}

/// One person events are about.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct User {
    /// Identity inside Rankine.
    pub id: i64,
    /// The source's own identity, where that was not a whole number.
    pub key: Option<String>,
    /// Everything else the source says, by the source's name.
    pub extra: BTreeMap<String, String>,
}

/// All items and users, each sorted by id without duplicates.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Catalogue {
    /// Items by ascending id.
    pub items: Vec<Item>,
    /// Users by ascending id.
    pub users: Vec<User>,
}

const EXTRA: &str = "extra.";

impl Catalogue {
    /// Sorts items and users by id.
    pub fn new(mut items: Vec<Item>, mut users: Vec<User>) -> Self {
        items.sort_by_key(|item| item.id);
        users.sort_by_key(|user| user.id);
        Self { items, users }
    }

    /// Finds an item by id. Cost: a binary search.
    pub fn item(&self, id: i64) -> Option<&Item> {
        self.items
            .binary_search_by_key(&id, |item| item.id)
            .ok()
            .map(|at| &self.items[at])
    }

    /// Finds a user by id. Cost: a binary search.
    pub fn user(&self, id: i64) -> Option<&User> {
        self.users
            .binary_search_by_key(&id, |user| user.id)
            .ok()
            .map(|at| &self.users[at])
    }

    /// Reads `<home>/data/items.parquet` and `users.parquet`.
    ///
    /// # Errors
    /// [`PipelineError::NotImported`] if they are not there, [`PipelineError::Table`] if they cannot
    /// be read, [`PipelineError::Malformed`] if a column is missing or has another type.
    pub fn load(home: &Path) -> Result<Self, PipelineError> {
        let (items, users) = (home.join("data/items.parquet"), home.join("data/users.parquet"));
        if !items.exists() || !users.exists() {
            return Err(PipelineError::NotImported {
                home: home.to_owned(),
            });
        }
        Ok(Self::new(load_items(&items)?, load_users(&users)?))
    }

    /// Writes `<home>/data/items.parquet` and `users.parquet`, each complete or not at all.
    ///
    /// # Errors
    /// [`PipelineError::Table`].
    pub fn save(&self, home: &Path) -> Result<(), PipelineError> {
        parquet::write(&home.join("data/items.parquet"), &item_table(&self.items)?, &[])?;
        parquet::write(&home.join("data/users.parquet"), &user_table(&self.users)?, &[])?;
        Ok(())
    }
}

fn item_table(items: &[Item]) -> Result<Table, PipelineError> {
    let mut columns = vec![
        (
            "id".to_owned(),
            Column::Int(items.iter().map(|item| Some(item.id)).collect()),
        ),
        (
            "key".to_owned(),
            Column::Text(items.iter().map(|item| item.key.clone()).collect()),
        ),
        (
            "title".to_owned(),
            Column::Text(items.iter().map(|item| Some(item.title.clone())).collect()),
        ),
        (
            "release_year".to_owned(),
            Column::Int(items.iter().map(|item| item.release_year).collect()),
        ),
        (
            "genres".to_owned(),
            Column::Texts(items.iter().map(|item| Some(item.genres.clone())).collect()),
        ),
        (
            "imdb_id".to_owned(),
            Column::Text(items.iter().map(|item| item.imdb_id.clone()).collect()),
        ),
        (
            "tmdb_id".to_owned(),
            Column::Text(items.iter().map(|item| item.tmdb_id.clone()).collect()),
        ),
    ];
    let extras: Vec<_> = items.iter().map(|item| &item.extra).collect();
    columns.extend(extra_columns(&extras));
    Ok(Table::new(columns)?)
}

fn user_table(users: &[User]) -> Result<Table, PipelineError> {
    let mut columns = vec![
        (
            "id".to_owned(),
            Column::Int(users.iter().map(|user| Some(user.id)).collect()),
        ),
        (
            "key".to_owned(),
            Column::Text(users.iter().map(|user| user.key.clone()).collect()),
        ),
    ];
    let extras: Vec<_> = users.iter().map(|user| &user.extra).collect();
    columns.extend(extra_columns(&extras));
    Ok(Table::new(columns)?)
}

type Extra = BTreeMap<String, String>;

fn extra_columns(rows: &[&Extra]) -> Vec<(String, Column)> {
    let names: std::collections::BTreeSet<&String> = rows.iter().flat_map(|extra| extra.keys()).collect();
    let column = |name: &String| Column::Text(rows.iter().map(|extra| extra.get(name).cloned()).collect());
    names
        .into_iter()
        .map(|name| (format!("{EXTRA}{name}"), column(name)))
        .collect()
}

fn load_items(path: &Path) -> Result<Vec<Item>, PipelineError> {
    let mut columns = Columns {
        path,
        table: parquet::read(path)?.0,
    };
    let ids = columns.ids()?;
    let mut items: Vec<Item> = ids
        .into_iter()
        .map(|id| Item {
            id,
            ..Item::default()
        })
        .collect();
    fill(&mut items, columns.texts("key")?, |item, key| {
        item.key = Some(key)
    });
    fill(&mut items, columns.texts("title")?, |item, title| {
        item.title = title
    });
    fill(&mut items, columns.ints("release_year")?, |item, year| {
        item.release_year = Some(year)
    });
    fill(&mut items, columns.lists("genres")?, |item, genres| {
        item.genres = genres
    });
    fill(&mut items, columns.texts("imdb_id")?, |item, id| {
        item.imdb_id = Some(id)
    });
    fill(&mut items, columns.texts("tmdb_id")?, |item, id| {
        item.tmdb_id = Some(id)
    });
    for (name, texts) in columns.extras() {
        fill(&mut items, texts, |item, text| {
            drop(item.extra.insert(name.clone(), text))
        });
    }
    Ok(items)
}

fn load_users(path: &Path) -> Result<Vec<User>, PipelineError> {
    let mut columns = Columns {
        path,
        table: parquet::read(path)?.0,
    };
    let ids = columns.ids()?;
    let mut users: Vec<User> = ids
        .into_iter()
        .map(|id| User {
            id,
            ..User::default()
        })
        .collect();
    fill(&mut users, columns.texts("key")?, |user, key| {
        user.key = Some(key)
    });
    for (name, texts) in columns.extras() {
        fill(&mut users, texts, |user, text| {
            drop(user.extra.insert(name.clone(), text))
        });
    }
    Ok(users)
}

fn fill<R, T>(rows: &mut [R], values: Vec<Option<T>>, set: impl Fn(&mut R, T)) {
    for (row, value) in rows.iter_mut().zip(values) {
        if let Some(value) = value {
            set(row, value);
        }
    }
}

/// A table that is taken apart column by column, with errors that name the file.
pub(crate) struct Columns<'a> {
    pub(crate) path: &'a Path,
    pub(crate) table: Table,
}

impl Columns<'_> {
    pub(crate) fn ints(&mut self, name: &str) -> Result<Vec<Option<i64>>, PipelineError> {
        let (column, kind) = self.take(name)?;
        let (Column::Int(rows) | Column::Time(rows)) = column else {
            return Err(self.wrong(name, Kind::Int, kind));
        };
        Ok(rows)
    }

    pub(crate) fn floats(&mut self, name: &str) -> Result<Vec<Option<f64>>, PipelineError> {
        let (column, kind) = self.take(name)?;
        let Column::Float(rows) = column else {
            return Err(self.wrong(name, Kind::Float, kind));
        };
        Ok(rows)
    }

    pub(crate) fn texts(&mut self, name: &str) -> Result<Vec<Option<String>>, PipelineError> {
        let (column, kind) = self.take(name)?;
        let Column::Text(rows) = column else {
            return Err(self.wrong(name, Kind::Text, kind));
        };
        Ok(rows)
    }

    fn lists(&mut self, name: &str) -> Result<Vec<Option<Vec<String>>>, PipelineError> {
        let (column, kind) = self.take(name)?;
        let Column::Texts(rows) = column else {
            return Err(self.wrong(name, Kind::Texts, kind));
        };
        Ok(rows)
    }

    fn ids(&mut self) -> Result<Vec<i64>, PipelineError> {
        let ids = self.ints("id")?;
        let missing = || self.malformed("column `id`: a value is missing".to_owned());
        let ids: Vec<i64> = ids.into_iter().collect::<Option<_>>().ok_or_else(missing)?;
        if ids.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(self.malformed("column `id`: expected strictly ascending ids".to_owned()));
        }
        Ok(ids)
    }

    fn extras(self) -> Vec<(String, Vec<Option<String>>)> {
        let named = |(name, column): (String, Column)| {
            let Column::Text(rows) = column else { return None };
            Some((name.strip_prefix(EXTRA)?.to_owned(), rows))
        };
        self.table.columns.into_iter().filter_map(named).collect()
    }

    fn take(&mut self, name: &str) -> Result<(Column, Kind), PipelineError> {
        let column = self
            .table
            .take(name)
            .map_err(|error| self.malformed(error.to_string()))?;
        let kind = column.kind();
        Ok((column, kind))
    }

    fn wrong(&self, name: &str, expected: Kind, got: Kind) -> PipelineError {
        self.malformed(format!("column `{name}`: expected {expected}, got {got}"))
    }

    pub(crate) fn malformed(&self, reason: String) -> PipelineError {
        PipelineError::Malformed {
            path: self.path.to_owned(),
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film(id: i64) -> Item {
        Item {
            id,
            key: Some(format!("tt{id}")),
            title: "Crouching Tiger, \"Hidden\" Dragon".into(),
            release_year: Some(2000),
            genres: vec!["Action".into(), "Drama".into()],
            imdb_id: Some("0190332".into()),
            tmdb_id: None,
            extra: BTreeMap::from([("studio".to_owned(), "Asia Union".to_owned())]),
        }
    }

    #[test]
    fn a_catalogue_is_read_back_as_it_was_written_sorted_by_id() {
        let home = tempfile::tempdir().unwrap();
        let bare = Item {
            id: -3,
            title: "<script>".into(),
            ..Item::default()
        };
        let user = User {
            id: 7,
            extra: BTreeMap::from([("age".to_owned(), "33".to_owned())]),
            ..User::default()
        };
        let catalogue = Catalogue::new(
            vec![film(9), bare],
            vec![
                user,
                User {
                    id: 1,
                    ..User::default()
                },
            ],
        );
        catalogue.save(home.path()).unwrap();
        let again = Catalogue::load(home.path()).unwrap();
        assert_eq!(again, catalogue);
        assert_eq!(again.items[0].id, -3);
        assert_eq!((again.item(9), again.item(8)), (Some(&film(9)), None));
        assert_eq!(again.user(7).unwrap().extra["age"], "33");
    }

    #[test]
    fn an_empty_home_says_what_to_run() {
        let home = tempfile::tempdir().unwrap();
        let error = Catalogue::load(home.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("no imported data here; run `rankine data import` first"),
            "{error}"
        );
    }

    #[test]
    fn double_ids_and_wrong_columns_are_refused() {
        let home = tempfile::tempdir().unwrap();
        Catalogue::new(vec![film(1), film(1)], vec![])
            .save(home.path())
            .unwrap();
        let error = Catalogue::load(home.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("column `id`: expected strictly ascending ids"),
            "{error}"
        );
        let path = home.path().join("data/items.parquet");
        let table = Table::new(vec![("id".into(), Column::Text(vec![Some("1".into())]))]).unwrap();
        parquet::write(&path, &table, &[]).unwrap();
        let error = Catalogue::load(home.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("items.parquet: column `id`: expected int, got string"),
            "{error}"
        );
    }
}
