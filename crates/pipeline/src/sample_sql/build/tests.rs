//! Days of files and of PostgreSQL: equal bytes, one day at a time, and what is refused.

use rankine_store::testing::PostgresServer;
use rankine_table::parquet;
use rusqlite::types::ValueRef;

use super::*;
use crate::sample_sql::tests::ROWS;

const TEMPLATE: &str = r#"{"clicks": {"label": {"name": "y", "selection": "max(if(event=\"click\",1,0))"}, "train_days": 3,
  "negatives": {"per_positive": 6}, "tables": {"behaviour": {"request": "request_id"},
  "user": {"features": ["age"]}, "item": {"features": ["price", "kind as item_kind"]}}}}"#;

/// A folder with a template and the three tables as text files, behaviour in a folder per day.
struct Shop(tempfile::TempDir);

impl Shop {
    fn new() -> Shop {
        let shop = Shop(tempfile::tempdir().unwrap());
        shop.write("t.json", TEMPLATE);
        let base = rusqlite::Connection::open_in_memory().unwrap();
        base.execute_batch(ROWS).unwrap();
        for day in ["20260228", "20260301", "20260302"] {
            let sql = format!(
                "SELECT user_id, item_id, request_id, event, event_time, spent FROM behaviour WHERE dt = '{day}'"
            );
            shop.write(&format!("data/behaviour/dt={day}/part-0.csv"), &csv(&base, &sql));
        }
        shop.write(
            "data/user_features.tsv",
            &csv(&base, "SELECT * FROM user_features").replace(',', "\t"),
        );
        shop.write(
            "data/item_features.csv",
            &csv(&base, "SELECT * FROM item_features"),
        );
        shop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), text).unwrap();
    }

    fn job(&self, day: &str, out: &str) -> Job {
        Job {
            template: self.path("t.json"),
            tables: None,
            name: None,
            source: Source::Files(self.path("data")),
            out: self.path(out),
            date: Day::parse(day).unwrap(),
            days: None,
            named: BTreeMap::new(),
            again: false,
            allow_leaks: false,
        }
    }
}

fn csv(base: &rusqlite::Connection, sql: &str) -> String {
    let mut statement = base.prepare(sql).unwrap();
    let mut text = statement.column_names().collect::<Vec<_>>().join(",") + "\n";
    let count = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let cell = |at| match row.get_ref(at).unwrap() {
            ValueRef::Null => String::new(),
            ValueRef::Integer(x) => x.to_string(),
            ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => row.get(at).unwrap(),
        };
        text += &((0..count).map(cell).collect::<Vec<_>>().join(",") + "\n");
    }
    text
}

fn built(job: &Job) -> BuildReport {
    build(job, &Progress::silent()).unwrap()
}

fn refused(job: &Job) -> String {
    build(job, &Progress::silent()).unwrap_err().to_string()
}

fn rows(report: &BuildReport) -> Vec<(&str, u64, bool)> {
    report
        .days
        .iter()
        .map(|day| (day.day.as_str(), day.rows, day.kept))
        .collect()
}

/// The bytes of all days.
fn bytes(report: &BuildReport) -> Vec<Vec<u8>> {
    report
        .days
        .iter()
        .map(|day| std::fs::read(&day.path).unwrap())
        .collect()
}

#[test]
fn a_day_is_a_file_and_the_next_day_builds_itself_alone() {
    let shop = Shop::new();
    let first = built(&shop.job("20260301", "out"));
    assert_eq!(
        rows(&first),
        [
            ("20260227", 0, false),
            ("20260228", 1, false),
            ("20260301", 5, false)
        ]
    );
    assert_eq!(first.days[2].positive, 1);
    let (table, _) = parquet::read(&shop.path("out/dt=20260301/samples.parquet")).unwrap();
    let kinds: Vec<(&str, Kind)> = table
        .columns
        .iter()
        .map(|(name, c)| (name.as_str(), c.kind()))
        .collect();
    let (int, text) = (Kind::Int, Kind::Text);
    let expected = [
        ("user_id", int),
        ("item_id", int),
        ("request_id", text),
        ("dt", text),
        ("event_time", int),
        ("y", int),
        ("age", int),
        ("price", int),
        ("item_kind", text),
    ];
    assert_eq!(kinds, expected);
    let next = built(&shop.job("20260302", "out"));
    assert_eq!(rows(&next)[..2], [("20260228", 1, true), ("20260301", 5, true)]);
    assert!(!next.days[2].kept && next.days[2].rows > 3);
    let alone = built(&shop.job("20260302", "other"));
    assert_eq!(bytes(&alone), bytes(&next), "one day at a time or three in a run");
    let again = built(&Job {
        again: true,
        ..shop.job("20260302", "out")
    });
    assert!(again.days.iter().all(|day| !day.kept) && bytes(&again) == bytes(&alone));
    shop.write(
        "t.json",
        &TEMPLATE.replace("\"per_positive\": 6", "\"per_positive\": 1"),
    );
    assert!(
        built(&shop.job("20260302", "out"))
            .days
            .iter()
            .all(|day| !day.kept)
    );
}

