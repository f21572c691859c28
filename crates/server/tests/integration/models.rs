//! Versions: a published model takes over without a failed request, and each answer is of one version.

use crate::home::{Server, home, publish_model, publish_vectors, wait_until};
use std::collections::BTreeMap;

#[test]
fn a_new_version_takes_over_and_every_answer_is_of_one() {
    let home = home();
    let models = home.path().join("models");
    let server = Server::on(home.path());
    let mut scores: BTreeMap<u64, String> = BTreeMap::new();
    let mut look = || {
        let films = server.recommend(6, "widedeep", 20);
        let version = films[0]["modelVersion"].as_u64().unwrap();
        let printed: Vec<String> = films
            .iter()
            .map(|f| format!("{}:{}", f["movieId"], f["score"]))
            .collect();
        assert!(films.iter().all(|f| f["modelVersion"] == version));
        let known = scores.entry(version).or_insert_with(|| printed.join(" "));
        assert_eq!(
            *known,
            printed.join(" "),
            "two different answers by version {version}"
        );
        version
    };
    assert_eq!(look(), 1);
    for seed in 2..5 {
        let published = publish_model(&models, "widedeep", seed * 31);
        let begun = std::time::Instant::now();
        while look() != published {
            assert!(
                begun.elapsed().as_secs() < 60,
                "version {published} did not take over"
            );
        }
    }
    assert_eq!(scores.len(), 4);
}

#[test]
fn a_broken_version_leaves_the_old_one_and_is_reported() {
    let home = home();
    let server = Server::on(home.path());
    let models = home.path().join("models");
    let version = publish_model(&models, "widedeep", 99);
    wait_until("version 2", || {
        server.recommend(6, "widedeep", 1)[0]["modelVersion"] == version
    });
    let broken = models.join("widedeep/3");
    std::fs::create_dir(&broken).unwrap();
    for file in std::fs::read_dir(models.join("widedeep/1"))
        .unwrap()
        .map(Result::unwrap)
    {
        let mut bytes = std::fs::read(file.path()).unwrap();
        if file.file_name() == "weights.safetensors" {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
        }
        std::fs::write(broken.join(file.file_name()), bytes).unwrap();
    }
    let error = || {
        server
            .state
            .status()
            .models
            .iter()
            .find(|m| m.name == "widedeep")
            .unwrap()
            .error
            .clone()
    };
    wait_until("the failure", || error().is_some());
    assert!(error().unwrap().contains('3'));
    assert_eq!(server.recommend(6, "widedeep", 1)[0]["modelVersion"], 2);
}

#[test]
fn new_vectors_are_taken_over_as_a_whole() {
    let home = home();
    let server = Server::on(home.path());
    let ask = || server.get("/getsimilarmovie?movieId=1&size=10&model=emb").json();
    let before = ask();
    assert_eq!(before[0]["modelVersion"], 1);
    publish_vectors(&home.path().join("models"), 1234);
    wait_until("new vectors", || ask()[0]["modelVersion"] == 2);
    assert_ne!(ask()[0]["score"], before[0]["score"]);
}

#[test]
fn a_model_that_is_not_there_is_503_and_the_others_serve() {
    let home = home();
    std::fs::remove_dir_all(home.path().join("models/neuralcf")).unwrap();
    let server = Server::start(crate::home::config(home.path()));
    wait_until("widedeep", || {
        server.get("/getrecforyou?id=6&model=widedeep").status == 200
    });
    let answer = server.get("/getrecforyou?id=6&model=neuralcf");
    assert_eq!(
        (answer.status, answer.json()["error"]["type"].as_str()),
        (503, Some("model_unavailable"))
    );
    let json = answer.json();
    let message = json["error"]["message"].as_str().unwrap();
    let once = "model `neuralcf` is not available: no version has loaded";
    assert!(message.starts_with(once), "{message}");
    assert_eq!(server.get("/getrecforyou?id=6&model=popularity").status, 200);
}
