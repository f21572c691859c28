//! `rankine embed --to`: the vectors of a model in a real Redis and a real PostgreSQL with pgvector, the same as in its files; and users
//! out of a database.
//!
//! A missing redis-server or PostgreSQL (`setup.sh`) fails these tests.

use std::path::{Path, PathBuf};

use rankine_store::RedisOptions;
use rankine_store::testing::{PostgresServer, RedisServer};
use rankine_store::vectors::{
    EmbeddedVectors, Generation, Metric, PgVectors, RedisVectors, Search, VectorRow, VectorSearch,
    VectorStore,
};
use rankine_table::parquet;
use rankine_table::vectors::VectorTable;
use redis::Commands;

use crate::home::{REPOSITORY, rankine};
use crate::vectors;

/// A folder with a model `dssm` on forty items and thirty users, and its vectors as files.
struct Trained(tempfile::TempDir);

impl Trained {
    fn new() -> Trained {
        let trained = Trained(tempfile::tempdir().unwrap());
        vectors::write(trained.0.path());
        let at = |name: &str| text(&trained.at(name));
        let model = std::fs::read_to_string(format!("{REPOSITORY}/examples/models/dssm-finetune.toml"));
        let short = model.unwrap().replace("epochs = 100", "epochs = 1");
        std::fs::write(trained.at("dssm.toml"), short).unwrap();
        let (items, likes, clicks) = (at("items.txt"), at("likes.csv"), at("clicks.csv"));
        let (users, samples, model) = (at("users.npy"), at("train.csv"), at("dssm.toml"));
        let joined = ["--samples", &clicks, "--out", &samples, "--users-out", &users];
        let vectors = ["sample", "vectors", &items, "--behaviour", &likes];
        rankine(trained.0.path(), &[&vectors[..], &joined].concat()).good();
        rankine(trained.0.path(), &["train", &model, "--train", &samples]).good();
        trained
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `embed` into files and the store; what it told.
    fn embed(&self, url: &str, position: &str) -> serde_json::Value {
        let at = |name: &str| text(&self.at(name));
        let (items, users) = (at("items.txt"), at("users.npy"));
        let (out, users_out) = (at("i.csv"), at("u.csv"));
        let rows = ["--json", "embed", "dssm", "--items", &items, "--users", &users];
        let files = ["--out", &out, "--users-out", &users_out];
        let there = ["--to", url, "--set", "films", "--position", position];
        let outcome = rankine(self.0.path(), &[&rows[..], &files, &there].concat());
        outcome.good().json()
    }

    /// What the store serves is, row by row, what the files hold.
    fn agrees(&self, store: &dyn VectorStore, position: i64) {
        for (set, file) in [("films", "i.csv"), ("films_users", "u.csv")] {
            let table = VectorTable::read(&self.at(file)).unwrap();
            assert_eq!(table.width, 64);
            let ids: Vec<i64> = table.ids.iter().map(|id| id.parse().unwrap()).collect();
            assert_eq!(store.current(set).unwrap(), Some(1));
            let generation = Generation::new(set, 1);
            let shape = store.shape(&generation).unwrap().unwrap();
            assert_eq!((shape.width, shape.metric), (64, Metric::InnerProduct));
            let mut there = store.ids(&generation).unwrap();
            there.sort_unstable();
            assert_eq!(there, ids, "{set}");
            let rows = store.get(&generation, &ids).unwrap();
            for (at, row) in rows.into_iter().enumerate() {
                let VectorRow {
                    vector,
                    position: stands,
                    ..
                } = row.unwrap();
                assert_eq!(vector, table.row(at), "{set} {}", ids[at]);
                assert_eq!(stands, position);
            }
        }
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn vectors_go_into_redis_and_come_back_as_in_the_files() {
    let (trained, folder) = (Trained::new(), tempfile::tempdir().unwrap());
    let redis =
        RedisServer::start(folder.path()).expect("redis-server is needed: apt-get install redis-server");
    let told = trained.embed(&redis.url(), "7");
    assert_eq!(told["sets"], serde_json::json!(["films", "films_users"]));
    let store = RedisVectors::connect(RedisOptions::new(&redis.url())).unwrap();
    trained.agrees(&store, 7);
    // as another program reads it
    let mut plain = redis::Client::open(redis.url())
        .unwrap()
        .get_connection()
        .unwrap();
    let bytes: Vec<u8> = plain.hget("films:1:5", "vector").unwrap();
    let table = VectorTable::read(&trained.at("i.csv")).unwrap();
    let at = table.ids.iter().position(|id| id == "5").unwrap();
    let own: Vec<u8> = table.row(at).iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(bytes, own);
    // rows of an earlier position change nothing of what stands
    trained.embed(&redis.url(), "3");
    trained.agrees(&store, 7);
}

#[test]
fn vectors_go_into_pgvector_and_its_search_is_the_index_query() {
    let trained = Trained::new();
    let url = PostgresServer::shared().unwrap().database().unwrap();
    trained.embed(&url, "7");
    let store = PgVectors::connect(&url).unwrap();
    trained.agrees(&store, 7);
    let at = |name: &str| text(&trained.at(name));
    let (items, users, index) = (at("i.csv"), at("u.csv"), at("i.index"));
    rankine(trained.0.path(), &["index", "build", &items, "--out", &index]).good();
    let query = [
        "--json", "index", "query", &index, "--users", &users, "--user", "3",
    ];
    let asked = rankine(trained.0.path(), &[&query[..], &["--top", "40"]].concat());
    let asked = asked.good().json();
    let asked = asked[0]["items"].as_array().unwrap();
    let generation = Generation::new("films_users", 1);
    let user = store.get(&generation, &[3]).unwrap().remove(0).unwrap();
    let search = Search {
        n: 40,
        ..Search::default()
    };
    let found = store.search(&Generation::new("films", 1), &user.vector, &search);
    let found = found.unwrap();
    assert_eq!((found.len(), asked.len()), (40, 40));
    for (there, own) in found.iter().zip(asked) {
        let score = own["score"].as_f64().unwrap();
        assert!((f64::from(there.score) - score).abs() < 1e-5, "{there:?} {own}");
    }
    trained.embed(&url, "3");
    trained.agrees(&store, 7);
}

impl Trained {
    /// Statements that make a table of the users, their vectors as texts.
    fn users_sql(&self) -> String {
        let users = VectorTable::read(&self.at("users.npy")).unwrap();
        let row = |at: usize| format!("({}, '{:?}')", users.ids[at], users.row(at));
        let rows: Vec<String> = (0..users.ids.len()).map(row).collect();
        format!(
            "CREATE TABLE member (userid bigint, taste text);\nINSERT INTO member VALUES {};\n",
            rows.join(",\n")
        )
    }

    /// Runs `embed --side user` over a database, into `out` and a store.
    fn embed_users(&self, database: &str, out: &str, to: &str) -> crate::home::Outcome {
        let out = text(&self.at(out));
        let sql = "SELECT userid, taste AS \"user\" FROM member;";
        let users = [
            "embed",
            "dssm",
            "--side",
            "user",
            "--users",
            database,
            "--users-sql",
            sql,
        ];
        let names = [
            "--keep",
            "userid",
            "--output",
            "user_emb",
            "--users-out",
            &out,
            "--to",
            to,
        ];
        rankine(self.0.path(), &[&users[..], &names].concat())
    }

    /// Whether a Parquet file and a store have what `embed` made of the file of users.
    fn has_users(&self, out: &str, store: &dyn VectorStore) {
        let (table, _) = parquet::read(&self.at(out)).unwrap();
        let names: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["userid", "user_emb", "version"]);
        let (made, from) = (
            VectorTable::read(&self.at(out)).unwrap(),
            VectorTable::read(&self.at("u.csv")).unwrap(),
        );
        assert_eq!(made.ids.len(), from.ids.len());
        assert_eq!(store.current("user_emb").unwrap(), Some(1));
        for (at, id) in made.ids.iter().enumerate() {
            let there = from.ids.iter().position(|other| other == id).unwrap();
            assert_eq!(made.row(at), from.row(there), "user {id}");
            let rows = store.get(&Generation::new("user_emb", 1), &[id.parse().unwrap()]);
            assert_eq!(rows.unwrap().remove(0).unwrap().vector, from.row(there));
        }
    }
}

#[test]
fn users_come_from_a_database_and_go_under_the_names_that_are_said() {
    let trained = Trained::new();
    let url = PostgresServer::shared().unwrap().database().unwrap();
    trained.embed(&url, "0");
    let made = trained.users_sql();
    postgres::Client::connect(&url, postgres::NoTls)
        .unwrap()
        .batch_execute(&made)
        .unwrap();
    let outcome = trained.embed_users(&url, "pg.parquet", &url);
    let told = outcome.good();
    assert!(
        told.stderr.contains("embedding users: 30 vectors"),
        "{}",
        told.stderr
    );
    trained.has_users("pg.parquet", &PgVectors::connect(&url).unwrap());
    // the same out of SQLite, into an embedded store
    let (database, script) = (text(&trained.at("shop.db")), text(&trained.at("shop.sql")));
    std::fs::write(&script, made).unwrap();
    let run = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())";
    let python = std::process::Command::new("python3")
        .args(["-c", run, &database, &script])
        .status();
    assert!(python.unwrap().success());
    let file = trained.at("own.redb");
    let to = format!("embedded:{}", file.display());
    trained.embed_users(&database, "lite.parquet", &to).good();
    trained.has_users("lite.parquet", &EmbeddedVectors::open(&file).unwrap());
    // a user twice, a column that is no id, a stream that is not there
    let twice = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript('INSERT INTO member SELECT * FROM member')";
    let python = std::process::Command::new("python3")
        .args(["-c", twice, &database])
        .status();
    assert!(python.unwrap().success());
    let fault = trained.embed_users(&database, "twice.parquet", &to).bad(1);
    assert!(
        fault.contains("comes twice, expected one row per user"),
        "{fault}"
    );
    assert!(!trained.at("twice.parquet").exists());
    let fault = trained
        .embed_users(&database, "x.parquet", "embedded:films")
        .bad(1);
    assert!(fault.contains("--to embedded:films: no stream in"), "{fault}");
    let users = ["embed", "dssm", "--side", "user", "--users", database.as_str()];
    let fault = rankine(trained.0.path(), &users).bad(1);
    assert!(fault.contains("needs --users-sql"), "{fault}");
    let nameless = "SELECT userid, taste FROM member";
    let out = text(&trained.at("nameless.parquet"));
    let more = ["--users-sql", nameless, "--keep", "userid", "--users-out", &out];
    let fault = rankine(trained.0.path(), &[&users[..], &more].concat()).bad(1);
    assert!(
        fault.contains("gives no column `user`, which the model reads"),
        "{fault}"
    );
}

#[test]
fn a_store_that_nobody_answers_for_fails_and_says_so() {
    let trained = Trained::new();
    let items = text(&trained.at("items.txt"));
    for (url, told) in [
        ("mysql://127.0.0.1/x", "--to: expected redis://…, postgres://…"),
        ("redis://127.0.0.1:1/", "127.0.0.1:1"),
    ] {
        let fault = rankine(
            trained.0.path(),
            &["embed", "dssm", "--items", &items, "--to", url],
        )
        .bad(1);
        assert!(fault.contains(told), "{fault}");
    }
}
