//! Posted events: the very next request reflects them, they survive SIGKILL, retries count once, faults say where.

use rankine_pipeline::Catalogue;
use serde_json::Value as Json;

use crate::home::home;
use crate::process::{Client, Server};

/// Scores by film.
fn scores(films: &[Json]) -> Vec<(i64, f64)> {
    films
        .iter()
        .map(|film| (film["movieId"].as_i64().unwrap(), film["score"].as_f64().unwrap()))
        .collect()
}

/// Films in both lists whose scores differ by more than the passing of time explains.
fn changed(before: &[Json], after: &[Json]) -> usize {
    let after = scores(after);
    let differs = |(film, score): &(i64, f64)| {
        after
            .iter()
            .any(|(other, now)| other == film && (now - score).abs() > 1e-4)
    };
    scores(before).iter().filter(|entry| differs(entry)).count()
}

fn shows(films: &[Json], film: &Json) -> bool {
    films.iter().any(|shown| shown["movieId"] == *film)
}

/// What a user's requests see of the user's past.
fn past(client: &Client, user: i64) -> (Json, Vec<i64>) {
    let films = client.recommend(user, "popularity", 500);
    let profile = client.get(&format!("/getuser?id={user}")).good();
    (
        profile,
        scores(&films).into_iter().map(|(film, _)| film).collect(),
    )
}

#[test]
fn the_next_request_sees_a_rating_and_so_does_a_server_killed_and_started_again() {
    let home = home();
    let server = Server::on(home.path());
    let before = server.site().recommend(6, "widedeep", 100);
    let best = before[0]["movieId"].clone();
    let recorded = server.site().rate(6, best.as_i64().unwrap(), 5.0);
    assert_eq!(recorded["duplicate"], false);
    let after = server.site().recommend(6, "widedeep", 500);
    assert!(!shows(&after, &best), "the rated film is still recommended");
    assert!(
        changed(&before, &after) > 10,
        "the history features changed hardly any score"
    );
    let film = server.site().get(&format!("/getmovie?id={best}")).good();
    assert_eq!(
        film["ratingNumber"].as_u64().unwrap(),
        before[0]["ratingNumber"].as_u64().unwrap() + 1
    );
    let remembered = past(server.site(), 6);
    assert_eq!(
        remembered.0["ratings"].as_array().unwrap().last().unwrap()["rating"]["movieId"],
        best
    );
    server.kill();

    let server = Server::on(home.path());
    assert_eq!(past(server.site(), 6), remembered);
    let again = server.site().recommend(6, "widedeep", 500);
    assert!(!shows(&again, &best));
    let (mut old, mut new) = (scores(&after), scores(&again));
    old.sort_by_key(|entry| entry.0);
    new.sort_by_key(|entry| entry.0);
    assert_eq!(old.len(), new.len());
    for ((film, old), (same, new)) in old.into_iter().zip(new) {
        assert_eq!(film, same);
        assert!(
            (old - new).abs() < 1e-3,
            "film {film}: {old} before the kill, {new} after"
        );
    }
}

#[test]
fn every_acknowledged_event_survives_sigkill_under_fire() {
    let home = home();
    let server = Server::on(home.path());
    let site = server.site().clone();
    let films: Vec<i64> = Catalogue::load(home.path())
        .unwrap()
        .items
        .iter()
        .map(|item| item.id)
        .collect();
    let fire = std::thread::spawn(move || {
        let post = |item: &i64| {
            let body = format!(
                r#"{{"user":90001,"item":{item},"kind":"rating","value":4,"event_id":"fire-{item}"}}"#
            );
            site.try_post("/events", &body)
                .is_ok_and(|answer| answer.status == 200)
        };
        films.into_iter().take_while(post).collect::<Vec<i64>>()
    });
    crate::home::wait_until("some events", || {
        server.rest().get("/status").good()["events"]["live"]
            .as_u64()
            .unwrap()
            >= 40
    });
    server.kill();
    let acknowledged = fire.join().unwrap();
    assert!(acknowledged.len() >= 39, "{}", acknowledged.len());

    let server = Server::on(home.path());
    let user = server.site().get("/getuser?id=90001").good();
    let items: Vec<i64> = user["ratings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["rating"]["movieId"].as_i64().unwrap())
        .collect();
    assert_eq!(
        items[..acknowledged.len()],
        acknowledged,
        "in their order, none lost"
    );
    assert!(
        items.len() <= acknowledged.len() + 1,
        "more events than were posted"
    );
}

#[test]
fn an_event_id_counts_once_even_after_a_restart() {
    let home = home();
    let body = r#"{"user":6,"item":52,"kind":"rating","value":4,"event_id":"once"}"#;
    let server = Server::on(home.path());
    let first = server.site().post("/events", body).good();
    let second = server.site().post("/events", body).good();
    assert_eq!(
        (&first["duplicate"], &second["duplicate"]),
        (&false.into(), &true.into())
    );
    assert_eq!((&first["seq"], &first["time"]), (&second["seq"], &second["time"]));
    server.kill();
    let server = Server::on(home.path());
    assert_eq!(server.site().post("/events", body).good()["duplicate"], true);
    assert_eq!(server.rest().get("/status").good()["events"]["live"], 1);
}

#[test]
fn a_bad_event_is_a_4xx_that_says_where_and_leaves_no_trace() {
    let home = home();
    let server = Server::on(home.path());
    let faults = [
        (r#"{"item":52,"kind":"click"}"#, 400, "user", "nothing"),
        (
            r#"{"user":"six","item":52,"kind":"click"}"#,
            400,
            "user",
            "\"six\"",
        ),
        (r#"{"user":6,"item":52,"kind":"rating"}"#, 400, "value", "nothing"),
        (
            r#"{"user":6,"item":52,"kind":"rating","value":5.5}"#,
            400,
            "value",
            "5.5",
        ),
        (
            r#"{"user":6,"item":52,"kind":"click","value":1}"#,
            400,
            "value",
            "1",
        ),
        (r#"{"user":6,"item":52,"kind":"look"}"#, 400, "kind", "look"),
        (
            r#"{"user":6,"item":52,"kind":"click","when":1}"#,
            400,
            "body",
            "when",
        ),
        ("[1]", 400, "body", "[1]"),
    ];
    for (body, status, parameter, got) in faults {
        let answer = server.site().post("/events", body);
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["parameter"], &error["got"]),
            (status, &parameter.into(), &got.into()),
            "{body}"
        );
        assert!(!error["expected"].as_str().unwrap().is_empty());
    }
    let unknown = server
        .site()
        .post("/events", r#"{"user":6,"item":99999999,"kind":"click"}"#);
    assert_eq!(
        (unknown.status, unknown.json()["error"]["type"].as_str()),
        (404, Some("not_found"))
    );
    let cut = server.site().post("/events", r#"{"user":6,"#);
    assert_eq!(
        (cut.status, cut.json()["error"]["parameter"].as_str()),
        (400, Some("body"))
    );
    assert_eq!(server.rest().get("/status").good()["events"]["live"], 0);
}
