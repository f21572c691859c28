//! `rankine embed --to`: the vectors of a model in a real Redis and a real PostgreSQL with pgvector, the same as in its files.
//!
//! A missing redis-server or PostgreSQL (`setup.sh`) fails these tests.

use std::path::{Path, PathBuf};

use rankine_store::RedisOptions;
use rankine_store::testing::{PostgresServer, RedisServer};
use rankine_store::vectors::{
    Generation, Metric, PgVectors, RedisVectors, Search, VectorRow, VectorSearch, VectorStore,
};
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

#[test]
fn a_store_that_nobody_answers_for_fails_and_says_so() {
    let trained = Trained::new();
    let items = text(&trained.at("items.txt"));
    for (url, told) in [
        ("mysql://127.0.0.1/x", "--to: expected redis://… or postgres://…"),
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
