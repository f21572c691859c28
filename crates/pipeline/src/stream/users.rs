//! Users' vectors: made anew for each artefact version, so that a switch finds both sides ready.
//!
//! Beside the generations. The decision: all users are read and embedded on a thread of their own while the items' generation
//! fills and serves on; searches are switched only once both sides are complete, in one step per store. Between two versions
//! users are embedded elsewhere (`rankine embed`, at request time); here they only have to be there when the version changes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

use rankine_feature::json;
use rankine_store::vectors::{Generation, Metric, Shape, VectorRow, VectorStore};
use rankine_table::json_lines::JsonLinesReader;
use rankine_table::{Record, Step, parquet};
use serde_json::{Map, Value as Json};

use super::embedder::{Embedder, Embedders, Identity, is_bare, lacking, vectors_of};
use super::joined::JoinedRow;
use super::lookup_postgres::connect;
use super::state::State;
use crate::error::PipelineError;
use crate::sample::cells::Cells;

/// Users read, embedded and written at a time.
const CHUNK: usize = 500;

/// The note of the model that made the users' vectors of a version; the version's number follows.
const MAKER: &str = "maker of users of version ";

/// Takes some rows; a failure ends the reading.
pub type Take<'a> = &'a mut dyn FnMut(Vec<JoinedRow>) -> Result<(), PipelineError>;

/// Where users' rows come from.
pub trait UserRows: Send + Sync {
    /// Hands over all users, some at a time.
    ///
    /// # Errors
    /// The source's own, or what `take` failed with.
    fn read(&self, take: Take<'_>) -> Result<(), PipelineError>;
}

/// Users from a statement in PostgreSQL, read through a cursor.
#[derive(Debug, Clone)]
pub struct PostgresUsers {
    /// How to connect.
    pub dsn: String,
    /// A SELECT without parameters.
    pub sql: String,
    /// The column that identifies a user: whole numbers.
    pub key: String,
}

impl UserRows for PostgresUsers {
    fn read(&self, take: Take<'_>) -> Result<(), PipelineError> {
        let fail = || PipelineError::postgres("run the users' statement");
        let mut client = connect(&self.dsn)?;
        let statement = self.sql.trim().trim_end_matches(';');
        let declare = format!(
            "BEGIN READ ONLY; DECLARE rankine_users NO SCROLL CURSOR FOR \
             SELECT row_to_json(rankine_user)::text FROM (\n{statement}\n) AS rankine_user"
        );
        client.batch_execute(&declare).map_err(fail())?;
        let fetch = format!("FETCH FORWARD {CHUNK} FROM rankine_users");
        loop {
            let rows = client.query(&fetch, &[]).map_err(fail())?;
            if rows.is_empty() {
                return Ok(());
            }
            let rows = rows.iter().map(|row| user(row.get(0), &self.key));
            take(rows.collect::<Result<_, _>>()?)?;
        }
    }
}

/// Users from a file: Parquet, or JSON lines by any other name.
#[derive(Debug, Clone)]
pub struct FileUsers {
    /// The file.
    pub path: PathBuf,
    /// The column that identifies a user: whole numbers.
    pub key: String,
}

impl FileUsers {
    fn parquet(&self, take: Take<'_>) -> Result<(), PipelineError> {
        let mut reader = parquet::Reader::open(&self.path, CHUNK)?;
        let mut cells = Cells::default();
        while let Some(table) = reader.next_batch()? {
            let rows = table.columns.first().map_or(0, |column| column.1.len());
            let row = |at: usize| {
                let named = table
                    .columns
                    .iter()
                    .map(|(name, column)| (name.clone(), json::print(&cells.natural(column, at))));
                keyed(named.collect(), &self.key)
            };
            take((0..rows).map(row).collect::<Result<_, _>>()?)?;
        }
        Ok(())
    }

