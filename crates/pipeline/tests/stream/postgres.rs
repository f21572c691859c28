//! The stream against a real PostgreSQL: snapshot then stream without gap or overlap, and everything a table can do.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ::postgres::{Client, NoTls};
use rankine_pipeline::PipelineError;
use rankine_pipeline::stream::postgres::{PostgresOptions, PostgresSource};
use rankine_pipeline::stream::{Arrival, Backfill, Cell, Change, Kind, Opened, Past, Position, Source};
use rankine_store::testing::{Durability, PostgresServer};

fn clock() -> i64 {
    7
}

fn options(url: &str, slot: &str) -> PostgresOptions {
    PostgresOptions {
        dsn: url.to_owned(),
        table: "item".to_owned(),
        key: "id".to_owned(),
        others: vec![("author".to_owned(), "author_id".to_owned())],
        publication: format!("{slot}_pub"),
        slot: slot.to_owned(),
        managed: true,
        start: None,
        max_retained: 1 << 30,
        clock,
    }
}

/// Keys of a snapshot.
#[derive(Default)]
struct Keys(Vec<(Position, i64)>);

impl Backfill for Keys {
    fn rows(&mut self, at: Position, keys: &[i64]) -> Result<(), PipelineError> {
        self.0.extend(keys.iter().map(|key| (at, *key)));
        Ok(())
    }
}

fn open(source: &mut PostgresSource, past: &Past) -> (Opened, Vec<i64>) {
    let mut keys = Keys::default();
    let opened = source.open(past, &mut keys).unwrap();
    let mut ids: Vec<i64> = keys.0.iter().map(|row| row.1).collect();
    ids.sort_unstable();
    (opened, ids)
}

/// Changes until one of the item `last` has come, and the last complete place after it.
fn until(source: &mut PostgresSource, last: &str) -> (Vec<Change>, u64) {
    let (mut changes, begun) = (Vec::new(), Instant::now());
    loop {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "no change of {last}: {changes:?}"
        );
        match source.next(Duration::from_millis(100)).unwrap() {
            Some(Arrival::Change(change)) => changes.push(change),
            Some(Arrival::Commit { end }) if changes.iter().any(|c| c.text("id") == Some(last)) => {
                return (changes, end);
            }
            _ => {}
        }
    }
}

fn database() -> (&'static PostgresServer, String, Client) {
    let server = PostgresServer::shared().unwrap();
    let (url, client) = tables(server);
    (server, url, client)
}

/// A database of its own on `server`, with the tables of these tests.
fn tables(server: &PostgresServer) -> (String, Client) {
    let url = server.database().unwrap();
    let mut client = Client::connect(&url, NoTls).unwrap();
    client
        .batch_execute(
            "CREATE TABLE item (id bigint PRIMARY KEY, title text, big text, create_time timestamptz);
             ALTER TABLE item ALTER big SET STORAGE EXTERNAL;
             CREATE TABLE author (author_id text PRIMARY KEY, level int);",
        )
        .unwrap();
    (url, client)
}

#[test]
fn snapshot_and_stream_have_neither_gap_nor_overlap_under_writes() {
    let (_server, url, mut client) = database();
    let writer = {
        let url = url.clone();
        std::thread::spawn(move || {
            let mut client = Client::connect(&url, NoTls).unwrap();
            for id in 1..=600_i64 {
                client
                    .execute("INSERT INTO item (id) VALUES ($1)", &[&id])
                    .unwrap();
            }
        })
    };
    while client
        .query_one("SELECT count(*) FROM item", &[])
        .unwrap()
        .get::<_, i64>(0)
        < 50
    {}
    let mut source = PostgresSource::new(options(&url, "gapless"));
    let (opened, mut ids) = open(&mut source, &Past::default());
    assert!(opened.snapshot);
    writer.join().unwrap();
    // on a slow machine the snapshot may have all of them
    client
        .batch_execute("INSERT INTO item (id) VALUES (601)")
        .unwrap();
    let (changes, _) = until(&mut source, "601");
    let streamed: Vec<i64> = changes
        .iter()
        .map(|c| c.text("id").unwrap().parse().unwrap())
        .collect();
    assert!(ids.len() >= 50);
    assert!(changes.iter().all(|c| c.position.lsn > opened.from));
    ids.extend(streamed);
    assert_eq!(
        ids,
        (1..=601).collect::<Vec<_>>(),
        "each row once, in the snapshot or in the stream"
    );
}

