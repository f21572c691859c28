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

/// What `widedeep` says of a film for a user, both named by id alone.
fn predicted(server: &Server, user: i64, item: i64) -> f64 {
    let body = serde_json::json!({ "instances": [{ "userId": user, "movieId": item }] });
    let answer = server
        .rest()
        .post("/v1/models/widedeep:predict", &body.to_string())
        .good();
    answer["predictions"][0][0].as_f64().unwrap()
}

/// A user and a film that no event of the home tells of, as SparrowRecSys leaves them.
fn strangers(redis: &mut Redis) {
    let user = [
        ("userRatedMovie1", "318"),
        ("userRatedMovie2", "50"),
        ("userRatingCount", "40"),
        ("userAvgRating", "4.9"),
        ("userRatingStddev", "0.1"),
        ("userGenre1", "Drama"),
        ("userGenre2", ""),
    ];
    redis.set("uf:900001", &user);
    let film = [
        ("releaseYear", "1994"),
        ("movieGenre1", "Drama"),
        ("movieRatingCount", "900"),
        ("movieAvgRating", "4.8"),
        ("movieRatingStddev", "0.2"),
    ];
    redis.set("mf:900002", &film);
}

/// Users and films that only the store knows are predicted and recommended by their rows.
fn serves_strangers(server: &Server) {
    let (nobody, nothing) = (900_003, 900_004);
    assert_ne!(
        predicted(server, 900_001, 50),
        predicted(server, nobody, 50),
        "the row uf:900001"
    );
    assert_ne!(
        predicted(server, 6, 900_002),
        predicted(server, 6, nothing),
        "the row mf:900002"
    );
    let site = server.site();
    assert_eq!(site.get(&format!("/getrecforyou?id={nobody}")).status, 404);
    let films = site.recommend(900_001, "widedeep", 200);
    assert!(
        films.iter().all(|film| film["movieId"] != 318),
        "a film of the row's history"
    );
    let reasons: Vec<String> = films.iter().map(|film| film["recall"].to_string()).collect();
    assert!(
        reasons
            .iter()
            .any(|reason| reason.contains("Drama, which you like")),
        "{reasons:?}"
    );
    let best = films[0]["movieId"].as_i64().unwrap();
    let (shown, score) = (
        films[0]["score"].as_f64().unwrap(),
        predicted(server, 900_001, best),
    );
    assert!(
        (shown - score).abs() < 1e-6,
        "recommended with {shown}, predicted with {score}"
    );
    // from the first event on the events tell
    site.rate(900_001, 1, 1.0);
    assert_eq!(site.get("/getuser?id=900001").good()["ratingCount"], 1);
}

#[test]
fn imported_rows_serve_the_ids_that_no_event_tells_of() {
    let (home, mut redis) = (home(), Redis::start());
    strangers(&mut redis);
    rankine(home.path(), &["data", "redis", &redis.server.url()]).good();
    drop(redis);
    serves_strangers(&Server::with(home.path(), &[]));
}

#[test]
fn rows_in_the_served_redis_need_no_import_and_its_death_makes_them_unknown() {
    let (home, mut redis) = (home(), Redis::start());
    strangers(&mut redis);
    let server = Server::with(home.path(), &["--store-url", &redis.server.url()]);
    serves_strangers(&server);
    drop(redis);
    let gone = predicted(&server, 6, 900_002);
    assert_eq!(gone, predicted(&server, 6, 900_004));
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
