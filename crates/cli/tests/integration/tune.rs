//! Searches through the real binary: killed and gone on with, refused when something has changed; figures of several outputs
//! and of groups of rows; what is left behind for people.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::dictionaries;
use crate::home::{REPOSITORY, command, rankine};
use crate::vectors;
use crate::verbs::{folder, path};

const CONF: &str = r#"format = 1
name = "ads"
schema.user = [{ name = "userId", type = "int" }]
schema.item = [{ name = "itemId", type = "int" }]
schema.context = []
sample = { label = ["click", "buy"], group = "userId" }
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
"#;

const MODEL: &str = r#"format = 1
kind = "embeddingmlp"
conf = "ads"
label = "click"
embedding = [{ slots = [1], table = "user", dim = 4 }, { slots = [2], table = "item", dim = 4 }]
hidden = [8]
train = { batch = 64, epochs = 3 }
"#;

const TUNE: &str = r#"format = 1
model = "m.toml"
trials = 5
[space]
"optimizer.dense.lr" = { low = 1e-3, high = 1e-1, kind = "log" }
"embedding.item.dim" = { choices = [2, 4] }
"train.batch" = { low = 16, high = 64, kind = "integer" }
"#;

/// Users click on items of their own parity; half of the clicks are purchases; items from 40 on are rare.
fn samples() -> String {
    let mut text = String::from("userId,itemId,click,buy\n");
    for i in 0..900_u32 {
        let (user, item) = (i % 31, if i % 50 == 0 { 40 + i / 50 } else { i / 31 % 20 });
        let click = u32::from((user + item).is_multiple_of(2));
        let _ = writeln!(text, "{user},{item},{click},{}", click * (i / 7 % 2));
    }
    text
}

fn files() -> tempfile::TempDir {
    folder(&[
        ("ads.toml", CONF),
        ("m.toml", MODEL),
        ("t.toml", TUNE),
        ("s.csv", &samples()),
    ])
}

/// The arguments of a search; those of `train` begin alike.
fn arguments(files: &tempfile::TempDir, verb: &str, file: &str) -> Vec<String> {
    let file = path(files, file);
    let (conf, data) = (path(files, "ads.toml"), path(files, "s.csv"));
    let words = [
        verb,
        &file,
        "--conf",
        &conf,
        "--train",
        &data,
        "--hold-out",
        "0.3",
        "--json",
    ];
    words.map(str::to_owned).to_vec()
}