#[test]
fn rows_come_with_their_transaction_and_what_did_not_change_is_told_apart() {
    let (_server, url, mut client) = database();
    let mut source = PostgresSource::new(options(&url, "rows"));
    open(&mut source, &Past::default());
    client
        .batch_execute(
            "BEGIN; INSERT INTO item VALUES (1, 'Heat', repeat('x', 100000), '2026-01-02 03:04:05.25+01'); \
             INSERT INTO item VALUES (2, NULL, NULL, NULL); COMMIT;
             UPDATE item SET title = 'Heat!' WHERE id = 1;
             UPDATE item SET id = 3 WHERE id = 2;
             INSERT INTO author VALUES ('a', 5);
             ALTER TABLE item ADD COLUMN colour text DEFAULT 'red';
             INSERT INTO item (id, colour) VALUES (4, 'blue');
             DELETE FROM item WHERE id = 1;
             TRUNCATE item;
             INSERT INTO item (id) VALUES (9);",
        )
        .unwrap();
    let (changes, _) = until(&mut source, "9");
    let told: Vec<(Kind, Option<&str>)> = changes.iter().map(|c| (c.kind, c.text("id"))).collect();
    let expected = [
        (Kind::Insert, Some("1")),
        (Kind::Insert, Some("2")),
        (Kind::Update, Some("1")),
        (Kind::Delete, Some("2")),
        (Kind::Update, Some("3")),
        (Kind::Insert, None),
        (Kind::Insert, Some("4")),
        (Kind::Delete, Some("1")),
        (Kind::Truncate, None),
        (Kind::Insert, Some("9")),
    ];
    assert_eq!(told, expected);
    let [first, second, third, ..] = changes.as_slice() else {
        panic!("fewer changes");
    };
    assert_eq!(
        (first.position.lsn, first.commit_time),
        (second.position.lsn, second.commit_time)
    );
    assert_eq!((first.position.seq, second.position.seq), (0, 1));
    assert!(third.position > second.position);
    assert_eq!(first.text("create_time"), Some("2026-01-02 02:04:05.25+00"));
    assert_eq!(second.fields["title"], Cell::Null);
    assert_eq!(
        third.fields["big"],
        Cell::Unchanged,
        "a large value out of line that did not change"
    );
    assert_eq!(third.text("title"), Some("Heat!"));
    assert_eq!(changes[5].table.as_ref(), "public.author");
    assert_eq!(changes[5].text("level"), Some("5"));
    assert_eq!(changes[6].text("colour"), Some("blue"), "a column that was added");
    assert!(changes.windows(2).all(|pair| pair[0].position < pair[1].position));
}