    fn lines(&self, take: Take<'_>) -> Result<(), PipelineError> {
        let (mut reader, mut record) = (JsonLinesReader::open(&self.path, &[])?, Record::default());
        let mut rows = Vec::new();
        loop {
            let mut cells = Map::new();
            match reader.next_object(&mut record, &mut cells)? {
                Step::Row => rows.push(keyed(cells, &self.key)?),
                Step::Fault(fault) => {
                    return Err(PipelineError::Malformed {
                        path: self.path.clone(),
                        reason: format!("line {}: {}", fault.line, fault.reason),
                    });
                }
                Step::End => return take(rows),
            }
            if rows.len() == CHUNK {
                take(std::mem::take(&mut rows))?;
            }
        }
    }
}

impl UserRows for FileUsers {
    fn read(&self, take: Take<'_>) -> Result<(), PipelineError> {
        match self.path.extension().is_some_and(|e| e == "parquet") {
            true => self.parquet(take),
            false => self.lines(take),
        }
    }
}

/// A user's row from the text of a JSON object.
///
/// # Errors
/// `Stream`: no object, or none with that key as a whole number.
fn user(text: &str, key: &str) -> Result<JoinedRow, PipelineError> {
    match serde_json::from_str(text) {
        Ok(Json::Object(cells)) => keyed(cells, key),
        _ => Err(no_user(text, key)),
    }
}

fn keyed(cells: Map<String, Json>, key: &str) -> Result<JoinedRow, PipelineError> {
    match cells.get(key).and_then(Json::as_i64) {
        Some(id) => Ok(JoinedRow { id, as_of: 0, cells }),
        None => Err(no_user(&Json::Object(cells).to_string(), key)),
    }
}

fn no_user(got: &str, key: &str) -> PipelineError {
    PipelineError::Stream {
        reason: format!("users: expected a row with `{key}` as a whole number, got {got}"),
    }
}

/// The users' side of a stream.
pub struct Users {
    /// The set of their vectors.
    pub set: String,
    /// Their rows.
    pub rows: Arc<dyn UserRows>,
    /// The model, for its users.
    pub embedders: Arc<dyn Embedders>,
}

/// Users' vectors for one version, on their way.
pub(crate) struct Making {
    version: u64,
    given_up: Arc<AtomicBool>,
    thread: JoinHandle<Result<(usize, Identity), PipelineError>>,
}

impl Users {
    /// Refuses a version whose users' vectors serve and were made by another model than the one that has its number now. A model
    /// that is not there says nothing.
    pub(crate) fn agree(
        &self,
        version: u64,
        stores: &[Arc<dyn VectorStore>],
        state: &State,
    ) -> Result<(), PipelineError> {
        let noted = state.meta(&format!("{MAKER}{version}"))?;
        let maker = noted.and_then(|text| serde_json::from_str(&text).ok());
        let mut serve = false;
        for store in stores {
            serve |= store.current(&self.set)? == Some(version);
        }
        match self.embedders.open(version) {
            Ok(embedder) if serve => embedder.identity().follows(maker, ("users' vectors", version)),
            _ => Ok(()),
        }
    }

    /// Notes which model made the users' vectors of a version.
    pub(crate) fn made(&self, version: u64, maker: &Identity, state: &State) -> Result<(), PipelineError> {
        state.set_meta(
            &format!("{MAKER}{version}"),
            &serde_json::json!(maker).to_string(),
        )
    }

    /// Begins to make the vectors of `version`.
    pub(crate) fn begin(&self, version: u64, stores: &[Arc<dyn VectorStore>], now: i64) -> Making {
        let (rows, embedders) = (self.rows.clone(), self.embedders.clone());
        let given_up = Arc::new(AtomicBool::new(false));
        let task = Task {
            to: Generation::new(&self.set, version),
            stores: stores.to_vec(),
            given_up: given_up.clone(),
            now,
        };
        let run = move || {
            let embedder = embedders.open(version)?;
            let count = task.run(rows.as_ref(), embedder.as_ref())?;
            Ok((count, embedder.identity()))
        };
        Making {
            version,
            given_up,
            thread: std::thread::spawn(run),
        }
    }
}

impl Making {
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Whether there is an outcome.
    pub(crate) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// How many users have a vector now, and by which model; waits for the end.
    pub(crate) fn end(self) -> Result<(usize, Identity), PipelineError> {
        let died = |_| PipelineError::Stream {
            reason: "the thread that embeds users has died".to_owned(),
        };
        self.thread.join().map_err(died)?
    }

