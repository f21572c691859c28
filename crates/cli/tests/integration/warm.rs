//! Training through the real binary: from an earlier version, from standard input, with broken rows, with rows that signs share.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::home::{Outcome, command, rankine};
use crate::verbs::{folder, path};

const CONF: &str = r#"format = 1
name = "ads"
schema.user = [{ name = "userId", type = "int" }]
schema.item = [{ name = "itemId", type = "int" }, { name = "colour", type = "string" }]
sample = { label = ["click"], group = "userId" }
[[feature]]
name = "user"
class = "id"
slot = 1
depend = ["userId"]
[[feature]]
name = "hue"
class = "vocabulary"
slot = 2
depend = ["colour"]
str_args = ["=red", "=green", "=blue"]
"#;

const MODEL: &str = r#"format = 1
kind = "embeddingmlp"
conf = "ads"
embedding = [{ slots = [1], table = "user", dim = 4 }, { slots = [2], table = "colour", dim = 4 }]
hidden = [8]
train = { batch = 64, epochs = 2 }
"#;

/// Computed at once: nothing to go on from.
const MOST: &str = "format = 1\nkind = \"popularity\"\nconf = \"ads\"\nmatrix = { item = 2 }\n";

/// Samples of users from `first` on.
fn samples(first: u32) -> String {
    let row = |i: u32| {
        let (user, colour) = (first + i % 30, ["red", "green", "blue"][(i / 30 % 3) as usize]);
        format!(
            "{user},{},{colour},{}\n",
            i / 30 % 3,
            u32::from((user + i / 30 % 3).is_multiple_of(2))
        )
    };
    (0..600).fold("userId,itemId,colour,click\n".to_owned(), |all, i| all + &row(i))
}

fn train(
    home: &Path,
    files: &tempfile::TempDir,
    (model, conf, data): (&str, &str, &str),
    more: &[&str],
) -> Outcome {
    let (model, conf, data) = (path(files, model), path(files, conf), path(files, data));
    let words = [
        "train", &model, "--conf", &conf, "--train", &data, "--name", "m", "--json",
    ];
    rankine(home, &[&words[..], more].concat())
}

