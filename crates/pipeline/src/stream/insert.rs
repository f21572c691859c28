//! Writing into a stream's source: a row inserted, changed or deleted, as the source's owner would do it.
//!
//! For a form that shows what becomes of a change, and for nothing that has to be quick. The decision: the change goes where
//! all others come from (a row of the PostgreSQL table, a line of the file), never around it, so that what is shown is the
//! whole way; the key is the largest there is and one.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use postgres::Client;
use serde_json::{Map, Value as Json, json};

use super::config::StreamConfig;
use super::lookup_postgres::connect;
use super::postgres::quoted;
use crate::error::PipelineError;

/// How often a key that somebody else has just taken is tried again.
const TRIES: usize = 20;

/// A row's columns by name, without its key.
pub type Cells = Map<String, Json>;

/// Writes into one source.
pub struct SourceWriter {
    table: String,
    key: String,
    create_time: String,
    form: Form,
}

enum Form {
    File(ChangeFile),
    Postgres {
        dsn: String,
        client: Option<Box<Client>>,
    },
}

/// A file of changes, and what is known of the keys in it.
struct ChangeFile {
    path: PathBuf,
    /// Up to here it was looked through.
    seen: u64,
    largest: i64,
}

impl SourceWriter {
    /// Of the source of a compiled configuration ([`StreamConfig::compile`]); connects when it is first asked.
    ///
    /// # Errors
    /// `Malformed`: a source of a kind that cannot be written here.
    pub fn new(config: &StreamConfig, file: &Path) -> Result<SourceWriter, PipelineError> {
        let source = &config.source;
        let form = match source.kind.as_str() {
            "file" => Form::File(ChangeFile {
                path: PathBuf::from(&source.file),
                seen: 0,
                largest: 0,
            }),
            "postgres" => Form::Postgres {
                dsn: source.dsn.clone(),
                client: None,
            },
            other => {
                return Err(PipelineError::Malformed {
                    path: file.to_owned(),
                    reason: format!(
                        "source.kind: expected postgres or file, which can be written, got `{other}`"
                    ),
                });
            }
        };
        Ok(SourceWriter {
            table: source.table.clone(),
            key: source.key.clone(),
            create_time: source.create_time.clone(),
            form,
        })
    }

    /// Inserts a row that comes into being now, by `clock` (microseconds since 1970 UTC); its key.
    ///
    /// # Errors
    /// The file's or the database's own.
    pub fn insert(&mut self, mut cells: Cells, clock: &dyn Fn() -> i64) -> Result<i64, PipelineError> {
        let next = match &mut self.form {
            Form::File(file) => file.largest(&self.table, &self.key)? + 1,
            Form::Postgres { .. } => 0,
        };
        let now = clock();
        if !self.create_time.is_empty() {
            cells.insert(self.create_time.clone(), Json::from(to_second(now)));
        }
        match &self.form {
            Form::File(file) => {
                cells.insert(self.key.clone(), Json::from(next));
                file.append(&line("insert", &self.table, now, cells))?;
                Ok(next)
            }
            Form::Postgres { .. } => self.insert_row(&cells),
        }
    }

    /// Gives a row's columns other values; whether there was such a row (a file does not say).
    ///
    /// # Errors
    /// The file's or the database's own.
    pub fn update(&mut self, key: i64, mut cells: Cells, now: i64) -> Result<bool, PipelineError> {
        if let Form::File(file) = &self.form {
            cells.insert(self.key.clone(), Json::from(key));
            file.append(&line("update", &self.table, now, cells))?;
            return Ok(true);
        }
        let sets: Vec<String> = cells
            .keys()
            .map(|c| format!("{0} = new.{0}", quoted(c)))
            .collect();
        let table = self.quoted_table();
        let sql = format!(
            "UPDATE {table} AS old SET {} FROM json_populate_record(NULL::{table}, $1::text::json) AS new WHERE old.{} = $2::bigint",
            sets.join(", "),
            quoted(&self.key)
        );
        let cells = Json::Object(cells).to_string();
        let changed = self.client()?.execute(&sql, &[&cells, &key]);
        Ok(changed.map_err(PipelineError::postgres("update a row of the source"))? > 0)
    }

