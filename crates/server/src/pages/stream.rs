//! `GET /stream.html`: the change stream as it stands: how far behind, how long a change takes, the last items step by step, and
//! what was served of what is new.
//!
//! The stream tells figures; what they look like is decided here, on the site, where titles are known.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use serde_json::Value;

use super::card::thousands;
use super::drawing;
use super::fault::Fault;
use super::shell::{Shell, render};
use super::visit::{Page, Visit, answer};
use super::{link, title};
use crate::arrivals::{Exposures, Served};
use crate::error::ApiError;
use crate::state::State as Live;
use crate::status::LatencyBucket;

pub(super) struct Tile {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) note: String,
}

struct Row {
    id: i64,
    title: String,
    href: String,
    outcome: String,
    steps: Vec<String>,
}

struct Of {
    name: &'static str,
    places: String,
    explored: String,
    pairs: String,
    acted: String,
    rate: String,
}

#[derive(Template)]
#[template(path = "stream.html")]
struct StreamPage {
    shell: Shell,
    takes_films: bool,
    away: Option<String>,
    held: Option<String>,
    tiles: Vec<Tile>,
    drawing: String,
    rows: Vec<Row>,
    share: String,
    served: Vec<Of>,
}

pub(super) async fn get(State(state): State<Arc<Live>>, visit: Visit) -> Result<Page, Fault> {
    answer(state, visit, page).await
}

fn page(state: &Live, visit: &Visit) -> Result<Page, ApiError> {
    let (figures, away) = match state.stream_figures() {
        Ok(figures) => (figures, None),
        Err(ApiError::StreamUnavailable { cause }) => (Value::Null, Some(cause)),
        Err(other) => return Err(other),
    };
    let counts = state.exposures();
    let last = figures["last"].as_array().map(Vec::as_slice).unwrap_or_default();
    let page = StreamPage {
        shell: Shell::new("Change stream", visit.user(state), ""),
        takes_films: state.takes_films(),
        held: figures["held_by"].as_str().map(str::to_owned),
        tiles: if away.is_some() {
            Vec::new()
        } else {
            tiles(&figures)
        },
        drawing: drawing::latencies("From commit to searchable", &buckets(&figures)),
        rows: last.iter().filter_map(|trace| row(state, trace)).collect(),
        share: percent(counts.share()),
        served: served(&counts),
        away,
    };
    render(&page).map(Page::new)
}

fn tiles(figures: &Value) -> Vec<Tile> {
    let count = |name: &str| thousands(figures[name].as_u64().unwrap_or(0));
    let tile = |name, value, note| Tile { name, value, note };
    let next = match figures["next_version"].as_u64().unwrap_or(0) {
        0 => "of the item model".to_owned(),
        next => format!("version {next} is being filled: {} rows", count("next_rows")),
    };
    vec![
        tile(
            "Lag",
            micros(figures["lag"].as_i64()),
            "of the last change".to_owned(),
        ),
        tile(
            "Searchable after",
            millis(&figures["latency_ms_p50"]),
            format!("p99 {}", millis(&figures["latency_ms_p99"])),
        ),
        tile(
            "Changes",
            count("changes"),
            format!("{} embedded, {} removed", count("embedded"), count("removed")),
        ),
        tile(
            "Items with a vector",
            count("live"),
            format!("{} waiting to be made again", count("pending")),
        ),
        tile("Version", count("version"), next),
        tile(
            "Dead letters",
            count("dead"),
            format!("{} retries", count("retries")),
        ),
    ]
}

fn millis(value: &Value) -> String {
    value
        .as_f64()
        .map_or_else(|| "–".to_owned(), |ms| format!("{ms:.1} ms"))
}

fn micros(value: Option<i64>) -> String {
    value.map_or_else(|| "–".to_owned(), span)
}

/// A time span as people read it: `1.2 ms`, `3.4 s`.
pub(super) fn span(micros: i64) -> String {
    match micros {
        m if m < 1_000_000 => format!("{:.1} ms", m as f64 / 1e3),
        m if m < 120_000_000 => format!("{:.1} s", m as f64 / 1e6),
        m => format!("{:.0} min", m as f64 / 6e7),
    }
}

