//! The other verbs: exit codes, `--json`, and errors that a person can act on.

use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;

use crate::home::{REPOSITORY, command, files, home, prepared, rankine};
use crate::process::Server;
use crate::stream::train;

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

pub(crate) fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

/// A file of the repository's `config/`, with one text put in the place of another.
pub(crate) fn changed(file: &str, from: &str, to: &str) -> String {
    let text = std::fs::read_to_string(Path::new(REPOSITORY).join("config").join(file)).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    text.replacen(from, to, 1)
}

#[test]
fn check_takes_every_file_of_the_repository() {
    let home = tempfile::tempdir().unwrap();
    let cases = [
        (
            vec!["check", "config/movielens.feature.toml"],
            "the conf \"movielens\"",
        ),
        (vec!["check", "config/server.toml"], "a server configuration"),
        (
            vec![
                "check",
                "config/models/widedeep.toml",
                "--conf",
                "config/movielens.feature.toml",
            ],
            "a model file of kind widedeep, fits",
        ),
    ];
    for (arguments, expected) in cases {
        let text = rankine(home.path(), &arguments).good().stdout;
        assert!(text.contains(expected) && text.contains("no faults"), "{text}");
    }
    for kind in ["dcn", "autoint", "din", "dien", "mmoe", "ple"] {
        let file = format!("config/models/{kind}.toml");
        let conf = ["--conf", "config/movielens.feature.toml"];
        let text = rankine(home.path(), &["check", &file, conf[0], conf[1]])
            .good()
            .stdout;
        assert!(
            text.contains(&format!("a model file of kind {kind}, fits")),
            "{text}"
        );
    }
    let json = rankine(home.path(), &["check", "config/server.toml", "--json"])
        .good()
        .json();
    assert_eq!(json["faults"], json!([]));
}

#[test]
fn check_tells_every_fault_with_its_place_and_the_nearest_key() {
    let home = tempfile::tempdir().unwrap();
    let server = folder(&[(
        "server.toml",
        "[listen]\nsitee = \"x\"\n[limits]\npermitz = 3\nsize = \"many\"\n",
    )]);
    let error = rankine(home.path(), &["check", &path(&server, "server.toml")]).bad(1);
    for expected in [
        "server.toml:2",
        "did you mean `site`",
        "server.toml:4",
        "did you mean `permits`",
        "server.toml:5",
    ] {
        assert!(error.contains(expected), "{expected} in {error}");
    }
    let conf = changed(
        "movielens.feature.toml",
        "depend = [\"movieId\"]",
        "depend = [\"movieIdd\"]",
    );
    let conf = conf.replacen("class = \"tag\"", "class = \"tagg\"", 1);
    let conf = folder(&[("my.feature.toml", &conf)]);
    let error = rankine(home.path(), &["check", &path(&conf, "my.feature.toml")]).bad(1);
    for expected in ["movieIdd", "did you mean `movieId`", "tagg", "my.feature.toml:"] {
        assert!(error.contains(expected), "{expected} in {error}");
    }
    let model = folder(&[("m.toml", &changed("models/widedeep.toml", "hidden =", "hiden ="))]);
    let error = rankine(home.path(), &["check", &path(&model, "m.toml")]).bad(1);
    assert!(
        error.contains("did you mean `hidden`") && error.contains("m.toml:"),
        "{error}"
    );
    let error = rankine(home.path(), &["check", "no/such.toml"]).bad(1);
    assert!(error.contains("no/such.toml"), "{error}");
}

