//! The lookup join in an embedded SQLite, and the tables that changes from outside a database land in.
//!
//! The decision: tables are made and widened as changes bring columns, without types (SQLite keeps each value's own), so
//! that a file of changes needs no schema; a column that a change did not send keeps what is there. Each row lands in a savepoint
//! of its own: one that the tables refuse leaves the others alone.

use std::path::{Path, PathBuf};

use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, ErrorCode, params_from_iter};
use rustc_hash::FxHashMap;
use serde_json::{Map, Value as Json};

use super::change::{Cell, Change, Kind};
use super::joined::JoinedRow;
use super::lookup::{Asked, Dimension, Found, Lookup, Resting, each_alone, key_by_key};
use super::postgres::quoted;
use super::statement::Statement;
use crate::error::PipelineError;

/// What to run, and where.
#[derive(Debug, Clone)]
pub struct SqliteLookupOptions {
    /// The file.
    pub path: PathBuf,
    /// Statements that make the tables the join reads, run at every start; columns that no change has brought yet would be
    /// unknown otherwise.
    pub schema: String,
    /// The user's statement with `:ids` (a JSON array) and `:as_of` (microseconds).
    pub sql: String,
    /// The item table and its key column.
    pub item: (String, String),
    /// Tables that items rest on.
    pub dimensions: Vec<Dimension>,
}

/// See the module's text.
#[derive(Debug)]
pub struct SqliteLookup {
    path: PathBuf,
    database: Connection,
    join: String,
    names: (bool, bool),
    item: (String, String),
    reverse: Vec<String>,
    keys: FxHashMap<String, String>,
    columns: FxHashMap<String, Vec<String>>,
}

