//! `examples/dssm-finetune` as a user runs it, on the small part of its data that is committed.

use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

use crate::home::REPOSITORY;

/// What the table holds against one another.
const LINES: [&str; 5] = [
    "fine-tuned",
    "from scratch",
    "pretrained, inner product",
    "pretrained, cosine",
    "popularity in the store",
];

#[test]
fn the_example_goes_all_the_way_and_prints_its_table() {
    let work = tempfile::tempdir().unwrap();
    let folder = Path::new(REPOSITORY).join("examples/dssm-finetune");
    let output = Command::new(folder.join("run.sh"))
        .arg(folder.join("sample"))
        .current_dir(REPOSITORY)
        .env("RANKINE", env!("CARGO_BIN_EXE_rankine"))
        .env("WORK", work.path())
        .envs([("STORE", "367"), ("DIM", "16"), ("EPOCHS", "20"), ("TOP", "10")])
        .env_remove("RANKINE_HOME")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{complained}");
    for name in LINES {
        let line = told.lines().find(|line| line.starts_with(&format!("{name} ")));
        let ranges = line.map_or(0, |line| line.matches(" … ").count());
        assert_eq!(
            ranges, 4,
            "{name} has four figures, each with an interval: {told}"
        );
    }
    let table = std::fs::read_to_string(work.path().join("table.json")).unwrap();
    let table: Json = serde_json::from_str(&table).unwrap();
    assert!(table["samples"].as_u64().unwrap() > 200, "{table}");
    let auc = |line: usize| table["lines"][line]["auc"].as_f64().unwrap();
    let names = table["lines"].as_array().unwrap().iter();
    assert!(names.map(|line| &line["name"]).eq(LINES), "{table}");
    // .655; from scratch .579, the raw vectors .432 and .574, popularity .561
    let others = (1..LINES.len()).map(auc);
    assert!(others.fold(0.5, f64::max) + 0.02 < auc(0), "{table}");
    assert!(work.path().join("home/logs").is_dir(), "curves for TensorBoard");
    // 64 numbers per user and item
    let items = std::fs::read_to_string(work.path().join("finetuned-items.txt")).unwrap();
    assert!(items.lines().next().unwrap().ends_with(" 64"), "{told}");
}
