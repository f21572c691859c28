//! What the stream must not forget: how far each key is, what waits to be made again, what was confirmed.
//!
//! One SQLite file. The decision: it is written in one transaction after the sinks, and synced before the source is told, so
//! that a crash between any two of them costs a replay; keys that were deleted stay as tombstones, so that a replay cannot
//! bring a row back. A batch's own transaction is not synced: after a power cut the file is as of an earlier batch, from
//! which the source has not been told to go on.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::change::Position;
use super::embedder::Identity;
use super::source::{Backfill, Opened, Past};
use crate::error::PipelineError;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS applied (key INTEGER PRIMARY KEY, lsn INTEGER NOT NULL, seq INTEGER NOT NULL,
  live INTEGER NOT NULL, as_of INTEGER NOT NULL, created INTEGER, hash INTEGER NOT NULL,
  unjoined INTEGER NOT NULL DEFAULT 0, row_hash INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pending (key INTEGER PRIMARY KEY, lsn INTEGER NOT NULL, seq INTEGER NOT NULL,
  as_of INTEGER NOT NULL, reason INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pending_reason ON pending (reason, key);
CREATE TABLE IF NOT EXISTS moved (dimension TEXT NOT NULL, key TEXT NOT NULL, lsn INTEGER NOT NULL, seq INTEGER NOT NULL,
  as_of INTEGER NOT NULL, PRIMARY KEY (dimension, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS moved_place ON moved (lsn, seq);
CREATE INDEX IF NOT EXISTS applied_age ON applied (live, COALESCE(created, as_of));
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
";

/// A row that waits is asked for with the later place and the stronger reason: a backfill also takes rows without a vector.
const ASKED_AGAIN: &str = "ON CONFLICT (key) DO UPDATE SET \
     lsn = max(lsn, excluded.lsn), seq = CASE WHEN excluded.lsn >= lsn THEN excluded.seq ELSE seq END, \
     as_of = max(as_of, excluded.as_of), \
     reason = CASE WHEN 2 IN (reason, excluded.reason) THEN 2 ELSE min(reason, excluded.reason) END";

/// Columns of `applied` that files of earlier versions lack.
const ADDED: [&str; 2] = [
    "unjoined INTEGER NOT NULL DEFAULT 0",
    "row_hash INTEGER NOT NULL DEFAULT 0",
];

/// The columns that [`applied_of`] reads.
const COLUMNS: &str = "lsn, seq, live, as_of, created, hash, unjoined, row_hash";

/// A row that waits may have been written to the sinks by a process that was killed before it could say so: whether its features
/// have changed cannot be told from what is known here.
const DISTRUST: &str = "UPDATE applied SET hash = 0, row_hash = 0 WHERE key IN (SELECT key FROM pending)";

/// The note of the model that made a version's vectors; the version's number follows.
const MAKER: &str = "maker of version ";

/// The note of the version that lacks changes.
const LACKING: &str = "version that lacks changes";

/// The note of what is added to the source's places.
const BASE: &str = "base";

/// The note of the latest time that the source has told.
const LATEST: &str = "latest";

/// How far a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The change that was applied last.
    pub position: Position,
    /// Whether it has a vector; a tombstone otherwise.
    pub live: bool,
    /// Whether it is a tombstone because the join gave no row, which a row that comes later may mend. What was deleted, or whose
    /// time is over, does not come back.
    pub unjoined: bool,
    /// The time its columns were computed for.
    pub as_of: i64,
    /// When the item came into being, where that is known.
    pub created: Option<i64>,
    /// [`JoinedRow::hash`](super::joined::JoinedRow::hash) of what its vector's row was made of, with the model's version.
    pub hash: u64,
    /// The same of all its columns: of its feature row.
    pub row_hash: u64,
}

impl Applied {
    /// Whether the join is asked again when what it rests on has changed.
    #[must_use]
    pub fn may_live(&self) -> bool {
        self.live || self.unjoined
    }
}

/// Why a row is to be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A row of a dimension table that it rests on has changed.
    Dimension = 0,
    /// It was a dead letter.
    Replay = 1,
    /// It was there before the stream began.
    Backfill = 2,
    /// Its age has changed.
    Refresh = 3,
}

impl Reason {
    fn of(number: i64) -> Reason {
        match number {
            0 => Reason::Dimension,
            1 => Reason::Replay,
            2 => Reason::Backfill,
            _ => Reason::Refresh,
        }
    }
}

/// A row to be made again when nothing new waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The item.
    pub key: i64,
    /// The change that asks for it.
    pub position: Position,
    /// The time it is to be computed for.
    pub as_of: i64,
    /// Why.
    pub reason: Reason,
}

/// A row of a dimension that has changed, and whose items have not been asked for yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// [`Dimension::name`](super::lookup::Dimension::name).
    pub dimension: String,
    /// The row's key.
    pub key: String,
    /// Its last change.
    pub position: Position,
    /// When that was committed.
    pub as_of: i64,
}

