//! The shipped example: its configuration, its tables and its join on a real PostgreSQL.

use std::path::Path;

use ::postgres::{Client, NoTls};
use rankine_pipeline::stream::config::StreamConfig;
use rankine_pipeline::stream::features::{FeatureRows, PostgresFeatures};
use rankine_pipeline::stream::lookup_postgres::{PostgresLookup, PostgresLookupOptions};
use rankine_pipeline::stream::{Dimension, Found, JoinedRow, Lookup, Position};
use rankine_store::testing::PostgresServer;
use serde_json::json;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/cold-start");
const DAY: i64 = 86_400_000_000;
const CREATED: i64 = 1_646_265_600_000_000;

const ROWS: &str = "INSERT INTO item_table (item_id, user_id, smart_video_id, title, create_time, grade_score) VALUES \
               (1, 10, 100, 'one', '2022-03-03+00', 0.5), (2, 11, 101, 'two', '2022-03-03+00', 0.25);
             INSERT INTO smart_video_sign VALUES (100, 7, NULL), (101, 70, 4.5);
             INSERT INTO author_feature (author_id, author_level, author_sv_type_play_ct_1, author_last_live_time) VALUES \
               (10, 3, '17:5,7:42,70:9', '2022-03-01 12:00+00'), (11, 4, '17:5,7:42', NULL);
             INSERT INTO video_name_tag_embedding (svid, cate_name1, name_embedding) VALUES (100, 'music', '{0.1,2}')";

#[test]
fn the_documentations_select_gives_what_flink_gave() {
    let url = PostgresServer::shared().unwrap().database().unwrap();
    let mut client = Client::connect(&url, NoTls).unwrap();
    let path = format!("{EXAMPLE}/coldstart.toml");
    let config = StreamConfig::load(Path::new(&path)).unwrap();
    let plan = config.compile(Path::new(&path), Some(url.clone()), || 0).unwrap();
    assert_eq!(plan.start, Some(CREATED));
    let tables = std::fs::read_to_string(format!("{EXAMPLE}/tables.sql")).unwrap();
    client.batch_execute(&tables).unwrap();
    client.batch_execute(ROWS).unwrap();
    let mut lookup = PostgresLookup::new(&PostgresLookupOptions {
        dsn: url.clone(),
        sql: plan.sql.clone(),
        item: plan.settings.item.clone(),
        dimensions: plan.settings.dimensions.clone(),
    });
    let found = lookup
        .join(&[(1, CREATED + 2 * DAY), (2, CREATED + DAY), (3, CREATED)])
        .unwrap();
    let [Found::Row(one), Found::Row(two), Found::Nothing] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(one.cells.len(), 54, "as many columns as the documentation's");
    let cells = |row: &JoinedRow, names: &[&str]| -> serde_json::Value {
        names.iter().map(|name| row.cells[*name].clone()).collect()
    };
    let names = [
        "primary_type",
        "pub_days",
        "grade_score",
        "topic_id",
        "author_level",
        "author_sv_type_play_ct_1",
        "author_sv_type_play_ct_7",
        "author_last_live_days",
        "cate_name1",
        "name_embedding",
    ];
    let expected = json!([7, 2, 0.5, "", 3, 42, null, 3, "music", [0.1, 2]]);
    assert_eq!(
        cells(one, &names),
        expected,
        "its own time, and the key 7 out of 17:5,7:42,70:9"
    );
    let expected = json!([70, 1, 4.5, "", 4, null, null, null, null, null]);
    assert_eq!(cells(two, &names), expected);
    for (dimension, key, items) in [(0, "10", vec![1]), (1, "101", vec![2]), (2, "999", vec![])] {
        assert_eq!(
            lookup.items_of(dimension, &[key.to_owned()]).unwrap().items,
            items,
            "{dimension}"
        );
    }
    let table = &plan.config.features.table;
    stored(&url, table, &plan.sql, [one, two]);
}

/// The stored row is the joined row, to the bit.
fn stored(url: &str, table: &str, sql: &str, [one, two]: [&JoinedRow; 2]) {
    let mut features = PostgresFeatures::new(url, table, "item_id", sql);
    features
        .put(&[
            (one.clone(), Position::new(8, 0)),
            (two.clone(), Position::new(8, 1)),
        ])
        .unwrap();
    let stored = features.get(&[2, 1]).unwrap();
    assert_eq!(
        stored,
        [Some(two.clone()), Some(one.clone())],
        "the stored row is the joined row, to the bit"
    );
    features.delete(&[2]).unwrap();
    assert_eq!(features.get(&[2]).unwrap(), [None]);
}

