//! `examples/cold-start/replay.py` as a user runs it, of three nights and few users: samples, fine-tuning, gate, publishing and the
//! vectors of a new version while the stream runs; a blocked night, a version taken back, and the page.

use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

use crate::home::{REPOSITORY, rankine};

/// Runs the example below `work`; its report.
fn replayed(work: &Path) -> Json {
    let output = Command::new("python3")
        .arg("examples/cold-start/replay.py")
        .args(["--quick", "--days", "3", "--free-ports", "--work"])
        .arg(work)
        .current_dir(REPOSITORY)
        .env("RANKINE", env!("CARGO_BIN_EXE_rankine"))
        .env_remove("RANKINE_HOME")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{complained}");
    assert!(
        told.contains("films is not published: recall@10 of cold items is "),
        "{told}"
    );
    serde_json::from_str(&std::fs::read_to_string(work.join("report.json")).unwrap()).unwrap()
}

#[test]
fn three_nights_one_blocked_and_one_rolled_back_make_a_page() {
    let work = tempfile::tempdir().unwrap();
    let work = work.path().join("replay");
    let report = replayed(&work);
    let of = |name: &str| -> Vec<Json> {
        let nights = report["nights"].as_array().unwrap().iter();
        nights.map(|night| night[name].clone()).collect()
    };
    assert_eq!(of("version"), [Json::from(2), Json::Null, Json::from(3)]);
    assert_eq!(of("serving"), [2, 2, 2]);
    // the search met every version, the older one again, and no other
    assert_eq!(report["versions"], serde_json::json!([1, 2, 3, 2]));
    assert_eq!(report["refused"], serde_json::json!([]));
    let home = work.join("home");
    let told = rankine(&home, &["--json", "model", "chronicle", "films"])
        .good()
        .json();
    let events = told["events"].as_array().unwrap();
    let kinds: Vec<&str> = events.iter().map(|e| e["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["training", "training", "training", "training", "serving"]);
    assert_eq!((&told["serves"], &events[4]["before"]), (&2.into(), &3.into()));
    let second = &events[1];
    assert_eq!(second["begun"]["from"], "films@1");
    assert!(
        second["begun"]["rows"]["film"][0].as_u64().unwrap() > 1000,
        "{second}"
    );
    assert!(
        second["compared"]["serving_interval"]["low"].is_number(),
        "{second}"
    );
    let page = std::fs::read_to_string(work.join("nights.html")).unwrap();
    for part in [
        "published 3, rolled back to 2",
        "<td>blocked</td>",
        "id=\"curve\"",
        "Training 3: recall@10 of cold items",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let lines = rankine(&home, &["model", "chronicle", "films"]).good().stdout;
    assert_eq!(lines.lines().count(), 5, "{lines}");
    let said = rankine(&home, &["model", "chronicle", "nosuch"]).bad(1);
    assert!(said.contains("nosuch: nothing was trained into it"), "{said}");
}