impl SqliteLookup {
    /// Opens the file and makes the tables that are not there, with their keys.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn open(options: &SqliteLookupOptions) -> Result<SqliteLookup, PipelineError> {
        let path = &options.path;
        let fail = |e: rusqlite::Error| fault(path, "open", &e.to_string());
        if let Some(folder) = path.parent() {
            let made = std::fs::create_dir_all(folder);
            made.map_err(|e| fault(path, "make the folder of", &e.to_string()))?;
        }
        let database = Connection::open(path).map_err(fail)?;
        database
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
            .and_then(|()| database.execute_batch(&options.schema))
            .map_err(fail)?;
        let statement = Statement::read(&options.sql);
        let has = |name: &str| statement.parameters().contains(&name);
        let reverse = |d: &Dimension| Statement::read(&d.items).with(|_| "?1".to_owned());
        let tables = options
            .dimensions
            .iter()
            .map(|d| (d.table.clone(), d.key.clone()));
        let mut lookup = SqliteLookup {
            path: path.clone(),
            database,
            join: statement.with(|name| format!(":{name}")),
            names: (has("ids"), has("as_of")),
            item: (bare(&options.item.0).to_owned(), options.item.1.clone()),
            reverse: options.dimensions.iter().map(reverse).collect(),
            keys: tables
                .chain([options.item.clone()])
                .map(|(t, k)| (bare(&t).to_owned(), k))
                .collect(),
            columns: FxHashMap::default(),
        };
        let all: Vec<(String, String)> = lookup.keys.clone().into_iter().collect();
        for (table, key) in all {
            lookup.make(&table, &key)?;
        }
        lookup.check()?;
        Ok(lookup)
    }

    /// Refuses statements over tables that are not there; columns may come with the changes.
    fn check(&self) -> Result<(), PipelineError> {
        for (statement, action) in std::iter::once((&self.join, "prepare the join's statement in")).chain(
            self.reverse
                .iter()
                .map(|sql| (sql, "prepare a dimension's statement in")),
        ) {
            match self.database.prepare(statement) {
                Err(error) if error.to_string().contains("no such table") => {
                    return Err(fault(&self.path, action, &error.to_string()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn make(&mut self, table: &str, key: &str) -> Result<(), PipelineError> {
        let (table_name, key_name) = (quoted(table), quoted(key));
        let command =
            format!("CREATE TABLE IF NOT EXISTS {table_name} ({key_name} PRIMARY KEY) WITHOUT ROWID");
        let run = || -> rusqlite::Result<Vec<String>> {
            self.database.execute_batch(&command)?;
            columns_of(&self.database, table)
        };
        let columns = run().map_err(|e| fault(&self.path, "make a table in", &e.to_string()))?;
        self.columns.insert(table.to_owned(), columns);
        Ok(())
    }

    /// Adds the columns that a change has and its table lacks; SQLite tells names apart whatever their case.
    fn widen(&mut self, table: &str, change: &Change) -> rusqlite::Result<()> {
        let known = self.columns.entry(table.to_owned()).or_default();
        for name in change.fields.keys() {
            if !known.iter().any(|column| column.eq_ignore_ascii_case(name)) {
                let (table, column) = (quoted(table), quoted(name));
                self.database
                    .execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {column}"))?;
                known.push(name.to_string());
            }
        }
        Ok(())
    }

    fn land_one(&mut self, change: &Change) -> rusqlite::Result<()> {
        let table = bare(&change.table).to_owned();
        let Some(key) = self.keys.get(&table).cloned() else {
            return Ok(());
        };
        match change.kind {
            Kind::Truncate => {
                let command = format!("DELETE FROM {}", quoted(&table));
                self.database.execute_batch(&command)
            }
            Kind::Delete => {
                let command = format!("DELETE FROM {} WHERE {} = ?1", quoted(&table), quoted(&key));
                let value = change.text(&key).map_or(Sql::Null, sql);
                self.database
                    .prepare_cached(&command)?
                    .execute([value])
                    .map(|_| ())
            }
            Kind::Snapshot | Kind::Insert | Kind::Update => {
                self.widen(&table, change)?;
                self.upsert(&table, &key, change)
            }
        }
    }

    fn upsert(&mut self, table: &str, key: &str, change: &Change) -> rusqlite::Result<()> {
        let sent = change.fields.iter().filter(|field| *field.1 != Cell::Unchanged);
        let (names, values): (Vec<String>, Vec<Sql>) = sent
            .map(|(name, cell)| (quoted(name), cell.text().map_or(Sql::Null, sql)))
            .unzip();
        let places: Vec<String> = (1..=values.len()).map(|at| format!("?{at}")).collect();
        let own = quoted(key);
        let sets = names.iter().filter(|name| **name != own);
        let sets: Vec<String> = sets.map(|name| format!("{name} = excluded.{name}")).collect();
        let then = if sets.is_empty() {
            "NOTHING".to_owned()
        } else {
            format!("UPDATE SET {}", sets.join(", "))
        };
        let command = format!(
            "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({own}) DO {then}",
            quoted(table),
            names.join(", "),
            places.join(", ")
        );
        let mut command = self.database.prepare_cached(&command)?;
        command.execute(params_from_iter(values)).map(|_| ())
    }

    /// Lands each change in a savepoint; those that were refused, with the reason.
    fn land_all(&mut self, changes: &[Change]) -> rusqlite::Result<Vec<(usize, String)>> {
        let mut refused = Vec::new();
        self.database.execute_batch("BEGIN")?;
        for (at, change) in changes.iter().enumerate() {
            if let Some(reason) = self.keyless(change) {
                refused.push((at, reason));
                continue;
            }
            self.database.execute_batch("SAVEPOINT row")?;
            match self.land_one(change) {
                Ok(()) => {}
                Err(error) if is_about_data(&error) => {
                    self.database.execute_batch("ROLLBACK TO row")?;
                    self.forget(bare(&change.table))?;
                    refused.push((at, error.to_string()));
                }
                Err(error) => return Err(error),
            }
            self.database.execute_batch("RELEASE row")?;
        }
        self.database.execute_batch("COMMIT")?;
        Ok(refused)
    }

    /// Why a change cannot be a row: it does not say which.
    fn keyless(&self, change: &Change) -> Option<String> {
        let key = self.keys.get(bare(&change.table))?;
        let lacks = change.kind != Kind::Truncate && change.text(key).is_none();
        lacks.then(|| format!("column `{key}`: expected the row's key, got nothing"))
    }

    /// Looks anew which columns a table has: those that a refused row has brought are gone again.
    fn forget(&mut self, table: &str) -> rusqlite::Result<()> {
        let columns = columns_of(&self.database, table)?;
        self.columns.insert(table.to_owned(), columns);
        Ok(())
    }

    /// The row of one id. Where the statement can be prepared and fails then, it is the row that it fails on.
    fn join_one(&self, pair: (i64, i64)) -> Result<Found, PipelineError> {
        let fail = |e: rusqlite::Error| fault(&self.path, "run the join's statement in", &e.to_string());
        let mut query = self.database.prepare_cached(&self.join).map_err(fail)?;
        match self.row_of(&mut query, pair) {
            Err(error) if is_about_data(&error) => Ok(Found::Faulty(error.to_string())),
            found => found.map_err(fail),
        }
    }

    fn row_of(
        &self,
        query: &mut rusqlite::Statement<'_>,
        (id, as_of): (i64, i64),
    ) -> rusqlite::Result<Found> {
        let ids = format!("[{id}]");
        let (with_ids, with_time) = self.names;
        let mut parameters: Vec<(&str, &dyn rusqlite::ToSql)> = Vec::new();
        if with_ids {
            parameters.push((":ids", &ids));
        }
        if with_time {
            parameters.push((":as_of", &as_of));
        }
        let mut rows = query.query(parameters.as_slice())?;
        let mut found = Found::Nothing;
        while let Some(row) = rows.next()? {
            if found != Found::Nothing {
                return Ok(Found::Faulty(
                    "the join gives several rows for this id".to_owned(),
                ));
            }
            let mut cells = Map::new();
            // asked before the first step, a statement tells the columns from before the last one was added
            for (at, name) in row.as_ref().column_names().enumerate() {
                cells.insert(name.to_owned(), json(row.get_ref(at)?));
            }
            found = Found::Row(JoinedRow { id, as_of, cells });
        }
        Ok(found)
    }

    /// The ids that a statement gives for a list. Where it can be prepared and fails then, it is the rows that it fails on.
    fn ids(&self, query: &str, list: &Json) -> Result<Asked, PipelineError> {
        let fail = |e: rusqlite::Error| fault(&self.path, "look for items in", &e.to_string());
        let mut query = self.database.prepare_cached(query).map_err(fail)?;
        let mut run = || -> rusqlite::Result<Vec<i64>> {
            let rows = query.query_map([list.to_string()], |row| row.get::<_, Option<i64>>(0))?;
            rows.filter_map(Result::transpose).collect()
        };
        match run() {
            Err(error) if is_about_data(&error) => Ok(Err(error.to_string())),
            found => found.map(Ok).map_err(fail),
        }
    }
}

impl Lookup for SqliteLookup {
    fn join(&mut self, wanted: &[(i64, i64)]) -> Result<Vec<Found>, PipelineError> {
        each_alone(wanted, |pairs| {
            pairs.iter().map(|pair| self.join_one(*pair)).collect()
        })
    }

    fn items_of(&mut self, dimension: usize, keys: &[String]) -> Result<Resting, PipelineError> {
        let Some(query) = self.reverse.get(dimension) else {
            return Ok(Resting::default());
        };
        let value = |key: &String| number(key).unwrap_or_else(|| Json::from(key.as_str()));
        key_by_key(keys, |keys| self.ids(query, &keys.iter().map(value).collect()))
    }

    fn present(&mut self, ids: &[i64]) -> Result<Vec<i64>, PipelineError> {
        let query = format!(
            "SELECT {0} FROM {1} WHERE {0} IN (SELECT value FROM json_each(?1))",
            quoted(&self.item.1),
            quoted(&self.item.0)
        );
        let found = self.ids(&query, &Json::from(ids))?;
        found.map_err(|reason| fault(&self.path, "look for items in", &reason))
    }

    fn land(&mut self, changes: &[Change]) -> Result<Vec<(usize, String)>, PipelineError> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let landed = self.land_all(changes);
        if landed.is_err() && !self.database.is_autocommit() {
            // the fault to tell is the first one
            let _ = self.database.execute_batch("ROLLBACK");
        }
        landed.map_err(|e| fault(&self.path, "land changes in", &e.to_string()))
    }
}

fn columns_of(database: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut query = database.prepare_cached("SELECT name FROM pragma_table_info(?1)")?;
    query.query_map([table], |row| row.get(0))?.collect()
}

/// Whether a statement failed on a row's values, and not on the disk or the file.
fn is_about_data(error: &rusqlite::Error) -> bool {
    use ErrorCode::{ConstraintViolation, TooBig, TypeMismatch, Unknown};
    let code = error.sqlite_error_code();
    matches!(code, Some(ConstraintViolation | TooBig | TypeMismatch | Unknown))
        || matches!(error, rusqlite::Error::InvalidColumnType(..))
}

/// A table's name without its schema.
fn bare(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}

/// A text cell as the value it looks like: a number where printing that gives the text back.
fn sql(text: &str) -> Sql {
    match number(text) {
        Some(Json::Number(number)) => match number.as_i64() {
            Some(whole) => Sql::Integer(whole),
            None => number.as_f64().map_or(Sql::Null, Sql::Real),
        },
        _ => Sql::Text(text.to_owned()),
    }
}

fn number(text: &str) -> Option<Json> {
    let value: Json = serde_json::from_str(text).ok()?;
    let printed = value.is_number().then(|| value.to_string())?;
    let same = printed == text;
    same.then_some(value)
}

/// A cell as JSON.
pub(crate) fn json(value: ValueRef<'_>) -> Json {
    match value {
        ValueRef::Null => Json::Null,
        ValueRef::Integer(number) => Json::from(number),
        ValueRef::Real(number) => Json::from(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Json::from(String::from_utf8_lossy(bytes)),
    }
}

/// What SQLite says of an action on a file.
pub(crate) fn fault(path: &Path, action: &str, reason: &str) -> PipelineError {
    PipelineError::Sqlite {
        path: path.to_owned(),
        action: action.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::change::{Fields, Position};

    const SQL: &str = "SELECT v.id, v.title, (:as_of - v.created) / 86400000000 AS days, COALESCE(a.level, 0) AS level \
         FROM item v LEFT JOIN author a ON a.author = v.author WHERE v.id IN (SELECT value FROM json_each(:ids))";
    const DAY: i64 = 86_400_000_000;

    fn lookup(folder: &Path) -> SqliteLookup {
        SqliteLookup::open(&SqliteLookupOptions {
            path: folder.join("landing.db"),
            schema: "CREATE TABLE IF NOT EXISTS author (author PRIMARY KEY, level)".to_owned(),
            sql: SQL.to_owned(),
            item: ("public.item".to_owned(), "id".to_owned()),
            dimensions: vec![Dimension {
                table: "author".to_owned(),
                key: "author".to_owned(),
                items: "SELECT id FROM item WHERE author IN (SELECT value FROM json_each(:keys))".to_owned(),
            }],
        })
        .unwrap()
    }

    fn change(table: &str, kind: Kind, cells: &[(&str, Cell)]) -> Change {
        let fields = cells.iter().map(|(name, cell)| ((*name).into(), cell.clone()));
        Change {
            table: table.into(),
            kind,
            fields: fields.collect::<Fields>(),
            position: Position::default(),
            commit_time: 0,
            received: 0,
            xid: None,
        }
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    fn item(title: Cell) -> Change {
        let cells = [
            ("id", text("7")),
            ("title", title),
            ("created", text("0")),
            ("author", text("3")),
        ];
        change("public.item", Kind::Insert, &cells)
    }

    fn row(lookup: &mut SqliteLookup, as_of: i64) -> Json {
        match lookup.join(&[(7, as_of)]).unwrap().remove(0) {
            Found::Row(row) => Json::Object(row.cells),
            other @ (Found::Nothing | Found::Faulty(_)) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_row_joins_what_has_landed_as_of_its_own_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut lookup = lookup(folder.path());
        lookup.land(&[item(text("Heat"))]).unwrap();
        // the author is late
        lookup
            .land(&[change(
                "author",
                Kind::Insert,
                &[("author", text("3")), ("level", text("9"))],
            )])
            .unwrap();
        let expected = serde_json::json!({"id": 7, "title": "Heat", "days": 2, "level": 9});
        assert_eq!(row(&mut lookup, 2 * DAY), expected);
        let found = lookup.join(&[(7, DAY), (8, DAY)]).unwrap();
        assert!(matches!(&found[0], Found::Row(row) if row.cells["days"] == 1));
        assert_eq!(found[1], Found::Nothing);
        assert_eq!(lookup.items_of(0, &["3".to_owned()]).unwrap().items, [7]);
        assert_eq!(lookup.present(&[6, 7]).unwrap(), [7]);
    }

    #[test]
    fn a_column_that_was_not_sent_keeps_its_value_and_a_new_one_appears() {
        let folder = tempfile::tempdir().unwrap();
        let mut lookup = lookup(folder.path());
        lookup
            .land(&[change(
                "author",
                Kind::Insert,
                &[("author", text("3")), ("level", text("9"))],
            )])
            .unwrap();
        lookup.land(&[item(text("Heat"))]).unwrap();
        let mut again = item(Cell::Unchanged);
        again.fields.insert("colour".into(), text("red"));
        lookup.land(&[again]).unwrap();
        assert_eq!(row(&mut lookup, 0)["title"], "Heat");
        let colour: String = lookup
            .database
            .query_row("SELECT colour FROM item", [], |row| row.get(0))
            .unwrap();
        assert_eq!(colour, "red");
        lookup
            .land(&[change("item", Kind::Delete, &[("id", text("7"))])])
            .unwrap();
        assert_eq!(lookup.join(&[(7, 0)]).unwrap(), [Found::Nothing]);
    }

    #[test]
    fn a_row_that_is_refused_takes_its_columns_along_and_leaves_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let mut lookup = lookup(folder.path());
        let author = |cells: &[(&str, Cell)]| change("author", Kind::Insert, cells);
        let strict = "CREATE TRIGGER strict BEFORE INSERT ON author WHEN new.level > 9 BEGIN SELECT RAISE(ABORT, 'too high'); END";
        lookup.database.execute_batch(strict).unwrap();
        let changes = [
            item(text("Heat")),
            author(&[("author", text("3")), ("level", text("10")), ("hat", text("red"))]),
            author(&[("level", text("1"))]),
            author(&[]),
            author(&[("author", text("3")), ("Level", text("9")), ("HAT", text("blue"))]),
            author(&[("author", text("4")), ("hat", text("green"))]),
        ];
        let refused = lookup.land(&changes).unwrap();
        let told: Vec<(usize, &str)> = refused.iter().map(|(at, why)| (*at, why.as_str())).collect();
        let keyless = "column `author`: expected the row's key, got nothing";
        assert_eq!(told, [(1, "too high"), (2, keyless), (3, keyless)]);
        assert_eq!(row(&mut lookup, 0)["level"], 9);
        let hats: String = lookup
            .database
            .query_row(
                "SELECT group_concat(hat ORDER BY author) FROM author",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(hats, "blue,green");
    }

    #[test]
    fn cells_stay_under_their_names_when_a_column_is_added() {
        let folder = tempfile::tempdir().unwrap();
        let mut lookup = SqliteLookup::open(&SqliteLookupOptions {
            path: folder.path().join("landing.db"),
            schema: String::new(),
            sql: "SELECT v.*, 5 AS level FROM item v WHERE v.id IN (SELECT value FROM json_each(:ids))"
                .to_owned(),
            item: ("item".to_owned(), "id".to_owned()),
            dimensions: Vec::new(),
        })
        .unwrap();
        lookup.land(&[item(text("Heat"))]).unwrap();
        assert_eq!(row(&mut lookup, 0)["level"], 5);
        let mut wider = item(text("Heat"));
        wider.fields.insert("extra".into(), text("99"));
        lookup.land(&[wider]).unwrap();
        let row = row(&mut lookup, 0);
        assert_eq!((&row["level"], &row["extra"]), (&Json::from(5), &Json::from(99)));
    }

    #[test]
    fn texts_that_only_look_like_numbers_stay_texts() {
        assert_eq!(sql("007"), Sql::Text("007".to_owned()));
        assert_eq!(sql("7"), Sql::Integer(7));
        assert_eq!(sql("0.5"), Sql::Real(0.5));
        assert_eq!(sql("true"), Sql::Text("true".to_owned()));
    }
}