#[test]
fn a_model_file_of_another_conf_or_with_an_unknown_slot_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let conf = "config/movielens.feature.toml";
    for (from, to, expected) in [
        ("conf = \"movielens\"", "conf = \"other\"", "other"),
        ("slots = [1]", "slots = [999]", "999"),
    ] {
        let model = folder(&[("m.toml", &changed("models/widedeep.toml", from, to))]);
        let error = rankine(home.path(), &["check", &path(&model, "m.toml"), "--conf", conf]).bad(1);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_label_that_the_conf_has_not_is_told_by_check_and_train() {
    let home = home();
    let model = changed("models/widedeep.toml", "label = \"label\"", "label = \"lable\"");
    let files = folder(&[("m.toml", &model)]);
    let conf = "config/movielens.feature.toml";
    for arguments in [
        vec!["check", &path(&files, "m.toml"), "--conf", conf],
        vec!["train", &path(&files, "m.toml"), "--conf", conf],
    ] {
        let error = rankine(home.path(), &arguments).bad(1);
        for expected in ["m.toml:5:9: ", "no label `lable`", "did you mean `label`"] {
            assert!(error.contains(expected), "{expected} in {error}");
        }
    }
}

/// Ids of the vectors of a model's newest version.
fn vector_ids(home: &Path, model: &str) -> Vec<i64> {
    let artefact = crate::artefact::newest(home, model);
    artefact.vectors().unwrap().0.to_vec()
}

/// Items liked in a part of the samples.
fn liked(home: &Path, part: &str) -> std::collections::BTreeSet<i64> {
    use rankine_table::Column;
    let file = home.join(format!("samples/movielens/{part}.parquet"));
    let (table, _) = rankine_table::parquet::read(&file).unwrap();
    let (Ok(Column::Int(items)), Ok(Column::Float(labels))) =
        (table.column("movieId"), table.column("label"))
    else {
        panic!("columns of {part}")
    };
    let liked = items.iter().zip(labels).filter(|(_, label)| **label == Some(1.0));
    liked.map(|(item, _)| item.unwrap()).collect()
}

#[test]
fn item2vec_learns_from_the_training_samples_unless_its_file_says_all() {
    let home = home();
    let quick = changed("models/item2vec.toml", "epochs = 20", "epochs = 1");
    let quick = quick.replace("min_count = 5", "min_count = 1");
    let all = quick.replace("item2vec = { events = \"train\"", "item2vec = { events = \"all\"");
    assert_ne!(quick, all);
    let files = folder(&[("held.toml", &quick), ("every.toml", &all)]);
    for file in ["held.toml", "every.toml"] {
        rankine(home.path(), &["train", &path(&files, file)]).good();
    }
    let (train, valid, test) = (
        liked(home.path(), "train"),
        liked(home.path(), "valid"),
        liked(home.path(), "test"),
    );
    assert_eq!(
        vector_ids(home.path(), "held"),
        train.iter().copied().collect::<Vec<_>>()
    );
    let every: std::collections::BTreeSet<i64> = &(&train | &valid) | &test;
    assert!(
        every.len() > train.len() + 100,
        "the held-out parts like nothing of their own"
    );
    assert_eq!(
        vector_ids(home.path(), "every"),
        every.into_iter().collect::<Vec<_>>()
    );
    let card = rankine(home.path(), &["model", "show", "held"]).good().stdout;
    assert!(card.contains("positives of the training samples"), "{card}");
    let checked = [
        "check",
        "config/models/item2vec.toml",
        "--conf",
        "config/movielens.feature.toml",
    ];
    assert!(
        rankine(home.path(), &checked)
            .good()
            .stdout
            .contains("kind item2vec, fits")
    );
}

/// Two films, two users, and what must not be taken: lines 3 (rating), 4 (film), 6 (time).
fn flawed() -> TempDir {
    folder(&[
        (
            "movies.csv",
            "movieId,title,genres\n1,\"Up, Down (1999)\",Drama|War\n2,Heat (1995),Crime\n",
        ),
        (
            "ratings.csv",
            "userId,movieId,rating,timestamp\n1,1,4.0,100\n1,2,many,110\n1,77,4.0,120\n2,1,3.0,130\n2,2,5.0,soon\n",
        ),
    ])
}

#[test]
fn bad_rows_are_put_aside_with_their_lines_and_strict_stops_at_the_first() {
    let (home, data) = (tempfile::tempdir().unwrap(), flawed());
    let source = data.path().to_str().unwrap();
    let error = rankine(home.path(), &["data", "import", source, "--strict"]).bad(1);
    assert!(
        error.contains("ratings.csv") && error.contains('3') && error.contains("many"),
        "{error}"
    );
    assert!(
        !home.path().join("data/import.json").exists(),
        "a refused import left something"
    );
    let error = rankine(home.path(), &["data", "check"]).bad(1);
    assert!(error.contains("import"), "{error}");

    let summary = rankine(home.path(), &["data", "import", source, "--json"])
        .good()
        .json();
    let rejected: u64 = summary["rejected"]
        .as_object()
        .unwrap()
        .values()
        .map(|n| n.as_u64().unwrap())
        .sum();
    assert_eq!(
        (&summary["items"], &summary["users"], &summary["events"], rejected),
        (&json!(2), &json!(2), &json!(2), 3)
    );
    let rejects = std::fs::read_to_string(home.path().join("data/rejects.tsv")).unwrap();
    for expected in ["many", "77", "soon"] {
        assert!(rejects.contains(expected), "{expected} in {rejects}");
    }
    let text = rankine(home.path(), &["data", "import", source]).good().stdout;
    assert!(
        text.contains("already imported") && text.contains("3 rows put aside"),
        "{text}"
    );
    rankine(home.path(), &["data", "check"]).good();
}

#[test]
fn check_fails_on_damaged_data_and_names_the_file() {
    let home = home();
    let events = home.path().join("events/base-1.parquet");
    let bytes = std::fs::read(&events).unwrap();
    std::fs::write(&events, &bytes[..bytes.len() / 2]).unwrap();
    let outcome = rankine(home.path(), &["data", "check"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(
        format!("{}{}", outcome.stdout, outcome.stderr).contains("base-1.parquet"),
        "{outcome:?}"
    );
    let outcome = rankine(home.path(), &["serve", "--site", "127.0.0.1:0", "--rest", ""]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("base-1.parquet"), "{}", outcome.stderr);
}

#[test]
fn describe_counts_and_draws() {
    let root = &prepared().root;
    let told = rankine(root, &["data", "describe", "--json"]).good().json();
    assert_eq!(
        (&told["users"], &told["items"], &told["events"]),
        (&json!(671), &json!(9_066), &json!(100_004))
    );
    let counted: u64 = told["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["events"].as_u64().unwrap())
        .sum();
    assert_eq!(counted, 100_004);
    let text = rankine(root, &["data", "describe"]).good().stdout;
    assert!(
        text.contains('█') && text.contains("1995-01-09") && text.contains("98.36 %"),
        "{text}"
    );
    let checked = rankine(root, &["data", "check", "--json"]).good().json();
    assert_eq!(checked["events"], 100_004);
    assert!(
        checked["findings"]
            .as_array()
            .unwrap()
            .iter()
            .all(|finding| finding["fault"] == false)
    );
}

#[test]
fn a_global_split_is_reported_as_cold() {
    let home = home();
    let arguments = ["sample", "build", "--split", "global-time", "--json"];
    let report = rankine(home.path(), &arguments).good().json();
    assert!(
        report["test"]["cold_user_share"].as_f64().unwrap() > 0.8,
        "{report}"
    );
    assert_eq!(report["split"]["kind"], "global_time");
    assert!(report["train"]["last_time"].as_i64() < report["test"]["first_time"].as_i64());
    let random = ["sample", "build", "--split", "random", "--seed", "7", "--json"];
    let report = rankine(home.path(), &random).good().json();
    assert_eq!(
        (&report["split"]["kind"], &report["split"]["seed"]),
        (&json!("random"), &json!(7))
    );
    let error = rankine(
        home.path(),
        &["sample", "build", "--valid", "0.6", "--test", "0.6"],
    )
    .bad(1);
    assert!(error.contains("0.6"), "{error}");
    let error = rankine(home.path(), &["sample", "build", "--split", "per-user"]).bad(2);
    assert!(error.contains("per-user-time"), "{error}");
}

#[test]
fn versions_are_listed_shown_and_verified() {
    let root = &prepared().root;
    let listed = rankine(root, &["model", "list", "--json"]).good().json();
    let names: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["embeddingmlp", "item2vec", "neuralcf", "widedeep"]);
    assert!(
        rankine(root, &["model", "list"])
            .good()
            .stdout
            .contains("widedeep")
    );
    let card = rankine(root, &["model", "show", "widedeep"]).good().stdout;
    assert!(
        card.contains("# widedeep") && card.contains("item mean + user mean"),
        "{card}"
    );
    let manifest = rankine(root, &["model", "show", "widedeep@1", "--json"])
        .good()
        .json();
    assert_eq!(
        (&manifest["version"], &manifest["conf"]["name"]),
        (&json!(1), &json!("movielens"))
    );
    let verified = rankine(root, &["model", "verify", "item2vec", "--json"])
        .good()
        .json();
    assert_eq!(
        (&verified["name"], &verified["verified"]),
        (&json!("item2vec"), &json!(true))
    );
    for (model, expected) in [
        ("nope", "no model nope"),
        ("widedeep@9", "[1]"),
        ("widedeep@x", "\"x\" is not a number"),
    ] {
        let error = rankine(root, &["model", "verify", model]).bad(1);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn verify_finds_one_changed_bit_in_any_file() {
    let home = home();
    let folder = home.path().join("models/neuralcf/1");
    for file in files(&folder) {
        let bytes = std::fs::read(&file).unwrap();
        let mut changed = bytes.clone();
        changed[bytes.len() / 2] ^= 1;
        std::fs::write(&file, changed).unwrap();
        let outcome = rankine(home.path(), &["model", "verify", "neuralcf"]);
        assert_eq!(outcome.code, Some(1), "{}: {outcome:?}", file.display());
        std::fs::write(&file, bytes).unwrap();
    }
    rankine(home.path(), &["model", "verify", "neuralcf"]).good();
}

#[test]
fn train_publishes_the_next_version_with_its_figures() {
    let home = home();
    let model = changed("models/neuralcf.toml", "epochs = 15", "epochs = 1");
    let files = folder(&[("quick.toml", &model)]);
    let done = rankine(
        home.path(),
        &[
            "train",
            &path(&files, "quick.toml"),
            "--name",
            "neuralcf",
            "--json",
        ],
    )
    .good()
    .json();
    assert_eq!(
        (&done["version"], &done["kind"], &done["epochs"]),
        (&json!(2), &json!("neuralcf"), &json!(1))
    );
    rankine(home.path(), &["model", "verify", "neuralcf@2"]).good();
    let text = rankine(home.path(), &["eval", "neuralcf@2"]).good().stdout;
    assert!(text.contains("item mean + user mean"), "{text}");
    let again = rankine(home.path(), &["train", &path(&files, "quick.toml")])
        .good()
        .stdout;
    assert!(again.contains("published quick version 1"), "{again}");
    let logs: Vec<PathBuf> = crate::home::files(&home.path().join("logs/quick"));
    assert!(
        logs.iter().any(|log| log.to_string_lossy().contains("tfevents")),
        "{logs:?}"
    );
}

#[test]
fn train_and_eval_say_what_they_lack() {
    let home = tempfile::tempdir().unwrap();
    let error = rankine(home.path(), &["train", "config/models/neuralcf.toml"]).bad(1);
    assert!(error.contains("rankine sample build"), "{error}");
    let typo = folder(&[("m.toml", &changed("models/neuralcf.toml", "epochs", "epoch"))]);
    let error = rankine(home.path(), &["train", &path(&typo, "m.toml")]).bad(1);
    assert!(
        error.contains("m.toml:") && error.contains("did you mean `epochs`"),
        "{error}"
    );
    let error = rankine(
        home.path(),
        &["train", "config/models/neuralcf.toml", "--hold-out", "1.5"],
    )
    .bad(1);
    assert!(error.contains("--hold-out is 1.5"), "{error}");
    let error = rankine(home.path(), &["eval", "widedeep"]).bad(1);
    assert!(error.contains("no model widedeep"), "{error}");
    let error = rankine(&prepared().root, &["eval", "item2vec"]).bad(1);
    assert!(error.contains("vectors"), "{error}");
}

#[test]
fn a_misused_command_line_is_exit_code_2_with_a_hint() {
    let home = tempfile::tempdir().unwrap();
    for (arguments, hint) in [
        (vec!["demoo"], "demo"),
        (vec!["data", "imprt", "x"], "import"),
        (vec!["demo", "--onse"], "--once"),
        (vec!["train"], "<MODEL.toml>"),
    ] {
        let error = rankine(home.path(), &arguments).bad(2);
        assert!(error.contains(hint), "{error}");
    }
    let help = rankine(home.path(), &["train", "--help"]).good().stdout;
    assert!(help.contains("Example") && help.contains("--hold-out"), "{help}");
    assert!(
        files(home.path()).is_empty(),
        "a misused command line touched the home"
    );
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let empty = tempfile::tempdir().unwrap();
    let outcome = rankine(empty.path(), &["serve", "--site", "127.0.0.1:0", "--rest", ""]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.stderr.contains("no finished import"),
        "{}",
        outcome.stderr
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = rankine(&prepared().root, &["serve", "--site", &address, "--rest", ""]).bad(1);
    assert!(error.contains(&address), "{error}");
    let no_port = ["serve", "--site", "", "--rest", "", "--grpc", ""];
    let error = rankine(&prepared().root, &no_port).bad(1);
    assert!(error.contains("listen"), "{error}");
    let error = rankine(&prepared().root, &["serve", "--ranker-url", "ftp://x"]).bad(1);
    assert!(error.contains("http://"), "{error}");
    let config = folder(&[("server.toml", "treads = 2\n")]);
    let error = rankine(
        &prepared().root,
        &["serve", "--config", &path(&config, "server.toml")],
    )
    .bad(1);
    assert!(error.contains("did you mean `threads`"), "{error}");
}

#[test]
fn a_predictor_of_one_model_needs_no_import_and_says_where_it_is() {
    let home = tempfile::tempdir().unwrap();
    train(home.path());
    let server = Server::start(home.path(), "", "127.0.0.1:0", &["--model", "films"]);
    server.wait_for_models();
    let said = server.said();
    let path = said
        .split_once("/v1/models/")
        .map(|(_, rest)| rest.lines().next());
    assert_eq!(path, Some(Some("films")), "{said}");
    assert!(said.contains("nothing is imported here"), "{said}");
    let state = server.rest().get("/v1/models/films").good();
    assert_eq!(state["model_version_status"][0]["state"], "AVAILABLE", "{state}");
    let body = r#"{"user": {"user": 3, "likes": ["War"]}, "asks": [{"conf": "films", "models": ["films"]}],
        "items": [{"id": 1, "fields": {"genres": ["War"], "days": 2}}, {"id": 2, "fields": {"genres": ["Drama"]}}]}"#;
    let told = server.rest().post("/v1/predict", body).good();
    let scores = &told["confs"][0]["models"][0]["scores"];
    assert!(scores[0].is_f64() && scores[1].is_f64(), "{told}");
    let site = ["serve", "--model", "films", "--site", "127.0.0.1:0", "--rest", ""];
    let error = rankine(home.path(), &site).bad(1);
    assert!(
        error.contains("no finished import") && error.contains("--site ''"),
        "{error}"
    );
}

#[test]
fn a_key_is_taken_from_the_flag_then_the_variable_then_the_file() {
    let home = tempfile::tempdir().unwrap();
    let file = folder(&[(
        "server.toml",
        "[limits]\npermits = 1\nitems = 11\nsize = 21\n[store]\nkind = \"redis\"\n",
    )]);
    let file = path(&file, "server.toml");
    let run = |flags: &[&str], variables: &[(&str, &str)]| {
        let arguments = [&["serve", "--config", &file, "--print-config"], flags].concat();
        let mut command = command(home.path(), &arguments);
        command.envs(variables.iter().copied());
        command.output().unwrap()
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let printed = run(
        &["--limits-permits", "3", "--store-url", "redis://x"],
        &[("RANKINE_LIMITS_PERMITS", "2"), ("RANKINE_LIMITS_ITEMS", "12")],
    );
    assert!(printed.status.success(), "{}", text(&printed.stderr));
    let config: toml::Table = toml::from_str(&text(&printed.stdout)).unwrap();
    let limits = &config["limits"];
    let number = |key: &str| limits[key].as_integer().unwrap();
    assert_eq!(
        ["permits", "items", "size", "deadline_ms"].map(number),
        [3, 12, 21, 2000]
    );
    assert_eq!(config["home"].as_str(), home.path().to_str());

    let faults = [
        (run(&["--limits-permit", "3"], &[]), "--limits-permits"),
        (
            run(&[], &[("RANKINE_LIMITS_PERMIT", "3")]),
            "did you mean `RANKINE_LIMITS_PERMITS`?",
        ),
        (
            run(&["--store-kind", "rediss"], &[]),
            "--store-kind: unknown value `rediss`",
        ),
        (
            run(&[], &[("RANKINE_LIMITS_SIZE", "many")]),
            "RANKINE_LIMITS_SIZE: expected an integer from 0 on, got \"many\"",
        ),
        (run(&["--store-kind", "redis"], &[]), "store.url"),
    ];
    for (outcome, expected) in faults {
        let said = text(&outcome.stderr);
        assert!(
            !outcome.status.success() && said.contains(expected),
            "{expected} in {said}"
        );
    }
}

#[test]
fn a_fault_names_its_path_and_its_cause_once() {
    let broken = folder(&[]);
    std::fs::create_dir(broken.path().join("data")).unwrap();
    std::fs::write(broken.path().join("data/import.json"), "{").unwrap();
    let nowhere = rankine(broken.path(), &["data", "import", "nosuch"]).bad(1);
    let redis = rankine(broken.path(), &["data", "redis", "redis://127.0.0.1:1"]).bad(1);
    let import = rankine(broken.path(), &["serve", "--site", "127.0.0.1:0", "--rest", ""]).bad(1);
    for (said, part) in [
        (nowhere, "No such file or directory"),
        (redis, "refused"),
        (import, "import.json"),
    ] {
        assert_eq!(said.matches(part).count(), 1, "{said}");
    }
}
