//! Writing into a source in PostgreSQL: keys that nobody has, columns by name and type, several writers at a time.

use std::path::Path;

use ::postgres::{Client, NoTls};
use rankine_pipeline::stream::config::StreamConfig;
use rankine_pipeline::stream::insert::{Cells, SourceWriter};
use rankine_store::testing::PostgresServer;
use serde_json::json;

const NOW: i64 = 1_646_265_600_000_000;

fn writer(url: &str) -> SourceWriter {
    let mut config = StreamConfig::default();
    config.source.dsn = url.to_owned();
    config.source.table = "public.film".to_owned();
    config.source.key = "id".to_owned();
    SourceWriter::new(&config, Path::new("stream.toml")).unwrap()
}

fn cells(title: &str) -> Cells {
    json!({"title": title, "genres": ["Drama", "War"]})
        .as_object()
        .unwrap()
        .clone()
}

#[test]
fn rows_are_inserted_changed_and_deleted_under_keys_of_their_own() {
    let url = PostgresServer::shared().unwrap().database().unwrap();
    let mut client = Client::connect(&url, NoTls).unwrap();
    client
        .batch_execute("CREATE TABLE film (id int PRIMARY KEY, title text, genres text[], create_time timestamptz, stars int DEFAULT 3)")
        .unwrap();
    let mut first = writer(&url);
    assert_eq!(
        first.insert(cells("O'Hara; DROP TABLE film"), &|| NOW).unwrap(),
        1
    );
    let writers = (0..4).map(|_| {
        std::thread::spawn({
            let url = url.clone();
            move || {
                (0..5)
                    .map(|_| writer(&url).insert(cells("x"), &|| NOW).unwrap())
                    .collect::<Vec<_>>()
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut keys: Vec<i64> = writers.into_iter().flat_map(|one| one.join().unwrap()).collect();
    keys.sort_unstable();
    assert_eq!(keys, (2..=21).collect::<Vec<i64>>());
    assert!(first.update(1, cells("Heat"), NOW).unwrap() && !first.update(99, cells("x"), NOW).unwrap());
    assert!(first.delete(2, NOW).unwrap() && !first.delete(2, NOW).unwrap());
    let row = client
        .query_one(
            "SELECT title, genres, stars, extract(epoch FROM create_time)::bigint FROM film WHERE id = 1",
            &[],
        )
        .unwrap();
    let told: (String, Vec<String>, i32, i64) = (row.get(0), row.get(1), row.get(2), row.get(3));
    assert_eq!(
        told,
        (
            "Heat".to_owned(),
            vec!["Drama".to_owned(), "War".to_owned()],
            3,
            NOW / 1_000_000
        )
    );
}
