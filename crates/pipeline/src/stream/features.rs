//! Where joined rows are kept: the item feature table.
//!
//! Written before the vectors, read again when a new artefact version embeds the catalogue, and by anyone who wants to
//! recompute a vector. Two forms: a table in PostgreSQL, and rows in a row store (Redis, embedded). The decision: rows
//! keep their as-of time and source position in columns of those names, and are replaced whole. A table gains the columns that
//! the join gets: what a row lacks here, a later version of the model would never see.

use std::sync::Arc;

use postgres::Client;
use rankine_store::{Cells, RowStore};
use serde_json::{Map, Value as Json};

use super::change::Position;
use super::joined::{self, JoinedRow, Types};
use super::lookup_postgres::connect;
use super::postgres::quoted;
use super::statement::Statement;
use crate::error::PipelineError;

/// The column of the as-of time.
pub const AS_OF: &str = "as_of";
/// The column of the source position, as one number.
pub const POSITION: &str = "source_position";

/// The item feature table.
pub trait FeatureRows: Send {
    /// Adds rows or replaces them; durable when it returns.
    ///
    /// # Errors
    /// The store's own.
    fn put(&mut self, rows: &[(JoinedRow, Position)]) -> Result<(), PipelineError>;

    /// Removes rows.
    ///
    /// # Errors
    /// The store's own.
    fn delete(&mut self, ids: &[i64]) -> Result<(), PipelineError>;

    /// The rows of ids, in their order.
    ///
    /// # Errors
    /// The store's own.
    fn get(&mut self, ids: &[i64]) -> Result<Vec<Option<JoinedRow>>, PipelineError>;
}

/// Items whose rows a table refuses, each with the reason.
pub(crate) type Refused = Vec<(i64, String)>;

/// Writes rows; where a table refuses one for its values, each alone, so that the others are there.
pub(crate) fn put_each(
    features: &mut dyn FeatureRows,
    rows: &[(JoinedRow, Position)],
) -> Result<Refused, PipelineError> {
    match features.put(rows) {
        Err(error) if error.is_about_data() => {}
        other => return other.map(|()| Refused::new()),
    }
    let mut refused = Refused::new();
    for row in rows {
        match features.put(std::slice::from_ref(row)) {
            Err(error) if error.is_about_data() => refused.push((row.0.id, error.to_string())),
            other => other?,
        }
    }
    Ok(refused)
}

/// Rows in a row store, as a server's item dictionary reads them.
pub struct StoredFeatures {
    store: Arc<dyn RowStore>,
    family: String,
    types: Types,
}

impl StoredFeatures {
    /// Rows of `family`, in the text form of the fields' types.
    #[must_use]
    pub fn new(store: Arc<dyn RowStore>, family: &str, types: Types) -> StoredFeatures {
        StoredFeatures {
            store,
            family: family.to_owned(),
            types,
        }
    }

    fn cells(&self, row: &JoinedRow, position: Position) -> Cells {
        let printed = row.cells.iter().filter_map(|(name, cell)| {
            let text = joined::print(self.types.of(name), cell)?;
            Some((name.clone(), text))
        });
        let own = [
            (AS_OF.to_owned(), row.as_of.to_string()),
            (POSITION.to_owned(), position.packed().to_string()),
        ];
        printed.chain(own).collect()
    }

    fn row(&self, id: i64, cells: Cells) -> JoinedRow {
        let as_of = cells.get(AS_OF).and_then(|text| text.parse().ok()).unwrap_or(0);
        let others = cells
            .into_iter()
            .filter(|(name, _)| name != AS_OF && name != POSITION);
        let cells = others.map(|(name, text)| {
            let cell = joined::read(self.types.of(&name), &text);
            (name, cell)
        });
        JoinedRow {
            id,
            as_of,
            cells: cells.collect(),
        }
    }
}

impl FeatureRows for StoredFeatures {
    fn put(&mut self, rows: &[(JoinedRow, Position)]) -> Result<(), PipelineError> {
        let rows: Vec<(i64, Cells)> = rows
            .iter()
            .map(|(row, at)| (row.id, self.cells(row, *at)))
            .collect();
        Ok(self.store.put_many(&self.family, &rows)?)
    }

    fn delete(&mut self, ids: &[i64]) -> Result<(), PipelineError> {
        Ok(self.store.delete_many(&self.family, ids)?)
    }

    fn get(&mut self, ids: &[i64]) -> Result<Vec<Option<JoinedRow>>, PipelineError> {
        let found = self.store.get_many(&self.family, ids)?;
        let rows = ids.iter().zip(found);
        Ok(rows
            .map(|(id, cells)| cells.map(|cells| self.row(*id, cells)))
            .collect())
    }
}

/// Rows in a table of PostgreSQL.
pub struct PostgresFeatures {
    dsn: String,
    table: String,
    key: String,
    sql: String,
    session: Option<Session>,
}

