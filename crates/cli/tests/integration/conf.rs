//! Confs on the command line: the plan as table, JSON and graph; confs from elsewhere; the operators' page.

use crate::home::{REPOSITORY, rankine};

const CONF: &str = "config/movielens.feature.toml";

#[test]
fn check_shows_order_group_and_dependencies() {
    let home = tempfile::tempdir().unwrap();
    let text = rankine(home.path(), &["check", CONF]).good().stdout;
    let place = |part: &str| {
        text.find(part)
            .unwrap_or_else(|| panic!("no `{part}` in\n{text}"))
    };
    assert!(place("\ncommon (once per request)") < place("\nitem (once per version of an item's row)"));
    assert!(place("\nitem (") < place("\ncross (per candidate)"));
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("ratedXMovie "))
        .unwrap();
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(cells[..4], ["ratedXMovie", "50", "cross", "signs"]);
    assert!(text.contains("normalize *") && text.contains("fitted when trained: features marked *"));

    let json = rankine(home.path(), &["check", CONF, "--json"]).good().json();
    let features = json["features"].as_array().unwrap();
    let cross = features
        .iter()
        .find(|feature| feature["name"] == "ratedXMovie")
        .unwrap();
    assert_eq!((&cross["group"], &cross["slot"]), (&"cross".into(), &50.into()));
    assert_eq!(json["needs_fit"], true);
}

#[test]
fn check_draws_the_plan() {
    let home = tempfile::tempdir().unwrap();
    let dot = rankine(home.path(), &["check", CONF, "--dot"]).good().stdout;
    assert!(
        dot.starts_with("digraph plan {") && dot.trim_end().ends_with('}'),
        "{dot}"
    );
    assert!(
        dot.contains("  \"movieId\" -> \"movie\";") && !dot.contains("no faults"),
        "{dot}"
    );
    let error = rankine(home.path(), &["check", "config/server.toml", "--dot"]).bad(1);
    assert!(error.contains("--dot draws the plan of a conf"), "{error}");
}