/// All that one micro-batch leaves behind.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Keys that are further now.
    pub applied: Vec<(i64, Applied)>,
    /// Rows to be made again.
    pub pending: Vec<Pending>,
    /// What was made again, as it was asked for: what has been asked anew since stays.
    pub done: Vec<Pending>,
    /// Rows of dimensions that have changed.
    pub moved: Vec<Moved>,
    /// Those whose items wait now, as they were told: what has moved anew since stays.
    pub spread: Vec<Moved>,
    /// What may be confirmed.
    pub confirmed: Option<u64>,
    /// The latest time that the source has told.
    pub latest: Option<i64>,
}

/// The file. One process has it open at a time.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    database: Connection,
}

impl State {
    /// Opens the file, making it where there is none.
    ///
    /// # Errors
    /// `Sqlite`: damaged, or another stream runs on it.
    pub fn open(path: &Path) -> Result<State, PipelineError> {
        if let Some(folder) = path.parent() {
            let made = std::fs::create_dir_all(folder);
            made.map_err(|e| fault(path, "make the folder of", &e.to_string()))?;
        }
        let opened = || -> rusqlite::Result<Connection> {
            let database = Connection::open(path)?;
            database.execute_batch(
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE;",
            )?;
            database.execute_batch(TABLES)?;
            widen(&database)?;
            database.execute_batch(DISTRUST)?;
            database.execute_batch("COMMIT")?;
            database.set_prepared_statement_cache_capacity(64);
            Ok(database)
        };
        let database = opened().map_err(|e| fault(path, "open", &e.to_string()))?;
        Ok(State {
            path: path.to_owned(),
            database,
        })
    }

    /// Runs `read` with the connection; its error gets the file's name.
    fn run<T>(
        &self,
        action: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, PipelineError> {
        read(&self.database).map_err(|e| fault(&self.path, action, &e.to_string()))
    }

    /// What an earlier run has left behind; a snapshot that was not finished counts for nothing.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn past(&self) -> Result<Past, PipelineError> {
        Ok(Past {
            confirmed: self.meta("confirmed")?.and_then(|text| text.parse().ok()),
            origin: self.meta("origin")?,
            base: self.meta(BASE)?.and_then(|text| text.parse().ok()).unwrap_or(0),
        })
    }

