//! TensorBoard's own reader on our event files.
//!
//! The first run makes a Python environment below the cargo target folder and installs TensorBoard into it; a lock file
//! keeps parallel test processes apart. Needs `python3` with `venv`: without it the test fails, it does not pass quietly.

#![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use rankine_model::outline::{Outline, OutlineNode, Size};
use rankine_train::tensorboard::{Buckets, EventWriter, Hyper};
use serde_json::{Value, json};

const TENSORBOARD: &str = "tensorboard==2.21.0";

fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|fault| panic!("{command:?} does not start: {fault}"));
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{command:?} failed: {}\n{out}\n{err}",
        output.status
    );
    out.into_owned()
}

/// The Python interpreter of the environment, made once.
fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("venv-tensorboard");
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let (python, ready) = (folder.join("bin/python"), folder.join("ready"));
    if std::fs::read_to_string(&ready).ok().as_deref() != Some(TENSORBOARD) {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder));
        run(Command::new(&python).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            TENSORBOARD,
        ]));
        std::fs::write(&ready, TENSORBOARD).unwrap();
    }
    python
}

fn read(folder: &Path) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_events.py");
    serde_json::from_str(&run(Command::new(python()).arg(script).arg(folder))).unwrap()
}

/// 1,700,000,000.0, then half a second later each time.
fn clock() -> impl FnMut() -> f64 + Send + 'static {
    let mut time = 1_700_000_000.0 - 0.5;
    move || {
        time += 0.5;
        time
    }
}

#[test]
fn tensorboard_reads_scalars_histograms_and_texts() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(folder.path(), "rankine", clock()).unwrap();
    let losses = [0.6875_f32, 0.58, 1e-9, -2.5];
    for (step, loss) in (0_i64..).zip(losses) {
        writer
            .scalar("train/loss", step * 1_000_000_007, f64::from(loss))
            .unwrap();
    }
    writer.scalar("valid/Größe <auc>", 1, 0.75).unwrap();
    let weights: Vec<f32> = (0_u8..100).map(|i| f32::from(i) / 10.0 - 3.0).collect();
    writer.histogram("weights", 5, &weights).unwrap();
    writer.text("config", 0, "kind = \"widedeep\"\n\n*café*").unwrap();
    drop(writer);
    let found = read(folder.path());
    let expected: Vec<Value> = (0_i64..)
        .zip(losses)
        .map(|(step, loss)| {
            json!([
                step * 1_000_000_007,
                1_700_000_001.0 + 0.5 * step as f64,
                f64::from(loss)
            ])
        })
        .collect();
    assert_eq!(found["scalars"]["train/loss"], Value::from(expected));
    assert_eq!(found["scalars"]["valid/Größe <auc>"][0][2], 0.75);
    let b = Buckets::of(&weights);
    assert_eq!(
        found["histograms"]["weights"],
        json!([[5, b.min, b.max, b.count, b.sum, b.squares, b.limits, b.counts]])
    );
    assert_eq!(
        found["texts"],
        json!({ "config": ["kind = \"widedeep\"\n\n*café*"] })
    );
    assert_eq!(found["migrated"].as_array().unwrap().len(), 5);
    assert_eq!(found["migrated"][4], json!(["valid/Größe <auc>", 1, 0.75]));
}

#[test]
fn tensorboard_checks_our_checksums() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(folder.path(), "rankine", clock()).unwrap();
    for step in 0..3 {
        writer.scalar("auc", step, 0.5).unwrap();
    }
    let path = writer.path().to_owned();
    drop(writer);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(read(folder.path())["scalars"]["auc"].as_array().unwrap().len(), 2);
}

#[test]
fn tensorboard_reads_hyper_parameters_and_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(folder.path(), "rankine", clock()).unwrap();
    let values = [
        ("kind".to_owned(), Hyper::Text("widedeep".to_owned())),
        ("train.epochs".to_owned(), Hyper::Number(3.0)),
        ("train.shuffle".to_owned(), Hyper::Flag(false)),
    ];
    writer.hyper(&values, &["epoch/valid_auc"], 1.5).unwrap();
    let node = |name: &str, from| OutlineNode {
        name: name.to_owned(),
        what: "dense".to_owned(),
        width: 4,
        size: Size::Dense(8),
        from,
    };
    let outline = Outline {
        kind: "widedeep".to_owned(),
        nodes: vec![node("emb.user", vec![]), node("hidden.0", vec![0])],
        outputs: vec![("score".to_owned(), 1)],
    };
    writer.network(&outline).unwrap();
    writer.ended(2.5).unwrap();
    drop(writer);
    let found = read(folder.path());
    let expected = json!({
        "values": { "kind": "widedeep", "train.epochs": 3.0, "train.shuffle": false },
        "started": 1.5,
        "columns": [["kind", 1], ["train.epochs", 3], ["train.shuffle", 2]],
        "figures": ["epoch/valid_auc"],
        "status": 1,
    });
    assert_eq!(found["hyper"], expected);
    assert_eq!(
        found["graph"],
        json!([["emb.user", "dense", []], ["hidden.0", "dense", ["emb.user"]]])
    );
    assert!(
        found["texts"]["network"][0]
            .as_str()
            .unwrap()
            .contains("16 dense parameters")
    );
}