/// A connection, and the statements that the table's columns make.
struct Session {
    client: Client,
    columns: Vec<String>,
    put: postgres::Statement,
    get: postgres::Statement,
    delete: postgres::Statement,
}

impl PostgresFeatures {
    /// Rows of `table` with the key column `key`; where there is no such table it is made after the columns of `sql`.
    #[must_use]
    pub fn new(dsn: &str, table: &str, key: &str, sql: &str) -> PostgresFeatures {
        let parts: Vec<String> = table.split('.').map(quoted).collect();
        PostgresFeatures {
            dsn: dsn.to_owned(),
            table: parts.join("."),
            key: key.to_owned(),
            sql: sql.to_owned(),
            session: None,
        }
    }

    fn session(&mut self) -> Result<&mut Session, PipelineError> {
        let session = match self.session.take() {
            Some(session) if !session.client.is_closed() => session,
            _ => self.open()?,
        };
        Ok(self.session.insert(session))
    }

    fn open(&self) -> Result<Session, PipelineError> {
        let mut client = connect(&self.dsn)?;
        self.make(&mut client)?;
        let columns = self.widen(&mut client)?;
        let names: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
        let own = quoted(&self.key);
        let sets: Vec<String> = names.iter().map(|c| format!("{c} = excluded.{c}")).collect();
        let (table, list, sets) = (&self.table, names.join(", "), sets.join(", "));
        let position = quoted(POSITION);
        let put = format!(
            "INSERT INTO {table} AS kept ({list}) SELECT {list} FROM json_populate_recordset(NULL::{table}, $1::text::json) \
             ON CONFLICT ({own}) DO UPDATE SET {sets} WHERE COALESCE(kept.{position}, 0) <= excluded.{position}"
        );
        let get = format!(
            "SELECT kept.{own}::bigint, row_to_json(kept)::text, (extract(epoch FROM kept.{}) * 1000000)::bigint \
             FROM {table} AS kept WHERE kept.{own} = ANY ($1::bigint[])",
            quoted(AS_OF)
        );
        let delete = format!("DELETE FROM {table} WHERE {own} = ANY ($1::bigint[])");
        let mut prepare = |sql: &str| {
            let action = format!("prepare a statement on the feature table {table}");
            client.prepare(sql).map_err(PipelineError::postgres(action))
        };
        let (put, get, delete) = (prepare(&put)?, prepare(&get)?, prepare(&delete)?);
        Ok(Session {
            client,
            columns,
            put,
            get,
            delete,
        })
    }

    /// Makes the table after the join's columns, where there is none.
    fn make(&self, client: &mut Client) -> Result<(), PipelineError> {
        let fail = || PipelineError::postgres(format!("make the feature table {}", self.table));
        let exists = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&self.table]);
        if exists.map_err(fail())?.get(0) {
            return Ok(());
        }
        let (table, key, joined) = (&self.table, quoted(&self.key), self.joined());
        let command = format!(
            "BEGIN; CREATE TABLE {table} AS {joined} WITH NO DATA; \
             ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {} timestamptz, ADD COLUMN IF NOT EXISTS {} bigint, \
             ADD PRIMARY KEY ({key}); COMMIT",
            quoted(AS_OF),
            quoted(POSITION)
        );
        client.batch_execute(&command).map_err(fail())
    }

    fn columns(&self, client: &mut Client) -> Result<Vec<String>, PipelineError> {
        const QUERY: &str = "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) \
             AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
        let rows = client.query(QUERY, &[&self.table]);
        let rows = rows.map_err(PipelineError::postgres("look at the feature table"))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// The user's statement, of no item at no time.
    fn joined(&self) -> String {
        let sql = Statement::read(&self.sql).with(|name| match name {
            "as_of" => "NULL::timestamptz".to_owned(),
            _ => "NULL::bigint[]".to_owned(),
        });
        format!("SELECT rankine_row.* FROM (\n{sql}\n) AS rankine_row")
    }

    /// Adds the join's columns that the table lacks; all its columns.
    fn widen(&self, client: &mut Client) -> Result<Vec<String>, PipelineError> {
        let columns = self.columns(client)?;
        // where the table lies in another database than those that are joined, its columns are its owner's to keep
        let Ok(joined) = client.prepare(&self.joined()) else {
            return Ok(columns);
        };
        let lacks = joined
            .columns()
            .iter()
            .filter(|c| !columns.iter().any(|name| name == c.name()));
        let added: Vec<String> = lacks
            .map(|column| {
                let (name, ty) = (quoted(column.name()), column.type_());
                format!(
                    "ADD COLUMN IF NOT EXISTS {name} {}.{}",
                    quoted(ty.schema()),
                    quoted(ty.name())
                )
            })
            .collect();
        if added.is_empty() {
            return Ok(columns);
        }
        let command = format!("ALTER TABLE {} {}", self.table, added.join(", "));
        let action = format!("widen the feature table {} ({})", self.table, added.join(", "));
        client
            .batch_execute(&command)
            .map_err(PipelineError::postgres(action))?;
        self.columns(client)
    }

    /// A session on a table that has all columns of `rows`.
    fn session_for(&mut self, rows: &[(JoinedRow, Position)]) -> Result<&mut Session, PipelineError> {
        if lacking(&self.session()?.columns, rows).is_some() {
            // the statement has got a column since: a star in it, and a table that was altered
            self.session = None;
        }
        let table = self.table.clone();
        let session = self.session()?;
        match lacking(&session.columns, rows) {
            None => Ok(session),
            Some(column) => Err(PipelineError::Stream {
                reason: format!(
                    "the feature table {table} has no column `{column}`, which the join gives: ALTER TABLE {table} ADD COLUMN {} …",
                    quoted(column)
                ),
            }),
        }
    }
}

