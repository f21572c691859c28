//! Posted events: seen by the very next request, in features, history, statistics and exclusion.

use crate::home::{Server, home, user_field};
use rankine_feature::Value;

#[test]
fn the_next_request_sees_a_rating() {
    let home = home();
    let server = Server::on(home.path());
    let first = server.recommend(6, "widedeep", 32);
    let best = first[0]["movieId"].as_i64().unwrap();
    let count = first[0]["ratingNumber"].as_u64().unwrap();
    let recorded = server.rate(6, best, 5.0);
    assert_eq!(recorded["duplicate"], false);

    let second = server.recommend(6, "widedeep", 500);
    assert!(
        second.iter().all(|f| f["movieId"] != best),
        "the rated film is still recommended"
    );
    assert_eq!(user_field(&server, 6, "userRatedMovie1"), Value::Int(best));
    let score = |films: &[serde_json::Value], id: &serde_json::Value| {
        films
            .iter()
            .find(|f| f["movieId"] == *id)
            .map(|f| f["score"].as_f64().unwrap())
    };
    let changed = first[1..]
        .iter()
        .filter(|f| score(&second, &f["movieId"]).is_some_and(|s| Some(s) != f["score"].as_f64()));
    assert!(changed.count() > 0, "the history features changed no score");

    let film = server.get(&format!("/getmovie?id={best}")).json();
    assert_eq!(film["ratingNumber"], count + 1);
    let user = server.get("/getuser?id=6").json();
    assert_eq!(
        user["ratings"].as_array().unwrap().last().unwrap()["rating"]["movieId"],
        best
    );
}

#[test]
fn a_click_excludes_the_film_and_is_a_like() {
    let home = home();
    let server = Server::on(home.path());
    let best = server.recommend(6, "popularity", 1)[0]["movieId"]
        .as_i64()
        .unwrap();
    let answer = server.post(
        "/events",
        &format!(r#"{{"user":6,"item":{best},"kind":"click"}}"#),
    );
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(
        server
            .recommend(6, "popularity", 500)
            .iter()
            .all(|f| f["movieId"] != best)
    );
    assert_eq!(user_field(&server, 6, "userRatedMovie1"), Value::Int(best));
    assert_eq!(server.state.history(6, 0, 1).unwrap()[0].kind.as_ref(), "click");
}

#[test]
fn the_same_event_id_twice_is_one_event() {
    let home = home();
    let server = Server::on(home.path());
    let body = r#"{"user":6,"item":1,"kind":"rating","value":4,"event_id":"once"}"#;
    let (first, second) = (
        server.post("/events", body).json(),
        server.post("/events", body).json(),
    );
    assert_eq!(
        (&first["duplicate"], &second["duplicate"]),
        (&false.into(), &true.into())
    );
    assert_eq!((&first["seq"], &first["time"]), (&second["seq"], &second["time"]));
    assert_eq!(server.state.status().events.live, 1);
}

#[test]
fn the_same_event_id_of_another_user_is_another_event() {
    let home = home();
    let post = |server: &Server, user: i64| {
        let body = format!(r#"{{"user":{user},"item":1,"kind":"rating","value":4,"event_id":"1"}}"#);
        server.post("/events", &body).json()["duplicate"].clone()
    };
    let server = Server::on(home.path());
    assert_eq!([6, 7, 6].map(|user| post(&server, user)), [false, false, true]);
    assert_eq!(server.state.rating_of(7, 1), Some(4.0));
    server.stop();
    let server = Server::on(home.path());
    assert_eq!(server.state.status().events.live, 2);
    assert_eq!([6, 7, 8].map(|user| post(&server, user)), [true, true, false]);
}

#[test]
fn a_new_user_becomes_known_and_emb_falls_back_until_there_is_a_like() {
    let home = home();
    let server = Server::on(home.path());
    assert_eq!(server.get("/getuser?id=70001").status, 404);
    server.rate(70_001, 1, 1.0);
    let answer = server.get("/getrecforyou?id=70001&size=5&model=emb");
    assert_eq!(
        (answer.json()[0]["model"].as_str(), answer.status),
        (Some("popularity"), 200)
    );
    assert!(answer.headers.contains_key("x-rankine-note"));
    server.rate(70_001, 2, 5.0);
    assert_eq!(server.recommend(70_001, "emb", 5)[0]["model"], "emb");
}

#[test]
fn events_posted_at_once_all_arrive() {
    let home = home();
    let server = Server::on(home.path());
    std::thread::scope(|scope| {
        for user in 0..4 {
            let server = &server;
            scope.spawn(move || (1..=10).for_each(|item| drop(server.rate(80_000 + user, item, 4.0))));
        }
    });
    assert_eq!(server.state.status().events.live, 40);
    for user in 80_000..80_004 {
        let user = server.get(&format!("/getuser?id={user}")).json();
        let items: Vec<i64> = user["ratings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["rating"]["movieId"].as_i64().unwrap())
            .collect();
        assert_eq!(items, (1..=10).collect::<Vec<_>>());
    }
}

#[test]
fn one_new_user_more_than_the_limit_is_507_and_nothing_is_lost() {
    let home = home();
    let mut config = crate::home::config(home.path());
    config.limits.new_users = 2;
    let server = Server::start(config.clone());
    let body = |user: i64| format!(r#"{{"user":{user},"item":1,"kind":"rating","value":4}}"#);
    server.rate(70_001, 1, 4.0);
    server.rate(70_002, 1, 4.0);
    let refused = server.post("/events", &body(70_003));
    assert_eq!(refused.status, 507, "{}", refused.text);
    assert_eq!(refused.json()["error"]["type"], "no_room");
    assert_eq!(server.get("/getuser?id=70003").status, 404);
    // those who are known go on
    server.rate(70_002, 2, 4.0);
    server.rate(6, 1, 4.0);
    server.stop();

    config.limits.new_users = 1;
    let server = Server::start(config);
    assert_eq!(server.state.status().events.live, 4);
    assert_eq!(server.get("/getuser?id=70002").json()["ratingCount"], 2);
    server.rate(70_001, 2, 4.0);
    assert_eq!(server.post("/events", &body(70_003)).status, 507);
}