    /// The latest time that the source has told, as far as batches were kept.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn latest(&self) -> Result<Option<i64>, PipelineError> {
        Ok(self.meta(LATEST)?.and_then(|text| text.parse().ok()))
    }

    /// A named note.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn meta(&self, name: &str) -> Result<Option<String>, PipelineError> {
        self.run("read", |database| {
            let query = "SELECT value FROM meta WHERE name = ?1";
            database.query_row(query, [name], |row| row.get(0)).optional()
        })
    }

    /// Keeps a named note.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn set_meta(&self, name: &str, value: &str) -> Result<(), PipelineError> {
        self.run("write", |database| put_meta(database, name, value))
    }

    /// Which model made the vectors of a version, where that was noted.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn maker(&self, version: u64) -> Result<Option<Identity>, PipelineError> {
        let noted = self.meta(&format!("{MAKER}{version}"))?;
        Ok(noted.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Notes which model makes the vectors of a version.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn set_maker(&self, version: u64, maker: &Identity) -> Result<(), PipelineError> {
        let noted = serde_json::json!(maker).to_string();
        self.set_meta(&format!("{MAKER}{version}"), &noted)
    }

    /// The version that serves and lacks changes, since its model was away when they came.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn lacking(&self) -> Result<Option<u64>, PipelineError> {
        Ok(self.meta(LACKING)?.and_then(|text| text.parse().ok()))
    }

    /// Notes which version lacks changes; none of them any more.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn set_lacking(&self, version: Option<u64>) -> Result<(), PipelineError> {
        let text = version.map_or_else(String::new, |version| version.to_string());
        self.set_meta(LACKING, &text)
    }

    /// Notes that the source is open: its origin, and the place it begins at, which ends a snapshot. Of another source's rows nothing is
    /// taken for unchanged: its feature table is another one, too.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn opened(&mut self, opened: &Opened) -> Result<(), PipelineError> {
        let before = self.meta("origin")?;
        self.transact("write", |database| {
            if before.is_some_and(|before| before != opened.origin) {
                database.execute_batch("UPDATE applied SET hash = 0, row_hash = 0")?;
            }
            put_meta(database, "origin", &opened.origin)?;
            put_meta(database, BASE, &opened.base.to_string())?;
            put_meta(database, "confirmed", &opened.from.to_string())
        })
    }

    /// How far keys are, in the order of `keys`.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn applied(&self, keys: &[i64]) -> Result<Vec<Option<Applied>>, PipelineError> {
        self.run("read", |database| {
            let query = format!("SELECT {COLUMNS} FROM applied WHERE key = ?1");
            let mut query = database.prepare_cached(&query)?;
            keys.iter()
                .map(|key| query.query_row([key], applied_of).optional())
                .collect()
        })
    }

    /// Live keys above `after`, ascending, at most `count`.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn live_after(&self, after: Option<i64>, count: usize) -> Result<Vec<(i64, Applied)>, PipelineError> {
        let query =
            format!("SELECT {COLUMNS}, key FROM applied WHERE +live = 1 AND key >= ?1 ORDER BY key LIMIT ?2");
        let Some(from) = after.map_or(Some(i64::MIN), |key| key.checked_add(1)) else {
            return Ok(Vec::new());
        };
        self.run("read", |database| {
            let mut query = database.prepare_cached(&query)?;
            let rows = query.query_map(params![from, signed(count as u64)], |row| {
                Ok((row.get("key")?, applied_of(row)?))
            })?;
            rows.collect()
        })
    }

    /// Rows that wait to be made again, at most `count`: those that rest on a changed row of a dimension, or the others, which are
    /// replays, the backfill and refreshes, in this order.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn next_pending(&self, of_dimensions: bool, count: usize) -> Result<Vec<Pending>, PipelineError> {
        let query = "SELECT key, lsn, seq, as_of, reason FROM pending WHERE reason BETWEEN ?1 AND ?2 ORDER BY reason, key LIMIT ?3";
        let (least, most) = if of_dimensions { (0, 0) } else { (1, i64::MAX) };
        self.run("read", |database| {
            let mut query = database.prepare_cached(query)?;
            let rows = query.query_map(params![least, most, signed(count as u64)], |row| {
                Ok(Pending {
                    key: row.get(0)?,
                    position: Position::new(unsigned(row.get(1)?), row.get(2)?),
                    as_of: row.get(3)?,
                    reason: Reason::of(row.get(4)?),
                })
            })?;
            rows.collect()
        })
    }

    /// Whether anything waits: a row, or the items of a changed row of a dimension.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn waits(&self) -> Result<bool, PipelineError> {
        let query = "SELECT EXISTS (SELECT 1 FROM pending) OR EXISTS (SELECT 1 FROM moved)";
        self.run("read", |database| {
            database.prepare_cached(query)?.query_row([], |row| row.get(0))
        })
    }

    /// Rows of dimensions that have changed and whose items have not been asked for, at most `count`, in the order of changes.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn next_moved(&self, count: usize) -> Result<Vec<Moved>, PipelineError> {
        let query = "SELECT dimension, key, lsn, seq, as_of FROM moved ORDER BY lsn, seq LIMIT ?1";
        self.run("read", |database| {
            let mut query = database.prepare_cached(query)?;
            let rows = query.query_map([signed(count as u64)], |row| {
                Ok(Moved {
                    dimension: row.get(0)?,
                    key: row.get(1)?,
                    position: Position::new(unsigned(row.get(2)?), row.get(3)?),
                    as_of: row.get(4)?,
                })
            })?;
            rows.collect()
        })
    }

    /// Numbers of live keys, tombstones, and waiting rows, of items and of dimensions.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn counts(&self) -> Result<(u64, u64, u64), PipelineError> {
        let query = "SELECT (SELECT count(*) FROM applied WHERE live = 1), \
             (SELECT count(*) FROM applied WHERE live = 0), (SELECT count(*) FROM pending) + (SELECT count(*) FROM moved)";
        self.run("read", |database| {
            database.query_row(query, [], |row| {
                Ok((
                    unsigned(row.get(0)?),
                    unsigned(row.get(1)?),
                    unsigned(row.get(2)?),
                ))
            })
        })
    }

    /// Writes a batch's outcome, all or nothing; it survives the process, and after [`State::sync`] the machine.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn commit(&mut self, outcome: &Outcome) -> Result<(), PipelineError> {
        self.transact("write", |database| {
            put_applied(database, &outcome.applied)?;
            put_done(database, &outcome.done)?;
            put_pending(database, &outcome.pending)?;
            put_spread(database, &outcome.spread)?;
            put_moved(database, &outcome.moved)?;
            if let Some(latest) = outcome.latest {
                put_meta(database, LATEST, &latest.to_string())?;
            }
            match outcome.confirmed {
                Some(place) => put_meta(database, "confirmed", &place.to_string()),
                None => Ok(()),
            }
        })
    }

    /// Brings everything to disk. A log's sync covers what was written before.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn sync(&mut self) -> Result<(), PipelineError> {
        self.run("sync", |database| {
            database.execute_batch("PRAGMA synchronous = FULL")?;
            let command =
                "INSERT INTO meta VALUES ('synced', '0') ON CONFLICT (name) DO UPDATE SET value = value + 1";
            let done = database.execute_batch(command);
            database.execute_batch("PRAGMA synchronous = NORMAL")?;
            done
        })
    }

    /// Live keys whose item came into being (where that is unknown: was computed) before `time`, at most `count`, the oldest
    /// first.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn live_before(&self, time: i64, count: usize) -> Result<Vec<(i64, Applied)>, PipelineError> {
        let query = format!(
            "SELECT {COLUMNS}, key FROM applied WHERE live = 1 AND COALESCE(created, as_of) < ?1 \
             ORDER BY COALESCE(created, as_of) LIMIT ?2"
        );
        self.run("read", |database| {
            let mut query = database.prepare_cached(&query)?;
            let rows = query.query_map(params![time, signed(count as u64)], |row| {
                Ok((row.get("key")?, applied_of(row)?))
            })?;
            rows.collect()
        })
    }

    /// Live keys that were last applied before `lsn` and that no backfill of that place waits for, at most `count`: after a
    /// snapshot, those it did not have.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn live_not_since(
        &self,
        lsn: u64,
        after: Option<i64>,
        count: usize,
    ) -> Result<Vec<i64>, PipelineError> {
        let query = "SELECT key FROM applied WHERE +live = 1 AND lsn < ?1 AND (?2 IS NULL OR key > ?2) \
             AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.key = applied.key AND p.reason = 2 AND p.lsn >= ?1) \
             ORDER BY key LIMIT ?3";
        self.run("read", |database| {
            let mut query = database.prepare_cached(query)?;
            let rows = query.query_map(params![signed(lsn), after, signed(count as u64)], |row| {
                row.get(0)
            })?;
            rows.collect()
        })
    }

    /// Asks for all rows that live, or may, to be made again for `as_of`; how many.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn refresh(&mut self, as_of: i64) -> Result<usize, PipelineError> {
        let command = "INSERT INTO pending SELECT key, lsn, seq, ?1, 3 FROM applied WHERE (live = 1 OR unjoined = 1) AND as_of < ?1 \
             ON CONFLICT (key) DO NOTHING";
        self.run("write", |database| database.execute(command, [as_of]))
    }

    /// Asks for all rows that live, or may, to be made again, since a dimension has changed at `at`; how many.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn unsettle(&mut self, at: Position, as_of: i64) -> Result<usize, PipelineError> {
        let command = format!(
            "INSERT INTO pending SELECT key, ?1, ?2, ?3, 0 FROM applied WHERE live = 1 OR unjoined = 1 {ASKED_AGAIN}"
        );
        self.run("write", |database| {
            database.execute(&command, params![signed(at.lsn), at.seq, as_of])
        })
    }

    /// Tombstones of changes before `time`, at most `count`.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn tombstones_before(&self, time: i64, count: usize) -> Result<Vec<(i64, Position)>, PipelineError> {
        let query = "SELECT key, lsn, seq FROM applied \
             WHERE live = 0 AND COALESCE(created, as_of) < ?1 AND as_of < ?1 LIMIT ?2";
        self.run("read", |database| {
            let mut query = database.prepare_cached(query)?;
            let rows = query.query_map(params![time, signed(count as u64)], |row| {
                Ok((row.get(0)?, Position::new(unsigned(row.get(1)?), row.get(2)?)))
            })?;
            rows.collect()
        })
    }

    /// Forgets tombstones.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn forget(&mut self, keys: &[(i64, Position)]) -> Result<(), PipelineError> {
        self.transact("write", |database| {
            let command = "DELETE FROM applied WHERE key = ?1 AND live = 0";
            let mut command = database.prepare_cached(command)?;
            keys.iter()
                .try_for_each(|(key, _)| command.execute([key]).map(drop))
        })
    }

    fn transact(
        &mut self,
        action: &'static str,
        write: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), PipelineError> {
        let path = &self.path;
        let run = || {
            let transaction = self.database.unchecked_transaction()?;
            write(&transaction)?;
            transaction.commit()
        };
        run().map_err(|e| fault(path, action, &e.to_string()))
    }
}