#[test]
fn a_stream_goes_on_from_what_was_confirmed() {
    let (_server, url, mut client) = database();
    client.batch_execute("INSERT INTO item (id) VALUES (1)").unwrap();
    let mut source = PostgresSource::new(options(&url, "goes_on"));
    let (opened, ids) = open(&mut source, &Past::default());
    assert_eq!(ids, [1]);
    client.batch_execute("INSERT INTO item (id) VALUES (2)").unwrap();
    let (_, safe) = until(&mut source, "2");
    client.batch_execute("INSERT INTO item (id) VALUES (3)").unwrap();
    until(&mut source, "3");
    source.confirm(safe).unwrap();
    drop(source);
    client.batch_execute("INSERT INTO item (id) VALUES (4)").unwrap();
    let mut source = PostgresSource::new(options(&url, "goes_on"));
    let past = Past {
        confirmed: Some(safe),
        origin: Some(opened.origin.clone()),
        ..Past::default()
    };
    let again = loop {
        // the server notices after a moment that the first connection is gone
        let mut keys = Keys::default();
        match source.open(&past, &mut keys) {
            Ok(opened) => break opened,
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(!again.snapshot);
    assert_eq!(again.origin, opened.origin);
    let (changes, _) = until(&mut source, "4");
    let ids: BTreeMap<&str, Kind> = changes.iter().map(|c| (c.text("id").unwrap(), c.kind)).collect();
    assert_eq!(ids.keys().copied().collect::<Vec<_>>(), ["3", "4"]);
}

#[test]
fn a_slot_that_moved_on_without_us_begins_anew() {
    let (_server, url, mut client) = database();
    let mut source = PostgresSource::new(options(&url, "moved"));
    let (opened, _) = open(&mut source, &Past::default());
    drop(source);
    client.batch_execute("INSERT INTO item (id) VALUES (1)").unwrap();
    while client
        .execute(
            "SELECT pg_replication_slot_advance('moved', pg_current_wal_lsn())",
            &[],
        )
        .is_err()
    {
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut source = PostgresSource::new(options(&url, "moved"));
    let past = Past {
        confirmed: Some(opened.from),
        origin: Some(opened.origin),
        ..Past::default()
    };
    let (again, ids) = open(&mut source, &past);
    assert!(again.snapshot, "what somebody else has read would be a gap");
    assert_eq!(ids, [1]);
}

#[test]
fn the_start_time_filters_the_snapshot_and_not_the_stream() {
    let (_server, url, mut client) = database();
    let fill = "INSERT INTO item (id, create_time) VALUES (1, '2026-01-01+00'), (2, '2026-01-02+00')";
    client.batch_execute(fill).unwrap();
    let start = Some(("create_time".to_owned(), 1_767_312_000_000_000));
    let mut source = PostgresSource::new(PostgresOptions {
        start,
        ..options(&url, "start")
    });
    let (_, ids) = open(&mut source, &Past::default());
    assert_eq!(ids, [2]);
    client
        .batch_execute("UPDATE item SET title = 'x' WHERE id = 1")
        .unwrap();
    let (changes, _) = until(&mut source, "1");
    assert_eq!(changes.len(), 1);
}

#[test]
fn more_log_than_allowed_is_let_go_and_the_stream_begins_anew() {
    // The log is the whole server's: what other tests write would count.
    let server = PostgresServer::start(Durability::Process).unwrap();
    let (url, mut client) = tables(&server);
    let mut source = PostgresSource::new(PostgresOptions {
        max_retained: 1 << 20,
        ..options(&url, "bounded")
    });
    let (opened, _) = open(&mut source, &Past::default());
    assert!(source.retained().unwrap().is_some());
    client
        .batch_execute(
            "INSERT INTO item SELECT n, 't', repeat(md5(n::text), 2000) FROM generate_series(1, 60) n",
        )
        .unwrap();
    let error = source.retained().unwrap_err();
    assert!(
        matches!(&error, PipelineError::Retained { .. }) && error.is_transient(),
        "{error}"
    );
    let slots = client
        .query(
            "SELECT 1 FROM pg_replication_slots WHERE slot_name = 'bounded'",
            &[],
        )
        .unwrap();
    assert!(slots.is_empty(), "the server may throw the log away");
    let past = Past {
        confirmed: Some(opened.from),
        origin: Some(opened.origin),
        ..Past::default()
    };
    let (again, ids) = open(&mut source, &past);
    assert!(again.snapshot);
    assert_eq!(ids.len(), 60);
}

/// From where the server reads its log for a slot.
fn read_from(client: &mut Client, slot: &str) -> i64 {
    let query =
        "SELECT pg_wal_lsn_diff(restart_lsn, '0/0')::bigint FROM pg_replication_slots WHERE slot_name = $1";
    client.query_one(query, &[&slot]).unwrap().get(0)
}

#[test]
fn log_is_not_read_from_the_beginning_at_every_start() {
    // within 15 s of its start a server notes nothing by itself
    let server = PostgresServer::start(Durability::Process).unwrap();
    let (url, mut client) = tables(&server);
    let mut source = PostgresSource::new(options(&url, "noted"));
    let (opened, _) = open(&mut source, &Past::default());
    let first = read_from(&mut client, "noted");
    let padding = "INSERT INTO item (id, big) SELECT n, repeat('x', 7000) FROM generate_series(1, 1000) n";
    client.batch_execute(padding).unwrap();
    let (_, end) = until(&mut source, "1000");
    source.confirm(end).unwrap();
    drop(source);
    let past = Past {
        confirmed: Some(end),
        origin: Some(opened.origin),
        ..Past::default()
    };
    let mut source = PostgresSource::new(options(&url, "noted"));
    open(&mut source, &past);
    // far less than those 15 s
    let mut read = first;
    for id in 2000..2040_i64 {
        client
            .execute("INSERT INTO item (id) VALUES ($1)", &[&id])
            .unwrap();
        let (_, end) = until(&mut source, &id.to_string());
        source.confirm(end).unwrap();
        read = read_from(&mut client, "noted");
        if read > first + 7_000_000 {
            break;
        }
        std::thread::sleep(Duration::from_millis(60));
    }
    assert!(
        read > first + 7_000_000,
        "the slot is read from {read} on, at first from {first}"
    );
}

#[test]
fn a_given_slot_is_used_and_never_made() {
    let (_server, url, mut client) = database();
    let given = PostgresOptions {
        managed: false,
        ..options(&url, "given")
    };
    let mut source = PostgresSource::new(given.clone());
    let error = source
        .open(&Past::default(), &mut Keys::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("given_pub") && error.contains("ALTER PUBLICATION"),
        "{error}"
    );
    client
        .batch_execute("CREATE PUBLICATION given_pub FOR TABLE item, author")
        .unwrap();
    let error = source
        .open(&Past::default(), &mut Keys::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("no such slot"), "{error}");
    client
        .execute(
            "SELECT pg_create_logical_replication_slot('given', 'pgoutput')",
            &[],
        )
        .unwrap();
    client.batch_execute("INSERT INTO item (id) VALUES (1)").unwrap();
    let (opened, ids) = open(&mut source, &Past::default());
    assert!(opened.snapshot);
    assert_eq!(ids, [1]);
    until(&mut source, "1");
}

#[test]
fn tables_that_cannot_be_streamed_are_refused_with_what_to_do() {
    let (_server, url, mut client) = database();
    client
        .batch_execute("CREATE TABLE keyless (id bigint, x int)")
        .unwrap();
    let refused = |change: &dyn Fn(&mut PostgresOptions)| {
        let mut options = options(&url, "refused");
        change(&mut options);
        PostgresSource::new(options)
            .open(&Past::default(), &mut Keys::default())
            .unwrap_err()
            .to_string()
    };
    let error = refused(&|o| o.table = "nowhere".to_owned());
    assert!(error.contains("`nowhere`: there is no such table"), "{error}");
    let error = refused(&|o| o.key = "movie".to_owned());
    assert!(error.contains("no column `movie`"), "{error}");
    let error = refused(&|o| o.table = "keyless".to_owned());
    assert!(error.contains("REPLICA IDENTITY FULL"), "{error}");
    client
        .batch_execute("ALTER TABLE keyless REPLICA IDENTITY FULL")
        .unwrap();
    let mut source = PostgresSource::new(PostgresOptions {
        table: "keyless".to_owned(),
        ..options(&url, "whole_rows")
    });
    open(&mut source, &Past::default());
    client
        .batch_execute(
            "INSERT INTO keyless VALUES (1, 1); UPDATE keyless SET x = 2; UPDATE keyless SET id = 5",
        )
        .unwrap();
    let (changes, _) = until(&mut source, "5");
    let told: Vec<(Kind, Option<&str>)> = changes.iter().map(|c| (c.kind, c.text("id"))).collect();
    let (insert, update, delete) = (Kind::Insert, Kind::Update, Kind::Delete);
    assert_eq!(
        told,
        [
            (insert, Some("1")),
            (update, Some("1")),
            (delete, Some("1")),
            (update, Some("5"))
        ]
    );
}

/// Lets `locked` in by a SCRAM password only, everybody else as before.
fn lock(client: &mut Client, database: &str) {
    let path: String = client.query_one("SHOW hba_file", &[]).unwrap().get(0);
    client
        .batch_execute(&format!(
            "SET password_encryption = 'scram-sha-256';
             CREATE ROLE locked LOGIN REPLICATION PASSWORD 'ein \u{f6}ffentliches %';
             GRANT CREATE ON DATABASE {database} TO locked; GRANT CREATE ON SCHEMA public TO locked;
             ALTER TABLE item OWNER TO locked; ALTER TABLE author OWNER TO locked;
             COPY (VALUES ('host all locked all scram-sha-256'), ('local all all trust'), ('host all all 127.0.0.1/32 trust')) TO '{path}';
             SELECT pg_reload_conf()"
        ))
        .unwrap();
}

#[test]
fn a_password_opens_the_replication_connection_and_a_wrong_one_is_final() {
    let (server, url, mut client) = database();
    let name = url.rsplit('/').next().unwrap();
    lock(&mut client, name);
    let dsn = |password: &str| format!("postgres://locked:{password}@127.0.0.1:{}/{name}", server.port());
    let wrong = |dsn: &str| {
        let mut source = PostgresSource::new(options(dsn, "locked"));
        source.open(&Past::default(), &mut Keys::default()).unwrap_err()
    };
    // the server reads its rules a moment after it was told to
    let begun = Instant::now();
    let refused = loop {
        let without = format!("postgres://locked@127.0.0.1:{}/{name}", server.port());
        if Client::connect(&without, NoTls).is_err() {
            break wrong(&dsn("secret"));
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "it lets everybody in");
    };
    assert!(!refused.is_transient(), "{refused}");
    let told = refused.to_string();
    assert!(told.contains("password") && !told.contains("secret"), "{told}");
    client.batch_execute("INSERT INTO item (id) VALUES (1)").unwrap();
    let mut source = PostgresSource::new(options(&dsn("ein%20%C3%B6ffentliches%20%25"), "locked"));
    assert_eq!(open(&mut source, &Past::default()).1, [1]);
    client.batch_execute("INSERT INTO item (id) VALUES (2)").unwrap();
    assert_eq!(until(&mut source, "2").0.len(), 1);
}
