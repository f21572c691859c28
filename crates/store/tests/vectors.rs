//! The vector port against a real PostgreSQL with pgvector and a real Redis. A missing program fails these tests.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its servers must fail"
)]

use rankine_index::Metric;
use rankine_store::testing::{Durability, PostgresServer, RedisServer};
use rankine_store::vectors::{
    EmbeddedVectors, Generation, Gone, Hnsw, PgVectors, RedisVectors, Search, Shape, VectorRow, VectorSearch,
    VectorStore, conformance,
};
use rankine_store::{RedisOptions, StoreError};

const SHAPE: Shape = Shape {
    width: 16,
    metric: Metric::InnerProduct,
};

/// Rows of pseudo-random numbers without a generator: enough to tell orders apart.
fn rows(count: u16) -> Vec<VectorRow> {
    let number =
        |a: u32| f32::from(u16::try_from(a.wrapping_mul(2_654_435_761) >> 18).unwrap()) / 8192.0 - 1.0;
    (0..count)
        .map(|id| VectorRow {
            id: id.into(),
            vector: (0..16).map(|k| number(u32::from(id) * 16 + k)).collect(),
            ..VectorRow::default()
        })
        .collect()
}

#[test]
fn pgvector_conforms() {
    let server = PostgresServer::shared().unwrap();
    let store = PgVectors::connect(&server.database().unwrap()).unwrap();
    conformance::check_search(&store).unwrap();
}

#[test]
fn redis_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let server = RedisServer::start(folder.path()).unwrap();
    let store = RedisVectors::connect(RedisOptions::new(&server.url())).unwrap();
    conformance::check(&store).unwrap();
}

#[test]
fn pgvector_finds_what_the_embedded_index_finds() {
    let server = PostgresServer::shared().unwrap();
    let far = PgVectors::connect(&server.database().unwrap()).unwrap();
    let near = EmbeddedVectors::in_memory().unwrap();
    let (rows, to) = (rows(900), Generation::new("items", 4));
    let search = |approximate| Search {
        n: 20,
        approximate,
        ..Search::default()
    };
    for store in [&far as &dyn VectorSearch, &near] {
        store.prepare(&to, SHAPE).unwrap();
        store.upsert(&to, &rows).unwrap();
        store.accelerate(&to).unwrap();
    }
    let mut same = 0;
    for query in rows.iter().step_by(90) {
        let expected = near.search(&to, &query.vector, &search(false)).unwrap();
        let exact = far.search(&to, &query.vector, &search(false)).unwrap();
        for (a, b) in expected.iter().zip(&exact) {
            assert!((a.score - b.score).abs() < 1e-5, "{a:?} {b:?}");
        }
        assert_eq!(
            exact.iter().map(|one| one.id).collect::<Vec<_>>(),
            expected.iter().map(|one| one.id).collect::<Vec<_>>()
        );
        let quick = far.search(&to, &query.vector, &search(true)).unwrap();
        same += quick
            .iter()
            .filter(|one| expected.iter().any(|other| other.id == one.id))
            .count();
    }
    assert!(same >= 190, "HNSW found {same} of 200");
}

/// 20,000 rows that all differ: one in a hundred is `rare`, ten are `few`.
fn many() -> Vec<VectorRow> {
    let mut state = 3_u64;
    let mut number = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f32::from(u16::try_from(state >> 48).unwrap()) / 32_768.0 - 1.0
    };
    let kinds = |id: i64| {
        let rare = (id % 100 == 7).then(|| "rare".to_owned());
        let few = (id % 2_000 == 9).then(|| "few".to_owned());
        rare.into_iter().chain(few).collect()
    };
    let mut row = |id| VectorRow {
        id,
        vector: (0..16).map(|_| number()).collect(),
        categories: kinds(id),
        ..VectorRow::default()
    };
    (0..20_000).map(&mut row).collect()
}

#[test]
fn a_narrow_filter_costs_no_recall() {
    let server = PostgresServer::shared().unwrap();
    let url = server.database().unwrap();
    let far = PgVectors::connect(&url).unwrap();
    let small = Hnsw {
        m: 8,
        ef_construction: 32,
        ef: 64,
    };
    let near = EmbeddedVectors::in_memory_with(Some(small)).unwrap();
    let (rows, to) = (many(), Generation::new("items", 4));
    for store in [&far as &dyn VectorSearch, &near] {
        store.prepare(&to, SHAPE).unwrap();
        store.upsert(&to, &rows).unwrap();
        store.accelerate(&to).unwrap();
    }
    // one whose scan gives up early, as in a large table
    let name = url.rsplit('/').next().unwrap();
    let set = format!("ALTER DATABASE {name} SET hnsw.max_scan_tuples = 300");
    server.client(name).unwrap().batch_execute(&set).unwrap();
    let hasty = PgVectors::connect(&url).unwrap();
    let mut found = 0;
    for query in rows.iter().skip(50).step_by(2_000) {
        let ids = |store: &dyn VectorSearch, search: &Search| -> Vec<i64> {
            let found = store.search(&to, &query.vector, search).unwrap();
            let mut ids: Vec<i64> = found.iter().map(|one| one.id).collect();
            ids.sort_unstable();
            ids
        };
        for (n, category, there) in [(50, "rare", 50), (300, "rare", 200), (20, "few", 10)] {
            let mut search = Search {
                n,
                ..Search::default()
            };
            search.filter.categories = vec![category.to_owned()];
            let exact = ids(&near, &search);
            search.approximate = true;
            assert_eq!(exact.len(), there);
            assert_eq!(ids(&near, &search), exact, "{n} {category}");
            assert_eq!(ids(&hasty, &search), exact, "{n} {category}");
            if n == there {
                let quick = ids(&far, &search);
                assert_eq!(quick.len(), n);
                found += quick.iter().filter(|id| exact.contains(id)).count();
            }
        }
    }
    assert!(found >= 490, "HNSW found {found} of 500 among 1 % of the rows");
}