/// The stream's cumulative counts as counts per bucket.
fn buckets(figures: &Value) -> Vec<LatencyBucket> {
    let told = figures["latency_buckets_ms"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut before = 0;
    let bucket = |pair: &Value| {
        let (upper_ms, up_to) = (pair[0].as_f64()?, pair[1].as_u64()?);
        let count = up_to.saturating_sub(before);
        before = up_to;
        Some(LatencyBucket { upper_ms, count })
    };
    told.iter().filter_map(bucket).collect()
}

/// One item's way: what each step took.
fn row(state: &Live, trace: &Value) -> Option<Row> {
    let id = trace["id"].as_i64()?;
    let film = state.film(id).ok();
    let (outcome, steps) = told(trace);
    Some(Row {
        title: film
            .as_ref()
            .map_or_else(|| format!("Item {id}"), |film| title::reading_order(&film.title)),
        href: film.map(|_| link::film(id)).unwrap_or_default(),
        outcome,
        steps,
        id,
    })
}

/// What became of an item, and how long each step took; what is dead has no step behind the first.
fn told(trace: &Value) -> (String, Vec<String>) {
    let all = steps(trace).into_iter().map(|(_, took)| span(took));
    match died_of(trace) {
        None => (
            trace["outcome"].as_str().unwrap_or_default().to_owned(),
            all.collect(),
        ),
        Some(reason) => {
            let none = std::iter::repeat_n("–".to_owned(), 4);
            (
                format!("dead letter, {reason}"),
                all.take(1).chain(none).collect(),
            )
        }
    }
}

/// The stage at which a change became a dead letter and why, where it did.
pub(super) fn died_of(trace: &Value) -> Option<&str> {
    let dead = trace["outcome"] == rankine_pipeline::stream::status::DEAD;
    dead.then(|| trace["reason"].as_str().unwrap_or_default())
}

/// Names of the steps and the microseconds each took; the last is the whole way.
pub(super) fn steps(trace: &Value) -> Vec<(&'static str, i64)> {
    let at = |name: &str| trace[name].as_i64().unwrap_or(0);
    let names = ["committed", "received", "joined", "embedded", "searchable"];
    let times = names.map(at);
    let mut steps: Vec<(&'static str, i64)> = [
        "read from the source",
        "joined with the other tables",
        "embedded",
        "on disk and searchable",
    ]
    .into_iter()
    .zip(times.windows(2).map(|pair| (pair[1] - pair[0]).max(0)))
    .collect();
    steps.push(("altogether", (at("searchable") - at("committed")).max(0)));
    steps
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", 100.0 * share))
}

fn served(counts: &Exposures) -> Vec<Of> {
    let of = |name, served: &Served| Of {
        name,
        places: thousands(served.places),
        explored: thousands(served.explored),
        pairs: thousands(served.pairs),
        acted: thousands(served.acted),
        rate: percent(served.rate()),
    };
    vec![of("New", &counts.new), of("All others", &counts.others)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn steps_are_told_from_one_to_the_next() {
        let trace = json!({"committed": 100, "received": 350, "joined": 1_350, "embedded": 1_400, "searchable": 9_400});
        let took: Vec<i64> = steps(&trace).into_iter().map(|(_, took)| took).collect();
        assert_eq!(took, [250, 1_000, 50, 8_000, 9_300]);
        assert!(steps(&Value::Null).iter().all(|(_, took)| *took == 0));
    }

    #[test]
    fn what_is_dead_says_why_and_went_no_further() {
        let trace = json!({"outcome": "dead", "reason": "join: malformed JSON", "committed": 100, "received": 350, "joined": 0});
        let (outcome, steps) = told(&trace);
        assert_eq!(outcome, "dead letter, join: malformed JSON");
        assert_eq!(steps, ["0.2 ms", "–", "–", "–", "–"]);
        let fine = json!({"outcome": "embedded"});
        assert_eq!((told(&fine).0.as_str(), died_of(&fine)), ("embedded", None));
    }

    #[test]
    fn counts_of_buckets_are_taken_apart() {
        let figures = json!({"latency_buckets_ms": [[1, 2], [2, 2], [5, 7]]});
        let counts: Vec<u64> = buckets(&figures).iter().map(|bucket| bucket.count).collect();
        assert_eq!(counts, [2, 0, 5]);
        assert!(buckets(&Value::Null).is_empty());
    }

    #[test]
    fn spans_are_readable() {
        assert_eq!(
            [span(1_234), span(3_400_000), span(600_000_000)],
            ["1.2 ms", "3.4 s", "10 min"]
        );
        assert_eq!(
            (percent(None), percent(Some(0.125))),
            ("–".to_owned(), "12.5 %".to_owned())
        );
    }
}