#[test]
fn the_feature_table_gains_the_columns_that_the_join_gets() {
    let url = PostgresServer::shared().unwrap().database().unwrap();
    let mut client = Client::connect(&url, NoTls).unwrap();
    client
        .batch_execute("CREATE TABLE item (id int PRIMARY KEY, x int, y numeric(5, 2))")
        .unwrap();
    let row = |cells: serde_json::Value| JoinedRow {
        id: 1,
        as_of: DAY,
        cells: cells.as_object().unwrap().clone(),
    };
    let kept = |features: &mut PostgresFeatures, row: &JoinedRow| {
        features.put(&[(row.clone(), Position::new(8, 0))]).unwrap();
        assert_eq!(features.get(&[1]).unwrap(), [Some(row.clone())]);
    };
    let open = |sql: &str| PostgresFeatures::new(&url, "kept", "id", sql);
    let narrow = "SELECT id, x FROM item WHERE id = ANY (:ids)";
    kept(&mut open(narrow), &row(json!({"id": 1, "x": 2})));
    // a statement that was changed, and a star that grew
    let mut wide =
        open("SELECT v.*, ARRAY[0.5::real] AS tags, :as_of AS \"At\" FROM item v WHERE v.id = ANY (:ids)");
    let cells = json!({"id": 1, "x": 2, "y": 3.25, "tags": [0.5], "At": null});
    kept(&mut wide, &row(cells.clone()));
    client
        .batch_execute("ALTER TABLE item ADD COLUMN colour text")
        .unwrap();
    let mut cells = cells;
    cells["colour"] = json!("red");
    kept(&mut wide, &row(cells));
    let foreign = row(json!({"id": 1, "x": 2, "far": 1}));
    let told = open(narrow)
        .put(&[(foreign, Position::new(8, 1))])
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("kept") && told.contains("no column `far`"),
        "{told}"
    );
}

/// A dimension whose statement gives this column.
fn resting(column: &str) -> Dimension {
    Dimension {
        table: "author".to_owned(),
        key: "author".to_owned(),
        items: format!("SELECT {column} WHERE 'a' = ANY (:keys)"),
    }
}

#[test]
fn a_row_that_the_statement_fails_on_is_found_among_the_others() {
    let url = PostgresServer::shared().unwrap().database().unwrap();
    let mut client = Client::connect(&url, NoTls).unwrap();
    client
        .batch_execute(
            "CREATE TABLE item (id int PRIMARY KEY, x int); INSERT INTO item VALUES (1, 1), (2, 0), (3, 5)",
        )
        .unwrap();
    let mut lookup = PostgresLookup::new(&PostgresLookupOptions {
        dsn: url,
        sql: "SELECT id, 10 / x AS y FROM item WHERE id = ANY (:ids)".to_owned(),
        item: ("item".to_owned(), "id".to_owned()),
        dimensions: ["7::smallint AS near", "NULL::int AS none", "'7'::text AS far"]
            .map(resting)
            .into(),
    });
    let found = lookup.join(&[(1, 0), (2, 0), (3, 0)]).unwrap();
    assert!(matches!(&found[0], Found::Row(row) if row.cells["y"] == 10));
    assert!(
        matches!(&found[1], Found::Faulty(reason) if reason.contains("division by zero")),
        "{:?}",
        found[1]
    );
    assert!(matches!(&found[2], Found::Row(row) if row.cells["y"] == 2));
    assert_eq!(lookup.present(&[3, 4]).unwrap(), [3]);
    for (dimension, expected) in [(0, vec![7]), (1, vec![])] {
        let resting = lookup.items_of(dimension, &["a".to_owned()]).unwrap();
        assert_eq!(resting.items, expected);
    }
    let told = lookup.items_of(2, &["a".to_owned()]).unwrap_err();
    assert!(
        !told.is_transient() && told.to_string().contains("`far` of type text"),
        "{told}"
    );
    let wrong = PostgresLookupOptions {
        dsn: "port=x".to_owned(),
        sql: String::new(),
        item: ("item".to_owned(), "id".to_owned()),
        dimensions: Vec::new(),
    };
    let told = PostgresLookup::new(&wrong).join(&[(1, 0)]).unwrap_err();
    assert!(!told.is_transient(), "{told}");
}

#[test]
fn a_join_waits_until_the_commit_can_be_seen_by_others() {
    let url = PostgresServer::shared().unwrap().database().unwrap();
    let mut client = Client::connect(&url, NoTls).unwrap();
    client
        .batch_execute("CREATE TABLE item (id bigint PRIMARY KEY)")
        .unwrap();
    client
        .batch_execute("BEGIN; INSERT INTO item VALUES (1)")
        .unwrap();
    let row = client.query_one("SELECT pg_current_xact_id()::text::bigint", &[]);
    let xid = u32::try_from(row.unwrap().get::<_, i64>(0)).unwrap();
    let joined = std::thread::spawn(move || {
        let mut lookup = PostgresLookup::new(&PostgresLookupOptions {
            dsn: url,
            sql: "SELECT id FROM item WHERE id = ANY (:ids)".to_owned(),
            item: ("item".to_owned(), "id".to_owned()),
            dimensions: Vec::new(),
        });
        let change = rankine_pipeline::stream::Change {
            table: "item".into(),
            kind: rankine_pipeline::stream::Kind::Insert,
            fields: rankine_pipeline::stream::Fields::new(),
            position: Position::default(),
            commit_time: 0,
            received: 0,
            xid: Some(xid),
        };
        while lookup.unsettled(std::slice::from_ref(&change)).unwrap().is_some() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        lookup.join(&[(1, 0)]).unwrap()
    });
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(
        !joined.is_finished(),
        "replication may hand on a commit before others see it"
    );
    client.batch_execute("COMMIT").unwrap();
    assert!(matches!(&joined.join().unwrap()[0], Found::Row(_)));
}
