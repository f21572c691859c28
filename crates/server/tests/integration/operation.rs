//! Metrics, status, overload, shutdown.

use crate::home::{Server, config, home};
use rankine_server::State;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

#[test]
fn metrics_and_status_tell_the_same_story() {
    let home = home();
    let server = Server::on(home.path());
    (0..3).for_each(|_| drop(server.get("/getmovie?id=1")));
    server.get("/getmovie?id=x");
    server.get("/no/such/page");
    server.rate(6, 1, 4.0);
    let metrics = server.get_rest("/metrics").text;
    for line in [
        "rankine_requests_total{class=\"2xx\",route=\"/getmovie\"} 3",
        "rankine_requests_total{class=\"4xx\",route=\"/getmovie\"} 1",
        "rankine_requests_total{class=\"4xx\",route=\"none\"} 1",
        "rankine_events_total{kind=\"rating\"} 1",
        "rankine_event_log{what=\"appended\"} 1",
        "rankine_model{model=\"widedeep\",what=\"version\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    let status = server.get_rest("/status").json();
    assert_eq!((&status["films"], &status["users"]), (&9066.into(), &671.into()));
    assert_eq!(
        (&status["events"]["base"], &status["events"]["live"]),
        (&100_004.into(), &1.into())
    );
    let routes = status["routes"].as_array().unwrap();
    let movie = routes.iter().find(|r| r["route"] == "/getmovie").unwrap();
    assert_eq!((&movie["count"], &movie["clientErrors"]), (&4.into(), &1.into()));
    let model = status["models"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["name"] == "neuralcf")
        .unwrap();
    assert_eq!(
        (&model["version"], &model["aliases"][0]),
        (&1.into(), &"nerualcf".into())
    );
}

#[test]
fn one_request_more_than_permits_is_429() {
    let home = home();
    let mut config = config(home.path());
    config.limits.permits = 1;
    let server = Server::start(config);
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let (started, has_started) = std::sync::mpsc::channel::<()>();
    let state: Arc<State> = server.state.clone();
    let busy = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(state.compute(move |_| {
            started.send(()).unwrap();
            wait.recv().ok();
            Ok(())
        }))
    });
    has_started.recv().unwrap();
    let refused = server.get("/getmovie?id=1");
    assert_eq!(
        (refused.status, refused.json()["error"]["type"].as_str()),
        (429, Some("overloaded"))
    );
    assert_eq!(refused.headers["retry-after"], "1");
    let page = server.get("/movie.html?movieId=1");
    assert_eq!(
        (page.status, &page.headers["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    release.send(()).unwrap();
    busy.join().unwrap().unwrap();
    assert_eq!(server.get("/getmovie?id=1").status, 200);
}

#[test]
fn a_request_under_way_is_answered_before_the_end() {
    let home = home();
    let server = Server::on(home.path());
    let mut client = TcpStream::connect(server.site.trim_start_matches("http://")).unwrap();
    let body = r#"{"user":6,"item":1,"kind":"click"}"#;
    let head = format!(
        "POST /events HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(&body.as_bytes()[..10]).unwrap();
    // the head has arrived once another request on the port, sent later, was answered
    server.get("/getmovie?id=1");
    let rest = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        client.write_all(&body.as_bytes()[10..]).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    });
    server.stop();
    let answer = rest.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(Server::on(home.path()).state.status().events.live, 1);
}

#[test]
fn two_servers_on_one_home_are_refused() {
    let home = home();
    let _first = Server::on(home.path());
    let second = State::open(config(home.path()), Arc::new(|| 0));
    assert!(second.is_err_and(|error| error.to_string().contains("event log")));
}
