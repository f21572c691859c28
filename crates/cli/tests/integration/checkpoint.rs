//! Checkpoints through the real binary: killed anywhere, a resumed run ends with the bytes of an undisturbed one.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::home::{command, rankine, wait_until};
use crate::process::signal;
use crate::verbs::{folder, path};

const CONF: &str = r#"format = 1
name = "made"
schema.user = [{ name = "userId", type = "int" }]
schema.item = [{ name = "itemId", type = "int" }, { name = "price", type = "float" }]
sample = { label = ["label"], group = "userId" }
[[feature]]
name = "user"
class = "id"
slot = 1
depend = ["userId"]
[[feature]]
name = "item"
class = "id"
slot = 2
depend = ["itemId"]
[[feature]]
name = "cost"
class = "normalize"
slot = 3
depend = ["price"]
"#;

/// Everything that has a state: lazy Adam and Adagrad on tables, dropout, averaging, early stopping, a schedule, clipping.
const MODEL: &str = r#"format = 1
kind = "widedeep"
conf = "made"
embedding = [{ slots = [1], table = "user", dim = 4 }, { slots = [2], table = "item", dim = 4 }]
dense = { slots = [3] }
wide = { slots = [1, 2] }
hidden = [8]
dropout = { hidden = 0.2 }
optimizer.wide = { kind = "adagrad", lr = 0.05 }
[train]
batch = 32
epochs = 60
average = 0.5
early_stop = { metric = "logloss", patience = 60 }
schedule = { kind = "cosine", warmup = 50, floor = 0.01 }
clip = 1.0
checkpoint = { steps = 13 }
"#;

/// Users who like items of their own parity, and what costs little.
fn samples() -> String {
    let row = |i: u32| {
        let (user, item, price) = (i * 7 % 60, i * 13 % 37, f64::from(i % 11) / 2.0);
        let liked = u32::from((user + item).is_multiple_of(2) != i.is_multiple_of(5) && price < 4.5);
        format!("{user},{item},{price},{liked}\n")
    };
    (0..2000).fold("userId,itemId,price,label\n".to_owned(), |all, i| all + &row(i))
}

/// A generator of the pauses: `SplitMix64`.
fn drawn(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 33
}

fn weights(home: &Path) -> Option<Vec<u8>> {
    std::fs::read(home.join("models/m/1/weights.safetensors")).ok()
}

/// Kills a run again and again, resuming it each time; asserts that it ends with the bytes of an undisturbed one.
fn ends_alike(files: &tempfile::TempDir, data: &str, most: u32, least: u32) {
    let [model, conf, data] = ["m.toml", "c.toml", data].map(|name| path(files, name));
    let arguments = ["train", &model, "--train", &data, "--hold-out", "0.2"];
    // libffm files have no conf
    let conf = if data.ends_with("ffm") {
        vec![]
    } else {
        vec!["--conf", &conf]
    };
    let arguments = [&arguments[..], &conf].concat();
    let undisturbed = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    rankine(undisturbed.path(), &arguments).good();
    let whole = begin.elapsed();
    let expected = weights(undisturbed.path()).unwrap();
    let (mut home, mut state) = (tempfile::tempdir().unwrap(), 7);
    let (mut kills, mut ends, mut resumed) = (0, 0, 0);
    let resume = [&arguments[..], &["--resume"]].concat();
    while kills < most {
        resumed += u32::from(home.path().join("checkpoints/m").exists());
        let mut child = command(home.path(), &resume)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // up to two thirds of a whole run: most are killed, and the rest of a run is done in a few
        let pause = whole.mul_f64(drawn(&mut state) as f64 % 1000.0 / 1500.0);
        std::thread::sleep(pause.min(Duration::from_secs(2)));
        if child.try_wait().unwrap().is_none() {
            signal("KILL", child.id());
            kills += 1;
        }
        child.wait().unwrap();
        if let Some(got) = weights(home.path()) {
            assert!(got == expected, "other bytes after {kills} kills");
            (home, ends) = (tempfile::tempdir().unwrap(), ends + 1);
        }
    }
    rankine(home.path(), &resume).good();
    assert!(
        weights(home.path()).unwrap() == expected,
        "other bytes at the end"
    );
    assert!(resumed >= least, "{resumed} runs resumed, {ends} ended");
    assert!(
        !home.path().join("checkpoints/m").exists(),
        "nothing is left of a published run"
    );
}

#[test]
fn a_run_killed_at_fifty_points_ends_with_the_bytes_of_an_undisturbed_one() {
    let files = folder(&[("s.csv", &samples()), ("c.toml", CONF), ("m.toml", MODEL)]);
    ends_alike(&files, "s.csv", 50, 10);
}

/// Adam on factors, early stopping, and a second training on all samples.
const LINEAR: &str = r#"format = 1
kind = "fm"
conf = "libffm"
linear = { slots = [1, 2, 3], k = 4 }
optimizer.linear = { kind = "adam", lr = 0.002 }
[train]
epochs = 6
early_stop = { metric = "logloss", patience = 12 }
refit = true
checkpoint = { steps = 4096 }
"#;

#[test]
fn a_linear_run_killed_at_a_few_points_ends_with_the_same_bytes() {
    let row = |i: u32| {
        let (user, item, price) = (i * 7 % 60, i * 13 % 37, f64::from(i % 11) / 2.0);
        let liked = u32::from((user + item).is_multiple_of(2) != i.is_multiple_of(5));
        format!("{liked} 0:u{user}:1 1:i{item}:1 2:price:{price}\n")
    };
    let text: String = (0..9_000).map(row).collect();
    let files = folder(&[("s.libffm", &text), ("m.toml", LINEAR)]);
    ends_alike(&files, "s.libffm", 6, 1);
}