impl FeatureRows for PostgresFeatures {
    fn put(&mut self, rows: &[(JoinedRow, Position)]) -> Result<(), PipelineError> {
        if rows.is_empty() {
            return Ok(());
        }
        let key = self.key.clone();
        let list: Json = rows
            .iter()
            .map(|(row, at)| Json::Object(with_own(row, *at, &key)))
            .collect();
        let session = self.session_for(rows)?;
        let done = session.client.execute(&session.put, &[&list.to_string()]);
        done.map_err(PipelineError::postgres("write feature rows"))
            .map(|_| ())
    }

    fn delete(&mut self, ids: &[i64]) -> Result<(), PipelineError> {
        if ids.is_empty() {
            return Ok(());
        }
        let session = self.session()?;
        let done = session.client.execute(&session.delete, &[&ids]);
        done.map_err(PipelineError::postgres("delete feature rows"))
            .map(|_| ())
    }

    fn get(&mut self, ids: &[i64]) -> Result<Vec<Option<JoinedRow>>, PipelineError> {
        let session = self.session()?;
        let rows = session.client.query(&session.get, &[&ids]);
        let rows = rows.map_err(PipelineError::postgres("read feature rows"))?;
        let mut found: rustc_hash::FxHashMap<i64, JoinedRow> = rustc_hash::FxHashMap::default();
        for row in rows {
            let Ok(Json::Object(mut cells)) = serde_json::from_str(row.get(1)) else {
                continue;
            };
            cells.remove(AS_OF);
            cells.remove(POSITION);
            let (id, as_of) = (row.get(0), row.get::<_, Option<i64>>(2).unwrap_or(0));
            found.insert(id, JoinedRow { id, as_of, cells });
        }
        Ok(ids.iter().map(|id| found.remove(id)).collect())
    }
}

/// The first column of `rows` that is not among `columns`.
fn lacking<'a>(columns: &[String], rows: &'a [(JoinedRow, Position)]) -> Option<&'a str> {
    let mut names = rows.iter().flat_map(|(row, _)| row.cells.keys());
    names.find(|name| !columns.contains(name)).map(String::as_str)
}

/// The row's cells with its key, time and position.
fn with_own(row: &JoinedRow, at: Position, key: &str) -> Map<String, Json> {
    let mut cells = row.cells.clone();
    cells.insert(key.to_owned(), Json::from(row.id));
    cells.insert(AS_OF.to_owned(), Json::from(iso(row.as_of)));
    cells.insert(POSITION.to_owned(), Json::from(at.packed()));
    cells
}

/// A time as PostgreSQL reads it, to the microsecond.
pub(crate) fn iso(micros: i64) -> String {
    let nanos = i128::from(micros) * 1000;
    let time = time::OffsetDateTime::from_unix_timestamp_nanos(nanos);
    let time = time.unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    format!(
        "{} {:02}:{:02}:{:02}.{:06}+00",
        time.date(),
        time.hour(),
        time.minute(),
        time.second(),
        time.microsecond()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_feature::FieldType;
    use rankine_store::MemoryRows;
    use serde_json::json;

    #[test]
    fn times_keep_their_microseconds() {
        let micros = 1_646_265_600_123_456;
        assert_eq!(iso(micros), "2022-03-03 00:00:00.123456+00");
        assert_eq!(super::super::moment::parse(&iso(micros)), Some(micros));
    }

    #[test]
    fn stored_rows_come_back_with_their_time() {
        let types = Types::new(vec![
            ("tags".into(), FieldType::Weighted),
            ("v".into(), FieldType::Vector(2)),
        ]);
        let mut rows = StoredFeatures::new(Arc::new(MemoryRows::new()), "mf", types);
        let cells = json!({"tags": {"a": 0.5}, "v": [1.0, 2.5], "title": "Heat"});
        let row = JoinedRow {
            id: 7,
            as_of: 99,
            cells: cells.as_object().unwrap().clone(),
        };
        rows.put(&[(row.clone(), Position::new(8, 1))]).unwrap();
        assert_eq!(rows.get(&[7, 8]).unwrap(), [Some(row), None]);
        rows.delete(&[7]).unwrap();
        assert_eq!(rows.get(&[7]).unwrap(), [None]);
    }
}
