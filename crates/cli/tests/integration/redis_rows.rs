//! Feature rows in a real redis-server: SparrowRecSys's keys and field names, fresh after an event; and its import.
//!
//! A missing redis-server fails these tests.

use std::collections::BTreeMap;

use rankine_store::testing::RedisServer;
use rankine_store::{RedbRows, RowStore};
use redis::Commands;

use crate::home::{home, rankine, wait_until};
use crate::process::Server;

struct Redis {
    server: RedisServer,
    connection: redis::Connection,
    _folder: tempfile::TempDir,
}

impl Redis {
    fn start() -> Redis {
        let folder = tempfile::tempdir().unwrap();
        let server =
            RedisServer::start(folder.path()).expect("redis-server is needed: apt-get install redis-server");
        let connection = redis::Client::open(server.url())
            .unwrap()
            .get_connection()
            .unwrap();
        Redis {
            server,
            connection,
            _folder: folder,
        }
    }

    fn hash(&mut self, key: &str) -> BTreeMap<String, String> {
        self.connection.hgetall(key).unwrap()
    }

    fn set(&mut self, key: &str, fields: &[(&str, &str)]) {
        let () = self.connection.hset_multiple(key, fields).unwrap();
    }
}

#[test]
fn rows_appear_under_sparrowrecsys_names_and_follow_events() {
    let (home, mut redis) = (home(), Redis::start());
    let server = Server::with(home.path(), &["--store-url", &redis.server.url()]);
    wait_until("all rows", || {
        redis.hash("mf:163949").len() > 1 && redis.hash("uf:671").len() > 1
    });
    let user = redis.hash("uf:6");
    for name in [
        "userRatedMovie1",
        "userRatedMovie5",
        "userRatingCount",
        "userAvgReleaseYear",
        "userReleaseYearStddev",
        "userAvgRating",
        "userRatingStddev",
        "userGenre1",
        "userGenre5",
    ] {
        assert!(user.contains_key(name), "{name} of uf:6 {user:?}");
    }
    let film = redis.hash("mf:318");
    for name in [
        "releaseYear",
        "movieGenre1",
        "movieRatingCount",
        "movieAvgRating",
        "movieRatingStddev",
    ] {
        assert!(film.contains_key(name), "{name} of mf:318 {film:?}");
    }
    assert_eq!(
        (&*film["movieRatingCount"], &*film["releaseYear"]),
        ("311", "1994")
    );

    server.site().rate(6, 318, 5.0);
    assert_eq!(redis.hash("uf:6")["userRatedMovie1"], "318");
    assert_ne!(redis.hash("uf:6")["userAvgRating"], user["userAvgRating"]);
    assert_eq!(redis.hash("mf:318")["movieRatingCount"], "312");
    assert_ne!(redis.hash("mf:318")["movieAvgRating"], film["movieAvgRating"]);
    assert_eq!(server.rest().get("/status").good()["store"], "redis");
}

#[test]
fn a_redis_that_goes_away_costs_no_event() {
    let (home, redis) = (home(), Redis::start());
    let server = Server::with(home.path(), &["--store-url", &redis.server.url()]);
    drop(redis);
    assert_eq!(server.site().rate(6, 318, 5.0)["duplicate"], false);
    let user = server.site().get("/getuser?id=6").good();
    assert_eq!(
        user["ratings"].as_array().unwrap().last().unwrap()["rating"]["movieId"],
        318
    );
}

#[test]
fn sparrowrecsys_hashes_and_vectors_are_imported() {
    let (home, mut redis) = (tempfile::tempdir().unwrap(), Redis::start());
    redis.set(
        "uf:6",
        &[
            ("userRatedMovie1", "318"),
            ("userAvgRating", "3.87"),
            ("userGenre1", "Drama"),
            ("userGenre5", ""),
        ],
    );
    redis.set("uf:7", &[("userRatingCount", "many"), ("userGenre1", "Comedy")]);
    redis.set("mf:318", &[("releaseYear", "1994"), ("movieAvgRating", "4.49")]);
    let () = redis.connection.set("i2vEmb:318", "0.5 -0.25 1").unwrap();
    let () = redis.connection.set("i2vEmb:50", "0.125 2 x").unwrap();
    let url = redis.server.url();
    let done = rankine(home.path(), &["data", "redis", &url, "--json"])
        .good()
        .json();
    assert_eq!(
        done,
        serde_json::json!({"users": 2, "items": 1, "vectors": 1, "rejected": 2})
    );
    let store = RedbRows::open(&home.path().join("features/rows.redb"), 1 << 20).unwrap();
    let rows = store.get_many("uf", &[6, 7]).unwrap();
    let row = rows[0].as_ref().unwrap();
    assert_eq!(
        (
            &*row["userRatedMovie1"],
            &*row["userAvgRating"],
            row.get("userGenre5")
        ),
        ("318", "3.87", None)
    );
    assert_eq!(rows[1].as_ref().unwrap().get("userRatingCount"), None);
    assert_eq!(
        store.get_many("mf", &[318]).unwrap()[0].as_ref().unwrap()["releaseYear"],
        "1994"
    );
    drop(store);
    let text = rankine(home.path(), &["data", "redis", &url]).good().stdout;
    for expected in ["2 user rows", "uf:7, field userRatingCount", "i2vEmb:50"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}

#[test]
fn a_redis_that_is_not_there_is_named() {
    let home = tempfile::tempdir().unwrap();
    let redis = Redis::start();
    let url = redis.server.url();
    drop(redis);
    let error = rankine(home.path(), &["data", "redis", &url]).bad(1);
    assert!(error.contains("127.0.0.1"), "{error}");
}
