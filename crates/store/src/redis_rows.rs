//! Rows in Redis, laid out as SparrowRecSys lays them out: a hash `uf:<id>` or `mf:<id>` per row, a plain
//! string `i2vEmb:<id>` per vector.
//!
//! Each call is pipelined in chunks; a put wraps its chunk in `MULTI`/`EXEC`, so a row is replaced, never
//! merged. A call that meets a broken connection reconnects and repeats once, which the contract allows
//! because puts and deletes are idempotent. Connections wait in a small pool; no call waits for another's.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::{Client, Connection, ErrorKind, Pipeline, RedisError, RedisResult, Value};

use crate::rows::{check_family, check_rows, is_vector_family};
use crate::{Cells, RowStore, StoreError, VECTOR_CELL};

/// Keys per pipeline.
const CHUNK: usize = 500;

/// How to reach Redis and how long to wait.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RedisOptions {
    /// `redis://[user:password@]host:port/database`.
    pub url: String,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for one read or write on a connection.
    pub io_timeout: Duration,
    /// Idle connections kept for reuse.
    pub idle: usize,
}

impl RedisOptions {
    /// Options for an address with 2 s to connect, 5 s per read or write, 8 idle connections.
    pub fn new(url: &str) -> RedisOptions {
        RedisOptions {
            url: url.to_owned(),
            connect_timeout: Duration::from_secs(2),
            io_timeout: Duration::from_secs(5),
            idle: 8,
        }
    }
}

/// What [`RedisRows::scan_foreign`] found under one Redis key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// A proper row.
    Row(i64, Cells),
    /// A key of the family that holds no row: its id is no integer, or its type is not what the family has.
    Rejected {
        /// The whole Redis key.
        key: String,
        /// Why.
        reason: String,
    },
}

/// Rows in a Redis server; see [`RowStore`] for the contract. As durable as that server is configured to be.
pub struct RedisRows {
    client: Client,
    address: String,
    options: RedisOptions,
    idle: Mutex<Vec<Connection>>,
}

impl RedisRows {
    /// Connects (once, to fail early) and returns the store.
    ///
    /// # Errors
    /// [`StoreError::Redis`] if the address is malformed or nothing answers in time.
    pub fn connect(options: RedisOptions) -> Result<RedisRows, StoreError> {
        let rows = RedisRows::of(options)?;
        rows.ping()?;
        Ok(rows)
    }

    /// As [`RedisRows::connect`], but a server that is away is no fault: the first call that finds it there is answered.
    ///
    /// # Errors
    /// As [`RedisRows::connect`], where the server answers, and for a malformed address.
    pub fn open(options: RedisOptions) -> Result<RedisRows, StoreError> {
        let rows = RedisRows::of(options)?;
        match rows.ping() {
            Err(StoreError::Redis { source, address, .. }) if is_away(&source) => {
                tracing::warn!(address, reason = %source, "Redis is away; it is waited for");
                Ok(rows)
            }
            answered => answered.map(|()| rows),
        }
    }

    /// One that has asked nothing yet.
    fn of(options: RedisOptions) -> Result<RedisRows, StoreError> {
        let refuse = |source: RedisError| StoreError::Redis {
            action: "understand the address",
            address: "(the given url)".to_owned(),
            source: Box::new(source),
        };
        let client = Client::open(options.url.as_str()).map_err(refuse)?;
        Ok(RedisRows {
            address: client.get_connection_info().addr().to_string(),
            client,
            options,
            idle: Mutex::new(Vec::new()),
        })
    }

    fn ping(&self) -> Result<(), StoreError> {
        let ping = |connection: &mut Connection| redis::cmd("PING").query::<String>(connection);
        self.run("ping", ping).map(|_| ())
    }

    fn reach(&self) -> RedisResult<Connection> {
        let connection = self
            .client
            .get_connection_with_timeout(self.options.connect_timeout)?;
        connection.set_read_timeout(Some(self.options.io_timeout))?;
        connection.set_write_timeout(Some(self.options.io_timeout))?;
        Ok(connection)
    }

