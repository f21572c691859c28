//! Samples of random tables beside their definition written out: grain, label, and features as of the first event.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

const TABLES: &str = r#""tables": {"behaviour": {"request": "request_id"}, "user": {"features": ["age"]},
  "item": {"features": ["price"], "partition": "dt"}}"#;

/// Seconds of a day of these tables.
const LENGTH: i64 = 20;

/// User, item, request, spent, time.
type Event = (i64, i64, i64, i64, i64);

/// Versions of a feature by key and time or day.
type Versions = BTreeMap<(i64, i64), i64>;

fn day(time: i64) -> String {
    format!("2026030{}", time / LENGTH + 1)
}

fn rows_of(grain: &str, (events, ages, prices): (&[Event], &Versions, &Versions)) -> Vec<Vec<Option<i64>>> {
    let text = format!(
        r#"{{"t": {{"grain": "{grain}", "label": {{"name": "y", "selection": "sum(spent)"}}, {TABLES}}}}}"#
    );
    let template = Template::parse((&text, "t.json"), None, None, &Variables::default()).unwrap();
    let last = Variables {
        date: Some(Day::parse("20260303").unwrap()),
        ..Variables::default()
    };
    let base = rusqlite::Connection::open_in_memory().unwrap();
    let mut sql = "CREATE TABLE behaviour (user_id, item_id, request_id, spent, event_time, dt TEXT);
        CREATE TABLE user_features (user_id, update_time, age); CREATE TABLE item_features (item_id, dt TEXT, price);"
        .to_owned();
    for (user, item, request, spent, time) in events {
        let day = day(*time);
        sql +=
            &format!("INSERT INTO behaviour VALUES ({user}, {item}, {request}, {spent}, {time}, '{day}');");
    }
    for ((user, time), age) in ages {
        sql += &format!("INSERT INTO user_features VALUES ({user}, {time}, {age});");
    }
    for ((item, at), price) in prices {
        sql += &format!(
            "INSERT INTO item_features VALUES ({item}, '{}', {price});",
            day(*at * LENGTH)
        );
    }
    base.execute_batch(&sql).unwrap();
    let found = statement(&template, Dialect::Sqlite, 3, &last);
    let columns = match grain {
        "day" => "user_id, item_id, 0, dt - 20260301, event_time, y, age, price",
        _ => "user_id, item_id, request_id, dt - 20260301, event_time, y, age, price",
    };
    let sorted = format!("SELECT {columns} FROM (\n{found}) ORDER BY 1, 2, 3, 4");
    let mut query = base.prepare(&sorted).unwrap();
    let row = |row: &rusqlite::Row<'_>| (0..8).map(|at| row.get(at)).collect();
    query
        .query_map([], row)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

/// The definition.
fn expected(grain: &str, (events, ages, prices): (&[Event], &Versions, &Versions)) -> Vec<Vec<Option<i64>>> {
    let mut samples: BTreeMap<(i64, i64, i64, i64), (i64, i64)> = BTreeMap::new();
    for (user, item, request, spent, time) in events {
        let request = if grain == "day" { 0 } else { *request };
        let sample = samples
            .entry((*user, *item, request, time / LENGTH))
            .or_insert((*time, 0));
        *sample = (sample.0.min(*time), sample.1 + spent);
    }
    let youngest = |versions: &Versions, key: i64, until: i64| {
        let known = versions.range((key, i64::MIN)..=(key, until));
        known.last().map(|(_, value)| *value)
    };
    let row = |((user, item, request, day), (first, label)): (&(i64, i64, i64, i64), &(i64, i64))| {
        let features = [youngest(ages, *user, *first), youngest(prices, *item, *day - 1)];
        let keys = [*user, *item, *request, *day, *first, *label];
        keys.into_iter().map(Some).chain(features).collect()
    };
    samples.iter().map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn samples_are_what_the_definition_says(
        events in vec((0..3_i64, 0..3_i64, 0..3_i64, 0..5_i64, 0..3 * LENGTH), 0..40),
        ages in btree_map((0..3_i64, 0..3 * LENGTH), 0..9_i64, 0..12),
        prices in btree_map((0..3_i64, 0..3_i64), 0..9_i64, 0..7),
    ) {
        for grain in ["request", "day"] {
            let tables = (events.as_slice(), &ages, &prices);
            prop_assert_eq!(rows_of(grain, tables), expected(grain, tables));
        }
    }
}