#[test]
fn files_and_postgres_give_equal_bytes() {
    let shop = Shop::new();
    let url = PostgresServer::shared().unwrap().database().unwrap();
    let mut client = ::postgres::Client::connect(&url, ::postgres::NoTls).unwrap();
    client.batch_execute(ROWS).unwrap();
    for (kind, selection) in [
        ("CLASSIFICATION", "sum(if(event='click', spent, 0))"),
        ("REGRESSION", "sum(spent) / count(*)"),
        ("PAIRWISE", "max(event='click')"),
    ] {
        let label = format!("\"y\", \"type\": \"{kind}\", \"selection\": \"{selection}\"");
        let from = r#""y", "selection": "max(if(event=\"click\",1,0))""#;
        shop.write("t.json", &TEMPLATE.replace(from, &label));
        let files = built(&Job {
            again: true,
            ..shop.job("20260302", "files")
        });
        let tables = Job {
            source: Source::Postgres(url.clone()),
            again: true,
            ..shop.job("20260302", "tables")
        };
        assert_eq!(bytes(&files), bytes(&built(&tables)), "{kind}");
        assert!(files.days[2].rows > 2);
    }
}

#[test]
fn every_type_of_postgres_becomes_that_of_parquet() {
    let shop = Shop::new();
    let url = PostgresServer::shared().unwrap().database().unwrap();
    let mut client = ::postgres::Client::connect(&url, ::postgres::NoTls).unwrap();
    let rich = "DROP TABLE item_features; CREATE TABLE item_features (item_id INT, update_time BIGINT, tags TEXT[], \
        vector FLOAT8[], counts INT[], hot BOOLEAN, price NUMERIC, born TIMESTAMPTZ, odd TEXT); INSERT INTO item_features \
        VALUES (10, 1, '{\"a,b\",c}', '{0.5,-1}', '{1,2}', true, 1.25, '2026-03-01 01:00:00+01', E'tab\\t\\\\N'), \
        (11, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (12, 1, '{}', '{}', '{}', false, 2, '1970-01-01Z', '')";
    client.batch_execute(&format!("{ROWS} {rich}")).unwrap();
    let list = r#""features": ["tags", "vector", "counts", "hot", "price", "born", "odd"]"#;
    shop.write(
        "t.json",
        &TEMPLATE.replace(r#""features": ["price", "kind as item_kind"]"#, list),
    );
    std::fs::remove_file(shop.path("data/item_features.csv")).unwrap();
    let columns = vec![
        ("item_id", Column::Int(vec![Some(10), Some(11), Some(12)])),
        ("update_time", Column::Int(vec![Some(1); 3])),
        (
            "tags",
            Column::Texts(vec![Some(vec!["a,b".into(), "c".into()]), None, Some(vec![])]),
        ),
        (
            "vector",
            Column::Floats(vec![Some(vec![0.5, -1.0]), None, Some(vec![])]),
        ),
        ("counts", Column::Ints(vec![Some(vec![1, 2]), None, Some(vec![])])),
        ("hot", Column::Bool(vec![Some(true), None, Some(false)])),
        ("price", Column::Float(vec![Some(1.25), None, Some(2.0)])),
        (
            "born",
            Column::Time(vec![Some(1_772_323_200_000_000), None, Some(0)]),
        ),
        (
            "odd",
            Column::Text(vec![Some("tab\t\\N".into()), None, Some(String::new())]),
        ),
    ];
    let table = Table::new(
        columns
            .into_iter()
            .map(|(name, c)| (name.to_owned(), c))
            .collect(),
    )
    .unwrap();
    parquet::write(&shop.path("data/item_features.parquet"), &table, &[]).unwrap();
    let files = built(&shop.job("20260301", "files"));
    let tables = Job {
        source: Source::Postgres(url),
        ..shop.job("20260301", "tables")
    };
    assert_eq!(bytes(&files), bytes(&built(&tables)));
    let (table, _) = parquet::read(&files.days[2].path).unwrap();
    assert_eq!(table.column("born").unwrap().kind(), Kind::Time);
    assert!(table.column("tags").unwrap().missing() < table.rows());
}

#[test]
fn what_cannot_be_is_refused_with_its_place() {
    let shop = Shop::new();
    let job = shop.job("20260301", "out");
    shop.write(
        "t.json",
        &TEMPLATE.replace("\"user\": {", "\"user\": {\"time\": null, "),
    );
    assert!(refused(&job).contains("template `clicks`: user_features.age leaks: the table has neither"));
    let allowed = build(
        &Job {
            allow_leaks: true,
            ..job.clone()
        },
        &Progress::silent(),
    );
    assert!(allowed.unwrap().leaks[0].starts_with("user_features.age leaks"));
    shop.write(
        "t.json",
        &TEMPLATE.replace("\"features\": [\"age\"]", "\"table\": \"user_features\""),
    );
    assert_eq!(
        built(&job).days[2].rows,
        5,
        "all columns, listed by the file's header"
    );
    shop.write("t.json", &TEMPLATE.replace("kind as item_kind", "kind as age"));
    assert!(refused(&job).contains("two columns of the sample are named `age`"));
    shop.write("t.json", &TEMPLATE.replace("\"price\"", "\"${column}\""));
    assert!(refused(&job).contains("`${column}` stands for nothing, expected --var column=VALUE"));
    let named = BTreeMap::from([("column".to_owned(), "price".to_owned())]);
    assert_eq!(built(&Job { named, ..job.clone() }).days[2].rows, 5);
    shop.write("t.json", &TEMPLATE.replace("\"price\"", "\"cost\""));
    assert!(refused(&job).contains("item_features.csv: no column `cost`; there are: item_id, "));
    shop.write("t.json", TEMPLATE);
    shop.write(
        "data/user_features.tsv",
        "user_id\tupdate_time\tage\n1\t90\t20\t7\n",
    );
    assert!(
        refused(&Job {
            again: true,
            ..job.clone()
        })
        .contains("user_features.tsv: line 2: expected 3 fields, got 4")
    );
}

#[test]
fn days_of_different_types_are_refused_until_the_table_says_the_type() {
    let shop = Shop::new();
    built(&shop.job("20260301", "out"));
    shop.write(
        "data/user_features.tsv",
        "user_id\tupdate_time\tage\n1\t90\t20\n1\t300\t22.5\n",
    );
    let told = refused(&shop.job("20260302", "out"));
    let expected = "dt=20260302/samples.parquet: expected column `age` of type int as in ";
    assert!(
        told.contains(expected) && told.contains("dt=20260228") && told.contains("`types`"),
        "{told}"
    );
    shop.write(
        "t.json",
        &TEMPLATE.replace("[\"age\"]", "[\"age\"], \"types\": {\"age\": \"float\"}"),
    );
    let report = built(&shop.job("20260302", "out"));
    assert!(
        report.days.iter().all(|day| !day.kept),
        "the type is part of what made them"
    );
    shop.write(
        "t.json",
        &TEMPLATE.replace("[\"age\"]", "[\"age\"], \"types\": {\"age\": \"int\"}"),
    );
    let told = refused(&shop.job("20260302", "out"));
    assert!(
        told.contains("user_features.tsv: line 3: column `age`: expected int, got `22.5`"),
        "{told}"
    );
    shop.write(
        "t.json",
        &TEMPLATE.replace("[\"age\"]", "[\"age\"], \"types\": {\"age\": \"flaot\"}"),
    );
    assert!(refused(&shop.job("20260302", "out")).contains("expected one of: int, float, string, timestamp"));
}
