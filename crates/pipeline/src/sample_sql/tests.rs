//! Templates to SQL: the source's own as it stands, five parsers, and two databases that must agree.

use proptest::prelude::*;
use rankine_store::testing::PostgresServer;
use rusqlite::types::ValueRef;
use sqlparser::dialect as parsers;
use sqlparser::parser::Parser;

use super::expression::{parse, print};
use super::*;

/// The document's template, character by character.
const SOURCE: &str = r#"{
  "cold_start_recall": {
    "model_name": "cold_start",
    "model_type": "dropoutnet",
    "label": {
      "name": "is_click",
      "selection": "max(if(event=\"click\", 1, 0))",
      "type": "CLASSIFICATION"
    },
    "train_days": 14
  }
}"#;

const TABLES: &str = r#""tables": {"behaviour": {"request": "request_id"},
  "user": {"features": ["age"]}, "item": {"features": ["price", "kind as item_kind"]}}"#;

fn template(text: &str) -> Template {
    Template::parse((text, "t.json"), None, None, &Variables::default()).unwrap()
}

/// A template with tables, and with what else is given.
fn with(kind: &str, selection: &str, more: &str) -> Template {
    let selection = serde_json::to_string(selection).unwrap();
    template(&format!(
        r#"{{"t": {{"label": {{"name": "y", "selection": {selection}, "type": "{kind}"}}, {TABLES}{more}}}}}"#
    ))
}

fn on(day: &str) -> Variables {
    Variables {
        date: Some(Day::parse(day).unwrap()),
        ..Variables::default()
    }
}

fn faults(text: &str) -> String {
    let read = Template::parse((text, "t.json"), None, None, &Variables::default());
    read.unwrap_err().to_string()
}

fn printed(selection: &str, dialect: Dialect) -> String {
    print(&parse(selection).unwrap(), dialect)
}

/// A parser's dialect with backslashes in strings, which Spark, Hive and MaxCompute read and `sqlparser` does not know of.
#[derive(Debug)]
struct Escaping(Box<dyn parsers::Dialect>);

impl parsers::Dialect for Escaping {
    fn dialect(&self) -> std::any::TypeId {
        self.0.dialect()
    }

    fn is_identifier_start(&self, c: char) -> bool {
        self.0.is_identifier_start(c)
    }

    fn is_identifier_part(&self, c: char) -> bool {
        self.0.is_identifier_part(c)
    }

    fn is_delimited_identifier_start(&self, c: char) -> bool {
        self.0.is_delimited_identifier_start(c)
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }
}

fn parsed(sql: &str, dialect: Dialect) {
    let parser: Box<dyn parsers::Dialect> = match dialect {
        Dialect::Sqlite => Box::new(parsers::SQLiteDialect {}),
        Dialect::Postgres => Box::new(parsers::PostgreSqlDialect {}),
        Dialect::Spark => Box::new(Escaping(Box::new(parsers::DatabricksDialect {}))),
        Dialect::MaxCompute | Dialect::Hive => Box::new(Escaping(Box::new(parsers::HiveDialect {}))),
    };
    let read = Parser::parse_sql(&*parser, sql);
    assert_eq!(
        read.map(|list| list.len())
            .map_err(|error| format!("{error}: {sql}")),
        Ok(1)
    );
}

#[test]
fn the_sources_template_is_read_as_it_stands() {
    let read = template(SOURCE);
    assert_eq!(
        (read.name.as_str(), read.model_type.as_str(), read.train_days),
        ("cold_start_recall", "dropoutnet", 14)
    );
    assert_eq!((read.kind, read.grain), (LabelKind::Classification, Grain::Day));
    let sql = statement(&read, Dialect::Postgres, read.train_days, &Variables::default());
    assert!(sql.contains("MAX(CASE WHEN event = 'click' THEN 1 ELSE 0 END) AS is_click"));
    assert!(
        sql.contains("dt BETWEEN '${bizdate-13}' AND '${bizdate}'"),
        "{sql}"
    );
    let dated = statement(&read, Dialect::Hive, read.train_days, &on("20260304"));
    assert!(dated.contains("dt BETWEEN '20260219' AND '20260304'"), "{dated}");
}