    /// Deletes a row; whether there was one (a file does not say).
    ///
    /// # Errors
    /// The file's or the database's own.
    pub fn delete(&mut self, key: i64, now: i64) -> Result<bool, PipelineError> {
        if let Form::File(file) = &self.form {
            let row = Map::from_iter([(self.key.clone(), Json::from(key))]);
            file.append(&line("delete", &self.table, now, row))?;
            return Ok(true);
        }
        let sql = format!(
            "DELETE FROM {} WHERE {} = $1::bigint",
            self.quoted_table(),
            quoted(&self.key)
        );
        let deleted = self.client()?.execute(&sql, &[&key]);
        Ok(deleted.map_err(PipelineError::postgres("delete a row of the source"))? > 0)
    }

    /// Inserts under the next key; again where somebody else was quicker.
    fn insert_row(&mut self, cells: &Cells) -> Result<i64, PipelineError> {
        let (table, key) = (self.quoted_table(), quoted(&self.key));
        let columns: Vec<String> = cells.keys().map(|column| quoted(column)).collect();
        let list = columns.join(", ");
        let sql = format!(
            "INSERT INTO {table} ({key}, {list}) SELECT (SELECT COALESCE(max({key}), 0) + 1 FROM {table}), {list} \
             FROM json_populate_record(NULL::{table}, $1::text::json) RETURNING {key}::bigint"
        );
        let cells = Json::Object(cells.clone()).to_string();
        let client = self.client()?;
        let mut tries = 0;
        loop {
            tries += 1;
            match client.query_one(&sql, &[&cells]) {
                Ok(row) => return Ok(row.get(0)),
                Err(error) if taken(&error) && tries < TRIES => {}
                Err(error) => return Err(PipelineError::postgres("insert into the source")(error)),
            }
        }
    }

    fn quoted_table(&self) -> String {
        let parts: Vec<String> = self.table.split('.').map(quoted).collect();
        parts.join(".")
    }

    fn client(&mut self) -> Result<&mut Client, PipelineError> {
        let Form::Postgres { dsn, client } = &mut self.form else {
            let (path, reason) = (PathBuf::new(), "a file has no connection".to_owned());
            return Err(PipelineError::Malformed { path, reason });
        };
        let open = match client.take() {
            Some(open) if !open.is_closed() => open,
            _ => Box::new(connect(dsn)?),
        };
        Ok(client.insert(open).as_mut())
    }
}

/// Whether a key was there already.
fn taken(error: &postgres::Error) -> bool {
    error.code() == Some(&postgres::error::SqlState::UNIQUE_VIOLATION)
}

fn line(op: &str, table: &str, now: i64, row: Cells) -> String {
    json!({"op": op, "table": table, "time": now, "row": row}).to_string()
}

/// A time to the second, UTC, as both databases and this crate read it.
fn to_second(micros: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp(micros.div_euclid(1_000_000));
    let time = time.unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let (hour, minute, second) = time.to_hms();
    format!("{} {hour:02}:{minute:02}:{second:02}", time.date())
}

impl ChangeFile {
    /// Looks through what was added since the last time for larger keys.
    fn largest(&mut self, table: &str, key: &str) -> Result<i64, PipelineError> {
        let fault = |error: std::io::Error| self.fault(&error);
        let mut file = File::open(&self.path).map_err(fault)?;
        file.seek(SeekFrom::Start(self.seen)).map_err(fault)?;
        let (mut reader, mut line) = (BufReader::new(file), Vec::new());
        let (mut seen, mut largest) = (self.seen, self.largest);
        while reader.read_until(b'\n', &mut line).map_err(fault)? > 0 {
            if line.last() != Some(&b'\n') {
                break;
            }
            seen += line.len() as u64;
            largest = largest.max(key_in(&line, table, key).unwrap_or(0));
            line.clear();
        }
        (self.seen, self.largest) = (seen, largest);
        Ok(largest)
    }

