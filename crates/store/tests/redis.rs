//! The Redis store against a real redis-server. A missing program fails these tests; they skip nothing.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot set up its servers and files must fail"
)]

use std::time::Duration;

use rankine_store::testing::RedisServer;
use rankine_store::vectors::{RedisVectors, VectorStore};
use rankine_store::{Cells, RedisOptions, RedisRows, RowStore, Scanned, conformance};

fn row(text: &str) -> Cells {
    Cells::from([("userGenre1".to_owned(), text.to_owned())])
}

fn start() -> (tempfile::TempDir, RedisServer) {
    let folder = tempfile::tempdir().unwrap();
    let server =
        RedisServer::start(folder.path()).expect("redis-server is needed: apt-get install redis-server");
    (folder, server)
}

fn raw(server: &RedisServer, command: &[&str]) -> redis::Value {
    let mut connection = redis::Client::open(server.url())
        .unwrap()
        .get_connection()
        .unwrap();
    redis::cmd(command[0])
        .arg(&command[1..])
        .query(&mut connection)
        .unwrap()
}

#[test]
fn conforms() {
    let (_folder, server) = start();
    let store = RedisRows::connect(RedisOptions::new(&server.url())).unwrap();
    conformance::check(&store).unwrap();
}

#[test]
fn keys_are_laid_out_as_sparrowrecsys_does() {
    let (_folder, server) = start();
    let store = RedisRows::connect(RedisOptions::new(&server.url())).unwrap();
    store.put_many("uf", &[(6, row("Drama"))]).unwrap();
    let vector = Cells::from([("vector".to_owned(), "0.5 -1".to_owned())]);
    store.put_many("i2vEmb", &[(592, vector)]).unwrap();
    let text = |value| redis::from_redis_value::<String>(value).unwrap();
    assert_eq!(text(raw(&server, &["HGET", "uf:6", "userGenre1"])), "Drama");
    assert_eq!(text(raw(&server, &["GET", "i2vEmb:592"])), "0.5 -1");
}

#[test]
fn a_call_after_a_server_restart_reconnects() {
    let (_folder, server) = start();
    let store = RedisRows::connect(RedisOptions::new(&server.url())).unwrap();
    store.put_many("uf", &[(1, row("old"))]).unwrap();
    let server = server.restart().unwrap();
    assert_eq!(store.get_many("uf", &[1]).unwrap(), [None]);
    store.put_many("uf", &[(1, row("new"))]).unwrap();
    assert_eq!(store.get_many("uf", &[1]).unwrap(), [Some(row("new"))]);
    drop(server);
}

#[test]
fn a_dead_server_is_an_error_that_names_the_address() {
    let (_folder, server) = start();
    let store = RedisRows::connect(RedisOptions::new(&server.url())).unwrap();
    let port = server.port();
    drop(server);
    let error = store.get_many("uf", &[1]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("redis at 127.0.0.1:{port}: cannot read rows")),
        "{error}"
    );
    assert!(RedisRows::connect(RedisOptions::new(&format!("redis://127.0.0.1:{port}/"))).is_err());
}

#[test]
fn a_server_that_is_away_is_waited_for_and_one_that_refuses_is_not() {
    let (folder, server) = start();
    let (url, port) = (server.url(), server.port());
    let barred = url.replace("redis://", "redis://:secret@");
    let refused = RedisRows::open(RedisOptions::new(&barred)).err().unwrap();
    assert!(!refused.to_string().contains("secret"), "{refused}");
    drop(server);
    let rows = RedisRows::open(RedisOptions::new(&url)).unwrap();
    let vectors = RedisVectors::open(RedisOptions::new(&url)).unwrap();
    assert!(rows.get_many("uf", &[1]).is_err() && vectors.versions("items").is_err());
    let _server = RedisServer::start_on(port, folder.path()).unwrap();
    rows.put_many("uf", &[(1, row("new"))]).unwrap();
    assert_eq!(rows.get_many("uf", &[1]).unwrap(), [Some(row("new"))]);
    assert_eq!(vectors.versions("items").unwrap(), [0_u64; 0]);
    assert!(RedisRows::open(RedisOptions::new("redis://127.0.0.1:x/")).is_err());
}

#[test]
fn a_server_that_hangs_runs_into_the_timeout() {
    let (_folder, server) = start();
    let mut options = RedisOptions::new(&server.url());
    options.io_timeout = Duration::from_millis(200);
    let store = RedisRows::connect(options).unwrap();
    raw(&server, &["CLIENT", "PAUSE", "60000", "ALL"]);
    let error = store.get_many("uf", &[1]).unwrap_err();
    assert!(error.to_string().contains("cannot read rows"), "{error}");
}

#[test]
fn foreign_keys_are_rejected_one_by_one() {
    let (_folder, server) = start();
    let store = RedisRows::connect(RedisOptions::new(&server.url())).unwrap();
    store.put_many("uf", &[(2, row("Drama"))]).unwrap();
    raw(&server, &["SET", "uf:1", "a string"]);
    raw(&server, &["HSET", "uf:abc", "a", "1"]);
    raw(&server, &["HSET", "uf:3", "a", "1"]);
    let mut rows = Vec::new();
    let mut rejected = Vec::new();
    store
        .scan_foreign("uf", &mut |entry| match entry {
            Scanned::Row(key, _) => rows.push(key),
            Scanned::Rejected { key, reason } => rejected.push((key, reason)),
        })
        .unwrap();
    assert_eq!(rows, [2, 3]);
    assert_eq!(rejected.len(), 2, "{rejected:?}");
    assert!(
        rejected[0].0 == "uf:1" && rejected[0].1.contains("WRONGTYPE"),
        "{rejected:?}"
    );
    assert!(
        rejected[1].0 == "uf:abc" && rejected[1].1.contains("integer"),
        "{rejected:?}"
    );
    let error = store.get_many("uf", &[2, 1]).unwrap_err();
    assert!(error.to_string().contains("WRONGTYPE"), "{error}");
    assert_eq!(store.get_many("uf", &[2]).unwrap(), [Some(row("Drama"))]);
}