/// Vectors of users and items, drawn negatives, the order of the pairs.
const MATRIX: &str = r#"format = 1
kind = "bpr"
conf = "made"
matrix = { user = 1, item = 2, dim = 16 }
[train]
epochs = 60
refit = true
checkpoint = { steps = 1 }
"#;

#[test]
fn a_matrix_run_killed_at_a_few_points_ends_with_the_same_bytes() {
    let files = folder(&[("s.csv", &samples()), ("c.toml", CONF), ("m.toml", MATRIX)]);
    ends_alike(&files, "s.csv", 6, 1);
}

/// A block an epoch, each with its checkpoint; two figures.
const ROWS: &str = r#"format = 1
kind = "fm"
conf = "made"
linear = { slots = [1, 2], k = 2 }
metrics = ["auc", "rmse"]
train = { epochs = 2, checkpoint = { steps = 1 } }
"#;

/// Several files of validation and test samples are one; a run goes on beside those that it began with, and no others.
#[test]
fn a_run_goes_on_beside_the_validation_files_it_had() {
    let all = samples();
    let (head, rows) = all.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    let file = |rows: &[&str]| format!("{head}\n{}\n", rows.join("\n"));
    let short = MODEL.replace("epochs = 60", "epochs = 2");
    let files = folder(&[
        ("s.csv", &file(&rows[..1600])),
        ("v1.csv", &file(&rows[1600..1700])),
        ("v2.csv", &file(&rows[1700..1800])),
        ("w.csv", &file(&rows[1800..1900])),
        ("c.toml", CONF),
        ("m.toml", &short),
        ("fm.toml", ROWS),
    ]);
    let of = |name: &str| path(&files, name);
    for (model, name) in [(of("m.toml"), "m"), (of("fm.toml"), "fm")] {
        let home = tempfile::tempdir().unwrap();
        let (conf, data) = (of("c.toml"), of("s.csv"));
        let train = |valid: &[&str], more: &[&str]| {
            let valid: Vec<String> = valid.iter().map(|name| of(name)).collect();
            let valid = valid.iter().map(String::as_str);
            let mut all = vec![
                "--json", "train", &model, "--conf", &conf, "--train", &data, "--valid",
            ];
            all.extend(valid.chain(more.iter().copied()));
            rankine(home.path(), &all)
        };
        // it is trained, and ends for want of what its figures shall come from
        let nothing = of("nothing.csv");
        let ended = train(&["v1.csv", "v2.csv"], &["--test", &nothing]).bad(1);
        assert!(ended.contains("nothing.csv"), "{ended}");
        for (valid, expected) in [
            (&["v1.csv", "w.csv"][..], ["v2.csv", "w.csv"]),
            (&["v1.csv", "v2.csv", "w.csv"], ["nothing there", "w.csv"]),
        ] {
            let refused = train(valid, &["--resume"]).bad(1);
            let told = expected.iter().all(|part| refused.contains(part));
            // networks count the samples, too, and say that first
            let counted = refused.contains("200 to validate on` there, `1600 training samples, 300 to");
            assert!(
                refused.contains("it is of another run") && (told || counted),
                "{refused}"
            );
        }
        let report = train(&["v1.csv", "v2.csv"], &["--resume"]).good().json();
        assert_eq!(report["evaluation"]["rows"], 200, "{name}");
        assert_eq!(report["history"].as_array().unwrap().len(), 2);
        let (one, two) = (of("v1.csv"), of("w.csv"));
        let eval = [
            "--json", "eval", name, "--train", &data, &one, "--test", &one, &two,
        ];
        let eval = rankine(home.path(), &eval).good().json();
        assert_eq!(eval["rows"], 200);
        for evaluation in [&report["evaluation"], &eval] {
            let measures = &evaluation["lines"][0]["measures"];
            assert!(
                measures["roc_auc"].is_number() && measures["rmse"].is_number(),
                "{measures}"
            );
            assert_eq!(measures["logloss"].is_null(), name == "fm", "{measures}");
        }
    }
}

#[test]
fn a_checkpoint_of_another_run_is_refused_and_a_run_that_is_not_resumed_begins_anew() {
    let files = folder(&[("s.csv", &samples()), ("c.toml", CONF), ("m.toml", MODEL)]);
    let (model, conf, data) = (
        path(&files, "m.toml"),
        path(&files, "c.toml"),
        path(&files, "s.csv"),
    );
    let arguments = ["train", &model, "--conf", &conf, "--train", &data];
    let home = tempfile::tempdir().unwrap();
    let checkpoints = home.path().join("checkpoints/m");
    let mut child = command(home.path(), &arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let written = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "ckpt"))
    };
    wait_until("a checkpoint", || {
        checkpoints
            .read_dir()
            .is_ok_and(|mut entries| entries.any(written))
    });
    signal("KILL", child.id());
    child.wait().unwrap();
    std::fs::write(&model, MODEL.replace("epochs = 60", "epochs = 2")).unwrap();
    let told = rankine(home.path(), &[&arguments[..], &["--resume"]].concat()).bad(1);
    assert!(
        told.contains(".ckpt") && told.contains("`epochs = 60` there, `epochs = 2` here"),
        "{told}"
    );
    rankine(home.path(), &arguments).good();
    assert!(weights(home.path()).is_some() && !checkpoints.exists());
}
