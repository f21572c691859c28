//! Samples of the shipped template, as its page and a nightly run make them: over files, in a real PostgreSQL, and what is
//! learnt from them for extraction.
//!
//! A missing PostgreSQL (`setup.sh`) fails these tests.

use std::path::{Path, PathBuf};

use postgres::{Client, NoTls};
use rankine_store::testing::PostgresServer;
use rankine_table::{Column, parquet};
use serde_json::Value as Json;

use crate::extract::run_page;
use crate::home::{REPOSITORY, rankine};
use crate::verbs::{folder, path};

const TEMPLATE: [&str; 3] = [
    "examples/samples/cold_start.json",
    "--tables",
    "examples/samples/tables.json",
];

/// Runs the template up to a day, with more arguments.
fn build(out: &str, date: &str, more: &[&str]) -> Json {
    let home = Path::new("/nonexistent");
    let job = ["--out", out, "--date", date, "--days", "3"];
    let arguments = [&["--json", "sample", "build"], &TEMPLATE[..], &job, more].concat();
    rankine(home, &arguments).good().json()
}

const FILES: [&str; 2] = ["--from", "examples/samples/data"];

fn files(report: &Json) -> Vec<PathBuf> {
    let days = report["days"].as_array().unwrap();
    days.iter()
        .map(|day| day["path"].as_str().unwrap().into())
        .collect()
}

fn bytes(report: &Json) -> Vec<Vec<u8>> {
    files(report)
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// The example's tables in a database of the server's.
fn served() -> String {
    let url = PostgresServer::shared().unwrap().database().unwrap();
    let mut client = Client::connect(&url, NoTls).unwrap();
    client
        .batch_execute(
            "CREATE TABLE behaviour (user_id INT, item_id INT, request_id TEXT, event TEXT, event_time TIMESTAMP, dt TEXT);
             CREATE TABLE user_features (user_id INT, update_time TIMESTAMP, age INT, city TEXT);
             CREATE TABLE item_features (item_id INT, price FLOAT8, category TEXT, author TEXT, dt TEXT)",
        )
        .unwrap();
    let data = Path::new(REPOSITORY).join("examples/samples/data");
    fill(
        &mut client,
        "user_features",
        (&data.join("user_features.csv"), None),
    );
    for (table, file) in [("behaviour", "events.csv"), ("item_features", "items.csv")] {
        for entry in std::fs::read_dir(data.join(table)).unwrap() {
            let day = entry.unwrap().path();
            let dt = day.to_str().unwrap().rsplit_once('=').unwrap().1.to_owned();
            fill(&mut client, table, (&day.join(file), Some(&dt)));
        }
    }
    url
}

fn fill(client: &mut Client, table: &str, (file, dt): (&Path, Option<&str>)) {
    let text = std::fs::read_to_string(file).unwrap();
    for line in text.lines().skip(1) {
        let cells: Vec<String> = line
            .split(',')
            .chain(dt)
            .map(|cell| format!("'{cell}'"))
            .collect();
        client
            .batch_execute(&format!("INSERT INTO {table} VALUES ({})", cells.join(", ")))
            .unwrap();
    }
}

#[test]
fn files_and_postgres_make_the_same_days_one_by_one() {
    let out = tempfile::tempdir().unwrap();
    let at = |name: &str| out.path().join(name).to_str().unwrap().to_owned();
    let first = build(&at("files"), "20260301", &FILES);
    let next = build(&at("files"), "20260302", &FILES);
    let kept = |report: &Json| -> Vec<bool> {
        let days = report["days"].as_array().unwrap();
        days.iter().map(|day| day["kept"].as_bool().unwrap()).collect()
    };
    assert_eq!(
        (kept(&first), kept(&next)),
        (vec![false; 3], vec![true, true, false])
    );
    assert_eq!(first["days"][0]["rows"], 0, "before the first event");
    let dashed = ["--out", &at("dashed"), "--date", "2026-03-02", "--days", "2"];
    let arguments = [&["sample", "build"], &TEMPLATE[..], &dashed, &FILES].concat();
    let told = rankine(out.path(), &arguments).good().stderr;
    assert!(
        told.contains("no day has a sample; are the behaviour table's days written as 2026-03-02?"),
        "{told}"
    );
    let url = served();
    let tables = build(&at("tables"), "20260302", &["--from", &url]);
    assert_eq!(bytes(&next), bytes(&tables));
    let (table, _) = parquet::read(&files(&next)[2]).unwrap();
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
    let keys = ["user_id", "item_id", "request_id", "dt", "event_time", "is_click"];
    let features = ["age", "user_city", "price", "category", "author"];
    assert_eq!(names, [&keys[..], &features].concat());
    assert_eq!(next["days"][2]["rows"], table.rows());
    point_in_time(&table);
}

/// No feature is of the sample's own moment or later: a user's second city holds from noon of 1 March, an item's price is
/// the day before's, and an item that was new on the day has none.
fn point_in_time(table: &rankine_table::Table) {
    let (Column::Int(users), Column::Text(cities)) = (
        table.column("user_id").unwrap(),
        table.column("user_city").unwrap(),
    ) else {
        panic!("ids and cities");
    };
    for (user, city) in users.iter().zip(cities) {
        let moved = ["Oslo", "Cork"].contains(&city.as_deref().unwrap());
        assert_eq!(moved, user.unwrap() % 2 == 0, "on the day after");
    }
    let (Column::Int(items), Column::Float(prices)) =
        (table.column("item_id").unwrap(), table.column("price").unwrap())
    else {
        panic!("ids and prices");
    };
    for (item, price) in items.iter().zip(prices) {
        assert_eq!(
            price.is_none(),
            item.unwrap() > 111,
            "known by 1 March: 101 to 111"
        );
    }
}

#[test]
fn what_leaks_is_named_and_nothing_is_written() {
    let tables = std::fs::read_to_string(format!("{REPOSITORY}/examples/samples/tables.json")).unwrap();
    let leaky = tables.replace(
        "\"partition\": \"dt\", \"features\"",
        "\"time\": null, \"features\"",
    );
    let files = folder(&[("tables.json", &leaky)]);
    let (tables, out) = (path(&files, "tables.json"), path(&files, "out"));
    let home = Path::new("/nonexistent");
    let job = [
        TEMPLATE[0],
        "--tables",
        &tables,
        "--date",
        "20260302",
        "--out",
        &out,
    ];
    let arguments = [&["sample", "build"], &job[..], &FILES].concat();
    let told = rankine(home, &arguments).bad(1);
    for column in ["price", "category"] {
        assert!(
            told.contains(&format!("item_features.{column} leaks: ")),
            "{told}"
        );
    }
    assert!(
        !told.contains("author leaks") && !Path::new(&out).exists(),
        "{told}"
    );
    let sql = rankine(home, &["sample", "sql", TEMPLATE[0], "--tables", &tables]).bad(1);
    assert!(sql.contains("item_features.price leaks"), "{sql}");
    let told = rankine(home, &["sample", "build", TEMPLATE[0], "--out", &out]).bad(2);
    assert!(told.contains("--from") && told.contains("--date"), "{told}");
}

#[test]
fn the_page_runs_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let examples = Path::new(REPOSITORY).join("examples");
    std::os::unix::fs::symlink(examples, folder.path().join("examples")).unwrap();
    let (said, noted) = run_page("samples.md", folder.path());
    assert!(
        said.contains("MAX(CASE WHEN event = 'click' THEN 1 ELSE 0 END) AS is_click"),
        "{said}"
    );
    assert!(
        noted.contains("samples: ") && noted.contains("behaviour: "),
        "progress: {noted}"
    );
    let bounds = std::fs::read_to_string(folder.path().join("boundaries.csv")).unwrap();
    assert!(bounds.starts_with("feature,boundaries\n\"price\",\""), "{bounds}");
}