#[test]
fn check_knows_a_stream_and_says_where_its_faults_are() {
    let home = tempfile::tempdir().unwrap();
    let film = "examples/cold-start/films/stream.toml";
    let told = rankine(home.path(), &["check", film]).good().stdout;
    assert!(told.contains("the change stream \"films\", no faults"), "{told}");
    for file in ["config/stream.toml", "examples/cold-start/coldstart.toml"] {
        let told = rankine(home.path(), &["check", file]).good().stdout;
        let variable = "(runs where RANKINE_STREAM_DSN says where PostgreSQL is), no faults";
        assert!(told.contains(variable), "{told}");
    }
    let file = home.path().join("bad.toml");
    let text = "format = 1\nname = \"a b\"\n\n[source]\ntable = \"film\"\nkind = \"pigeon\"\n[join]\nsql = \"SELECT 1\"\n";
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let told = rankine(home.path(), &["check", file]).bad(1);
    for part in [
        "bad.toml:2:1: name",
        "bad.toml:6:1: source.kind",
        "bad.toml:8:1: join.sql",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    std::fs::write(file, text.replace("table", "tabel")).unwrap();
    let told = rankine(home.path(), &["check", file]).bad(1);
    assert!(
        told.contains("bad.toml:5:1") && told.contains("did you mean `table`"),
        "{told}"
    );
}

#[test]
fn a_foreign_configuration_becomes_a_conf_that_checks() {
    let home = tempfile::tempdir().unwrap();
    let source = format!("{REPOSITORY}/crates/feature/tests/data/fg/shop.json");
    let conf = home.path().join("shop.feature.toml");
    let conf = conf.to_str().unwrap();
    let outcome = rankine(home.path(), &["conf", "import", &source, "--out", conf]).good();
    assert!(
        outcome.stderr.contains("30 of 36 features mapped"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome
            .stderr
            .contains("not mapped: text: text_normalizer has no counterpart"),
        "{}",
        outcome.stderr
    );
    let checked = rankine(home.path(), &["check", conf]).good().stdout;
    assert!(checked.contains("the conf \"shop\" with 30 slots"), "{checked}");
    assert!(
        checked.contains("reads dictionary @items (key string)"),
        "{checked}"
    );

    let json = rankine(home.path(), &["conf", "import", &source, "--json"])
        .good()
        .json();
    assert_eq!((&json["found"], &json["mapped"]), (&36.into(), &30.into()));
    let error = rankine(home.path(), &["conf", "import", CONF]).bad(1);
    assert!(
        error.contains("movielens.feature.toml") && error.contains("not a feature configuration"),
        "{error}"
    );
}

#[test]
fn the_operators_page_comes_out_of_the_program() {
    let home = tempfile::tempdir().unwrap();
    let page = rankine(home.path(), &["docs", "operators"]).good().stdout;
    let committed = std::fs::read_to_string(format!("{REPOSITORY}/docs/operators.md")).unwrap();
    assert_eq!(page, committed);
    let json = rankine(home.path(), &["docs", "operators", "--json"])
        .good()
        .json();
    assert!(
        json.as_array()
            .unwrap()
            .iter()
            .any(|operator| operator["name"] == "hash_bucket")
    );
}

#[test]
fn a_model_file_with_its_conf_is_told_and_drawn() {
    let home = tempfile::tempdir().unwrap();
    let check = |model: &str, more: &[&str]| {
        let arguments = [&["check", model, "--conf", CONF][..], more].concat();
        rankine(home.path(), &arguments).good().stdout
    };
    for model in ["widedeep", "neuralcf", "dssm", "din", "mmoe", "ffm"] {
        let text = check(&format!("config/models/{model}.toml"), &[]);
        assert!(
            text.contains("no faults") && text.contains("dense parameters"),
            "{text}"
        );
    }
    let text = check("config/models/widedeep.toml", &[]);
    assert!(text.contains("hidden.0") && text.contains("rows × 10"), "{text}");
    let dot = check("config/models/din.toml", &["--dot"]);
    assert!(dot.starts_with("digraph model {"), "{dot}");
    let svg = check("config/models/din.toml", &["--svg"]);
    assert!(svg.starts_with("<svg") && svg.contains("emb.movie"), "{svg}");
    let json: serde_json::Value =
        serde_json::from_str(&check("config/models/din.toml", &["--json"])).unwrap();
    assert!(json["network"]["dense_parameters"].as_u64().unwrap() > 1000);
    let error = rankine(home.path(), &["check", "config/models/din.toml", "--svg"]).bad(1);
    assert!(error.contains("with its --conf"), "{error}");
    let vectors = ["check", "config/models/item2vec.toml", "--conf", CONF, "--svg"];
    let error = rankine(home.path(), &vectors).bad(1);
    assert!(
        error.contains("kind `item2vec` has no network to draw"),
        "{error}"
    );
}

#[test]
fn a_model_file_of_vectors_is_told_and_drawn_without_a_conf() {
    let home = tempfile::tempdir().unwrap();
    let check = |more: &[&str]| {
        let file = "examples/models/dssm-finetune.toml";
        rankine(home.path(), &[&["check", file][..], more].concat())
            .good()
            .stdout
    };
    let text = check(&[]);
    assert!(text.contains("fits vectors of 128 and 128 numbers"), "{text}");
    // 2 · (128 · 64 + 64) + 64 + 1
    assert!(text.contains("16,577 dense parameters"), "{text}");
    assert!(
        text.matches("dense, relu").count() == 2 && !text.contains("dense, linear"),
        "{text}"
    );
    assert!(check(&["--widths", "16,8"]).contains("1,729 dense parameters"));
    assert!(check(&["--dot"]).starts_with("digraph model {"));
    assert!(check(&["--svg"]).starts_with("<svg"));
    let json: serde_json::Value = serde_json::from_str(&check(&["--json"])).unwrap();
    assert_eq!(json["network"]["dense_parameters"], 16_577);
}

#[test]
fn the_effective_model_file_reads_back_and_arguments_are_told_by_number() {
    let home = tempfile::tempdir().unwrap();
    for model in [
        "widedeep", "neuralcf", "dssm", "din", "mmoe", "ffm", "item2vec", "lr",
    ] {
        let file = format!("config/models/{model}.toml");
        let arguments = ["train", &file, "--print-config", "--set", "seed=7"];
        let text = rankine(home.path(), &arguments).good().stdout;
        let whole = home.path().join("effective.toml");
        std::fs::write(&whole, &text).unwrap();
        let again = ["train", whole.to_str().unwrap(), "--print-config"];
        assert_eq!(rankine(home.path(), &again).good().stdout, text, "{model}");
        assert!(text.contains("seed = 7"), "{text}");
    }
    let arguments = [
        "train",
        "config/models/din.toml",
        "--print-config",
        "--set",
        "seed=7",
        "--set",
        "train.epoch=2",
    ];
    let error = rankine(home.path(), &arguments).bad(1);
    assert!(
        error.contains("--set:2:7: unknown key `epoch`") && error.contains("did you mean `epochs`?"),
        "{error}"
    );
}
