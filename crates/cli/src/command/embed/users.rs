//! Users' rows for `embed`, some at a time: a table of a file, vectors, or a statement in PostgreSQL or SQLite.
//!
//! The decision: users may be more than memory holds, so nothing but vectors that come as a file of vectors is read whole; how many there
//! are is asked first (a file's footer, `count(*)`), for the time that is left.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use rankine_feature::{FieldType, Plan, Side, Value};
use rankine_model::Artefact;
use rankine_pipeline::PipelineError;
use rankine_pipeline::stream::embedder::{is_bare, lacking};
use rankine_pipeline::stream::users::PostgresUsers;
use rankine_pipeline::stream::{JoinedRow, UserRows};
use rankine_pipeline::users_sqlite::SqliteUsers;
use rankine_predict::{Row, RowFile, RowLayout};

use super::{rows_of, vector_of};
use crate::output;
use crate::streaming::needed;

/// Rows at a time.
const CHUNK: usize = 8192;
/// What the count is called.
const COUNT: &str = "rankine_count";

/// Takes some rows with their ids.
pub(super) type Take<'a> = &'a mut dyn FnMut(Vec<(i64, Row)>) -> anyhow::Result<()>;

/// Where users come from.
pub(super) enum Users {
    /// A table of a Parquet file.
    Table(Box<RowFile>, PathBuf),
    /// Vectors that are the users' one field.
    Vectors(Vec<(i64, Row)>),
    /// A statement.
    Statement(Statement),
}

/// A statement and the fields that its columns are.
pub(super) struct Statement {
    rows: Box<dyn UserRows>,
    count: Box<dyn UserRows>,
    fields: Vec<(Arc<str>, FieldType)>,
    /// Those without whose column there is no vector.
    needed: Vec<Arc<str>>,
    layout: RowLayout,
}

impl Users {
    /// Of the users' side of `plan`: at `place` (a file or a database), by the statement `sql`, where the column `keep` is the id.
    ///
    /// # Errors
    /// A place that cannot be read, or whose statement or id is not said.
    pub(super) fn open(
        place: &str,
        sql: Option<&str>,
        keep: Option<&str>,
        (artefact, plan): (&Artefact, &Plan),
    ) -> anyhow::Result<Users> {
        if let Some(open) = database(place) {
            let needs = |argument: &str| format!("--users {place} needs {argument}");
            let sql = statement(sql.with_context(|| needs("--users-sql: a SELECT, or a file of one"))?)?;
            let keep = keep.with_context(|| needs("--keep: the column that identifies a user"))?;
            let needed = needed(artefact, plan, Side::User);
            let made = Statement::new(&*open, &sql, keep, plan);
            return Ok(Users::Statement(Statement { needed, ..made }));
        }
        ensure!(
            sql.is_none(),
            "--users-sql: --users is a file, expected postgres://… or a SQLite database (.db, .sqlite, .sqlite3)"
        );
        let path = PathBuf::from(place);
        if vector_of(plan, Side::User).is_some() {
            ensure!(
                keep.is_none(),
                "--keep: the users are vectors, which are known by their ids alone"
            );
            return Ok(Users::Vectors(rows_of(&path, plan, Side::User)?));
        }
        let file = RowFile::open(&path, keep, CHUNK).map_err(|fault| anyhow!("{place}: {fault}"))?;
        Ok(Users::Table(Box::new(file), path))
    }

    /// How many there are.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn count(&self) -> anyhow::Result<u64> {
        match self {
            Users::Table(file, _) => Ok(file.rows()),
            Users::Vectors(rows) => Ok(rows.len() as u64),
            Users::Statement(statement) => statement.count(),
        }
    }

    /// Hands over all of them.
    ///
    /// # Errors
    /// The source's, or what `take` fails with.
    pub(super) fn each(self, take: Take<'_>) -> anyhow::Result<()> {
        match self {
            Users::Table(mut file, path) => {
                let fault = |fault| anyhow!("{}: {fault}", path.display());
                while let Some(rows) = file.next_rows().map_err(fault)? {
                    take(rows)?;
                }
                Ok(())
            }
            Users::Vectors(rows) => rows.chunks(CHUNK).try_for_each(|rows| take(rows.to_vec())),
            Users::Statement(statement) => statement.each(take),
        }
    }
}