const CONF: &str = r#"format = 1
name = "shop"
schema.user = [{ name = "age", type = "int" }]
schema.item = [{ name = "price", type = "float" }]
dictionary = [{ name = "bounds", key = "string", columns = [{ name = "boundaries", type = "list<float>" }], frozen = true }]
feature = [
  { name = "old", class = "bucketize", slot = 1, depend = ["age"], str_args = ["@bounds", "row=age"] },
  { name = "dear", class = "bucketize", slot = 2, depend = ["price"], str_args = ["@bounds", "row=price"] },
]
"#;

const SERVER: &str = "dictionary = [{ name = \"bounds\", kind = \"boundaries\", path = \"bounds.csv\" }]\n";

#[test]
fn extraction_reads_the_boundaries_that_binning_wrote() {
    let files = folder(&[
        ("conf.toml", CONF),
        ("server.toml", SERVER),
        ("a.csv", "age,price\n10,0.5\n20,\n30,1.5\n"),
        ("b.csv", "age,price\n40,2.5\n"),
    ]);
    let at = |name: &str| path(&files, name);
    let home = tempfile::tempdir().unwrap();
    let bounds = home.path().join("bounds.csv").to_str().unwrap().to_owned();
    let learn = [
        "--json",
        "feature",
        "binning",
        &at("a.csv"),
        &at("b.csv"),
        "--columns",
        "age,price",
    ];
    let told = rankine(
        home.path(),
        &[&learn[..], &["--buckets", "2", "--out", &bounds]].concat(),
    );
    let told = told.good().json();
    assert_eq!(told["features"][0]["boundaries"], serde_json::json!([30.0]));
    assert_eq!(told["features"][1]["missing"], 1);
    let extract = |age: &str, price: &str| {
        std::fs::write(
            files.path().join("row.csv"),
            format!("age,price\n{age},{price}\n"),
        )
        .unwrap();
        let run = [
            "extract",
            &at("row.csv"),
            "--conf",
            &at("conf.toml"),
            "--dictionaries",
            &at("server.toml"),
        ];
        rankine(home.path(), &run).good().stdout
    };
    let (below, above) = (extract("29", "1.4"), extract("30", "1.5"));
    assert_eq!(
        (extract("10", "-7"), extract("99", "8")),
        (below.clone(), above.clone())
    );
    let cells = |text: &str| text.trim().split('\t').map(str::to_owned).collect::<Vec<_>>();
    let (below, above) = (cells(&below), cells(&above));
    assert!(
        below.len() == 2 && below[0] != above[0] && below[1] != above[1],
        "{below:?} {above:?}"
    );
}