#[test]
fn selections_are_printed_as_each_dialect_writes_them() {
    for (selection, expected) in [
        (
            "max(if(event==\"click\",1,0))",
            "MAX(CASE WHEN event = 'click' THEN 1 ELSE 0 END)",
        ),
        (
            "max(event='a' or b<>2 and c)",
            "MAX(CASE WHEN event = 'a' OR b <> 2 AND c <> 0 THEN 1 ELSE 0 END)",
        ),
        (
            "max((a or b) and not c is null)",
            "MAX(CASE WHEN (a <> 0 OR b <> 0) AND NOT c IS NULL THEN 1 ELSE 0 END)",
        ),
        ("sum(a - (b - c)) * -2", "SUM(a - (b - c)) * - 2"),
        (
            "sum(a)/count(distinct b)",
            "CAST(SUM(a) AS REAL) / NULLIF(COUNT(DISTINCT b), 0)",
        ),
        (
            "max(case when a in (1,2) then nvl(b,0) end)",
            "MAX(CASE WHEN a IN (1, 2) THEN COALESCE(b, 0) END)",
        ),
        (
            "sum(if(a not between 1 and 2+3, 1.5, 0))",
            "SUM(CASE WHEN a NOT BETWEEN 1 AND 2 + 3 THEN 1.5 ELSE 0 END)",
        ),
        ("count(*) % 2", "COUNT(*) % NULLIF(2, 0)"),
    ] {
        assert_eq!(printed(selection, Dialect::Sqlite), expected);
    }
    let odd = r#"max(if(`userEvent` = "it's \"x\\", 1, 0))"#;
    assert!(printed(odd, Dialect::Postgres).contains(r#""userEvent" = 'it''s "x\'"#));
    assert!(printed(odd, Dialect::Spark).contains(r#"`userEvent` = 'it\'s "x\\'"#));
}

proptest! {
    #[test]
    fn no_selection_breaks_the_reader(text in "[a-z0-9\"'`(),=<>+*/%. \\\\-]{0,60}") {
        if let Ok(node) = parse(&text) {
            for dialect in Dialect::ALL {
                assert!(!print(&node, dialect).is_empty());
            }
        }
    }

    #[test]
    fn no_text_leaves_its_quotes(text in "[a-z'\\\\\"]{0,12}") {
        let quoted = serde_json::to_string(&text.replace('\\', "\\\\").replace('"', "\"\"")).unwrap();
        let selection = format!("max(if(a = {}, 1, 0))", quoted.replace("\\\\", "\\").replace("\\\"", "\""));
        if parse(&selection).is_ok() {
            parsed(&format!("SELECT {}", printed(&selection, Dialect::Postgres)), Dialect::Postgres);
        }
    }
}

#[test]
fn brackets_are_bounded() {
    let deep = format!("{}1{}", "(".repeat(400), ")".repeat(400));
    assert!(parse(&deep).unwrap_err().message.contains("nested deeper"));
    assert!(
        parse(&"not ".repeat(900))
            .unwrap_err()
            .message
            .contains("nested deeper")
    );
    assert!(
        parse(&"-".repeat(900))
            .unwrap_err()
            .message
            .contains("nested deeper")
    );
}

#[test]
fn faults_name_file_line_and_the_nearest() {
    let text = SOURCE.replace("train_days", "train_day").replace("max(", "maxx(");
    let told = faults(&text);
    assert!(
        told.contains("t.json:7") && told.contains("unknown function `maxx`") && told.contains("`max`"),
        "{told}"
    );
    assert!(
        told.contains("t.json:10") && told.contains("train_days"),
        "{told}"
    );
    for (from, to, expected) in [
        (
            "CLASSIFICATION",
            "CLASS",
            "expected one of: CLASSIFICATION, REGRESSION, PAIRWISE; got `CLASS`",
        ),
        ("14", "0", "expected a whole number from 1 to 3660, got `0`"),
        ("max(if(", "(if(", "column `event` has many values"),
        ("max(if(", "max(sum(if(", "expected `)`"),
        (", 1, 0", ", 1", "`if` takes 3 arguments, got 2"),
        (
            "\"label\"",
            "\"labels\"",
            "expected an object with name, selection and type",
        ),
        ("click\\\"", "click", "no closing"),
    ] {
        let told = faults(&SOURCE.replacen(from, to, 1));
        assert!(told.contains(expected), "{told}");
    }
    assert!(faults("{\n x").contains("t.json:2"));
    assert!(faults("[]").contains("expected an object"));
    assert!(faults(r#"{"a": {}, "b": {}}"#).contains("--template"));
}

#[test]
fn a_leak_is_named_with_its_column() {
    let tables = r#", "tables": {"user": {"time": null, "features": ["age", "born"], "fixed": ["born"]},
        "item": {"features": ["event", "price"]}}}}"#;
    let text = SOURCE
        .trim_end()
        .trim_end_matches('}')
        .trim_end()
        .trim_end_matches('}')
        .to_owned()
        + tables;
    let found: Vec<String> = leaks(&template(&text)).iter().map(Leak::to_string).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("user_features.age leaks: the table has neither"));
    assert!(found[1].starts_with("item_features.event leaks: the label `is_click` is computed"));
    assert!(leaks(&template(SOURCE)).is_empty());
}

#[test]
fn every_statement_is_read_back_by_a_parser_of_its_dialect() {
    for kind in ["CLASSIFICATION", "REGRESSION", "PAIRWISE"] {
        for more in ["", r#", "grain": "day""#, r#", "negatives": {"per_positive": 3}"#] {
            let template = with(kind, "max(if(event = \"o'clock\", 1, 0))", more);
            for dialect in Dialect::ALL {
                parsed(&statement(&template, dialect, 14, &Variables::default()), dialect);
            }
        }
    }
    parsed(
        &statement(&template(SOURCE), Dialect::Spark, 14, &Variables::default()),
        Dialect::Spark,
    );
}

/// Tables in which the future would show: age and price change between and after the events.
pub(super) const ROWS: &str = "
CREATE TABLE behaviour (user_id BIGINT, item_id BIGINT, request_id TEXT, event TEXT, event_time BIGINT, dt TEXT, spent BIGINT);
INSERT INTO behaviour VALUES
 (1, 10, 'a', 'show', 100, '20260301', 0), (1, 10, 'a', 'click', 110, '20260301', 7), (1, 11, 'a', 'show', 100, '20260301', 0),
 (1, 12, 'a', 'show', 101, '20260301', 0), (2, 10, 'b', 'show', 205, '20260302', 0), (2, 10, 'b', 'click', 206, '20260302', 3),
 (2, 11, 'b', 'show', 205, '20260302', 0), (1, 10, 'c', 'show', 207, '20260302', 1), (NULL, 10, 'd', 'show', 208, '20260302', 0),
 (3, 12, 'e', 'show', 50, '20260228', 0);
CREATE TABLE user_features (user_id BIGINT, update_time BIGINT, age BIGINT);
INSERT INTO user_features VALUES (1, 90, 20), (1, 105, 21), (1, 300, 22), (2, 400, 30);
CREATE TABLE item_features (item_id BIGINT, update_time BIGINT, price BIGINT, kind TEXT);
INSERT INTO item_features VALUES (10, 1, 5, 'x'), (10, 206, 6, 'x'), (11, 100, 9, 'y'), (12, 1, 2, NULL), (13, 1, 3, 'z'),
 (14, 1, 4, 'z'), (15, 999, 8, 'late');";

fn in_sqlite(sql: &str) -> Vec<Vec<Option<String>>> {
    sqlite_with("", sql)
}

fn sqlite_with(more: &str, sql: &str) -> Vec<Vec<Option<String>>> {
    let base = rusqlite::Connection::open_in_memory().unwrap();
    base.execute_batch(&format!("{ROWS} {more}")).unwrap();
    let mut statement = base.prepare(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    let count = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let cell = |at| match row.get_ref(at).unwrap() {
            ValueRef::Null => None,
            ValueRef::Integer(x) => Some(x.to_string()),
            ValueRef::Real(x) => Some(x.to_string()),
            ValueRef::Text(_) | ValueRef::Blob(_) => Some(row.get(at).unwrap()),
        };
        found.push((0..count).map(cell).collect());
    }
    found.sort();
    found
}

fn in_postgres(sql: &str) -> Vec<Vec<Option<String>>> {
    postgres_with("", sql)
}

fn postgres_with(more: &str, sql: &str) -> Vec<Vec<Option<String>>> {
    let url = PostgresServer::shared().unwrap().database().unwrap();
    let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
    client.batch_execute(&format!("{ROWS} {more}")).unwrap();
    let mut found = Vec::new();
    for message in client
        .simple_query(sql)
        .unwrap_or_else(|error| panic!("{error:?}: {sql}"))
    {
        if let postgres::SimpleQueryMessage::Row(row) = message {
            found.push((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect());
        }
    }
    found.sort();
    found
}

fn shown(rows: &[Vec<Option<String>>]) -> Vec<String> {
    let cell = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "-".to_owned());
    rows.iter()
        .map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn no_feature_is_from_after_the_first_event() {
    let template = with("CLASSIFICATION", "max(if(event=\"click\",1,0))", "");
    let rows = in_sqlite(&statement(&template, Dialect::Sqlite, 2, &on("20260302")));
    assert_eq!(
        shown(&rows),
        [
            "1 10 a 20260301 100 1 20 5 x",
            "1 10 c 20260302 207 0 21 6 x",
            "1 11 a 20260301 100 0 20 9 y",
            "1 12 a 20260301 101 0 20 2 -",
            "2 10 b 20260302 205 1 - 5 x",
            "2 11 b 20260302 205 0 - 9 y",
        ]
    );
}

#[test]
fn pairs_are_of_one_request() {
    let template = with("PAIRWISE", "max(event = 'click')", "");
    let rows = in_sqlite(&statement(&template, Dialect::Sqlite, 14, &on("20260302")));
    assert_eq!(
        shown(&rows),
        [
            "1 10 11 a 20260301 100 1 20 5 x 9 y",
            "1 10 12 a 20260301 100 1 20 5 x 2 -",
            "2 10 11 b 20260302 205 1 - 5 x 9 y",
        ]
    );
}

#[test]
fn drawn_negatives_were_not_met_and_existed() {
    let more = r#", "negatives": {"per_positive": 20, "seed": 3}"#;
    let template = with("CLASSIFICATION", "max(if(event=\"click\",1,0))", more);
    let rows = shown(&in_sqlite(&statement(
        &template,
        Dialect::Sqlite,
        2,
        &on("20260302"),
    )));
    let drawn: Vec<&String> = rows
        .iter()
        .filter(|row| row.starts_with("1 13") || row.starts_with("1 14"))
        .collect();
    assert_eq!(drawn.len(), 2, "{rows:?}");
    assert!(
        drawn.iter().all(|row| row.contains(" a 20260301 100 0 20 ")),
        "{rows:?}"
    );
    assert!(rows.iter().any(|row| row.starts_with("2 12 b")), "{rows:?}");
    assert!(!rows.iter().any(|row| row.contains("late")), "{rows:?}");
}

/// `users` clicks, one each, among as many items as there are two-digit numbers; item 99 comes too late for all.
const MANY: &str = "DELETE FROM behaviour; DELETE FROM item_features;
INSERT INTO item_features WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
  SELECT i, CASE WHEN i = 99 THEN 500 ELSE 1 END, 1, 'w' FROM n;
INSERT INTO behaviour WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
  SELECT i, 109 - i, 'a', 'click', 100, '20260301', 1 FROM n;";

#[test]
fn draws_are_those_of_the_definition() {
    const PRIME: u64 = (1 << 31) - 1;
    let more = r#", "negatives": {"per_positive": 250, "seed": 2147483648}"#;
    let template = with("CLASSIFICATION", "max(if(event=\"click\",1,0))", more);
    let sql = statement(&template, Dialect::Sqlite, 14, &on("20260302"));
    let found: std::collections::BTreeSet<(u64, u64)> = sqlite_with(MANY, &sql)
        .iter()
        .filter(|row| row[5].as_deref() == Some("0"))
        .map(|row| {
            [0, 1]
                .map(|at: usize| row[at].as_ref().unwrap().parse().unwrap())
                .into()
        })
        .collect();
    let drawn = (1..=90).flat_map(|place| (1..=250).map(move |k| (place, k)));
    let expected = drawn.map(|(place, k)| {
        let x = (place * 48271 + k * 69621 + (1 << 31)) % PRIME;
        (place + 9, x * x % PRIME * x % PRIME * 48271 % PRIME % 90 + 10)
    });
    let possible = |(user, item): &(u64, u64)| *item != 99 && user + item != 109;
    assert_eq!(found, expected.filter(possible).collect());
}

#[test]
fn draws_differ_from_positive_to_positive() {
    let more = r#", "negatives": {"per_positive": 2}"#;
    let template = with("CLASSIFICATION", "max(if(event=\"click\",1,0))", more);
    let sql = statement(&template, Dialect::Sqlite, 14, &on("20260302"));
    let rows = sqlite_with(MANY, &sql);
    let number = |row: &[Option<String>], at: usize| row[at].as_ref().unwrap().parse::<i64>().unwrap();
    let drawn: Vec<_> = rows.iter().filter(|row| number(row, 5) == 0).collect();
    let pairs = drawn.windows(2).filter(|pair| pair[0][0] == pair[1][0]);
    let apart: Vec<i64> = pairs
        .map(|pair| number(pair[1], 1) - number(pair[0], 1))
        .collect();
    let kinds: std::collections::BTreeSet<&i64> = apart.iter().collect();
    assert!(apart.len() > 70 && kinds.len() > 30, "{apart:?}");
}

#[test]
fn no_draw_looks_through_all_items() {
    let more = r#", "negatives": {"per_positive": 4}"#;
    let template = with("CLASSIFICATION", "max(if(event=\"click\",1,0))", more);
    let sql = statement(&template, Dialect::Sqlite, 14, &on("20260302"));
    let plan = shown(&sqlite_with(MANY, &format!("EXPLAIN QUERY PLAN {sql}"))).join("\n");
    for (table, column) in [("i", "place"), ("met", "user_id")] {
        let looked_up = |line: &str| line.contains(&format!("SEARCH {table} ")) && line.contains(column);
        assert!(plan.lines().any(looked_up), "{table}: {plan}");
    }
}

#[test]
fn more_draws_than_a_database_takes_are_refused() {
    let told = faults(&SOURCE.replace("\"train_days\": 14", "\"negatives\": {\"per_positive\": 251}"));
    assert!(
        told.contains("t.json:10") && told.contains("expected a whole number from 1 to 250, got `251`"),
        "{told}"
    );
}

#[test]
fn sqlite_and_postgres_give_equal_samples() {
    for (kind, selection) in [
        ("CLASSIFICATION", "max(if(event=\"click\",1,0))"),
        ("REGRESSION", "sum(spent) / count(*)"),
        ("PAIRWISE", "sum(if(event in ('click', 'buy'), spent, 0))"),
    ] {
        for more in ["", r#", "grain": "day""#, r#", "negatives": {"per_positive": 4}"#] {
            let template = with(kind, selection, more);
            let run = |dialect| statement(&template, dialect, 14, &on("20260302"));
            let (lite, post) = (
                in_sqlite(&run(Dialect::Sqlite)),
                in_postgres(&run(Dialect::Postgres)),
            );
            assert!(!lite.is_empty());
            let (lite, post) = (shown(&lite).join("\n"), shown(&post).join("\n"));
            assert_eq!(lite.replace(".0 ", " "), post, "{kind}{more}");
        }
    }
}

#[test]
fn missing_and_mixed_requests_draw_alike() {
    let more = "INSERT INTO behaviour SELECT 1, item_id, request_id, 'click', 300, '20260302', 1 FROM (SELECT item_id FROM \
        item_features GROUP BY item_id) AS i CROSS JOIN (SELECT NULL AS request_id UNION ALL SELECT 'B' UNION ALL SELECT 'a' UNION \
        ALL SELECT '' UNION ALL SELECT 'é') AS r WHERE item_id < 14; INSERT INTO item_features SELECT item_id * 7, 1, 1, 'w' FROM \
        item_features;";
    let negatives = r#", "negatives": {"per_positive": 3}"#;
    let template = with("CLASSIFICATION", "max(event='click')", negatives);
    let run = |dialect| statement(&template, dialect, 14, &on("20260302"));
    let lite = shown(&sqlite_with(more, &run(Dialect::Sqlite)));
    assert_eq!(lite, shown(&postgres_with(more, &run(Dialect::Postgres))));
    assert!(
        lite.iter().filter(|row| row.contains(" 300 0 ")).count() > 20,
        "{lite:?}"
    );
}

#[test]
fn variables_stand_for_days_and_names() {
    let mut variables = on("2026-03-01");
    variables.named.insert("env".into(), "prod".into());
    assert_eq!(
        variables.fill("${env}_${bizdate} ${bizdate-1} ${other} ${"),
        "prod_2026-03-01 2026-02-28 ${other} ${"
    );
    assert_eq!(
        variables.open("${other} ${env} ${other} ${bizdate-x}"),
        ["other", "bizdate-x"]
    );
    for bad in ["2026-3-1", "20261301", "20260230", "today", "2026é0101"] {
        assert!(Day::parse(bad).is_err(), "{bad}");
    }
}
