//! Samples of files: the tables land in an embedded SQLite that lives as long as the run, and the statement runs there.
//!
//! The decision: only the columns that the statement reads are loaded, and of the behaviour table only the days that are
//! built; the database is a temporary file of SQLite's own, so that tables may be larger than memory.

use std::path::{Path, PathBuf};

use rankine_table::{Form, Kind, Progress, Record, RowReader, Stage, Step, Table, parquet};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};

use super::files::{TableFile, find};
use super::kinds::{kinds, own_columns};
use super::{Engine, Task, cell, empty, malformed, order};
use crate::PipelineError;
use crate::sample_sql::outputs::{Origin, inputs, outputs};
use crate::sample_sql::tables::Tables;
use crate::sample_sql::template::{LabelKind, Template};
use crate::sample_sql::{Day, Dialect, statement};
use crate::stream::postgres::quoted;

/// The three roles, and what their tables are called in the embedded database.
const ROLES: [(Origin, &str); 3] = [
    (Origin::Behaviour, "behaviour"),
    (Origin::User, "user_rows"),
    (Origin::Item, "item_rows"),
];

/// See the module's text.
pub(super) struct EmbeddedSamples {
    folder: PathBuf,
    database: Connection,
    loaded: Vec<Loaded>,
}

/// A table that is there.
struct Loaded {
    origin: Origin,
    source: String,
    columns: Vec<String>,
    kinds: Vec<Kind>,
}