    /// Adds a line in one write, behind a whole one, and leaves it on disk.
    fn append(&self, line: &str) -> Result<(), PipelineError> {
        let fault = |error: std::io::Error| self.fault(&error);
        let options = OpenOptions::new().read(true).append(true).open(&self.path);
        let mut file = options.map_err(fault)?;
        let torn = file.seek(SeekFrom::End(-1)).is_ok() && {
            let mut last = [0];
            file.read_exact(&mut last).map_err(fault)?;
            last != *b"\n"
        };
        let begin = if torn { "\n" } else { "" };
        file.write_all(format!("{begin}{line}\n").as_bytes())
            .map_err(fault)?;
        file.sync_data().map_err(fault)
    }

    fn fault(&self, error: &std::io::Error) -> PipelineError {
        PipelineError::Malformed {
            path: self.path.clone(),
            reason: error.to_string(),
        }
    }
}

/// The key in a line of this table.
fn key_in(line: &[u8], table: &str, key: &str) -> Option<i64> {
    let line: Json = serde_json::from_slice(line).ok()?;
    let own = line.get("table")?.as_str()? == table;
    own.then(|| line.get("row")?.get(key)?.as_i64())?
}

#[cfg(test)]
mod tests {
    use super::super::change::{Kind, Position};
    use super::super::file;
    use super::*;

    fn writer(path: &Path) -> SourceWriter {
        let mut config = StreamConfig::default();
        config.source.kind = "file".to_owned();
        config.source.table = "film".to_owned();
        config.source.key = "film_id".to_owned();
        config.source.file = path.display().to_string();
        SourceWriter::new(&config, Path::new("stream.toml")).unwrap()
    }

    fn cells(title: &str) -> Cells {
        Map::from_iter([
            ("title".to_owned(), Json::from(title)),
            ("genres".to_owned(), json!(["Drama"])),
        ])
    }

    #[test]
    fn lines_are_what_the_source_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changes.jsonl");
        let other = r#"{"op":"insert","table":"director","row":{"film_id":900}}"#;
        let torn = r#"{"op":"insert","table":"film","row":{"film_id":7,"title":"Heat"}}"#;
        std::fs::write(&path, format!("{other}\n{torn}\nnot json")).unwrap();
        let mut writer = writer(&path);
        let now = 1_646_265_600_500_000;
        assert_eq!(writer.insert(cells("New \"one\"\n"), &|| now).unwrap(), 8);
        assert_eq!(writer.insert(cells("Newer"), &|| now).unwrap(), 9);
        assert!(writer.update(9, cells("Newest"), now).unwrap());
        assert!(writer.delete(8, now).unwrap());
        let text = std::fs::read_to_string(&path).unwrap();
        let told: Vec<_> = text
            .lines()
            .skip(3)
            .map(|line| file::read(line, Position::default(), 0).unwrap())
            .map(|change| {
                (
                    change.kind,
                    change.text("film_id").map(str::to_owned),
                    change.commit_time,
                )
            })
            .collect();
        let is = |kind, key: &str| (kind, Some(key.to_owned()), now);
        assert_eq!(
            told,
            [
                is(Kind::Insert, "8"),
                is(Kind::Insert, "9"),
                is(Kind::Update, "9"),
                is(Kind::Delete, "8")
            ]
        );
        assert!(text.contains("\"create_time\":\"2022-03-03 00:00:00\""), "{text}");
    }

    #[test]
    fn another_kind_of_source_is_refused_by_its_name() {
        let mut config = StreamConfig::default();
        config.source.kind = "kafka".to_owned();
        let error = SourceWriter::new(&config, Path::new("stream.toml"))
            .err()
            .unwrap();
        assert!(error.to_string().contains("`kafka`"), "{error}");
    }
}