    /// Breaks it off: another version is newer by now, or the stream ends.
    pub(crate) fn give_up(self) {
        self.given_up.store(true, Relaxed);
        let _broken_off = self.thread.join();
    }
}

/// What runs on the thread.
struct Task {
    to: Generation,
    stores: Vec<Arc<dyn VectorStore>>,
    given_up: Arc<AtomicBool>,
    now: i64,
}

impl Task {
    fn run(&self, rows: &dyn UserRows, embedder: &dyn Embedder) -> Result<usize, PipelineError> {
        let shape = Shape {
            width: embedder.width(),
            metric: Metric::InnerProduct,
        };
        for store in &self.stores {
            // what a broken-off attempt left may hold users that are gone
            if store.current(&self.to.set)? != Some(self.to.version) {
                store.discard(&self.to)?;
            }
            store.prepare(&self.to, shape)?;
        }
        let mut count = 0;
        rows.read(&mut |users| {
            if self.given_up.load(Relaxed) {
                return Err(PipelineError::Stopped);
            }
            if count == 0 {
                named(&users, embedder)?;
            }
            count += self.write(&users, embedder)?;
            Ok(())
        })?;
        Ok(count)
    }

    /// Embeds and writes; a user without a vector is told and left out.
    fn write(&self, users: &[JoinedRow], embedder: &dyn Embedder) -> Result<usize, PipelineError> {
        let mut made = Vec::with_capacity(users.len());
        for (user, vector) in users.iter().zip(vectors_of(embedder, users)?) {
            match vector {
                Ok(vector) => made.push(VectorRow {
                    id: user.id,
                    vector,
                    as_of: self.now,
                    ..VectorRow::default()
                }),
                Err(reason) => tracing::warn!(id = user.id, reason, "no vector for this user"),
            }
        }
        for store in &self.stores {
            store.upsert(&self.to, &made)?;
        }
        Ok(made.len())
    }
}

/// Refuses rows none of which has any column that the model reads: a slip in the statement. That none has some is told.
fn named(users: &[JoinedRow], embedder: &dyn Embedder) -> Result<(), PipelineError> {
    let (needed, model) = (embedder.needed(), embedder.identity().model);
    let bare = users.iter().all(|user| is_bare(needed, user));
    for name in needed {
        let told: Option<Vec<String>> = users.iter().map(|user| lacking([&**name], user)).collect();
        match told.and_then(|told| told.into_iter().next()) {
            Some(reason) if bare => {
                return Err(PipelineError::Embed {
                    reason: format!("users: {reason}, which the model reads"),
                    model,
                    transient: false,
                });
            }
            Some(reason) => tracing::warn!(model, "users: {reason}, which the model reads"),
            None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_table::{Column, Table};

    #[test]
    fn a_user_is_a_row_with_its_key() {
        let row = user(r#"{"user_id": 7, "likes": ["War"]}"#, "user_id").unwrap();
        assert_eq!((row.id, &row.cells["likes"][0]), (7, &Json::from("War")));
        for text in ["[]", "{}", r#"{"user_id":"x"}"#, "{"] {
            let error = user(text, "user_id").unwrap_err().to_string();
            assert!(error.contains("`user_id`") && error.ends_with(text), "{error}");
        }
    }

    #[test]
    fn users_come_from_parquet_and_from_lines_alike() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str| {
            let (path, key) = (folder.path().join(name), "user".to_owned());
            let mut all = Vec::new();
            let done = FileUsers { path, key }.read(&mut |rows| {
                all.extend(rows);
                Ok(())
            });
            done.map(|()| all)
        };
        let columns = vec![
            ("user".to_owned(), Column::Int(vec![Some(1), Some(2)])),
            (
                "likes".to_owned(),
                Column::Texts(vec![Some(vec!["War".to_owned()]), None]),
            ),
        ];
        parquet::write(
            &folder.path().join("u.parquet"),
            &Table::new(columns).unwrap(),
            &[],
        )
        .unwrap();
        let lines = "{\"user\": 1, \"likes\": [\"War\"]}\n{\"user\": 2, \"likes\": null}\n";
        std::fs::write(folder.path().join("u.jsonl"), lines).unwrap();
        assert_eq!(read("u.parquet").unwrap(), read("u.jsonl").unwrap());
        std::fs::write(folder.path().join("bad.jsonl"), "{\"user\": 1}\nx\n").unwrap();
        let error = read("bad.jsonl").unwrap_err().to_string();
        assert!(error.contains("bad.jsonl: line 2"), "{error}");
    }
}