/// What one role needs.
struct Wanted<'t> {
    origin: Origin,
    own: &'static str,
    source: &'t str,
    columns: Vec<String>,
    index: [Option<&'t str>; 2],
    days: Option<(&'t str, (Day, Day))>,
}

impl EmbeddedSamples {
    pub(super) fn open(folder: &Path) -> Result<EmbeddedSamples, PipelineError> {
        let made = Connection::open("").and_then(|database| {
            database.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
            Ok(database)
        });
        Ok(EmbeddedSamples {
            folder: folder.to_owned(),
            database: made.map_err(|error| fault(folder, "open an embedded database for", &error))?,
            loaded: Vec::new(),
        })
    }

    /// Loads a table unless it is there.
    fn load(&mut self, wanted: &Wanted<'_>, task: &Task, progress: &Progress) -> Result<(), PipelineError> {
        let there = self
            .loaded
            .iter()
            .position(|loaded| loaded.origin == wanted.origin);
        if let Some(at) = there {
            let loaded = &self.loaded[at];
            if (loaded.source.as_str(), &loaded.columns) == (wanted.source, &wanted.columns) {
                return Ok(());
            }
            self.loaded.remove(at);
        }
        let files = find(&self.folder, wanted.source)?;
        let types = task.template.tables.types_of(wanted.origin);
        let kinds = kinds(&files, &wanted.columns, &types)?;
        self.make(wanted, &kinds)?;
        let bytes = |file: &TableFile| std::fs::metadata(&file.path).map_or(0, |about| about.len());
        let mut stage = progress.stage(wanted.source, files.iter().map(bytes).sum());
        let mut rows = 0;
        for file in &files {
            let filling = Filling::new(&self.database, (wanted, &kinds), file);
            rows += filling.fill(&mut stage, bytes(file))?;
        }
        self.finish(wanted)?;
        stage.finish(&format!("{rows} rows"));
        self.loaded.push(Loaded {
            origin: wanted.origin,
            source: wanted.source.to_owned(),
            columns: wanted.columns.clone(),
            kinds,
        });
        Ok(())
    }

    fn make(&self, wanted: &Wanted<'_>, kinds: &[Kind]) -> Result<(), PipelineError> {
        let column = |(name, kind): (&String, &Kind)| format!("{} {}", quoted(name), affinity(*kind));
        let columns: Vec<String> = wanted.columns.iter().zip(kinds).map(column).collect();
        let own = wanted.own;
        self.run(&format!(
            "DROP TABLE IF EXISTS {own}; CREATE TABLE {own} ({}); BEGIN",
            columns.join(", ")
        ))
    }

    fn finish(&self, wanted: &Wanted<'_>) -> Result<(), PipelineError> {
        let columns: Vec<String> = wanted.index.iter().flatten().map(|name| quoted(name)).collect();
        let own = wanted.own;
        self.run(&format!(
            "COMMIT; CREATE INDEX {own}_index ON {own} ({})",
            columns.join(", ")
        ))
    }

    fn run(&self, sql: &str) -> Result<(), PipelineError> {
        let done = self.database.execute_batch(sql);
        done.map_err(|error| fault(&self.folder, "load tables of", &error))
    }

    /// The sample's columns and their types.
    fn kinds(&self, template: &Template) -> Vec<(String, Kind)> {
        let label = match template.kind {
            LabelKind::Regression => Kind::Float,
            LabelKind::Classification | LabelKind::Pairwise => Kind::Int,
        };
        let of = |origin, column: &str| {
            let loaded = self.loaded.iter().find(|loaded| loaded.origin == origin)?;
            let at = loaded.columns.iter().position(|name| name == column)?;
            loaded.kinds.get(at).copied()
        };
        let kind = |origin, column: &str| of(origin, column).unwrap_or(label);
        let all = outputs(template).into_iter();
        all.map(|output| (output.name, kind(output.origin, &output.column)))
            .collect()
    }

    fn collect(&self, sql: &str, mut table: Table) -> Result<Table, PipelineError> {
        let fail = |error: rusqlite::Error| fault(&self.folder, "run the samples' statement over", &error);
        let mut statement = self.database.prepare(sql).map_err(fail)?;
        let mut rows = statement.query([]).map_err(fail)?;
        while let Some(row) = rows.next().map_err(fail)? {
            for (at, (name, column)) in table.columns.iter_mut().enumerate() {
                let value = row.get_ref(at).map_err(fail)?;
                cell::push_value(column, value).map_err(|reason| {
                    malformed(&self.folder, format!("samples: column `{name}`: {reason}"))
                })?;
            }
        }
        Ok(table)
    }
}

impl Engine for EmbeddedSamples {
    fn columns(&mut self, table: &str) -> Result<Vec<String>, PipelineError> {
        let files = find(&self.folder, table)?;
        files.first().map_or_else(|| Ok(Vec::new()), TableFile::columns)
    }

    fn samples(
        &mut self,
        task: &Task,
        span: (Day, Day),
        progress: &Progress,
    ) -> Result<Table, PipelineError> {
        for (origin, own) in ROLES {
            if let Some(wanted) = wanted(&task.template, (origin, own), span) {
                self.load(&wanted, task, progress)?;
            }
        }
        let sql = statement(&renamed(&task.template), Dialect::Sqlite, 1, &task.variables);
        let order: Vec<String> = order(&task.template).iter().map(|name| quoted(name)).collect();
        let sql = format!("SELECT * FROM (\n{sql}) ORDER BY {}", order.join(", "));
        self.collect(&sql, empty(&self.kinds(&task.template)))
    }
}

fn wanted<'t>(
    template: &'t Template,
    (origin, own): (Origin, &'static str),
    span: (Day, Day),
) -> Option<Wanted<'t>> {
    let Tables {
        behaviour,
        user,
        item,
    } = &template.tables;
    let side = match origin {
        Origin::User => user.as_ref(),
        Origin::Item => item.as_ref(),
        Origin::Behaviour | Origin::Label => None,
    };
    let (source, index, days) = match side {
        Some(side) => (&side.table, [Some(side.key.as_str()), side.version()], None),
        None if origin == Origin::Behaviour => {
            let day = behaviour.partition.as_str();
            (&behaviour.table, [Some(day), None], Some((day, span)))
        }
        None => return None,
    };
    Some(Wanted {
        origin,
        own,
        source,
        columns: inputs(template, origin),
        index,
        days,
    })
}

/// The template over the tables of the embedded database.
fn renamed(template: &Template) -> Template {
    let mut local = template.clone();
    let [behaviour, user, item] = ROLES.map(|(_, own)| own.to_owned());
    local.tables.behaviour.table = behaviour;
    local
        .tables
        .user
        .iter_mut()
        .for_each(|side| side.table.clone_from(&user));
    local
        .tables
        .item
        .iter_mut()
        .for_each(|side| side.table.clone_from(&item));
    local
}

fn affinity(kind: Kind) -> &'static str {
    match kind {
        Kind::Int | Kind::Time | Kind::Bool => "INTEGER",
        Kind::Float => "REAL",
        Kind::Text
        | Kind::Ints
        | Kind::Floats
        | Kind::Texts
        | Kind::Weighted
        | Kind::Signs
        | Kind::Vector(_) => "TEXT",
    }
}

/// One file on its way into a table.
struct Filling<'a> {
    database: &'a Connection,
    wanted: &'a Wanted<'a>,
    kinds: &'a [Kind],
    file: &'a TableFile,
    insert: String,
    /// Where the day stands, the first and the last that is wanted.
    days: Option<(usize, String, String)>,
}

