//! Ranking over TensorFlow Serving REST by another server: the same scores as in process, fresh features included.

use crate::home::{Server, config, home, publish_model, wait_until};
use rankine_server::config::RankerKind;
use std::path::Path;

/// A server without a site: a predictor.
fn predictor(home: &Path) -> Server {
    let mut config = config(home);
    config.listen.site = String::new();
    let server = Server::start(config);
    server.wait_for_models();
    server
}

/// A server that ranks by the predictor at `url`.
fn asking(home: &Path, url: &str) -> Server {
    let mut config = config(home);
    config.ranker.kind = RankerKind::Remote;
    config.ranker.url = url.to_owned();
    let server = Server::start(config);
    server.wait_for_models();
    server
}

#[test]
fn remote_and_local_ranking_agree_bit_for_bit() {
    let (home, other) = (home(), home());
    let predictor = predictor(other.path());
    let local = Server::on(home.path());
    for user in [6, 15, 99] {
        local.rate(user, 318, 5.0);
    }
    let expected: Vec<_> = [6, 15, 99]
        .map(|user| local.recommend(user, "widedeep", 50))
        .into();
    local.stop();
    let remote = asking(home.path(), &predictor.rest);
    let got: Vec<_> = [6, 15, 99]
        .map(|user| remote.recommend(user, "widedeep", 50))
        .into();
    assert_eq!(
        got, expected,
        "the predictor's own home does not have these ratings"
    );
}

#[test]
fn a_rating_changes_the_next_remote_ranking() {
    let (home, other) = (home(), home());
    let predictor = predictor(other.path());
    let remote = asking(home.path(), &predictor.rest);
    let before = remote.recommend(6, "widedeep", 50);
    remote.rate(6, 50, 5.0);
    let after = remote.recommend(6, "widedeep", 50);
    assert_ne!(before, after);
}

#[test]
fn a_version_published_beside_the_predictor_is_named_when_it_scores() {
    let (home, other) = (home(), home());
    let predictor = predictor(other.path());
    let remote = asking(home.path(), &predictor.rest);
    assert_eq!(remote.recommend(6, "widedeep", 3)[0]["modelVersion"], 1);
    publish_model(&other.path().join("models"), "widedeep", 77);
    wait_until("version 2", || {
        remote.recommend(6, "widedeep", 3)[0]["modelVersion"] == 2
    });
}

#[test]
fn a_predictor_that_does_not_answer_is_503() {
    let home = home();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let remote = asking(home.path(), &address);
    let answer = remote.get("/getrecforyou?id=6&model=widedeep");
    assert_eq!(
        (answer.status, answer.json()["error"]["type"].as_str()),
        (503, Some("model_unavailable"))
    );
    assert_eq!(remote.get("/getrecforyou?id=6&model=popularity").status, 200);
}

#[test]
fn a_predictor_takes_no_events() {
    let home = home();
    let predictor = predictor(home.path());
    let click = rankine_server::state::view::NewEvent {
        user: 6,
        item: 1,
        kind: "click".to_owned(),
        value: None,
        event_id: None,
    };
    assert!(predictor.state.record_event(click).is_err());
    let answer = predictor.get_rest("/v1/models/recmodel");
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[test]
fn ranking_over_grpc_is_local_ranking_to_the_bit() {
    let (home, other) = (home(), home());
    let predictor = predictor(other.path());
    let local = Server::on(home.path());
    let users = [6, 15, 99];
    users.iter().for_each(|user| _ = local.rate(*user, 318, 5.0));
    let expected = users.map(|user| local.recommend(user, "widedeep", 50));
    local.stop();
    let remote = asking(home.path(), &predictor.grpc.replace("http://", "grpc://"));
    let got = users.map(|user| remote.recommend(user, "widedeep", 50));
    assert_eq!(
        got, expected,
        "the predictor's own home does not have these ratings"
    );
    remote.rate(6, 50, 5.0);
    assert_ne!(
        remote.recommend(6, "widedeep", 50),
        got[0],
        "features of a moment ago"
    );
    assert_eq!(publish_model(&other.path().join("models"), "widedeep", 77), 2);
    wait_until("version 2", || {
        remote.recommend(6, "widedeep", 1)[0]["modelVersion"] == 2
    });
    drop(predictor);
    let gone = remote.get("/getrecforyou?id=6&model=widedeep");
    assert_eq!(
        (gone.status, gone.json()["error"]["type"].as_str()),
        (503, Some("model_unavailable"))
    );
    assert_eq!(remote.recommend(6, "popularity", 5).len(), 5);
}

#[test]
fn where_another_process_ranks_the_explain_page_says_so_and_lists_no_model() {
    let home = home();
    let remote = asking(home.path(), "http://127.0.0.1:9");
    let page = remote.get("/explain.html");
    assert!(
        page.status == 200
            && page
                .text
                .contains("computed by another process, http://127.0.0.1:9"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("<option"), "{}", page.text);
    let page = remote.get("/explain.html?id=6&movieId=260&model=widedeep");
    assert!(
        page.status == 501 && page.text.contains("another process ranks"),
        "{}",
        page.text
    );
}