    /// Runs a command on a pooled connection; on a broken one, once more on a new one.
    pub(crate) fn run<T>(
        &self,
        action: &'static str,
        call: impl Fn(&mut Connection) -> RedisResult<T>,
    ) -> Result<T, StoreError> {
        let pooled = self.lock_idle().pop();
        let first = pooled.map(|connection| self.attempt(connection, &call));
        let outcome = match first {
            Some(Err(error)) if is_broken(&error) => None,
            other => other,
        };
        let outcome = outcome.unwrap_or_else(|| {
            self.lock_idle().clear();
            self.attempt(self.reach()?, &call)
        });
        outcome.map_err(|error| self.fail(action, error))
    }

    /// Runs once; the connection returns to the pool unless it may be out of step with the server.
    fn attempt<T>(
        &self,
        mut connection: Connection,
        call: impl Fn(&mut Connection) -> RedisResult<T>,
    ) -> RedisResult<T> {
        let outcome = call(&mut connection);
        let in_step = outcome.as_ref().err().is_none_or(|error| !is_broken(error));
        if in_step {
            let mut idle = self.lock_idle();
            if idle.len() < self.options.idle {
                idle.push(connection);
            }
        }
        outcome
    }

    fn lock_idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All Redis keys of a family, unsorted, possibly repeated (`SCAN`, which does not block the server).
    pub(crate) fn keys(&self, family: &str) -> Result<Vec<String>, StoreError> {
        let pattern = format!("{family}:*");
        let mut cursor = 0_u64;
        let mut all = Vec::new();
        loop {
            let (next, page): (u64, Vec<String>) = self.run("scan", |connection| {
                let mut scan = redis::cmd("SCAN");
                scan.arg(cursor)
                    .arg("MATCH")
                    .arg(&pattern)
                    .arg("COUNT")
                    .arg(1000)
                    .query(connection)
            })?;
            all.extend(page);
            if next == 0 {
                return Ok(all);
            }
            cursor = next;
        }
    }

    /// Visits all keys of a family as some other program wrote them: rows by ascending id, and what is no row
    /// as [`Scanned::Rejected`]. [`RowStore::scan`] is this without the rejects.
    ///
    /// # Errors
    /// [`StoreError::Family`] or [`StoreError::Redis`].
    pub fn scan_foreign(&self, family: &str, visit: &mut dyn FnMut(Scanned)) -> Result<(), StoreError> {
        check_family(family)?;
        let mut ids = Vec::new();
        let mut odd = Vec::new();
        for key in self.keys(family)? {
            match canonical_id(&key[family.len() + 1..]) {
                Some(id) => ids.push(id),
                None => odd.push(key),
            }
        }
        ids.sort_unstable();
        ids.dedup();
        odd.sort_unstable();
        odd.dedup();
        for chunk in ids.chunks(CHUNK) {
            for (id, reply) in chunk.iter().zip(self.read_chunk(family, chunk)?) {
                if let Some(entry) = self.foreign(family, *id, reply)? {
                    visit(entry);
                }
            }
        }
        for key in odd {
            visit(Scanned::Rejected {
                key,
                reason: "the id is not a decimal integer".to_owned(),
            });
        }
        Ok(())
    }

    /// Reads up to [`CHUNK`] rows; a key of the wrong type fails its own entry, not the call. No row: no cells.
    fn read_chunk(&self, family: &str, keys: &[i64]) -> Result<Vec<RedisResult<Cells>>, StoreError> {
        let command = if is_vector_family(family) {
            "GET"
        } else {
            "HGETALL"
        };
        let mut pipe = Pipeline::with_capacity(keys.len());
        pipe.ignore_errors();
        for key in keys {
            pipe.cmd(command).arg(name(family, *key));
        }
        let replies: Vec<RedisResult<Value>> = self.run("read rows", |connection| pipe.query(connection))?;
        Ok(replies
            .into_iter()
            .map(|reply| cells_of(family, reply?))
            .collect())
    }

    /// Sorts a reply into row, nothing, or reject; what is the server's fault stays an error.
    fn foreign(
        &self,
        family: &str,
        id: i64,
        reply: RedisResult<Cells>,
    ) -> Result<Option<Scanned>, StoreError> {
        match reply {
            Ok(cells) if cells.is_empty() => Ok(None),
            Ok(cells) => Ok(Some(Scanned::Row(id, cells))),
            Err(error) if is_foreign(&error) => Ok(Some(Scanned::Rejected {
                key: name(family, id),
                reason: error.to_string(),
            })),
            Err(error) => Err(self.fail("read rows", error)),
        }
    }