#[test]
fn a_table_is_what_the_documentation_says() {
    let server = PostgresServer::shared().unwrap();
    let url = server.database().unwrap();
    let store = PgVectors::connect(&url).unwrap();
    let to = Generation::new("items", 7);
    store.prepare(&to, Shape { width: 2, ..SHAPE }).unwrap();
    let row = |id, vector: [f32; 2]| VectorRow {
        id,
        vector: vector.to_vec(),
        position: 3,
        ..VectorRow::default()
    };
    store
        .upsert(&to, &[row(1, [1.0, 0.5]), row(2, [3.0, 4.0])])
        .unwrap();
    store.switch(std::slice::from_ref(&to)).unwrap();
    let mut client = server.client(url.rsplit('/').next().unwrap()).unwrap();
    let found = client
        .query(
            "SELECT id FROM items JOIN rankine_vectors USING (version)
             WHERE name = 'items' AND serving AND NOT gone ORDER BY vector <#> '[1,1]' LIMIT 1",
            &[],
        )
        .unwrap();
    assert_eq!(found[0].get::<_, i64>(0), 2);
}

#[test]
fn a_killed_server_keeps_what_was_written_and_is_reached_again() {
    let mut server = PostgresServer::start(Durability::Process).unwrap();
    let store = PgVectors::connect(&server.url("rankine")).unwrap();
    let to = Generation::new("items", 1);
    store.prepare(&to, SHAPE).unwrap();
    store.upsert(&to, &rows(50)).unwrap();
    server.kill().unwrap();
    let away = store.ids(&to).unwrap_err();
    assert!(matches!(away, StoreError::Postgres { transient: true, .. }));
    let told = away.to_string();
    let address = format!("postgres at 127.0.0.1:{}/rankine: cannot read ids", server.port());
    assert!(told.starts_with(&address), "{told}");
    let early = PgVectors::open(&server.url("rankine")).unwrap();
    assert!(early.ids(&to).is_err());
    server.restart().unwrap();
    assert_eq!(store.ids(&to).unwrap().len(), 50);
    assert_eq!(early.ids(&to).unwrap().len(), 50);
    let nowhere = PgVectors::open(&server.url("nowhere")).err().unwrap();
    assert!(nowhere.to_string().contains("does not exist"), "{nowhere}");
    // more numbers than pgvector's index takes stay too many
    let wide = Generation::new("wide", 1);
    store.prepare(&wide, Shape { width: 2001, ..SHAPE }).unwrap();
    let lasting = store.accelerate(&wide).unwrap_err();
    for error in [nowhere, lasting] {
        assert!(
            matches!(error, StoreError::Postgres { transient: false, .. }),
            "{error}"
        );
    }
    assert_eq!(store.delete(&to, &[Gone { id: 3, position: 1 }]).unwrap(), 1);
    let level: String = server
        .client("rankine")
        .unwrap()
        .query_one("SHOW wal_level", &[])
        .unwrap()
        .get(0);
    assert_eq!(level, "logical");
}

#[test]
fn redis_rows_are_what_redisearch_reads() {
    let folder = tempfile::tempdir().unwrap();
    let server = RedisServer::start(folder.path()).unwrap();
    let store = RedisVectors::connect(RedisOptions::new(&server.url())).unwrap();
    let to = Generation::new("items", 7);
    store.prepare(&to, SHAPE).unwrap();
    let rows = rows(2);
    store.upsert(&to, &rows).unwrap();
    store.delete(&to, &[Gone { id: 0, position: 1 }]).unwrap();
    let mut connection = redis::Client::open(server.url())
        .unwrap()
        .get_connection()
        .unwrap();
    let mut ask = |words: &[&str]| {
        redis::cmd(words[0])
            .arg(&words[1..])
            .query::<Vec<u8>>(&mut connection)
            .unwrap()
    };
    let bytes: Vec<u8> = rows[1]
        .vector
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    assert_eq!(ask(&["HGET", "items:7:1", "vector"]), bytes);
    assert_eq!(ask(&["HGET", "items:7:1", "version"]), b"7");
    assert_eq!(ask(&["HGET", "vectors:items", "7"]), b"16 ip");
    assert_eq!(ask(&["HGET", "items:7:0", "gone"]), b"1");
}
