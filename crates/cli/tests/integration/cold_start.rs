//! `examples/cold-start/run.py` as a user runs it, of few users and films: in its file form and in a private PostgreSQL, which it finds.

use std::process::Command;

use serde_json::Value as Json;

use crate::home::REPOSITORY;

/// Runs the example; what it printed and its report.
fn shown(more: &[&str]) -> (String, Json) {
    let work = tempfile::tempdir().unwrap();
    let work = work.path().join("work");
    let tiny = ["--films", "40", "--users", "100", "--epochs", "1"];
    let output = Command::new("python3")
        .arg("examples/cold-start/run.py")
        .args(tiny)
        .args(["--once", "--free-ports", "--work"])
        .arg(&work)
        .args(more)
        .current_dir(REPOSITORY)
        .env("RANKINE", env!("CARGO_BIN_EXE_rankine"))
        .env_remove("RANKINE_HOME")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{complained}");
    let report = std::fs::read_to_string(work.join("report.json")).unwrap();
    (told, serde_json::from_str(&report).unwrap())
}

/// Forty films became recommendable, and were held against who liked them.
fn checked((told, report): (String, Json)) {
    assert_eq!(report["films"], 40, "{told}");
    assert!(report["p50_ms"].as_f64().unwrap() > 0.0);
    assert!(
        told.contains("40 films: from the insert until the site's answer has it"),
        "{told}"
    );
    for name in [
        "dropoutnet, by the site",
        "chance",
        "later popularity (unknowable)",
    ] {
        let recall = report["recall"][name][1][0].as_f64();
        assert!(
            recall.is_some_and(|recall| (0.0..=1.0).contains(&recall)),
            "{name}: {report}"
        );
    }
}

#[test]
fn new_films_are_recommendable_with_embedded_parts_alone() {
    checked(shown(&[]));
}

#[test]
fn new_films_are_recommendable_out_of_a_postgres_that_the_example_finds() {
    checked(shown(&["--postgres"]));
}