fn run(home: &Path, arguments: &[String]) -> crate::home::Outcome {
    rankine(home, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Trials without what the clock says.
fn timeless(journal: &str) -> Vec<Value> {
    let lines = journal
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .map(|mut trial| {
            trial.as_object_mut().unwrap().remove("seconds");
            trial
        })
        .collect()
}

#[test]
fn a_tune_file_is_checked_as_one() {
    let files = folder(&[
        ("m.toml", MODEL),
        ("t.toml", TUNE),
        (
            "bad.toml",
            &TUNE.replace("item.dim", "item.din").replace("trials", "trails"),
        ),
        ("key.toml", &TUNE.replace("item.dim", "item.din")),
    ]);
    let check = |name: &str| rankine(files.path(), &["check", &path(&files, name)]);
    let told = check("t.toml").good().stdout;
    assert!(
        told.contains("a search of 5 trials over embedding.item.dim, "),
        "{told}"
    );
    let bad = check("bad.toml").bad(1);
    assert!(bad.contains("did you mean `trials`?"), "{bad}");
    let key = check("key.toml").bad(1);
    assert!(key.contains("did you mean `dim`?"), "{key}");
}

#[test]
fn a_killed_search_goes_on_with_the_trials_it_would_have_had() {
    let (files, whole, killed) = (
        files(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let search = arguments(&files, "tune", "t.toml");
    let told = run(whole.path(), &search).good().json();
    assert_eq!(told["trials"].as_array().unwrap().len(), 5);
    assert!(told["best"]["figure"].as_f64().unwrap() > 0.5, "{told}");
    let journal = |home: &Path| std::fs::read_to_string(home.join("tune/t.jsonl")).unwrap_or_default();
    let words: Vec<&str> = search.iter().map(String::as_str).collect();
    let mut child = command(killed.path(), &words)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while journal(killed.path()).lines().count() < 3 && child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(300));
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = journal(killed.path());
    run(killed.path(), &search).good();
    let after = journal(killed.path());
    assert!(after.starts_with(before.rsplit_once('\n').map_or("", |(ended, _)| ended)));
    assert_eq!(timeless(&after), timeless(&journal(whole.path())));
    assert!(killed.path().join("tune/t.svg").exists() && !killed.path().join("models").exists());
    std::fs::write(
        files.path().join("m.toml"),
        MODEL.replace("hidden = [8]", "hidden = [9]"),
    )
    .unwrap();
    assert!(run(killed.path(), &search).bad(1).contains("--anew"));
    let anew = [&search[..], &["--anew".to_owned()]].concat();
    run(killed.path(), &anew).good();
}

#[test]
fn a_key_that_is_none_is_told_before_anything_is_trained() {
    let (files, home) = (files(), tempfile::tempdir().unwrap());
    std::fs::write(
        files.path().join("t.toml"),
        TUNE.replace("train.batch", "train.bach"),
    )
    .unwrap();
    let error = run(home.path(), &arguments(&files, "tune", "t.toml")).bad(1);
    assert!(
        error.contains("unknown key `bach`") && error.contains("did you mean `batch`?"),
        "{error}"
    );
}

#[test]
fn every_output_and_every_group_has_figures_beside_baselines() {
    let (files, home) = (files(), tempfile::tempdir().unwrap());
    let model = MODEL
        .replace("embeddingmlp", "mmoe")
        .replace("label = \"click\"", "labels = [\"click\", \"buy\"]")
        .replace("hidden = [8]", "experts = { shared = 2, hidden = [8] }");
    std::fs::write(files.path().join("m.toml"), model).unwrap();
    let told = run(home.path(), &arguments(&files, "train", "m.toml"))
        .good()
        .json();
    let evaluation = &told["evaluation"];
    let names = |lines: &Value| -> Vec<String> {
        let lines = lines.as_array().unwrap().iter();
        lines
            .map(|line| line["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&evaluation["lines"])[..2], ["m", "constant"]);
    let other = &evaluation["others"][0];
    assert!(
        other["title"].as_str().unwrap().ends_with("output `buy`"),
        "{other}"
    );
    assert_eq!(names(&other["lines"]), names(&evaluation["lines"]));
    assert_ne!(other["positives"], evaluation["positives"]);
    let groups: Vec<&str> = evaluation["slices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        groups,
        ["cold items (fewer than 5 training samples)", "warm items"]
    );
    let line = &evaluation["lines"][0];
    for figure in ["ece", "rmse", "mae"] {
        assert!(line["measures"][figure].as_f64().unwrap() < 1.0, "{line}");
    }
    assert!(line["intervals"]["roc_auc"]["low"].as_f64() < line["intervals"]["roc_auc"]["high"].as_f64());
    let version = home.path().join("models/m/1");
    let report = std::fs::read_to_string(version.join("report.html")).unwrap();
    assert!(
        report.contains("output `buy`") && report.contains("experts"),
        "it has all parts"
    );
    assert!(
        std::fs::read_to_string(version.join("card.md"))
            .unwrap()
            .contains("## Network")
    );
}

/// Kinds without epochs are searched by their lists; figures by epochs are refused for them.
#[test]
fn kinds_that_learn_who_met_what_are_searched_by_their_lists() {
    let (files, home) = (files(), tempfile::tempdir().unwrap());
    let model =
        "format = 1\nkind = \"bpr\"\nconf = \"ads\"\nlabel = \"click\"\nmatrix = { user = 1, item = 2 }\n";
    std::fs::write(files.path().join("m.toml"), model).unwrap();
    let tune = "format = 1\nmodel = \"m.toml\"\ntrials = 2\nmetric = \"ndcg\"\n[space]\n\"matrix.dim\" = { choices = [2, 8] }\n";
    std::fs::write(files.path().join("t.toml"), tune).unwrap();
    let told = run(home.path(), &arguments(&files, "tune", "t.toml"))
        .good()
        .json();
    let trials = told["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 2);
    assert!(
        trials
            .iter()
            .all(|t| t["figure"].as_f64().is_some_and(|f| f > 0.0 && f <= 1.0)),
        "{told}"
    );
    std::fs::write(files.path().join("t.toml"), tune.replace("ndcg", "auc")).unwrap();
    let error = run(home.path(), &arguments(&files, "tune", "t.toml")).bad(1);
    assert!(error.contains("expected metric = \"ndcg\""), "{error}");
}

/// A folder with all that a training may read.
fn everything() -> tempfile::TempDir {
    let samples = dictionaries::samples();
    let (first, second) = samples.split_once('\n').unwrap().1.split_at(samples.len() / 2);
    let cut = second.find('\n').unwrap() + 1;
    let search = |model: &str, key: &str| {
        format!(
            "format = 1\nmodel = \"{model}\"\ntrials = 1\nepochs = 3\n[space]\n\"{key}\" = {{ choices = [16] }}\n"
        )
    };
    let tuned = "examples/models/dssm-finetune.toml";
    let dssm = std::fs::read_to_string(format!("{REPOSITORY}/{tuned}")).unwrap();
    let files = folder(&[
        ("conf.toml", dictionaries::CONF),
        ("m.toml", dictionaries::MODEL),
        ("server.toml", dictionaries::SERVER),
        ("a.csv", &format!("{first}{}", &second[..cut])),
        ("b.csv", &second[cut..]),
        ("t.toml", &search("m.toml", "train.batch")),
        ("dssm.toml", &dssm.replace("hidden = [64]", "hidden = [8]")),
        ("v.toml", &search("dssm.toml", "train.batch")),
        ("prices.tsv", "pin\t-1.5\ncar\t1.25\n"),
    ]);
    vectors::write(files.path());
    files
}

/// Several files without header lines, a conf with a dictionary, and ids joined to vectors: what `train` reads, a search does.
#[test]
fn a_search_reads_what_a_training_reads() {
    let files = everything();
    let tune = |words: &[&str]| {
        let name = |word: &&str| match word.contains('.') && !word.contains(',') {
            true => path(&files, word),
            false => (*word).to_owned(),
        };
        let words: Vec<String> = words.iter().map(name).collect();
        run(files.path(), &words).good()
    };
    let told = tune(&[
        "tune",
        "t.toml",
        "--conf",
        "conf.toml",
        "--train",
        "a.csv",
        "b.csv",
        "--columns",
        "user,item,kind,label",
        "--dictionaries",
        "server.toml",
    ]);
    let best = told.stdout.lines().last().unwrap();
    assert!(
        best.contains("b.csv --columns user,item,kind,label") && best.contains("--dictionaries "),
        "{best}"
    );
    let journal = std::fs::read_to_string(files.path().join("tune/t.jsonl")).unwrap();
    assert!(
        timeless(&journal)[0]["figure"].as_f64().unwrap() > 0.95,
        "{journal}"
    );
    let joined = tune(&[
        "--json",
        "tune",
        "v.toml",
        "--train",
        "clicks.csv",
        "--user-vectors",
        "items.txt",
        "--item-vectors",
        "items.txt",
    ]);
    assert!(joined.json()["best"]["figure"].is_number());
}
