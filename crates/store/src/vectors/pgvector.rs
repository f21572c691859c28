//! Vectors in PostgreSQL with pgvector: one table per set, one partition per generation.
//!
//! Table `<set>` has `id, vector, version, as_of, position, created, categories, gone`, partitioned by version; partition
//! `<set>_v<version>` is what is written and searched, so each generation has its own width and HNSW index and is dropped
//! at once. Table `rankine_vectors` says which generations there are, in which shape, and which one serves; a switch is
//! one transaction on it. Who wins is decided by `ON CONFLICT … WHERE`, so several writers may replay at a time. An approximate
//! search that finds fewer rows than it was asked for is made again exactly: HNSW gives up early where few rows pass a filter.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use postgres::{Client, Config, NoTls, Row, Transaction};
use rankine_index::{Metric, Neighbour};
use rustc_hash::FxHashMap;

use super::row::{check_vector, latest};
use super::{Generation, Gone, Search, Shape, VectorRow, VectorSearch, VectorStore};
use crate::StoreError;

/// Rows per statement.
const CHUNK: usize = 1000;

/// Idle connections kept.
const IDLE: usize = 8;

/// The most rows pgvector's HNSW scan returns (`hnsw.ef_search`).
const MOST: usize = 1000;

/// Keeps two programs from making the same tables at once: any number that is ours.
const LOCK: &str = "SELECT pg_advisory_xact_lock(727069176)";

const DIRECTORY: &str = "CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE IF NOT EXISTS rankine_vectors (
    name text NOT NULL, version bigint NOT NULL, width bigint NOT NULL, metric text NOT NULL,
    serving boolean NOT NULL DEFAULT false, PRIMARY KEY (name, version))";

/// The columns that a write gives, from parallel arrays. 16383: all bits of [`super::ROW_BITS`].
const WRITE: &str = "(id, vector, version, as_of, position, created, categories, gone)
SELECT id, vector::vector, $1::bigint, timestamptz 'epoch' + as_of * interval '1 microsecond', position,
    timestamptz 'epoch' + created * interval '1 microsecond', categories::text[], vector IS NULL
FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[])
    AS new (id, vector, as_of, position, created, categories)
ON CONFLICT (version, id) DO UPDATE SET vector = excluded.vector, as_of = excluded.as_of,
    position = excluded.position, created = excluded.created, categories = excluded.categories, gone = excluded.gone
WHERE old.position < excluded.position OR (old.position = excluded.position AND CASE
    WHEN old.gone THEN NOT excluded.gone AND (excluded.position & 16383) = 16383
    ELSE excluded.gone OR old.as_of <= excluded.as_of END)";

/// Times as microseconds since 1970; `::numeric` arithmetic is exact.
const READ: &str = "id, vector::real[], (extract(epoch FROM as_of) * 1000000)::bigint, position,
    (extract(epoch FROM created) * 1000000)::bigint, categories";

/// A [`VectorStore`] in PostgreSQL with pgvector; as durable as that server is configured to be. Without TLS.
pub struct PgVectors {
    config: Config,
    address: String,
    /// How long a reader waits.
    wait: Option<Duration>,
    idle: Mutex<Vec<Client>>,
    shapes: Mutex<FxHashMap<Generation, Shape>>,
    /// Whether extension and directory table are there.
    made: AtomicBool,
}

/// The arrays of one statement.
#[derive(Default)]
struct Columns {
    ids: Vec<i64>,
    vectors: Vec<Option<String>>,
    as_of: Vec<i64>,
    position: Vec<i64>,
    created: Vec<i64>,
    categories: Vec<String>,
}

impl PgVectors {
    /// Connects to `postgres://[user[:password]@]host[:port]/database` and makes extension and directory table if they
    /// are not there (making the extension takes a user who may).
    ///
    /// # Errors
    /// [`StoreError::Postgres`] if the address is malformed, nothing answers in 5 s, or pgvector is not installed.
    pub fn connect(url: &str) -> Result<PgVectors, StoreError> {
        let store = PgVectors::of(url)?;
        store.make()?;
        Ok(store)
    }