impl<'a> Filling<'a> {
    fn new(
        database: &'a Connection,
        (wanted, kinds): (&'a Wanted<'a>, &'a [Kind]),
        file: &'a TableFile,
    ) -> Filling<'a> {
        let places = vec!["?"; wanted.columns.len()].join(", ");
        let days = wanted.days.and_then(|(column, (first, last))| {
            let at = wanted.columns.iter().position(|name| name == column)?;
            Some((at, first.to_string(), last.to_string()))
        });
        Filling {
            database,
            wanted,
            kinds,
            file,
            insert: format!("INSERT INTO {} VALUES ({places})", wanted.own),
            days,
        }
    }

    /// Loads the file; how many of its rows were wanted.
    fn fill(&self, stage: &mut Stage<'_>, bytes: u64) -> Result<u64, PipelineError> {
        let own = own_columns(self.file, &self.wanted.columns)?;
        let told = self.wanted.days.filter(|(column, _)| !own.contains(column));
        let day = told.and_then(|(column, _)| self.file.told(column));
        if day.is_some_and(|day| !self.is_wanted(day)) {
            stage.add(bytes);
            return Ok(0);
        }
        if self.file.form == Form::Parquet {
            return self.parquet(&own, (stage, bytes));
        }
        self.text(&own, (stage, bytes))
    }

    fn is_wanted(&self, day: &str) -> bool {
        let mut days = self.days.iter();
        days.all(|(_, first, last)| (first.as_str()..=last.as_str()).contains(&day))
    }

    fn parquet(&self, own: &[&str], (stage, bytes): (&mut Stage<'_>, u64)) -> Result<u64, PipelineError> {
        let mut reader = parquet::Reader::open_columns(&self.file.path, 8_192, own)?;
        let (all, mut rows) = (reader.rows().max(1), 0);
        while let Some(batch) = reader.next_batch()? {
            for row in 0..batch.rows() {
                let value = |name: &String| match batch.find(name) {
                    Some(column) => cell::of_column(column, row),
                    None => self.told(name),
                };
                rows += self.insert(self.wanted.columns.iter().map(value).collect())?;
            }
            stage.add(bytes * batch.rows() as u64 / all);
        }
        Ok(rows)
    }

    fn text(&self, own: &[&str], (stage, bytes): (&mut Stage<'_>, u64)) -> Result<u64, PipelineError> {
        let (path, mut record, mut rows) = (&self.file.path, Record::default(), 0);
        let mut reader = RowReader::open(path, &self.file.form, own)?;
        loop {
            match reader.next(&mut record)? {
                Step::End => break,
                Step::Fault(fault) => {
                    return Err(malformed(path, format!("line {}: {}", fault.line, fault.reason)));
                }
                Step::Row => {
                    let cells = self.cells(own, &record);
                    rows += self.insert(cells.map_err(|(column, reason)| {
                        malformed(
                            path,
                            format!("line {}: column `{column}`: {reason}", record.line()),
                        )
                    })?)?;
                }
            }
        }
        stage.add(bytes);
        Ok(rows)
    }

    fn cells(&self, own: &[&str], record: &Record) -> Result<Vec<Sql>, (String, String)> {
        let columns = self.wanted.columns.iter().zip(self.kinds);
        columns
            .map(|(name, kind)| match own.iter().position(|other| other == name) {
                Some(at) => cell::of_text(*kind, record.get(at)).map_err(|reason| (name.clone(), reason)),
                None => Ok(self.told(name)),
            })
            .collect()
    }

    fn told(&self, name: &str) -> Sql {
        let told = self.file.told(name);
        told.map_or(Sql::Null, |value| Sql::Text(value.to_owned()))
    }

    /// Inserts a row if its day is wanted.
    fn insert(&self, row: Vec<Sql>) -> Result<u64, PipelineError> {
        if let Some((at, ..)) = &self.days {
            let wanted = match &row[*at] {
                Sql::Text(day) => self.is_wanted(day),
                Sql::Integer(day) => self.is_wanted(&day.to_string()),
                Sql::Null | Sql::Real(_) | Sql::Blob(_) => false,
            };
            if !wanted {
                return Ok(0);
            }
        }
        let done = self
            .database
            .prepare_cached(&self.insert)
            .and_then(|mut insert| insert.execute(params_from_iter(row)));
        done.map_err(|error| fault(&self.file.path, "load", &error))?;
        Ok(1)
    }
}

fn fault(path: &Path, action: &str, error: &rusqlite::Error) -> PipelineError {
    PipelineError::Sqlite {
        path: path.to_owned(),
        action: action.to_owned(),
        reason: error.to_string(),
    }
}