impl Backfill for State {
    fn rows(&mut self, at: Position, keys: &[i64]) -> Result<(), PipelineError> {
        let pending = |key: &i64| Pending {
            key: *key,
            position: at,
            as_of: 0,
            reason: Reason::Backfill,
        };
        let pending: Vec<Pending> = keys.iter().map(pending).collect();
        self.transact("write", |database| put_pending(database, &pending))
    }

    fn highest(&mut self) -> Result<u64, PipelineError> {
        let query = "SELECT max(COALESCE((SELECT max(lsn) FROM applied), 0), COALESCE((SELECT max(lsn) FROM pending), 0), \
             COALESCE((SELECT max(lsn) FROM moved), 0), COALESCE((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'confirmed'), 0))";
        self.run("read", |database| database.query_row(query, [], |row| row.get(0)))
            .map(unsigned)
    }
}

fn put_meta(database: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    let command = "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    database
        .prepare_cached(command)?
        .execute([name, value])
        .map(|_| ())
}

fn put_applied(database: &Connection, applied: &[(i64, Applied)]) -> rusqlite::Result<()> {
    let command = format!(
        "INSERT OR REPLACE INTO applied (key, {COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
    );
    let mut command = database.prepare_cached(&command)?;
    for (key, one) in applied {
        let Position { lsn, seq } = one.position;
        let hash = one.hash.cast_signed();
        command.execute(params![
            key,
            signed(lsn),
            seq,
            one.live,
            one.as_of,
            one.created,
            hash,
            one.unjoined,
            one.row_hash.cast_signed()
        ])?;
    }
    Ok(())
}

