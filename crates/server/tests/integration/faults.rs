//! Bad requests: each is a 4xx with JSON that says which parameter, what was expected and what came.

use crate::home::{Server, home};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn every_bad_request_says_where() {
    let home = home();
    let server = Server::on(home.path());
    let faults = [
        ("/getmovie", 400, "id"),
        ("/getmovie?id=", 400, "id"),
        ("/getmovie?id=abc", 400, "id"),
        ("/getmovie?id=-4", 400, "id"),
        ("/getuser?id=1.5", 400, "id"),
        ("/getuser?id=-6", 400, "id"),
        ("/getrecforyou?id=-6", 400, "id"),
        ("/getsimilarmovie?movieId=-1", 400, "movieId"),
        ("/getsimilarmovie?id=1", 400, "movieId"),
        ("/getsimilarmovie?movieId=1&size=0", 400, "size"),
        ("/getsimilarmovie?movieId=1&model=magic", 400, "model"),
        ("/getrecommendation?size=3", 400, "genre"),
        ("/getrecommendation?genre=Nothing", 400, "genre"),
        ("/getrecommendation?genre=Comedy&sortby=colour", 400, "sortby"),
        ("/getrecforyou?id=6&size=100000", 400, "size"),
        ("/getrecforyou?id=6&model=magic", 400, "model"),
        ("/getrecforyou?id=6&model=item2vec", 400, "model"),
        ("/search?q=%20", 400, "q"),
    ];
    for (path, status, parameter) in faults {
        let answer = server.get(path);
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, error["parameter"].as_str()),
            (status, Some(parameter)),
            "{path}: {error}"
        );
        assert!(
            !error["expected"].as_str().unwrap().is_empty() && error["got"].is_string(),
            "{path}"
        );
    }
    let models = server.get("/getrecforyou?id=6&model=magic").json();
    assert_eq!(
        models["error"]["expected"],
        "one of widedeep, neuralcf, emb, popularity"
    );
    assert_eq!(models["error"]["got"], "magic");
}

#[test]
fn what_does_not_exist_is_404_and_never_an_empty_answer() {
    let home = home();
    let server = Server::on(home.path());
    let paths = [
        "/getmovie?id=99999999",
        "/getuser?id=99999999",
        "/getrecforyou?id=99999999",
        "/getsimilarmovie?movieId=99999999",
    ];
    for path in paths {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["error"]["type"], "not_found", "{path}");
    }
    assert!(server.get_rest("/nowhere").json()["error"]["message"].is_string());
    assert!(!server.get("/nowhere").text.is_empty());
    let wrong = server.post("/getmovie?id=1", "{}");
    assert_eq!(
        (wrong.status, wrong.json()["error"]["type"].as_str()),
        (405, Some("method_not_allowed"))
    );
}

#[test]
fn bad_events_are_refused_and_change_nothing() {
    let home = home();
    let server = Server::on(home.path());
    let before = server.get("/getuser?id=6").text;
    let bodies = [
        ("", 400),
        ("{", 400),
        (r#"{"user":6,"item":1,"kind":"rating"}"#, 400),
        (r#"{"user":6,"item":1,"kind":"rating","value":11}"#, 400),
        (r#"{"user":6,"item":99999999,"kind":"rating","value":4}"#, 404),
        (r#"{"user":-6,"item":1,"kind":"click"}"#, 400),
        (r#"{"user":6,"item":-1,"kind":"click"}"#, 400),
        (r#"{"user":6,"item":1,"kind":"purchase"}"#, 400),
        (r#"{"user":6,"item":1,"kind":"click","event_id":""}"#, 400),
    ];
    for (body, status) in bodies {
        let answer = server.post("/events", body);
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        assert!(answer.json()["error"]["message"].is_string(), "{body}");
    }
    assert_eq!(server.get("/getuser?id=6").text, before);
    assert_eq!(server.state.status().events.live, 0);
}

#[test]
fn a_body_beyond_the_limit_is_413() {
    let home = home();
    let mut config = crate::home::config(home.path());
    config.limits.body_mb = 1;
    let server = Server::start(config);
    let body = format!(
        r#"{{"user":6,"item":1,"kind":"click","event_id":"{}"}}"#,
        "x".repeat(2 << 20)
    );
    let answer = server.post("/events", &body);
    assert_eq!(
        (answer.status, answer.json()["error"]["type"].as_str()),
        (413, Some("too_large"))
    );
}

/// Once the answer left while the client still sent: it saw a broken pipe instead.
#[test]
fn a_client_that_still_sends_reads_why_its_body_is_refused() {
    let home = home();
    let mut config = crate::home::config(home.path());
    config.limits.body_mb = 1;
    let server = Server::start(config);
    let mut stream = TcpStream::connect(server.site.trim_start_matches("http://")).unwrap();
    let (piece, pieces) = (vec![b'x'; 1 << 20], 16);
    let head = format!(
        "POST /events HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        pieces << 20
    );
    stream.write_all(head.as_bytes()).unwrap();
    for _ in 0..pieces {
        stream.write_all(&piece).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[test]
fn a_predictor_only_takes_no_events_and_says_so() {
    use rankine_server::state::view::NewEvent;
    let home = home();
    let mut config = crate::home::config(home.path());
    config.listen.site.clear();
    let server = Server::start(config);
    let event = NewEvent {
        user: 6,
        item: 1,
        kind: "click".to_owned(),
        value: None,
        event_id: None,
    };
    let refused = server.state.record_event(event).unwrap_err();
    assert_eq!((refused.status().as_u16(), refused.kind()), (501, "not_served"));
}
