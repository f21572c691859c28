//! Users from a statement in a SQLite database, for those who embed them all.
//!
//! Beside [`crate::stream::users`], which has PostgreSQL and files. The decision: the file is opened for reading alone and read row by
//! row, so that a database in use stays as it is and memory holds one chunk.

use std::path::PathBuf;

use rusqlite::{Connection, OpenFlags, Row};
use serde_json::{Map, Value as Json};

use crate::error::PipelineError;
use crate::stream::lookup_sqlite::{fault, json};
use crate::stream::users::Take;
use crate::stream::{JoinedRow, UserRows};

/// Users handed over at a time.
const CHUNK: usize = 500;

/// A statement over a database.
#[derive(Debug, Clone)]
pub struct SqliteUsers {
    /// The file.
    pub path: PathBuf,
    /// A SELECT without parameters.
    pub sql: String,
    /// The column that identifies a user: whole numbers.
    pub key: String,
}

impl SqliteUsers {
    fn fault<'a>(&'a self, action: &'a str) -> impl Fn(rusqlite::Error) -> PipelineError + 'a {
        move |error| fault(&self.path, action, &error.to_string())
    }

    fn user(&self, names: &[String], row: &Row<'_>) -> Result<JoinedRow, PipelineError> {
        let mut cells = Map::new();
        for (at, name) in names.iter().enumerate() {
            let value = row.get_ref(at).map_err(self.fault("read a user"))?;
            cells.insert(name.clone(), json(value));
        }
        match cells.get(&self.key).and_then(Json::as_i64) {
            Some(id) => Ok(JoinedRow { id, as_of: 0, cells }),
            None => Err(PipelineError::Stream {
                reason: format!(
                    "users: expected a row with `{}` as a whole number, got {}",
                    self.key,
                    Json::Object(cells)
                ),
            }),
        }
    }
}

impl UserRows for SqliteUsers {
    fn read(&self, take: Take<'_>) -> Result<(), PipelineError> {
        let fail = self.fault("run the users' statement");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(&self.path, flags).map_err(self.fault("open"))?;
        let mut statement = database.prepare(&self.sql).map_err(&fail)?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([]).map_err(&fail)?;
        let mut users = Vec::with_capacity(CHUNK);
        while let Some(row) = rows.next().map_err(&fail)? {
            users.push(self.user(&names, row)?);
            if users.len() == CHUNK {
                take(std::mem::take(&mut users))?;
            }
        }
        take(users)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_users_of_a_statement_come_in_chunks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.db");
        let made = "CREATE TABLE u (user_id INTEGER, age REAL, likes TEXT);
            WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < 1200)
            INSERT INTO u SELECT x, x / 2.0, '[\"War\"]' FROM n";
        Connection::open(&path).unwrap().execute_batch(made).unwrap();
        let read = |sql: &str, key: &str| {
            let (mut sizes, mut last) = (Vec::new(), None);
            let source = SqliteUsers {
                path: path.clone(),
                sql: sql.to_owned(),
                key: key.to_owned(),
            };
            source.read(&mut |mut users| {
                sizes.push(users.len());
                last = users.pop().or(last.take());
                Ok(())
            })?;
            Ok::<_, PipelineError>((sizes, last))
        };
        let (sizes, last) = read("SELECT * FROM u ORDER BY user_id", "user_id").unwrap();
        assert_eq!(sizes, [500, 500, 200]);
        let last = last.unwrap();
        assert_eq!((last.id, &last.cells["age"]), (1200, &Json::from(600.0)));
        let error = read("SELECT * FROM u", "id").unwrap_err().to_string();
        assert!(
            error.contains("expected a row with `id` as a whole number"),
            "{error}"
        );
        let error = read("SELECT nosuch FROM u", "id").unwrap_err().to_string();
        assert!(error.contains("shop.db") && error.contains("nosuch"), "{error}");
    }
}