    /// As [`PgVectors::connect`], but a server that is away is no fault: the first call that finds it there makes what is missing.
    ///
    /// # Errors
    /// As [`PgVectors::connect`], where the server answers, and for a malformed address.
    pub fn open(url: &str) -> Result<PgVectors, StoreError> {
        let store = PgVectors::of(url)?;
        match store.config.connect(NoTls) {
            Ok(client) => lock(&store.idle).push(client),
            Err(error) if is_away(&error) => {
                tracing::warn!(
                    address = store.address,
                    reason = reason(&error),
                    "PostgreSQL is away; it is waited for"
                );
                return Ok(store);
            }
            Err(error) => return Err(store.fault("connect", &error)),
        }
        store.make()?;
        Ok(store)
    }

    /// One that has asked nothing yet.
    fn of(url: &str) -> Result<PgVectors, StoreError> {
        let refuse = |error: postgres::Error| StoreError::Postgres {
            action: "understand the address",
            address: "(the given url)".to_owned(),
            reason: reason(&error),
            transient: false,
        };
        let mut config: Config = url.parse().map_err(refuse)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(5));
        }
        Ok(PgVectors {
            address: address(&config),
            config,
            wait: None,
            idle: Mutex::default(),
            shapes: Mutex::default(),
            made: AtomicBool::default(),
        })
    }

    /// Makes extension and directory table, once.
    fn make(&self) -> Result<(), StoreError> {
        if self.made.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.on_any("make the directory of vectors", |client| {
            let mut work = client.transaction()?;
            work.batch_execute(LOCK)?;
            work.batch_execute(DIRECTORY)?;
            work.commit()
        })?;
        self.made.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn fault(&self, action: &'static str, error: &postgres::Error) -> StoreError {
        StoreError::Postgres {
            action,
            address: self.address.clone(),
            reason: reason(error),
            transient: is_transient(error),
        }
    }

    /// The same with connections and statements from here on that take no longer than `wait`, for a reader who would rather go without.
    #[must_use]
    pub fn within(mut self, wait: Duration) -> PgVectors {
        let given = self.config.get_options().unwrap_or_default();
        let options = format!("{given} -c statement_timeout={}", wait.as_millis().max(1));
        self.config
            .options(options.trim_start())
            .connect_timeout(wait)
            .tcp_user_timeout(wait);
        self.wait = Some(wait);
        lock(&self.idle).clear();
        self
    }

    fn run<T>(
        &self,
        action: &'static str,
        call: impl Fn(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, StoreError> {
        self.make()?;
        self.on_any(action, call)
    }

    /// Runs on a pooled connection; on one that is found broken, once more on a new one.
    fn on_any<T>(
        &self,
        action: &'static str,
        call: impl Fn(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, StoreError> {
        let pooled = lock(&self.idle).pop();
        let first = pooled.map(|client| self.attempt(client, &call));
        let outcome = match first {
            Some((Err(_), true)) | None => {
                let fresh = self.config.connect(NoTls);
                fresh.and_then(|client| self.attempt(client, &call).0)
            }
            Some((outcome, _)) => outcome,
        };
        outcome.map_err(|error| self.fault(action, &error))
    }

    /// Runs once; the second value says whether the connection broke.
    fn attempt<T>(
        &self,
        mut client: Client,
        call: impl Fn(&mut Client) -> Result<T, postgres::Error>,
    ) -> (Result<T, postgres::Error>, bool) {
        let outcome = call(&mut client);
        let broken = client.is_closed();
        let mut idle = lock(&self.idle);
        if !broken && idle.len() < IDLE {
            idle.push(client);
        }
        (outcome, broken)
    }

    fn transact<T>(
        &self,
        action: &'static str,
        call: impl Fn(&mut Transaction<'_>) -> Result<T, postgres::Error>,
    ) -> Result<T, StoreError> {
        self.run(action, |client| {
            let mut work = client.transaction()?;
            let made = call(&mut work)?;
            work.commit()?;
            Ok(made)
        })
    }

    /// The shape of a generation that must be there; asked once.
    fn known(&self, generation: &Generation) -> Result<Shape, StoreError> {
        if let Some(shape) = lock(&self.shapes).get(generation) {
            return Ok(*shape);
        }
        let shape = self.shape(generation)?.ok_or_else(|| generation.missing())?;
        lock(&self.shapes).insert(generation.clone(), shape);
        Ok(shape)
    }

    fn write(&self, generation: &Generation, chunks: &[Columns]) -> Result<usize, StoreError> {
        let table = partition(generation);
        let statement = format!("INSERT INTO {table} AS old {WRITE}");
        let applied = self.transact("write vectors", |work| {
            let statement = work.prepare(&statement)?;
            let mut applied = 0;
            for columns in chunks {
                let c = columns;
                applied += work.execute(
                    &statement,
                    &[
                        &signed(generation.version),
                        &c.ids,
                        &c.vectors,
                        &c.as_of,
                        &c.position,
                        &c.created,
                        &c.categories,
                    ],
                )?;
            }
            Ok(applied)
        })?;
        Ok(usize::try_from(applied).unwrap_or(usize::MAX))
    }

    /// The rows of a search that takes no longer than `wait`, where that is said.
    fn nearest(
        &self,
        generation: &Generation,
        query: &[f32],
        search: &Search,
        shape: Shape,
        wait: Option<Duration>,
    ) -> Result<Vec<Row>, StoreError> {
        let approximate = is_quick(search);
        let statement = statement(generation, shape, approximate);
        let (query, filter) = (text(query), &search.filter);
        let from = filter.created_from.map(in_range);
        let categories = (!filter.categories.is_empty()).then_some(&filter.categories);
        let most = i64::try_from(search.n).unwrap_or(i64::MAX);
        self.transact("search vectors", |work| {
            if let Some(wait) = wait {
                let wait = wait.as_millis().max(1);
                work.batch_execute(&format!("SET LOCAL statement_timeout = {wait}"))?;
            }
            if approximate {
                let breadth = search.n.clamp(100, MOST);
                work.batch_execute(&format!(
                    "SET LOCAL hnsw.ef_search = {breadth}; SET LOCAL hnsw.iterative_scan = relaxed_order; SET LOCAL enable_seqscan = off"
                ))?;
            }
            work.query(&statement, &[&query, &from, &categories, &filter.without, &most])
        })
    }
}

impl VectorStore for PgVectors {
    fn prepare(&self, generation: &Generation, shape: Shape) -> Result<(), StoreError> {
        generation.check()?;
        if let Some(standing) = self.shape(generation)? {
            return generation.agree(standing, shape);
        }
        let make = making(generation);
        self.transact("prepare a generation", |work| {
            work.batch_execute(LOCK)?;
            work.batch_execute(&make)?;
            work.execute(
                "INSERT INTO rankine_vectors (name, version, width, metric) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                &[&generation.set, &signed(generation.version), &signed(shape.width as u64), &shape.metric_name()],
            )
        })?;
        // Another program may have come first with another shape.
        generation.agree(self.known(generation)?, shape)
    }

    fn shape(&self, generation: &Generation) -> Result<Option<Shape>, StoreError> {
        generation.check()?;
        let row = self.run("read a shape", |client| {
            client.query_opt(
                "SELECT width::text, metric FROM rankine_vectors WHERE name = $1 AND version = $2",
                &[&generation.set, &signed(generation.version)],
            )
        })?;
        Ok(row.and_then(|row| Shape::of(row.get(0), row.get(1))))
    }

    fn upsert(&self, generation: &Generation, rows: &[VectorRow]) -> Result<usize, StoreError> {
        let shape = self.known(generation)?;
        for row in rows {
            row.check(generation, shape)?;
        }
        let kept = latest(rows, |row| row.id, VectorRow::standing);
        let chunks: Vec<Columns> = kept.chunks(CHUNK).map(Columns::of_rows).collect();
        self.write(generation, &chunks)
    }

    fn delete(&self, generation: &Generation, gone: &[Gone]) -> Result<usize, StoreError> {
        self.known(generation)?;
        let kept = latest(gone, |one| one.id, |one| one.standing());
        let chunks: Vec<Columns> = kept.chunks(CHUNK).map(Columns::of_gone).collect();
        self.write(generation, &chunks)
    }

    fn forget(&self, generation: &Generation, gone: &[Gone]) -> Result<usize, StoreError> {
        self.known(generation)?;
        let (ids, positions): (Vec<i64>, Vec<i64>) = gone.iter().map(|one| (one.id, one.position)).unzip();
        let statement = format!(
            "DELETE FROM {} AS kept USING unnest($1::bigint[], $2::bigint[]) AS old (id, position)
             WHERE kept.id = old.id AND kept.gone AND kept.position <= old.position",
            partition(generation)
        );
        let count = self.run("forget vectors", |client| {
            client.execute(&statement, &[&ids, &positions])
        })?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    fn get(&self, generation: &Generation, ids: &[i64]) -> Result<Vec<Option<VectorRow>>, StoreError> {
        self.known(generation)?;
        let table = partition(generation);
        let statement = format!("SELECT {READ} FROM {table} WHERE id = ANY($1) AND NOT gone");
        let rows = self.run("read vectors", |client| client.query(&statement, &[&ids]))?;
        let rows: FxHashMap<i64, VectorRow> = rows.iter().map(|row| (row.get(0), read(row))).collect();
        Ok(ids.iter().map(|id| rows.get(id).cloned()).collect())
    }

    fn ids(&self, generation: &Generation) -> Result<Vec<i64>, StoreError> {
        self.known(generation)?;
        let table = partition(generation);
        let statement = format!("SELECT id FROM {table} WHERE NOT gone ORDER BY id");
        let rows = self.run("read ids", |client| client.query(&statement, &[]))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    fn versions(&self, set: &str) -> Result<Vec<u64>, StoreError> {
        let rows = self.run("read versions", |client| {
            client.query(
                "SELECT version FROM rankine_vectors WHERE name = $1 ORDER BY version",
                &[&set],
            )
        })?;
        Ok(rows.iter().map(version).collect())
    }

    fn current(&self, set: &str) -> Result<Option<u64>, StoreError> {
        let row = self.run("read the serving version", |client| {
            client.query_opt(
                "SELECT version FROM rankine_vectors WHERE name = $1 AND serving",
                &[&set],
            )
        })?;
        Ok(row.as_ref().map(version))
    }

    fn switch(&self, to: &[Generation]) -> Result<(), StoreError> {
        for generation in to {
            self.shape(generation)?.ok_or_else(|| generation.missing())?;
        }
        self.transact("switch generations", |work| {
            work.batch_execute(LOCK)?;
            for generation in to {
                work.execute(
                    "UPDATE rankine_vectors SET serving = (version = $2) WHERE name = $1",
                    &[&generation.set, &signed(generation.version)],
                )?;
            }
            Ok(())
        })
    }

    fn discard(&self, generation: &Generation) -> Result<(), StoreError> {
        generation.check()?;
        if self.current(&generation.set)? == Some(generation.version) {
            return Err(generation.serving());
        }
        let drop_table = format!("DROP TABLE IF EXISTS {}", partition(generation));
        self.transact("discard a generation", |work| {
            work.batch_execute(LOCK)?;
            work.batch_execute(&drop_table)?;
            work.execute(
                "DELETE FROM rankine_vectors WHERE name = $1 AND version = $2",
                &[&generation.set, &signed(generation.version)],
            )
        })?;
        lock(&self.shapes).remove(generation);
        Ok(())
    }

    fn accelerate(&self, generation: &Generation) -> Result<(), StoreError> {
        let shape = self.known(generation)?;
        let class = match shape.metric {
            Metric::InnerProduct => "vector_ip_ops",
            Metric::Cosine => "vector_cosine_ops",
        };
        let (table, width) = (partition(generation), shape.width);
        let name = format!("\"{}_v{}_hnsw\"", generation.set, generation.version);
        let statement = format!(
            "CREATE INDEX IF NOT EXISTS {name} ON {table} USING hnsw ((vector::vector({width})) {class}) WHERE NOT gone"
        );
        self.run("build an HNSW index", |client| client.batch_execute(&statement))?;
        // tables of an earlier version have none
        let ages = indexing(generation);
        self.run("index vectors by time", |client| client.batch_execute(&ages))
    }
}

impl VectorSearch for PgVectors {
    fn search(
        &self,
        generation: &Generation,
        query: &[f32],
        search: &Search,
    ) -> Result<Vec<Neighbour>, StoreError> {
        let shape = self.known(generation)?;
        check_vector(generation, None, query, shape)?;
        let begun = Instant::now();
        let mut rows = self.nearest(generation, query, search, shape, None)?;
        if is_quick(search) && rows.len() < search.n {
            // that scan ends after `hnsw.max_scan_tuples` rows, whether or not enough passed the filter
            let exact = Search {
                approximate: false,
                ..search.clone()
            };
            let left = self.wait.map(|wait| wait.saturating_sub(begun.elapsed()));
            let all = self.nearest(generation, query, &exact, shape, left);
            // who cannot wait for that keeps what there is
            rows = all.unwrap_or(rows);
        }
        let mut found: Vec<Neighbour> = rows.iter().map(|row| neighbour(row, shape.metric)).collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
        Ok(found)
    }

    fn newest(&self, generation: &Generation, from: Option<i64>, n: usize) -> Result<Vec<i64>, StoreError> {
        self.known(generation)?;
        let since = match from {
            Some(_) => "AND created >= timestamptz 'epoch' + $1::bigint * interval '1 microsecond'",
            None => "AND $1::bigint IS NULL",
        };
        let statement = format!(
            "SELECT id FROM {} WHERE NOT gone {since} ORDER BY created DESC, id DESC LIMIT $2",
            partition(generation)
        );
        let (from, most) = (from.map(in_range), i64::try_from(n).unwrap_or(i64::MAX));
        let rows = self.run("read the newest", |client| {
            client.query(&statement, &[&from, &most])
        })?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

impl Columns {
    fn of_rows(rows: &[&VectorRow]) -> Columns {
        let mut columns = Columns::default();
        for row in rows {
            columns.ids.push(row.id);
            columns.vectors.push(Some(text(&row.vector)));
            columns.as_of.push(in_range(row.as_of));
            columns.position.push(row.position);
            columns.created.push(in_range(row.created));
            columns.categories.push(array(&row.categories));
        }
        columns
    }

    fn of_gone(gone: &[&Gone]) -> Columns {
        let mut columns = Columns::default();
        for one in gone {
            columns.ids.push(one.id);
            columns.vectors.push(None);
            columns.as_of.push(0);
            columns.position.push(one.position);
            columns.created.push(0);
            columns.categories.push(array(&[]));
        }
        columns
    }
}

/// Whether the HNSW index may answer.
fn is_quick(search: &Search) -> bool {
    search.approximate && search.n <= MOST
}

/// The statement of a search: query, created-from, categories, excluded ids, n. The approximate form is written so that
/// the HNSW index applies; the exact one so that it does not.
fn statement(generation: &Generation, shape: Shape, approximate: bool) -> String {
    let operator = match shape.metric {
        Metric::InnerProduct => "<#>",
        Metric::Cosine => "<=>",
    };
    let (table, width) = (partition(generation), shape.width);
    let passes =
        "NOT gone AND ($2::bigint IS NULL OR created >= timestamptz 'epoch' + $2 * interval '1 microsecond')
        AND ($3::text[] IS NULL OR categories && $3)
        AND id <> ALL ($4::bigint[])";
    if approximate {
        return format!(
            "SELECT id, (vector::vector({width})) {operator} $1::text::vector({width}) AS distance FROM {table}
             WHERE {passes} ORDER BY (vector::vector({width})) {operator} $1::text::vector({width}) LIMIT $5"
        );
    }
    format!(
        "SELECT id, distance FROM (SELECT id, coalesce(nullif(vector {operator} $1::text::vector, 'NaN'), 1) AS distance
             FROM {table} WHERE {passes} OFFSET 0) AS all_of_them
         ORDER BY distance, id LIMIT $5"
    )
}

/// What makes the table of a set and the partition of a generation.
fn making(generation: &Generation) -> String {
    let (set, version, partition) = (&generation.set, generation.version, partition(generation));
    format!(
        "CREATE TABLE IF NOT EXISTS \"{set}\" (
            id bigint NOT NULL, vector vector, version bigint NOT NULL, as_of timestamptz NOT NULL,
            position bigint NOT NULL, created timestamptz NOT NULL, categories text[] NOT NULL,
            gone boolean NOT NULL, PRIMARY KEY (version, id)) PARTITION BY LIST (version);
         CREATE TABLE IF NOT EXISTS {partition} PARTITION OF \"{set}\" FOR VALUES IN ({version}); {}",
        indexing(generation)
    )
}

/// What makes the index by which the newest rows are found.
fn indexing(generation: &Generation) -> String {
    let (set, version, partition) = (&generation.set, generation.version, partition(generation));
    format!(
        "CREATE INDEX IF NOT EXISTS \"{set}_v{version}_created\" ON {partition} (created, id) WHERE NOT gone"
    )
}

fn partition(generation: &Generation) -> String {
    format!("\"{}_v{}\"", generation.set, generation.version)
}

fn read(row: &Row) -> VectorRow {
    VectorRow {
        id: row.get(0),
        vector: row.get(1),
        as_of: row.get(2),
        position: row.get(3),
        created: row.get(4),
        categories: row.get(5),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "scores are f32 in every store")]
fn neighbour(row: &Row, metric: Metric) -> Neighbour {
    let distance: f64 = row.get(1);
    let score = match metric {
        Metric::InnerProduct => -distance,
        Metric::Cosine => 1.0 - distance,
    };
    Neighbour {
        id: row.get(0),
        score: score as f32,
    }
}

/// A time (µs UTC) as PostgreSQL can have it: from 4713 BC, as far as it goes, to the year 10,000.
fn in_range(time: i64) -> i64 {
    time.clamp(-210_866_803_200_000_000, 253_402_300_800_000_000)
}

fn version(row: &Row) -> u64 {
    u64::try_from(row.get::<_, i64>(0)).unwrap_or_default()
}

/// [`Generation::check`] has refused what does not fit.
fn signed(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

/// A vector as pgvector reads it; the shortest digits that come back as the same f32.
fn text(vector: &[f32]) -> String {
    let numbers: Vec<String> = vector.iter().map(f32::to_string).collect();
    format!("[{}]", numbers.join(","))
}

/// Words as the text of a PostgreSQL array.
fn array(words: &[String]) -> String {
    let quoted = words
        .iter()
        .map(|word| format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")));
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}

fn address(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(postgres::config::Host::Tcp(name)) => name.clone(),
        Some(postgres::config::Host::Unix(path)) => path.display().to_string(),
        None => "(no host)".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("{host}:{port}/{}", config.get_dbname().unwrap_or_default())
}

/// Whether trying again may help: no answer at all, or one of the classes of a lost connection, a conflict with others, too little of
/// something, an object in use, an operator's intervention, an internal fault.
fn is_transient(error: &postgres::Error) -> bool {
    const CLASSES: [&str; 6] = ["08", "40", "53", "55", "57", "XX"];
    let told = error.as_db_error();
    told.is_none_or(|told| CLASSES.iter().any(|class| told.code().code().starts_with(class)))
}

/// Whether a server that may answer later did not answer now: nothing listens, the way is cut, it starts or is full.
fn is_away(error: &postgres::Error) -> bool {
    if let Some(told) = error.as_db_error() {
        return ["53", "57"]
            .iter()
            .any(|class| told.code().code().starts_with(class));
    }
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        if next.is::<std::io::Error>() {
            return true;
        }
        cause = next.source();
    }
    error.is_closed()
}

/// The whole reason of a failure: the server's message, or the client's chain.
pub(crate) fn reason(error: &postgres::Error) -> String {
    if let Some(told) = error.as_db_error() {
        return format!("{} ({})", told.message(), told.code().code());
    }
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        reason = format!("{reason}: {next}");
        cause = next.source();
    }
    reason
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_postgresql_quotes_them() {
        let words = ["a b".to_owned(), "say \"no\"\\".to_owned()];
        assert_eq!(array(&words), r#"{"a b","say \"no\"\\"}"#);
        assert_eq!(array(&[]), "{}");
        assert_eq!(text(&[0.1, -2.0]), "[0.1,-2]");
    }

    #[test]
    fn a_message_never_shows_a_password() {
        let refused = PgVectors::connect("postgres://me:secret@127.0.0.1:1/db").err();
        let told = refused.map(|error| error.to_string()).unwrap_or_default();
        assert!(told.starts_with("postgres at 127.0.0.1:1/db: cannot"), "{told}");
        assert!(!told.contains("secret"), "{told}");
    }

    #[test]
    fn a_server_that_is_away_is_waited_for_and_a_wrong_address_is_not() {
        let store = PgVectors::open("postgres://me:secret@127.0.0.1:1/db").unwrap();
        let told = store.versions("items").unwrap_err().to_string();
        assert!(
            told.starts_with("postgres at 127.0.0.1:1/db: cannot make the directory of vectors"),
            "{told}"
        );
        assert!(PgVectors::open("postgres://127.0.0.1:x/db").is_err());
    }
}
