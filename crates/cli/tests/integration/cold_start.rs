//! `examples/cold-start/run.py` as a user runs it, of few users and films: in its file form and in a private PostgreSQL, which it finds;
//! and `video.py`, the 54-column join from its tables to a new video that is found.

use std::process::Command;

use serde_json::Value as Json;

use crate::home::REPOSITORY;

/// Runs the example on few films; what it printed and its report.
fn shown(more: &[&str]) -> (String, Json) {
    let tiny = ["--films", "40", "--users", "100", "--epochs", "1"];
    run("run.py", &[&tiny, more].concat())
}

fn run(script: &str, more: &[&str]) -> (String, Json) {
    let work = tempfile::tempdir().unwrap();
    let work = work.path().join("work");
    let output = Command::new("python3")
        .arg(format!("examples/cold-start/{script}"))
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
        "ridge (content to iALS's factors)",
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

#[test]
fn a_new_video_of_the_documentations_join_is_found_and_follows_its_dimensions() {
    let (told, report) = run("video.py", &[]);
    assert_eq!(report["samples"], 480, "{told}");
    let before = report["before"].as_array().unwrap();
    assert_eq!(before.len(), 11, "video 12 is of before start_time: {told}");
    assert!(!before.contains(&12.into()), "{told}");
    let row = &report["row"];
    let names = [
        "author_sv_type_play_ct_1",
        "pub_days",
        "cate_name1",
        "grade_score",
    ];
    let cells: Json = names.iter().map(|name| row[name].clone()).collect();
    assert_eq!(cells, serde_json::json!([200, 0, "dance", 0.7]), "{row}");
    let kept = ["kept", "vectors"].map(|name| report[name].as_u64());
    assert_eq!(kept, [Some(1), Some(12)], "{told}");
    assert!(report["place"].as_u64().unwrap() <= 6, "{told}");
}