/// Makes the reader of a statement with its key.
type Open = dyn Fn(String, String) -> Box<dyn UserRows>;

/// The database at a place; none for another file.
fn database(place: &str) -> Option<Box<Open>> {
    if place.starts_with("postgres://") || place.starts_with("postgresql://") {
        let dsn = place.to_owned();
        return Some(Box::new(move |sql: String, key: String| -> Box<dyn UserRows> {
            let dsn = dsn.clone();
            Box::new(PostgresUsers { dsn, sql, key })
        }));
    }
    let path = PathBuf::from(place);
    let sqlite = path.extension().and_then(|e| e.to_str());
    let sqlite = sqlite.is_some_and(|e| ["db", "sqlite", "sqlite3"].contains(&e));
    sqlite.then(|| -> Box<Open> {
        Box::new(move |sql: String, key: String| -> Box<dyn UserRows> {
            let path = path.clone();
            Box::new(SqliteUsers { path, sql, key })
        })
    })
}

/// A statement, or the one in a file, without what ends it.
fn statement(given: &str) -> anyhow::Result<String> {
    let file = Path::new(given).extension().is_some_and(|e| e == "sql");
    let text = match file {
        true => std::fs::read_to_string(given).with_context(|| given.to_owned())?,
        false => given.to_owned(),
    };
    Ok(text.trim().trim_end_matches(';').to_owned())
}

impl Statement {
    fn new(open: &Open, sql: &str, keep: &str, plan: &Plan) -> Statement {
        let count = format!("SELECT count(*) AS {COUNT} FROM (\n{sql}\n) AS rankine_users");
        let fields = plan.schema().side(Side::User).iter();
        let fields: Vec<_> = fields.map(|field| (field.name.clone(), field.ty)).collect();
        Statement {
            rows: open(sql.to_owned(), keep.to_owned()),
            count: open(count, COUNT.to_owned()),
            layout: RowLayout::new(fields.iter().map(|field| field.0.clone())),
            fields,
            needed: Vec::new(),
        }
    }

    fn count(&self) -> anyhow::Result<u64> {
        let mut count = 0;
        self.count.read(&mut |rows| {
            count = rows.first().map_or(count, |row| row.id);
            Ok(())
        })?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    fn each(&self, take: Take<'_>) -> anyhow::Result<()> {
        let (mut held, mut broken) = (Vec::new(), None);
        let mut first = true;
        let mut step = |users: Vec<JoinedRow>| {
            if let (true, Some(user)) = (std::mem::take(&mut first), users.first()) {
                self.check(user)?;
            }
            for user in &users {
                held.push(self.typed(user)?);
            }
            if held.len() >= CHUNK {
                take(std::mem::take(&mut held))?;
            }
            anyhow::Ok(())
        };
        let read = self.rows.read(&mut |users| {
            step(users).map_err(|error| {
                broken = Some(error);
                PipelineError::Stopped
            })
        });
        if let Some(broken) = broken {
            return Err(broken);
        }
        read?;
        take(held)
    }

    /// Refuses a statement that gives no column at all that the model reads; tells where one is not there.
    fn check(&self, user: &JoinedRow) -> anyhow::Result<()> {
        let Some(reason) = lacking(self.needed.iter().map(|name| &**name), user) else {
            return Ok(());
        };
        ensure!(
            !is_bare(&self.needed, user),
            "--users-sql: {reason}, which the model reads"
        );
        output::note(&format!(
            "--users-sql: {reason}, which the model reads: it is missing for every user"
        ));
        Ok(())
    }

    fn typed(&self, user: &JoinedRow) -> anyhow::Result<(i64, Row)> {
        let values = self.fields.iter().map(|(name, ty)| user.value(name, *ty));
        let values = values.collect::<Result<Vec<Value>, String>>();
        let values = values.map_err(|fault| anyhow!("user {}: {fault}", user.id))?;
        Ok((user.id, Row::new(&self.layout, values)))
    }
}
