//! Preparing a home: two processes at once, and samples that were damaged since.

use std::path::Path;
use std::process::Stdio;

use serde_json::json;

use crate::home::{command, home, rankine};

/// Starts a run and gathers what it prints.
fn start(home: &Path, arguments: &[&str]) -> std::process::Child {
    let mut command = command(home, arguments);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn of_two_demos_at_once_one_trains_and_the_other_finds_all_of_it_there() {
    let home = tempfile::tempdir().unwrap();
    let arguments = ["demo", "--once", "--json"];
    let children = [start(home.path(), &arguments), start(home.path(), &arguments)];
    let ended = children.map(|child| child.wait_with_output().unwrap());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let told = ended.each_ref().map(|run| text(&run.stderr));
    assert!(ended.iter().all(|run| run.status.success()), "{told:?}");
    let waited = told.each_ref().map(|said| said.contains("waiting for it"));
    assert!(
        waited[0] != waited[1],
        "one of the two waits and says so: {told:?}"
    );
    let [first, second] = if waited[0] { [1, 0] } else { [0, 1] };
    let summaries: Vec<serde_json::Value> = ended
        .iter()
        .map(|run| serde_json::from_slice(&run.stdout).unwrap())
        .collect();
    for (summary, skipped) in [(&summaries[first], false), (&summaries[second], true)] {
        let steps = summary["steps"].as_array().unwrap();
        assert!(steps.iter().all(|step| step["skipped"] == skipped), "{summary}");
    }
    assert_eq!(summaries[first]["models"], summaries[second]["models"]);
    for model in summaries[first]["models"].as_array().unwrap() {
        assert_eq!(model["version"], 1);
        let folder = home.path().join("models").join(model["name"].as_str().unwrap());
        let versions: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|v| v.unwrap().file_name())
            .collect();
        assert_eq!(
            versions
                .iter()
                .filter(|name| !name.to_string_lossy().starts_with('.'))
                .count(),
            1
        );
    }
}

#[test]
fn imports_and_sample_builds_at_once_wait_for_one_another() {
    let home = tempfile::tempdir().unwrap();
    let import = ["data", "import", "data/movielens-small", "--json"];
    let children = [start(home.path(), &import), start(home.path(), &import)];
    for child in children {
        let ended = child.wait_with_output().unwrap();
        assert!(
            ended.status.success(),
            "{}",
            String::from_utf8_lossy(&ended.stderr)
        );
    }
    let build = ["sample", "build", "--json"];
    let children = [start(home.path(), &build), start(home.path(), &build)];
    let reports = children.map(|child| child.wait_with_output().unwrap().stdout);
    assert!(!reports[0].is_empty() && reports[0] == reports[1]);
}

#[test]
fn damaged_samples_are_named_refused_by_train_and_made_again_by_demo() {
    let home = home();
    let folder = home.path().join("samples/movielens");
    let train = folder.join("train.parquet");
    let whole = std::fs::read(&train).unwrap();
    for cut in [whole.len(), whole.len() / 2] {
        let mut damaged = whole[..cut].to_vec();
        damaged[cut / 3] ^= 4;
        std::fs::write(&train, damaged).unwrap();
        for refused in [
            &["train", "config/models/neuralcf.toml"][..],
            &["eval", "widedeep"],
        ] {
            let error = rankine(home.path(), refused).bad(1);
            let expected = format!("expected {} bytes", whole.len());
            for expected in [
                &train.display().to_string(),
                &expected,
                "got ",
                "rankine sample build",
            ] {
                assert!(error.contains(expected), "{expected} in {error}");
            }
        }
        let again = rankine(home.path(), &["demo", "--once", "--json"]).good();
        assert!(
            again.stderr.contains("train.parquet: damaged"),
            "{}",
            again.stderr
        );
        let skipped: Vec<_> = again.json()["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["skipped"].clone())
            .collect();
        assert_eq!(
            skipped,
            [json!(true), json!(false), json!(true)],
            "the same samples, so the same models"
        );
        assert!(std::fs::read(&train).unwrap() == whole);
    }
    std::fs::remove_file(folder.join("test.parquet")).unwrap();
    let said = rankine(home.path(), &["sample", "build"]).good().stderr;
    assert!(
        said.contains("test.parquet") && said.contains("no file"),
        "{said}"
    );
    assert!(folder.join("test.parquet").exists());
}

#[test]
fn a_damaged_event_log_is_imported_again() {
    let home = home();
    let log = home.path().join("events/base-1.parquet");
    let whole = std::fs::read(&log).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    std::fs::write(&log, damaged).unwrap();
    let again = rankine(home.path(), &["demo", "--once", "--json"]).good().json();
    assert_eq!(again["steps"][0]["skipped"], false, "{again}");
    assert!(std::fs::read(&log).unwrap() == whole);
}