fn put_pending(database: &Connection, pending: &[Pending]) -> rusqlite::Result<()> {
    let command = format!("INSERT INTO pending VALUES (?1, ?2, ?3, ?4, ?5) {ASKED_AGAIN}");
    let mut command = database.prepare_cached(&command)?;
    for one in pending {
        let Position { lsn, seq } = one.position;
        command.execute(params![one.key, signed(lsn), seq, one.as_of, one.reason as i64])?;
    }
    Ok(())
}

fn put_done(database: &Connection, done: &[Pending]) -> rusqlite::Result<()> {
    let command = "DELETE FROM pending WHERE key = ?1 AND lsn = ?2 AND seq = ?3 AND as_of = ?4";
    let mut command = database.prepare_cached(command)?;
    for one in done {
        let Position { lsn, seq } = one.position;
        command.execute(params![one.key, signed(lsn), seq, one.as_of])?;
    }
    Ok(())
}

fn put_moved(database: &Connection, moved: &[Moved]) -> rusqlite::Result<()> {
    let command = "INSERT INTO moved VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (dimension, key) DO UPDATE SET \
         lsn = max(lsn, excluded.lsn), seq = CASE WHEN excluded.lsn >= lsn THEN excluded.seq ELSE seq END, \
         as_of = max(as_of, excluded.as_of)";
    let mut command = database.prepare_cached(command)?;
    for one in moved {
        let Position { lsn, seq } = one.position;
        command.execute(params![one.dimension, one.key, signed(lsn), seq, one.as_of])?;
    }
    Ok(())
}

