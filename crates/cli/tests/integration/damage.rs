//! Versions that are not whole: while one is copied, cut or corrupt, the old one serves on and `/status` says why.

use std::path::{Path, PathBuf};

use crate::artefact::{newest, published, scaled};
use crate::home::{copy, home, wait_until};
use crate::process::Server;

const MODEL: &str = "widedeep";

/// A home whose model has version 1, and beside it version 2 in a folder that nobody watches.
struct Bench {
    home: tempfile::TempDir,
    aside: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let (home, aside) = (home(), tempfile::tempdir().unwrap());
        copy(&home.path().join("models").join(MODEL), &aside.path().join(MODEL));
        let second = published(aside.path(), &scaled(&newest(home.path(), MODEL), 0.5));
        assert_eq!(second.manifest().version, 2);
        Bench { home, aside }
    }

    fn source(&self) -> PathBuf {
        self.aside.path().join(MODEL).join("2")
    }

    fn target(&self) -> PathBuf {
        self.home.path().join("models").join(MODEL).join("2")
    }
}

fn version(server: &Server) -> u64 {
    server.site().recommend(6, MODEL, 3)[0]["modelVersion"]
        .as_u64()
        .unwrap()
}

/// Waits until the watcher looked at the folder twice more, by the version of another model it took over since.
fn watched(bench: &Bench, server: &Server) {
    let models = bench.home.path().join("models");
    for factor in [0.9, 0.8] {
        let other = newest(bench.home.path(), "neuralcf");
        let published = published(&models, &scaled(&other, factor)).manifest().version;
        wait_until("the other model", || {
            server.model_status("neuralcf")["version"] == published
        });
    }
}

#[test]
fn a_version_loads_when_its_copy_is_whole_and_not_before() {
    let bench = Bench::new();
    let server = Server::on(bench.home.path());
    std::fs::create_dir(bench.target()).unwrap();
    let files = [
        "manifest.json",
        "feature.toml",
        "fit.json",
        "golden.jsonl",
        "card.md",
        "weights.safetensors",
    ];
    for file in files {
        let bytes = std::fs::read(bench.source().join(file)).unwrap();
        std::fs::write(bench.target().join(file), &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(version(&server), 1, "half of {file} is there");
    }
    watched(&bench, &server);
    assert_eq!(version(&server), 1);
    copy(&bench.source(), &bench.target());
    wait_until("the whole copy", || version(&server) == 2);
    assert!(server.model_status(MODEL)["error"].is_null());
}

#[test]
fn a_corrupt_version_is_refused_and_reported_and_the_next_good_one_serves() {
    let bench = Bench::new();
    let server = Server::on(bench.home.path());
    let before = server.site().recommend(6, "neuralcf", 50);
    copy(&bench.source(), &bench.aside.path().join("hidden"));
    flip(&bench.aside.path().join("hidden/weights.safetensors"));
    copy(&bench.aside.path().join("hidden"), &bench.target());
    wait_until("the failure", || !server.model_status(MODEL)["error"].is_null());
    let status = server.model_status(MODEL);
    let error = status["error"].as_str().unwrap();
    assert_eq!(status["version"], 1);
    assert!(
        error.starts_with("version 2") && error.contains("weights.safetensors"),
        "{error}"
    );
    assert_eq!(version(&server), 1);
    assert_eq!(
        server.site().recommend(6, "neuralcf", 50),
        before,
        "the other models serve on"
    );
    assert!(server.rest().get("/metrics").text.contains("what=\"failures\""));
    let listed = server.rest().get(&format!("/v1/models/{MODEL}")).good();
    let states: Vec<_> = listed["model_version_status"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["state"].clone())
        .collect();
    assert_eq!(states, ["END", "AVAILABLE"]);

    let draft = scaled(&first(&bench), 0.7);
    let third = published(&bench.home.path().join("models"), &draft)
        .manifest()
        .version;
    assert_eq!(third, 3);
    wait_until("version 3", || version(&server) == 3);
    wait_until("the error to go", || {
        server.model_status(MODEL)["error"].is_null()
    });
}

#[test]
fn a_folder_whose_name_is_no_number_or_whose_number_is_lower_changes_nothing() {
    let bench = Bench::new();
    let server = Server::on(bench.home.path());
    let models = bench.home.path().join("models").join(MODEL);
    copy(&bench.source(), &models.join("latest"));
    copy(&bench.source(), &models.join("0"));
    std::fs::write(models.join("9"), "a file").unwrap();
    watched(&bench, &server);
    assert_eq!(version(&server), 1);
    copy(&bench.source(), &models.join("002"));
    wait_until("version 2 with leading zeros", || version(&server) == 2);
}

fn first(bench: &Bench) -> rankine_model::Artefact {
    let folder = bench.home.path().join("models").join(MODEL).join("1");
    rankine_model::Artefact::open(&folder).unwrap()
}

/// Changes one bit in the middle; the size stays.
fn flip(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
}