    fn fail(&self, action: &'static str, source: RedisError) -> StoreError {
        StoreError::Redis {
            action,
            address: self.address.clone(),
            source: Box::new(source),
        }
    }

    fn write_chunk(&self, family: &str, rows: &[(i64, Cells)]) -> Result<(), StoreError> {
        let mut pipe = Pipeline::with_capacity(2 * rows.len());
        pipe.atomic();
        for (key, cells) in rows {
            add_put(&mut pipe, family, *key, cells);
        }
        self.run("write rows", |connection| pipe.query::<()>(connection))
    }
}

fn add_put(pipe: &mut Pipeline, family: &str, key: i64, cells: &Cells) {
    let key = name(family, key);
    pipe.cmd("DEL").arg(&key).ignore();
    if cells.is_empty() {
        return;
    }
    if is_vector_family(family) {
        pipe.cmd("SET").arg(&key).arg(cells.get(VECTOR_CELL)).ignore();
        return;
    }
    let put = pipe.cmd("HSET").arg(&key);
    for (field, text) in cells {
        put.arg(field).arg(text);
    }
    put.ignore();
}

fn name(family: &str, key: i64) -> String {
    format!("{family}:{key}")
}

/// The id if its text is the one we would write (`7`, not `07` or `+7`), so that no two keys are one row.
fn canonical_id(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().filter(|id| id.to_string() == text)
}

/// After these the connection is gone or its replies may be out of step.
fn is_broken(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error()
}

/// Whether a server that may answer later did not answer now: nothing listens, the way is cut, it still reads its file.
fn is_away(error: &RedisError) -> bool {
    error.is_io_error() || matches!(error.code(), Some("LOADING" | "MASTERDOWN"))
}

/// The key holds something that is no row of ours: another Redis type, or bytes that are not UTF-8.
fn is_foreign(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE")
        || matches!(error.kind(), ErrorKind::Parse | ErrorKind::UnexpectedReturnType)
}

fn cells_of(family: &str, value: Value) -> RedisResult<Cells> {
    if !is_vector_family(family) {
        return Ok(redis::from_redis_value::<Cells>(value)?);
    }
    let text: Option<String> = redis::from_redis_value(value)?;
    Ok(text
        .map(|text| (VECTOR_CELL.to_owned(), text))
        .into_iter()
        .collect())
}

impl RowStore for RedisRows {
    fn get_many(&self, family: &str, keys: &[i64]) -> Result<Vec<Option<Cells>>, StoreError> {
        check_family(family)?;
        let mut rows = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(CHUNK) {
            for reply in self.read_chunk(family, chunk)? {
                let cells = reply.map_err(|error| self.fail("read rows", error))?;
                rows.push(Some(cells).filter(|cells| !cells.is_empty()));
            }
        }
        Ok(rows)
    }

    fn put_many(&self, family: &str, rows: &[(i64, Cells)]) -> Result<(), StoreError> {
        check_rows(family, rows)?;
        rows.chunks(CHUNK)
            .try_for_each(|chunk| self.write_chunk(family, chunk))
    }

    fn delete_many(&self, family: &str, keys: &[i64]) -> Result<(), StoreError> {
        check_family(family)?;
        for chunk in keys.chunks(CHUNK) {
            let names: Vec<String> = chunk.iter().map(|key| name(family, *key)).collect();
            self.run("delete rows", |connection| {
                redis::cmd("DEL").arg(&names).query::<()>(connection)
            })?;
        }
        Ok(())
    }

    fn scan(&self, family: &str, visit: &mut dyn FnMut(i64, Cells)) -> Result<(), StoreError> {
        self.scan_foreign(family, &mut |entry| {
            if let Scanned::Row(key, cells) = entry {
                visit(key, cells);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_ids_are_rows() {
        assert_eq!(canonical_id("-7"), Some(-7));
        for odd in ["07", "+7", "7 ", "x", "", "9223372036854775808"] {
            assert_eq!(canonical_id(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn a_malformed_address_is_an_error_that_hides_it() {
        let error = RedisRows::connect(RedisOptions::new("http://user:secret@host"))
            .err()
            .unwrap();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