fn put_spread(database: &Connection, spread: &[Moved]) -> rusqlite::Result<()> {
    let command =
        "DELETE FROM moved WHERE dimension = ?1 AND key = ?2 AND lsn = ?3 AND seq = ?4 AND as_of = ?5";
    let mut command = database.prepare_cached(command)?;
    for one in spread {
        let Position { lsn, seq } = one.position;
        command.execute(params![one.dimension, one.key, signed(lsn), seq, one.as_of])?;
    }
    Ok(())
}

fn applied_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Applied> {
    Ok(Applied {
        position: Position::new(unsigned(row.get(0)?), row.get(1)?),
        live: row.get(2)?,
        as_of: row.get(3)?,
        created: row.get(4)?,
        hash: row.get::<_, i64>(5)?.cast_unsigned(),
        unjoined: row.get(6)?,
        row_hash: row.get::<_, i64>(7)?.cast_unsigned(),
    })
}

/// Adds the columns that a file of an earlier version lacks.
fn widen(database: &Connection) -> rusqlite::Result<()> {
    for column in ADDED {
        let name = column.split(' ').next();
        let query = "SELECT count(*) FROM pragma_table_info('applied') WHERE name = ?1";
        let there: bool = database.query_row(query, [name], |row| row.get(0))?;
        if !there {
            database.execute_batch(&format!("ALTER TABLE applied ADD COLUMN {column}"))?;
        }
    }
    Ok(())
}

