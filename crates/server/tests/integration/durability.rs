//! What was answered is there after a restart, and the restarted server answers as if it had lived through it.

use crate::home::{Server, home, user_field};

#[test]
fn a_restarted_server_answers_the_same() {
    let home = home();
    let questions = [
        "/getuser?id=6",
        "/getmovie?id=318",
        "/getrecforyou?id=6&size=50&model=widedeep",
    ];
    let server = Server::on(home.path());
    for (item, value) in [(318, 5.0), (50, 4.5), (1, 1.0), (318, 3.0)] {
        server.rate(6, item, value);
    }
    server.post("/events", r#"{"user":6,"item":2,"kind":"click","event_id":"c"}"#);
    let before: Vec<String> = questions.iter().map(|q| server.get(q).text.clone()).collect();
    let history = user_field(&server, 6, "userHistory");
    server.stop();

    let server = Server::on(home.path());
    let after: Vec<String> = questions.iter().map(|q| server.get(q).text.clone()).collect();
    assert_eq!(before, after);
    assert_eq!(user_field(&server, 6, "userHistory"), history);
    assert_eq!(server.state.status().events.live, 5);
    let again = server
        .post("/events", r#"{"user":6,"item":2,"kind":"click","event_id":"c"}"#)
        .json();
    assert_eq!(again["duplicate"], true, "an event id outlives a restart");
}

#[test]
fn a_torn_tail_is_cut_and_the_rest_is_served() {
    let home = home();
    let server = Server::on(home.path());
    server.rate(6, 318, 5.0);
    server.rate(6, 50, 4.0);
    server.stop();
    let events = home.path().join("events");
    let logs = std::fs::read_dir(events)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let log = logs
        .filter(|path| path.extension().is_some_and(|e| e == "log"))
        .max()
        .unwrap();
    let length = std::fs::metadata(&log).unwrap().len();
    std::fs::OpenOptions::new()
        .write(true)
        .open(&log)
        .unwrap()
        .set_len(length - 3)
        .unwrap();

    let server = Server::on(home.path());
    assert_eq!(server.state.status().events.live, 1);
    assert_eq!(server.state.rating_of(6, 318), Some(5.0));
    assert_eq!(server.state.history(6, 0, 1).unwrap()[0].film.id, 318);
    server.rate(6, 50, 2.0);
    assert_eq!(server.state.rating_of(6, 50), Some(2.0));
}

#[test]
fn rows_follow_into_the_store() {
    use rankine_store::{RedbRows, RowStore};
    let home = home();
    let server = Server::on(home.path());
    server.rate(6, 318, 5.0);
    server.rate(90_000, 1, 4.0);
    server.stop();
    let store = RedbRows::open(&home.path().join("features/rows.redb"), 1 << 20).unwrap();
    let rows = store.get_many("uf", &[6, 90_000]).unwrap();
    assert_eq!(rows[0].as_ref().unwrap()["userRatedMovie1"], "318");
    assert_eq!(rows[1].as_ref().unwrap()["userRatingCount"], "1");
    let film = store.get_many("mf", &[318]).unwrap();
    assert_eq!(film[0].as_ref().unwrap()["movieRatingCount"], "312");
}

#[test]
fn rows_follow_into_redis_and_events_outlive_its_death() {
    use rankine_server::config::StoreKind;
    use rankine_store::{RedisOptions, RedisRows, RowStore, testing::RedisServer};
    let (home, folder) = (home(), tempfile::tempdir().unwrap());
    let redis = RedisServer::start(folder.path()).unwrap();
    let mut config = crate::home::config(home.path());
    config.store.kind = StoreKind::Redis;
    config.store.url = redis.url();
    let server = Server::start(config);
    server.rate(6, 318, 5.0);
    let rows = RedisRows::connect(RedisOptions::new(&redis.url())).unwrap();
    assert_eq!(
        rows.get_many("uf", &[6]).unwrap()[0].as_ref().unwrap()["userRatedMovie1"],
        "318"
    );
    drop((rows, redis));
    server.rate(6, 50, 4.0);
    assert_eq!(
        user_field(&server, 6, "userRatedMovie1"),
        rankine_feature::Value::Int(50)
    );
}

#[test]
fn damaged_feature_rows_are_put_aside_and_written_anew() {
    let home = home();
    let features = home.path().join("features");
    std::fs::create_dir_all(&features).unwrap();
    std::fs::write(features.join("rows.redb"), vec![7_u8; 8192]).unwrap();
    let server = Server::on(home.path());
    assert_eq!(server.get("/getuser?id=6").status, 200);
    assert!(features.join("rows.redb.damaged").exists());
}

#[test]
fn a_home_whose_import_did_not_finish_is_refused() {
    let home = home();
    std::fs::remove_file(home.path().join("data/import.json")).unwrap();
    let refused = rankine_server::State::open(
        rankine_server::ServerConfig::for_home(home.path()),
        std::sync::Arc::new(|| 1),
    );
    let text = refused.err().map(|error| error.to_string()).unwrap();
    assert!(text.contains("no finished import"), "{text}");
}
