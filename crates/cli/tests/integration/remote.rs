//! Predictor and site as two processes: the same order and the same scores as in one.
//!
//! Scores rest on the time since the user's last event, so a remote answer is compared with two local ones around it:
//! where these two agree to the bit, so must it.

use serde_json::Value as Json;

use crate::artefact::{newest, published, scaled};
use crate::home::{home, wait_until};
use crate::process::Server;

/// A site that ranks by a predictor.
fn site(home: &std::path::Path, predictor: &Server) -> Server {
    let url = predictor.rest().base().to_owned();
    let server = Server::start(home, "127.0.0.1:0", "", &["--ranker-url", &url]);
    wait_until("the vectors", || {
        server.site().get("/getrecforyou?id=6&size=1&model=emb").good()[0]["model"] == "emb"
    });
    server
}

/// The remote answer beside two equal local ones.
fn both(local: &Server, remote: &Server, user: i64, model: &str) -> (Vec<Json>, Vec<Json>) {
    let ask = |server: &Server| server.site().recommend(user, model, 100);
    let mut answers = (Vec::new(), Vec::new());
    wait_until("two equal local answers", || {
        let before = ask(local);
        answers = (before, ask(remote));
        answers.0 == ask(local)
    });
    answers
}

#[test]
fn two_processes_rank_as_one() {
    let (here, there, third) = (home(), home(), home());
    let local = Server::on(here.path());
    let predictor = Server::predictor(third.path());
    let remote = site(there.path(), &predictor);
    assert!(!predictor.has_site());
    for user in [6, 15, 99, 400, 671] {
        for model in ["widedeep", "embeddingmlp", "neuralcf", "nerualcf"] {
            let (expected, got) = both(&local, &remote, user, model);
            assert!(got.len() == 100 && got == expected, "user {user}, {model}");
        }
    }
}

#[test]
fn two_processes_rank_as_one_over_grpc() {
    let (here, there, third) = (home(), home(), home());
    let local = Server::on(here.path());
    let predictor = Server::predictor(third.path());
    let url = predictor.grpc().replace("http://", "grpc://");
    let remote = Server::start(there.path(), "127.0.0.1:0", "", &["--ranker-url", &url]);
    for user in [6, 99, 671] {
        for model in ["widedeep", "embeddingmlp", "nerualcf"] {
            let (expected, got) = both(&local, &remote, user, model);
            assert!(got.len() == 100 && got == expected, "user {user}, {model}");
        }
    }
    predictor.kill();
    let answer = remote.site().get("/getrecforyou?id=6&model=widedeep");
    assert_eq!(
        (answer.status, answer.json()["error"]["type"].as_str()),
        (503, Some("model_unavailable"))
    );
    assert_eq!(remote.site().recommend(6, "popularity", 5).len(), 5);
}

#[test]
fn the_site_gives_the_predictor_features_of_a_moment_ago() {
    let (here, there) = (home(), home());
    let predictor = Server::predictor(there.path());
    let remote = site(here.path(), &predictor);
    let before = remote.site().recommend(6, "widedeep", 100);
    let best = &before[0]["movieId"];
    remote.site().rate(6, best.as_i64().unwrap(), 5.0);
    let after = remote.site().recommend(6, "widedeep", 100);
    assert!(after.iter().all(|film| film["movieId"] != *best));
    let score = |films: &[Json], film: &Json| {
        films
            .iter()
            .find(|f| f["movieId"] == *film)
            .map(|f| f["score"].clone())
    };
    let moved = before
        .iter()
        .filter(|f| score(&after, &f["movieId"]).is_some_and(|s| s != f["score"]));
    assert!(moved.count() > 0, "the history features changed no score");
}

#[test]
fn a_version_published_at_the_predictor_is_what_the_site_names() {
    let (here, there) = (home(), home());
    let predictor = Server::predictor(there.path());
    let remote = site(here.path(), &predictor);
    assert_eq!(remote.site().recommend(6, "widedeep", 1)[0]["modelVersion"], 1);
    published(
        &there.path().join("models"),
        &scaled(&newest(there.path(), "widedeep"), 0.5),
    );
    wait_until("version 2", || {
        remote.site().recommend(6, "widedeep", 1)[0]["modelVersion"] == 2
    });
}

#[test]
fn without_its_predictor_the_site_says_so_and_serves_what_needs_none() {
    let (here, there) = (home(), home());
    let predictor = Server::predictor(there.path());
    let remote = site(here.path(), &predictor);
    predictor.kill();
    let answer = remote.site().get("/getrecforyou?id=6&model=widedeep");
    assert_eq!(
        (answer.status, answer.json()["error"]["type"].as_str()),
        (503, Some("model_unavailable"))
    );
    assert_eq!(remote.site().recommend(6, "popularity", 5).len(), 5);
    assert_eq!(remote.site().recommend(6, "emb", 5).len(), 5);
}

#[test]
fn site_and_predictor_share_one_home() {
    let home = home();
    let predictor = Server::predictor(home.path());
    let remote = site(home.path(), &predictor);
    assert_eq!(remote.site().recommend(6, "widedeep", 5).len(), 5);
    let second = crate::home::rankine(
        home.path(),
        &["serve", "--site", "127.0.0.1:0", "--rest", "", "--threads", "1"],
    );
    assert_eq!(second.code, Some(1));
    assert!(second.stderr.contains("event log"), "{}", second.stderr);
}