/// Places fit into signed numbers: 49 bits and three more.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn fault(path: &Path, action: &str, reason: &str) -> PipelineError {
    PipelineError::Sqlite {
        path: path.to_owned(),
        action: action.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(lsn: u64, live: bool) -> Applied {
        Applied {
            position: Position::new(lsn, 0),
            live,
            unjoined: false,
            as_of: 5,
            created: Some(3),
            hash: u64::MAX - 1,
            row_hash: 0,
        }
    }

    #[test]
    fn a_file_of_an_earlier_version_is_read_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let earlier = "CREATE TABLE applied (key INTEGER PRIMARY KEY, lsn INTEGER NOT NULL, seq INTEGER NOT NULL, live INTEGER NOT NULL, \
             as_of INTEGER NOT NULL, created INTEGER, hash INTEGER NOT NULL) WITHOUT ROWID; INSERT INTO applied VALUES (7, 8, 0, 1, 5, 3, -2)";
        Connection::open(&path).unwrap().execute_batch(earlier).unwrap();
        for _ in 0..2 {
            let state = State::open(&path).unwrap();
            assert_eq!(state.applied(&[7]).unwrap(), [Some(applied(8, true))]);
        }
    }

    fn pending(key: i64, lsn: u64, reason: Reason) -> Pending {
        Pending {
            key,
            position: Position::new(lsn, 0),
            as_of: 1,
            reason,
        }
    }

    #[test]
    fn an_outcome_is_there_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/state.db");
        let whole = Applied {
            row_hash: u64::MAX,
            ..applied(8, true)
        };
        let outcome = Outcome {
            applied: vec![(1, whole), (2, applied(16, false))],
            pending: vec![pending(9, 8, Reason::Dimension)],
            confirmed: Some(24),
            latest: Some(-7),
            ..Outcome::default()
        };
        let mut state = State::open(&path).unwrap();
        let opened = |origin: &str| Opened {
            origin: origin.to_owned(),
            from: 8,
            base: 16,
            snapshot: true,
        };
        assert_eq!(state.highest().unwrap(), 0);
        state.opened(&opened("here")).unwrap();
        state.commit(&outcome).unwrap();
        assert!(State::open(&path).is_err(), "two streams on one state");
        drop(state);
        let mut state = State::open(&path).unwrap();
        let past = Past {
            confirmed: Some(24),
            origin: Some("here".to_owned()),
            base: 16,
        };
        assert_eq!(state.past().unwrap(), past);
        assert_eq!(state.latest().unwrap(), Some(-7));
        let found = state.applied(&[2, 7, 1]).unwrap();
        assert_eq!(found, [Some(applied(16, false)), None, Some(whole)]);
        assert_eq!(state.counts().unwrap(), (1, 1, 1));
        assert_eq!(state.live_after(None, 9).unwrap(), [(1, whole)]);
        assert_eq!(state.live_after(Some(1), 9).unwrap(), []);
        assert_eq!(state.highest().unwrap(), 24);
        state.opened(&opened("elsewhere")).unwrap();
        let found = state.applied(&[1]).unwrap()[0].unwrap();
        assert_eq!((found.position.lsn, found.hash, found.row_hash), (8, 0, 0));
    }

    #[test]
    fn waiting_rows_are_coalesced_and_stay_when_asked_for_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open(&folder.path().join("state.db")).unwrap();
        state.rows(Position::new(8, 0), &[1, 2]).unwrap();
        let taken = state.next_pending(false, 1).unwrap();
        assert_eq!(
            taken,
            [Pending {
                as_of: 0,
                ..pending(1, 8, Reason::Backfill)
            }]
        );
        let again = Outcome {
            pending: vec![pending(1, 16, Reason::Dimension)],
            ..Outcome::default()
        };
        state.commit(&again).unwrap();
        let done = Outcome {
            done: taken,
            ..Outcome::default()
        };
        state.commit(&done).unwrap();
        let left = state.next_pending(false, 9).unwrap();
        assert_eq!(left[0], pending(1, 16, Reason::Backfill));
        assert_eq!(left[1].key, 2);
        let moved = Outcome {
            pending: vec![pending(3, 16, Reason::Dimension), pending(4, 16, Reason::Refresh)],
            ..Outcome::default()
        };
        state.commit(&moved).unwrap();
        let keys = |of_dimensions| -> Vec<i64> {
            let waiting = state.next_pending(of_dimensions, 9).unwrap();
            waiting.iter().map(|one| one.key).collect()
        };
        assert_eq!((keys(true), keys(false)), (vec![3], vec![1, 2, 4]));
        assert!(state.waits().unwrap());
    }

    #[test]
    fn a_row_of_a_dimension_waits_once_and_stays_when_it_moves_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let moved = |key: &str, lsn: u64| Moved {
            dimension: "author.name".to_owned(),
            key: key.to_owned(),
            position: Position::new(lsn, 0),
            as_of: 7,
        };
        let outcome = |moved: Vec<Moved>, spread: Vec<Moved>| Outcome {
            moved,
            spread,
            ..Outcome::default()
        };
        let mut state = State::open(&path).unwrap();
        for lsn in 1..50 {
            state.commit(&outcome(vec![moved("a", lsn)], Vec::new())).unwrap();
        }
        state.commit(&outcome(vec![moved("b", 9)], Vec::new())).unwrap();
        assert_eq!(state.counts().unwrap(), (0, 0, 2));
        let taken = state.next_moved(9).unwrap();
        assert_eq!(taken, [moved("b", 9), moved("a", 49)]);
        state.commit(&outcome(vec![moved("a", 60)], Vec::new())).unwrap();
        state.commit(&outcome(Vec::new(), taken)).unwrap();
        drop(state);
        assert_eq!(
            State::open(&path).unwrap().next_moved(9).unwrap(),
            [moved("a", 60)]
        );
    }

    #[test]
    fn what_a_killed_process_may_have_written_is_not_taken_for_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let mut state = State::open(&path).unwrap();
        let outcome = Outcome {
            applied: vec![(1, applied(8, true)), (2, applied(8, true))],
            pending: vec![pending(2, 16, Reason::Dimension)],
            ..Outcome::default()
        };
        state.commit(&outcome).unwrap();
        state.sync().unwrap();
        drop(state);
        let found = State::open(&path).unwrap().applied(&[1, 2]).unwrap();
        let hashes: Vec<u64> = found.into_iter().map(|one| one.unwrap().hash).collect();
        assert_eq!(hashes, [u64::MAX - 1, 0]);
    }

    #[test]
    fn refresh_asks_for_the_living_that_are_older() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open(&folder.path().join("state.db")).unwrap();
        let unjoined = Applied {
            unjoined: true,
            ..applied(8, false)
        };
        let outcome = Outcome {
            applied: vec![(1, applied(8, true)), (2, applied(8, false)), (3, unjoined)],
            ..Outcome::default()
        };
        state.commit(&outcome).unwrap();
        assert_eq!(state.applied(&[3]).unwrap(), [Some(unjoined)]);
        assert_eq!(state.refresh(5).unwrap(), 0);
        assert_eq!(
            state.refresh(6).unwrap(),
            2,
            "and for those that the join gave nothing"
        );
        let waiting = state.next_pending(false, 9).unwrap();
        assert_eq!(
            (waiting[0].key, waiting[0].as_of, waiting[0].reason),
            (1, 6, Reason::Refresh)
        );
        let old = state.tombstones_before(6, 9).unwrap();
        assert_eq!(old.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [2, 3]);
        state.forget(&old).unwrap();
        assert_eq!(state.counts().unwrap().1, 0);
        assert_eq!(state.live_before(4, 9).unwrap().len(), 1);
        assert_eq!(
            state.live_not_since(9, None, 9).unwrap(),
            [1],
            "it waits to be made again, which no snapshot asks for"
        );
        state.rows(Position::new(9, 0), &[1]).unwrap();
        assert_eq!(state.live_not_since(9, None, 9).unwrap(), Vec::<i64>::new());
        assert_eq!(
            state.live_not_since(10, None, 9).unwrap(),
            [1],
            "it waits for an earlier one"
        );
    }

    #[test]
    fn the_maker_of_a_version_is_noted() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("state.db")).unwrap();
        let maker = Identity {
            model: "films".to_owned(),
            checksum: "12ab".to_owned(),
        };
        state.set_maker(3, &maker).unwrap();
        assert_eq!(state.maker(3).unwrap(), Some(maker));
        assert_eq!(state.maker(4).unwrap(), None);
    }
}