fn manifest(home: &Path, version: u32) -> Value {
    let file = home.join(format!("models/m/{version}/manifest.json"));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

#[test]
fn a_version_is_begun_from_the_latest_and_says_what_became_of_it() {
    let keeping = MODEL.replace("epochs = 2", "epochs = 2, keep_optimizer = true");
    let moved = CONF.replace("\"=red\", \"=green\"", "\"=green\", \"=red\"");
    let files = folder(&[
        ("c.toml", CONF),
        ("moved.toml", &moved),
        ("m.toml", &keeping),
        ("most.toml", MOST),
        ("a.csv", &samples(0)),
        ("b.csv", &samples(10)),
    ]);
    let home = tempfile::tempdir().unwrap();
    let models = home.path().join("models/m").display().to_string();
    let first = train(home.path(), &files, ("m.toml", "c.toml", "a.csv"), &[])
        .good()
        .json();
    assert_eq!(first["restored"], Value::Null);
    let from = ["--init-from", models.as_str()];
    let nothing = train(
        home.path(),
        &files,
        ("m.toml", "c.toml", "b.csv"),
        &["--init-from", "nowhere"],
    )
    .bad(1);
    assert!(nothing.contains("no complete version"), "{nothing}");
    let second = train(home.path(), &files, ("m.toml", "c.toml", "b.csv"), &from)
        .good()
        .json();
    assert_eq!(second["restored"]["rows"]["user"], json!([30, 10]));
    assert_eq!(second["restored"]["optimizer"], true);
    let told = manifest(home.path(), 2);
    assert_eq!(
        (&told["parents"], &told["restored"]),
        (&json!(["m@1"]), &second["restored"])
    );
    assert!(told["files"]["optimizer.safetensors"].is_object());
    rankine(home.path(), &["model", "verify", "m@2"]).good();
    let refused = train(home.path(), &files, ("m.toml", "moved.toml", "b.csv"), &from).bad(1);
    let place = "slot 2, position 0 of `str_args`: expected `\"=red\"`, got `\"=green\"`";
    assert!(refused.contains(place), "{refused}");
    let most = train(home.path(), &files, ("most.toml", "c.toml", "b.csv"), &from).bad(1);
    assert!(
        most.contains("--init-from: kind `popularity` is computed at once"),
        "{most}"
    );
}

#[test]
fn new_names_that_mean_nothing_are_refused_with_the_nearest() {
    let renaming = |old: &str, new: &str| {
        MODEL.replace(
            "epochs = 2",
            &format!("epochs = 1, rename = {{ \"{old}\" = \"{new}\" }}"),
        )
    };
    let files = folder(&[
        ("c.toml", CONF),
        ("m.toml", MODEL),
        ("lacking.toml", &renaming("emb.usr", "emb.user")),
        ("unknown.toml", &renaming("emb.colour", "emb.color")),
        ("both.toml", &renaming("emb.colour", "emb.user")),
        ("a.csv", &samples(0)),
    ]);
    let home = tempfile::tempdir().unwrap();
    let models = home.path().join("models/m").display().to_string();
    let told = |model: &str, more: &[&str]| train(home.path(), &files, (model, "c.toml", "a.csv"), more);
    told("m.toml", &[]).good();
    let from = ["--init-from", models.as_str()];
    for (model, expected) in [
        (
            "lacking.toml",
            "has no parameter `emb.usr` (did you mean `emb.user`?)",
        ),
        (
            "unknown.toml",
            "no parameter of this model (did you mean `emb.colour`?)",
        ),
        ("both.toml", "would both be `emb.user`"),
    ] {
        let error = told(model, &from).bad(1);
        assert!(
            error.contains("train.rename") && error.contains(expected),
            "{error}"
        );
    }
    let error = told("both.toml", &[]).bad(1);
    assert!(error.contains("there is no version to begin from"), "{error}");
    assert!(!home.path().join("models/m/2").exists());
    assert_eq!(runs(home.path()), 1, "of those refused there is no log");
}

/// Runs of `m` that TensorBoard lists.
fn runs(home: &Path) -> usize {
    std::fs::read_dir(home.join("logs/m")).unwrap().count()
}

#[test]
fn a_version_that_gives_a_network_nothing_is_refused_with_both_kinds() {
    let lr = "format = 1\nkind = \"lr\"\nconf = \"ads\"\nlinear = { slots = [1] }\n";
    let files = folder(&[
        ("c.toml", CONF),
        ("lr.toml", lr),
        ("m.toml", MODEL),
        ("a.csv", &samples(0)),
    ]);
    let home = tempfile::tempdir().unwrap();
    let models = home.path().join("models/m").display().to_string();
    let told = |model: &str, more: &[&str]| train(home.path(), &files, (model, "c.toml", "a.csv"), more);
    told("lr.toml", &[]).good();
    let error = told("m.toml", &["--init-from", &models]).bad(1);
    for part in [
        "of kind `lr`, has nothing for a model of kind `embeddingmlp` to begin from: it has emb.linear, ",
        "; expected emb.user, emb.colour, ",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert!(!home.path().join("models/m/2").exists());
    assert_eq!(runs(home.path()), 1, "of the one refused there is no log");
}

/// Model files beside a conf, the same with its words moved, and the samples of two days, between which ten users change.
fn two_days(models: &[(&str, &str)]) -> tempfile::TempDir {
    let moved = CONF.replace("\"=red\", \"=green\"", "\"=green\", \"=red\"");
    let (first, second) = (samples(0), samples(10));
    let shared: [(&str, &str); 4] = [
        ("c.toml", CONF),
        ("moved.toml", &moved),
        ("a.csv", &first),
        ("b.csv", &second),
    ];
    folder(&[&shared, models].concat())
}

#[test]
fn a_linear_kind_begins_from_its_own_rows_and_from_no_other_kind() {
    let model = "format = 1\nkind = \"fm\"\nconf = \"ads\"\nlinear = { slots = [1, 2], k = 3 }\n\
                 train = { epochs = 2, keep_optimizer = true }\n";
    let files = two_days(&[
        ("m.toml", model),
        ("lr.toml", &model.replace("fm", "lr").replace(", k = 3", "")),
    ]);
    let home = tempfile::tempdir().unwrap();
    let models = home.path().join("models/m").display().to_string();
    let from = ["--init-from", models.as_str()];
    let run = |model, conf, data, more: &[&str]| train(home.path(), &files, (model, conf, data), more);
    run("m.toml", "c.toml", "a.csv", &[]).good();
    let told = run("m.toml", "c.toml", "b.csv", &from).good().json();
    // thirty users and three colours; ten users are new
    assert_eq!(told["restored"]["rows"]["linear"], json!([33, 10]));
    assert_eq!(told["restored"]["restored"], json!(["emb.linear", "bias"]));
    assert_eq!(told["restored"]["optimizer"], true);
    let published = manifest(home.path(), 2);
    assert_eq!(published["parents"], json!(["m@1"]));
    assert!(published["files"]["optimizer.safetensors"].is_object());
    rankine(home.path(), &["model", "verify", "m@2"]).good();
    let moved = run("m.toml", "moved.toml", "b.csv", &from).bad(1);
    assert!(moved.contains("slot 2, position 0 of `str_args`"), "{moved}");
    let other = run("lr.toml", "c.toml", "b.csv", &from).bad(1);
    assert!(
        other.contains("it is a `fm`, expected a version of kind `lr`"),
        "{other}"
    );
}

#[test]
fn vectors_begin_from_those_of_the_same_users_and_items() {
    let bpr = "format = 1\nkind = \"bpr\"\nconf = \"ads\"\nmatrix = { user = 1, item = 2, dim = 4 }\ntrain = { epochs = 3 }\n";
    let skip = "format = 1\nkind = \"item2vec\"\nitem2vec = { dim = 4, epochs = 2 }\n\
                train = { keep_optimizer = true, checkpoint = { steps = 1 } }\n";
    let files = two_days(&[("bpr.toml", bpr), ("skip.toml", skip)]);
    let home = tempfile::tempdir().unwrap();
    let models = home.path().join("models/m").display().to_string();
    let from = ["--init-from", models.as_str()];
    let run = |model, conf, data, more: &[&str]| train(home.path(), &files, (model, conf, data), more);
    run("bpr.toml", "c.toml", "a.csv", &[]).good();
    let told = run("bpr.toml", "c.toml", "b.csv", &from).good().json();
    // ten users have gone and ten have come
    let restored = &told["restored"];
    assert_eq!(
        (&restored["rows"]["user"], &restored["dropped_rows"]["user"]),
        (&json!([20, 10]), &json!(10))
    );
    assert_eq!(restored["rows"]["item"], json!([3, 0]));
    assert_eq!(manifest(home.path(), 2)["parents"], json!(["m@1"]));
    let moved = run("bpr.toml", "moved.toml", "b.csv", &from).bad(1);
    assert!(moved.contains("slot 2, position 0 of `str_args`"), "{moved}");
    let other = run("skip.toml", "c.toml", "b.csv", &from).bad(1);
    assert!(
        other.contains("it is a `bpr`, expected a version of kind `item2vec`"),
        "{other}"
    );
    std::fs::remove_dir_all(&models).unwrap();
    let anew = run("skip.toml", "c.toml", "a.csv", &["--resume"]).good().stderr;
    assert!(anew.contains("training begins anew"), "{anew}");
    let told = run("skip.toml", "c.toml", "b.csv", &from).good().json();
    assert_eq!(told["restored"]["rows"]["item"], json!([3, 0]));
    assert_eq!(told["restored"]["optimizer"], true);
    assert_eq!(manifest(home.path(), 2)["parents"], json!(["m@1"]));
    assert!(!home.path().join("checkpoints/m").exists());
}

#[test]
fn samples_from_standard_input_train_the_model_that_a_file_trains() {
    let files = folder(&[("c.toml", CONF), ("m.toml", MODEL), ("a.csv", &samples(0))]);
    let (from_file, piped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    train(from_file.path(), &files, ("m.toml", "c.toml", "a.csv"), &[]).good();
    let (model, conf) = (path(&files, "m.toml"), path(&files, "c.toml"));
    let words = ["train", &model, "--conf", &conf, "--train", "-", "--name", "m"];
    let mut child = command(piped.path(), &words)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(samples(0).as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
    let weights = |home: &Path| std::fs::read(home.join("models/m/1/weights.safetensors")).unwrap();
    assert!(weights(from_file.path()) == weights(piped.path()));
}

#[test]
fn a_broken_row_is_listed_and_strict_ends_at_it() {
    let broken = samples(0).replacen("\n3,0,red,", "\nthree,0,red,", 1);
    let files = folder(&[("c.toml", CONF), ("m.toml", MODEL), ("a.csv", &broken)]);
    let home = tempfile::tempdir().unwrap();
    let outcome = train(home.path(), &files, ("m.toml", "c.toml", "a.csv"), &[]).good();
    let listed = std::fs::read_to_string(home.path().join("cache/m.rejects.tsv")).unwrap();
    assert!(listed.contains("a.csv") && listed.contains("three"), "{listed}");
    let said = format!(
        "a.csv: 1 of {} rows left out, listed in ",
        broken.lines().count() - 1
    );
    let lines = outcome.stderr.lines().filter(|line| line.contains(&said));
    assert_eq!(lines.count(), 1, "{}", outcome.stderr);
    let told = &outcome.json()["rejected"];
    let (rows, reason) = (&told[0], told[0]["reason"].as_str().unwrap());
    assert!(rows["left_out"] == 1 && reason.contains("three"), "{told}");
    let card = std::fs::read_to_string(home.path().join("models/m/1/card.md")).unwrap();
    assert!(card.contains("broken rows") && card.contains("1 of "), "{card}");
    let error = train(home.path(), &files, ("m.toml", "c.toml", "a.csv"), &["--strict"]).bad(1);
    assert!(error.contains("a.csv") && error.contains("three"), "{error}");
    assert!(!home.path().join("models/m/2").exists());
}

#[test]
fn broken_weights_and_infinite_cells_are_listed_with_their_lines_and_weights_of_zero_refused() {
    let conf = CONF
        .replace(
            "schema.user",
            "schema.context = [{ name = \"price\", type = \"float\" }]\nschema.user",
        )
        .replace("group =", "weight = \"w\", group =");
    let conf = conf + "[[feature]]\nname = \"cost\"\nclass = \"normalize\"\nslot = 3\ndepend = [\"price\"]\n";
    let model = MODEL.replace("hidden", "dense = { slots = [3] }\nhidden");
    let lr =
        "format = 1\nkind = \"lr\"\nconf = \"ads\"\nlinear = { slots = [1, 2] }\ntrain = { epochs = 1 }\n";
    let ials = "format = 1\nkind = \"ials\"\nconf = \"ads\"\nmatrix = { user = 1, item = 2 }\n";
    let weighed = |weight: &dyn Fn(usize) -> &'static str| {
        let plain = samples(0);
        let lines = plain.lines().enumerate();
        let row = |(at, line): (usize, &str)| match at {
            0 => format!("{line},w,price\n"),
            _ => format!("{line},{}\n", weight(at)),
        };
        lines.map(row).collect::<String>()
    };
    let broken = weighed(&|at| match at {
        10 => "-5,1",
        20 => "1e39,2",
        30 => "1,inf",
        odd if odd % 2 == 1 => "1,2.5",
        _ => "1,3.5",
    });
    let files = folder(&[
        ("c.toml", &conf),
        ("m.toml", &model),
        ("lr.toml", lr),
        ("most.toml", MOST),
        ("ials.toml", ials),
        ("item2vec.toml", "format = 1\nkind = \"item2vec\"\n"),
        ("a.csv", &broken),
        ("zero.csv", &weighed(&|_| "0,2.5")),
    ]);
    let home = tempfile::tempdir().unwrap();
    train(home.path(), &files, ("m.toml", "c.toml", "a.csv"), &[]).good();
    let listed = std::fs::read_to_string(home.path().join("cache/m.rejects.tsv")).unwrap();
    for line in ["11", "21", "31"] {
        assert!(listed.contains(&format!("a.csv\t{line}\t")), "{listed}");
    }
    assert_eq!(listed.lines().count(), 4, "{listed}");
    for model in ["m.toml", "lr.toml"] {
        let error = train(home.path(), &files, (model, "c.toml", "zero.csv"), &[]).bad(1);
        assert!(
            error.contains("training samples have weight 0, expected one above 0"),
            "{error}"
        );
    }
    assert!(!home.path().join("models/m/2").exists());
}

#[test]
fn arguments_that_mean_nothing_to_a_kind_are_refused_by_name() {
    let kept = MODEL.replace("epochs = 2", "epochs = 1, checkpoint = { steps = 50 }");
    let lr = "format = 1\nkind = \"lr\"\nconf = \"ads\"\nlinear = { slots = [1] }\n";
    let files = folder(&[
        ("c.toml", CONF),
        ("m.toml", MODEL),
        ("kept.toml", &kept),
        ("lr.toml", lr),
        ("most.toml", MOST),
        ("i.toml", "format = 1\nkind = \"item2vec\"\n"),
        ("a.csv", &samples(0)),
        ("bare.csv", "1,1,red,1\n2,1,red,0\n"),
    ]);
    let home = tempfile::tempdir().unwrap();
    let told = |model: &str, more: &[&str]| train(home.path(), &files, (model, "c.toml", "a.csv"), more);
    let data = path(&files, "a.csv");
    for (model, more, expected) in [
        (
            "most.toml",
            &["--resume"][..],
            "--resume: kind `popularity` is computed at once",
        ),
        (
            "m.toml",
            &["--resume"],
            "--resume: the model file has no `train.checkpoint`",
        ),
        (
            "i.toml",
            &["--test", &data],
            "--test: kind `item2vec` has no figure on test samples",
        ),
        (
            "lr.toml",
            &["--set", "train.batch=9"],
            "--set:1:7: kind `lr` has no `train.batch`",
        ),
    ] {
        let error = told(model, more).bad(1);
        assert!(error.contains(expected), "{error}");
    }
    let bare = train(home.path(), &files, ("m.toml", "c.toml", "bare.csv"), &[]).bad(1);
    assert!(
        bare.contains("--columns names the columns of text that has no header"),
        "{bare}"
    );
    let anew = told("kept.toml", &["--resume"]).good().stderr;
    assert!(anew.contains("training begins anew"), "{anew}");
    let eval = |more: &[&str]| {
        let (words, bare) = (["--json", "eval", "m", "--train"], path(&files, "bare.csv"));
        rankine(
            home.path(),
            &[&words[..], &[&data, "--test", &bare], more].concat(),
        )
    };
    let bare = eval(&[]).bad(1);
    assert!(bare.contains("--columns names the columns"), "{bare}");
    let judged = eval(&["--columns", "userId,itemId,colour,click"]).good().json();
    assert_eq!(judged["rows"], 2, "{judged}");
    assert!(home.path().join("models/m/1").exists() && !home.path().join("models/m/2").exists());
}

#[test]
fn rows_that_signs_share_serve_the_scores_they_were_trained_to() {
    let hashed = MODEL.replace(
        "table = \"user\", dim = 4",
        "table = \"user\", dim = 4, buckets = 8",
    );
    let hashed = hashed.replace("epochs = 2", "epochs = 2, threads = 2");
    let files = folder(&[("c.toml", CONF), ("m.toml", &hashed), ("a.csv", &samples(0))]);
    let home = tempfile::tempdir().unwrap();
    let data = path(&files, "a.csv");
    let told = train(
        home.path(),
        &files,
        ("m.toml", "c.toml", "a.csv"),
        &["--valid", &data],
    )
    .good()
    .json();
    let epochs = told["history"].as_array().unwrap();
    let trained = epochs.last().unwrap()["valid_loss"].as_f64().unwrap();
    let lines = told["evaluation"]["lines"].as_array().unwrap();
    let served = lines[0]["measures"]["logloss"].as_f64();
    let served = served
        .or_else(|| lines[0]["measures"]["logloss"]["value"].as_f64())
        .unwrap();
    assert!(
        (trained - served).abs() < 1e-5,
        "{trained} when trained, {served} served"
    );
    // opening replays golden scores through the served table
    rankine(home.path(), &["model", "verify", "m@1"]).good();
}

/// A file of forty words, of which the samples use the first three; `turn` moves those of `range` by one line.
fn words(turn: Option<std::ops::Range<usize>>) -> String {
    let mut words: Vec<String> = ["red", "green", "blue"].map(str::to_owned).to_vec();
    words.extend((3..40).map(|n| format!("w{n}")));
    if let Some(range) = turn {
        words[range].rotate_left(1);
    }
    words.join("\n") + "\n"
}

#[test]
fn a_dictionary_that_moves_a_word_no_golden_sample_reads_is_refused() {
    let column = "dictionary = [{ name = \"words\", key = \"string\", columns = [{ name = \"line\", type = \"int\" }] }]\n[[feature]]";
    let conf = CONF
        .replace("\"=red\", \"=green\", \"=blue\"", "\"@words.line\"")
        .replacen("[[feature]]", column, 1);
    let server = "dictionary = [{ name = \"words\", kind = \"vocabulary\", path = \"words.txt\" }]\n";
    let short = MODEL.replace("epochs = 2", "epochs = 1");
    let files = folder(&[
        ("c.toml", &conf),
        ("m.toml", &short),
        ("s.toml", server),
        ("a.csv", &samples(0)),
    ]);
    let home = tempfile::tempdir().unwrap();
    let server = path(&files, "s.toml");
    let models = home.path().join("models/m").display().to_string();
    let run = |words: &str, more: &[&str]| {
        std::fs::write(home.path().join("words.txt"), words).unwrap();
        let more = [&["--dictionaries", server.as_str()], more].concat();
        train(home.path(), &files, ("m.toml", "c.toml", "a.csv"), &more)
    };
    run(&words(None), &[]).good();
    let golden = std::fs::read_to_string(home.path().join("models/m/1/golden.jsonl")).unwrap();
    assert!(
        golden.contains("\"words\"") && !golden.contains("w20"),
        "{golden}"
    );
    let from = ["--init-from", models.as_str()];
    let moved = run(&words(Some(14..40)), &from).bad(1);
    let said = "slot 2, dictionary `words`, column `line`, 26 of 40 words moved, the first: word `w14`: expected place 14, got 39";
    assert!(moved.contains(said), "{moved}");
    run(&(words(None) + "new\n"), &from).good();
    let kept = std::fs::read_to_string(home.path().join("models/m/2/places-0.jsonl")).unwrap();
    assert!(kept.ends_with("[40,\"new\"]\n"), "{kept}");
}
