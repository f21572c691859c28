//! Drawn negatives: for each positive and each of its draws a place among the items, joined by equality of places.
//!
//! The decision: whole-number arithmetic below 2^63 instead of the databases' random functions, over rows ordered by the bytes of
//! their keys' texts, so that every dialect draws the same; and places instead of an order by hash, so that no statement pairs all
//! positives with all items: its rows are positives × draws. Only items that existed by then are drawn, and none that the user met
//! on the day; such draws fall away and are not made again.

use super::statement::{Parts, label_of};
use super::template::Negatives;

/// The most draws of a positive: `draw` is a compound of one `SELECT` each, and SQLite takes 500 of those.
pub(super) const MOST: u64 = 250;

/// The prime 2^31 − 1, by which places are drawn.
const PRIME: u64 = 2_147_483_647;

/// The common table expressions, the last of them `sample`: what was seen and what was drawn.
pub(super) fn parts(parts: &Parts<'_>, negatives: Negatives) -> Vec<(String, String)> {
    vec![
        ("positive".to_owned(), positive(parts)),
        ("pool".to_owned(), pool(parts)),
        (
            "pool_size".to_owned(),
            "SELECT COUNT(*) AS items\nFROM pool".to_owned(),
        ),
        ("draw".to_owned(), draws(negatives.per_positive)),
        ("drawn".to_owned(), drawn(parts, negatives.seed)),
        ("negative".to_owned(), negative(parts)),
        ("sample".to_owned(), both(parts)),
    ]
}

fn positive(parts: &Parts<'_>) -> String {
    let (keys, day) = (parts.keys("g."), parts.day());
    let mut order = vec![parts.dialect.sorting(&keys[0]), parts.dialect.sorting(&keys[1])];
    if let [_, _, request, _] = keys.as_slice() {
        order.push(format!("CASE WHEN {request} IS NULL THEN 0 ELSE 1 END"));
        order.push(parts.dialect.sorting(request));
    }
    format!(
        "SELECT {}, g.first_time,\n  CAST(ROW_NUMBER() OVER (PARTITION BY g.{day} ORDER BY {}) AS BIGINT) AS place\n\
         FROM seen AS g\nWHERE g.{} > 0",
        keys.join(", "),
        order.join(", "),
        parts.label()
    )
}

/// The items, each with the time or day from which it exists.
fn pool(parts: &Parts<'_>) -> String {
    let Some(side) = &parts.template.tables.item else {
        return String::new();
    };
    let (key, table) = (parts.dialect.name(&side.key), parts.dialect.table(&side.table));
    let since = match side.version() {
        Some(version) => format!("MIN({})", parts.dialect.name(version)),
        None => "0".to_owned(),
    };
    format!(
        "SELECT i.item, i.since, CAST(ROW_NUMBER() OVER (ORDER BY {order}) AS BIGINT) AS place\nFROM (\n  SELECT {key} AS \
         item, {since} AS since\n  FROM {table}\n  WHERE {key} IS NOT NULL\n  GROUP BY {key}\n) AS i",
        order = parts.dialect.sorting("i.item")
    )
}

fn draws(count: u64) -> String {
    let rows: Vec<String> = (1..=count).map(|k| format!("SELECT {k} AS k")).collect();
    rows.join(" UNION ALL ")
}

/// The draws, each with a place among the items: `x = 48271·place + 69621·k + seed`, then `48271·x³ mod 2^31 − 1`, then the
/// remainder by the number of items. The cube, because without it all positives' draws lie equally far from each other.
fn drawn(parts: &Parts<'_>, seed: u64) -> String {
    let (keys, own) = (parts.keys("x.").join(", "), parts.keys("p.").join(", "));
    format!(
        "SELECT {keys}, x.first_time,\n  x.step * x.step % {PRIME} * x.step % {PRIME} * 48271 % {PRIME} % NULLIF(z.items, 0) + 1 \
         AS place\nFROM (\n  SELECT {own}, p.first_time, (p.place * 48271 + d.k * 69621 + {seed}) % {PRIME} AS step\n  FROM \
         positive AS p\n  CROSS JOIN draw AS d\n) AS x\nCROSS JOIN pool_size AS z"
    )
}

fn negative(parts: &Parts<'_>) -> String {
    let (user, item, day) = (parts.user(), parts.item(), parts.day());
    let mut keys = parts.keys("x.");
    let mut named = keys.clone();
    keys[1] = "i.item".to_owned();
    named[1] = format!("i.item AS {item}");
    let side = parts.template.tables.item.as_ref();
    let existed = match side.map(|side| (&side.time, &side.partition)) {
        Some((Some(_), _)) => " AND i.since <= x.first_time".to_owned(),
        Some((None, Some(_))) => format!(" AND i.since < x.{day}"),
        _ => String::new(),
    };
    let zero = label_of(parts.template.kind, "0", parts.dialect);
    format!(
        "SELECT {}, MIN(x.first_time) AS first_time, {zero} AS {}\nFROM drawn AS x\nJOIN pool AS i ON i.place = x.place\n\
         LEFT JOIN (SELECT DISTINCT {user}, {item}, {day} FROM seen) AS met\n  ON met.{user} = x.{user} AND met.{item} = \
         i.item AND met.{day} = x.{day}\nWHERE met.{user} IS NULL{existed}\nGROUP BY {}",
        named.join(", "),
        parts.label(),
        keys.join(", ")
    )
}

fn both(parts: &Parts<'_>) -> String {
    let columns = format!("{}, first_time, {}", parts.keys("").join(", "), parts.label());
    format!("SELECT {columns}\nFROM seen\nUNION ALL\nSELECT {columns}\nFROM negative")
}
