//! LR, FM and FFM through the real binary: files without a conf, what is published of them, and the home's own samples.

use serde_json::Value;

use crate::home::{REPOSITORY, home, rankine};
use crate::verbs::{changed, folder, path};

const FFM: &str = "format = 1\nkind = \"ffm\"\nconf = \"libffm\"\nlinear = { slots = [1, 2], k = 2, missing = false }\n\
                   train = { epochs = 3, cache = \"keep\" }\n";

/// Clicks where both fields are odd or both even, and three lines that cannot be read.
fn lines() -> String {
    let mut text = String::new();
    for i in 0..3000u32 {
        let (a, b) = (i % 7, i / 7 % 5);
        text += &format!("{} 0:u{a}:1 1:i{b}:1\n", u32::from((a + b).is_multiple_of(2)));
    }
    text + "what 0:u1:1\n1 0:u1:x\n5 1:i1\n"
}

/// Files whose rows were numbered each from 0 were judged on rows of the second that had been learnt.
#[test]
fn what_is_held_out_of_several_files_is_what_the_report_judges() {
    let home = tempfile::tempdir().unwrap();
    // labels that ids tell in part, so that rows learnt and rows held out differ
    let row = |i: u32| {
        let label = i.wrapping_mul(2_654_435_761) >> 9 & 1;
        format!("{label} 0:u{}:1 1:i{}:1\n", i % 97, i % 61)
    };
    let rows = |range: std::ops::Range<u32>| range.map(row).collect::<String>();
    let (first, second) = (rows(0..1400), rows(1400..3000));
    let files = folder(&[("a.ffm", &first), ("b.ffm", &second), ("m.toml", FFM)]);
    let [model, a, b] = ["m.toml", "a.ffm", "b.ffm"].map(|name| path(&files, name));
    let train = [
        "--json",
        "train",
        &model,
        "--train",
        &a,
        &b,
        "--hold-out",
        "0.2",
        "--set",
        "train.epochs=1",
    ];
    let told: Value = rankine(home.path(), &train).good().json();
    let of_epoch = told["history"][0]["valid_auc"].as_f64().unwrap();
    let lines = told["evaluation"]["lines"].as_array().unwrap();
    let own = lines.iter().find(|l| l["baseline"] == false).unwrap();
    let judged = own["measures"]["roc_auc"].as_f64().unwrap();
    assert!((of_epoch - judged).abs() < 1e-9, "{of_epoch} and {judged}");
    assert!(judged < 0.95, "not all is known: {judged}");
}

#[test]
fn a_name_that_leads_elsewhere_is_refused_before_anything_is_written() {
    let home = tempfile::tempdir().unwrap();
    let files = folder(&[("a.ffm", &lines()), ("m.toml", FFM)]);
    let (model, data) = (path(&files, "m.toml"), path(&files, "a.ffm"));
    for name in ["../../victim", "my model", ".hidden"] {
        let outcome = rankine(home.path(), &["train", &model, "--train", &data, "--name", name]);
        assert_ne!(outcome.code, Some(0));
        assert!(
            outcome.stderr.contains("a name is made of letters"),
            "{}",
            outcome.stderr
        );
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_libffm_file_becomes_a_model_that_is_served_by_its_own_conf() {
    let home = tempfile::tempdir().unwrap();
    let files = folder(&[("clicks.ffm", &lines()), ("m.toml", FFM)]);
    let (model, data) = (path(&files, "m.toml"), path(&files, "clicks.ffm"));
    let train = ["--json", "train", &model, "--train", &data, "--hold-out", "0.2"];
    let outcome = rankine(home.path(), &train).good();
    let said = "clicks.ffm: 3 of 3003 rows left out, listed in ";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    let told: Value = outcome.json();
    let trained = told["train_samples"].as_u64().unwrap();
    assert!((2200..2600).contains(&trained), "{told}");
    assert_eq!(told["history"].as_array().unwrap().len(), 3);
    let rejects = std::fs::read_to_string(home.path().join("cache/m.rejects.tsv")).unwrap();
    let listed: Vec<&str> = rejects
        .lines()
        .skip(1)
        .map(|l| l.split('\t').nth(1).unwrap())
        .collect();
    assert_eq!(listed, ["3001", "3002", "3003"], "{rejects}");
    let eval = ["--json", "eval", "m", "--train", &data, "--test", &data];
    let told: Value = rankine(home.path(), &eval).good().json();
    let lines = told["lines"].as_array().unwrap();
    let auc = lines.iter().find(|l| l["baseline"] == false).unwrap()["measures"]["roc_auc"]
        .as_f64()
        .unwrap();
    assert!(auc > 0.99, "factors find what no weight can: {auc}");
    assert!(home.path().join("cache/m.rows").exists());
    let again: Value = rankine(home.path(), &train).good().json();
    assert_eq!(again["version"], 2);
    let weights = |version: u32| {
        std::fs::read(
            home.path()
                .join(format!("models/m/{version}/weights.safetensors")),
        )
        .unwrap()
    };
    assert_eq!(weights(1), weights(2), "the kept cache changes nothing");
}

#[test]
fn early_stopping_without_a_figure_is_refused_or_told() {
    let home = tempfile::tempdir().unwrap();
    let text = FFM.replace(
        "cache = \"keep\"",
        "early_stop = { metric = \"auc\", patience = 1 }",
    );
    let liked: String = lines()
        .lines()
        .filter(|l| l.starts_with("1 0:u"))
        .map(|l| format!("{l}\n"))
        .collect();
    let files = folder(&[("clicks.ffm", &lines()), ("liked.ffm", &liked), ("m.toml", &text)]);
    let [model, data, liked] = ["m.toml", "clicks.ffm", "liked.ffm"].map(|name| path(&files, name));
    let none = rankine(
        home.path(),
        &["train", &model, "--train", &data, "--hold-out", "0"],
    );
    assert_ne!(none.code, Some(0));
    let expected = "`train.early_stop`: it watches validation samples, and there are none";
    assert!(none.stderr.contains(expected), "{}", none.stderr);
    let train = ["--json", "train", &model, "--train", &data, "--valid", &liked];
    let outcome = rankine(home.path(), &train).good();
    assert!(
        outcome.stderr.contains("no figure to watch"),
        "{}",
        outcome.stderr
    );
    assert_eq!(outcome.json()["history"].as_array().unwrap().len(), 3);
    let card = std::fs::read_to_string(home.path().join("models/m/1/card.md")).unwrap();
    assert!(
        card.contains("Weights of the last epoch are kept.") && !card.contains("best epoch"),
        "{card}"
    );
}

/// What an evaluation of samples that name no users must not speak of.
fn speaks_of_nobody(told: &str) {
    for absent in ["user mean", "users", "GAUC", "NDCG"] {
        assert!(!told.contains(absent), "{absent}: {told}");
    }
    assert!(told.contains("resamples of rows, seed"), "{told}");
}

/// Line k of a test file was the user of line k of the training file.
#[test]
fn lines_that_name_nobody_are_judged_without_users() {
    let home = tempfile::tempdir().unwrap();
    let coin = |seed: u32| {
        let row = |i: u32| {
            let drawn = (i + 1).wrapping_mul(seed).wrapping_mul(2_654_435_761) >> 9;
            format!("{} {}:1\n", drawn & 1, 1 + i % 7)
        };
        (0..400).map(row).collect::<String>()
    };
    let vector = |i: u32| format!("{},{},1,0.5,{}\n", i % 2, i % 5, i % 3);
    let svm =
        "format = 1\nkind = \"lr\"\nconf = \"libsvm\"\nlinear = { slots = [1] }\ntrain = { epochs = 1 }\n";
    let files = folder(&[
        ("a.libsvm", &coin(3)),
        ("b.libsvm", &coin(5)),
        ("m.toml", svm),
        ("v.csv", &(0..400).map(vector).collect::<String>()),
    ]);
    let [model, a, b, lines] = ["m.toml", "a.libsvm", "b.libsvm", "v.csv"].map(|name| path(&files, name));
    let train = ["train", &model, "--train", &a, &b, "--test", &a, &b];
    let text = rankine(home.path(), &train).good().stdout;
    speaks_of_nobody(&text);
    assert!(text.contains(": 800 rows, ") && !text.contains("item"), "{text}");
    let tower = format!("{REPOSITORY}/examples/models/dssm-finetune.toml");
    let train = ["train", &tower, "--train", &lines, "--set", "train.epochs=1"];
    speaks_of_nobody(&rankine(home.path(), &train).good().stdout);
    let asked = [&train[..], &["--set", "metrics=[\"ndcg\"]"]].concat();
    let refused = rankine(home.path(), &asked).bad(1);
    let expected = "`ndcg` is made user by user, and these samples name no users";
    assert!(refused.contains(expected), "{refused}");
}

/// One user was made up of all rows: no interval had a width, and lists were of nobody.
#[test]
fn a_conf_without_a_group_has_intervals_over_rows_and_no_lists() {
    let home = tempfile::tempdir().unwrap();
    let row = |i: u32| {
        let click = u32::from(i % 12 > 4 || i.is_multiple_of(3));
        format!("{}\t{}\t{click}\t0\n", i % 9, i % 12)
    };
    let ads: String = (0..400).fold("userId\titemId\tclick\tbuy\n".to_owned(), |all, i| all + &row(i));
    let files = folder(&[("ads.tsv", &ads), ("conf.toml", CONF), ("ads.toml", LR)]);
    let [model, conf, ads] = ["ads.toml", "conf.toml", "ads.tsv"].map(|name| path(&files, name));
    let train = [
        "train",
        &model,
        "--conf",
        &conf,
        "--train",
        &ads,
        "--hold-out",
        "0.5",
    ];
    let text = rankine(home.path(), &train).good().stdout;
    speaks_of_nobody(&text);
    assert!(text.contains("(item mean)"), "{text}");
    let told: Value = rankine(home.path(), &[&["--json"], &train[..]].concat())
        .good()
        .json();
    let bounds = &told["evaluation"]["lines"][0]["intervals"]["logloss"];
    assert!(bounds["low"].as_f64() < bounds["high"].as_f64(), "{bounds}");
    let lists = ["eval", "ads", "--train", &ads, "--test", &ads, "--top", "3"];
    let refused = rankine(home.path(), &lists).bad(1);
    let expected = "these samples name no users (`sample.group` of the conf)";
    assert!(refused.contains(expected), "{refused}");
}

#[test]
fn networks_learn_from_libffm_files_without_a_conf() {
    let home = tempfile::tempdir().unwrap();
    let model = "format = 1\nkind = \"widedeep\"\nconf = \"libffm\"\n\
                 embedding = [{ slots = [1], table = \"a\", dim = 4 }, { slots = [2], table = \"b\", dim = 4 }]\n\
                 wide = { slots = [2] }\nhidden = [16]\ntrain = { batch = 32, epochs = 12 }\n\
                 optimizer.dense = { kind = \"adam\", lr = 1e-2 }\noptimizer.embedding = { kind = \"adam\", lr = 1e-2 }\n";
    let files = folder(&[("clicks.ffm", &lines()), ("m.toml", model)]);
    let (model, data) = (path(&files, "m.toml"), path(&files, "clicks.ffm"));
    let checked = rankine(home.path(), &["check", &model]).good().stdout;
    assert!(checked.contains("fits the conf of libffm files"), "{checked}");
    let train = ["--json", "train", &model, "--train", &data, "--hold-out", "0.2"];
    let told: Value = rankine(home.path(), &train).good().json();
    let auc = told["evaluation"]["lines"][0]["measures"]["roc_auc"]
        .as_f64()
        .unwrap();
    assert!(auc > 0.9, "{told}");
    rankine(home.path(), &["model", "verify", "m"]).good();
}

const CONF: &str = r#"format = 1
name = "ads"
schema.user = [{ name = "userId", type = "int" }]
schema.item = [{ name = "itemId", type = "int" }]
schema.context = []
sample = { label = ["click", "buy"] }
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

const LR: &str = "format = 1\nkind = \"lr\"\nconf = \"ads\"\nlabel = \"click\"\nlinear = { slots = [1, 2] }\n\
                  train = { epochs = 1, cache = \"keep\" }\n";

#[test]
fn a_kept_cache_is_read_again_for_the_same_file_conf_slots_and_label_alone() {
    let rows = |shift: u32| -> String {
        let row = |i: u32| {
            let (click, buy) = (
                u32::from((i + shift).is_multiple_of(3)),
                u32::from(i.is_multiple_of(4)),
            );
            format!("{}\t{}\t{click}\t{buy}\n", i % 9, i % 12)
        };
        (0..600).fold("userId\titemId\tclick\tbuy\n".to_owned(), |all, i| all + &row(i))
    };
    let files = folder(&[("ads.tsv", &rows(0)), ("conf.toml", CONF)]);
    let (data, model) = (path(&files, "ads.tsv"), path(&files, "m.toml"));
    let train = |home: &std::path::Path, text: &str| {
        std::fs::write(&model, text).unwrap();
        let conf = path(&files, "conf.toml");
        let arguments = [
            "--json",
            "train",
            &model,
            "--conf",
            &conf,
            "--train",
            &data,
            "--hold-out",
            "0",
        ];
        let told: Value = rankine(home, &arguments).good().json();
        told["history"][0]["loss"].as_f64().unwrap()
    };
    let kept = tempfile::tempdir().unwrap();
    let written = || {
        let cache = std::fs::metadata(kept.path().join("cache/m.rows")).unwrap();
        cache.modified().unwrap()
    };
    let fresh = |text: &str| train(tempfile::tempdir().unwrap().path(), text);
    assert_eq!(train(kept.path(), LR), fresh(LR));
    let first = written();
    assert_eq!(train(kept.path(), LR), fresh(LR));
    assert_eq!(written(), first, "the cache was read, not written again");
    let (bought, fewer) = (LR.replace("click", "buy"), LR.replace("[1, 2]", "[2]"));
    for other in [&bought, &fewer, LR] {
        let before = written();
        assert_eq!(train(kept.path(), other), fresh(other), "{other}");
        assert_ne!(written(), before, "{other}");
    }
    std::fs::write(path(&files, "ads.tsv"), rows(1)).unwrap();
    assert_eq!(
        train(kept.path(), LR),
        fresh(LR),
        "a file of equal length that was changed"
    );
    let conf = CONF.replace("depend = [\"userId\"]", "depend = [\"userId\"]\nstr_args = []");
    let other = CONF.replace("depend = [\"itemId\"]", "depend = [\"userId\"]");
    for conf in [conf, other] {
        std::fs::write(path(&files, "conf.toml"), conf).unwrap();
        assert_eq!(train(kept.path(), LR), fresh(LR));
    }
}

#[test]
fn linear_models_of_the_repository_train_on_the_home_and_beat_the_item_s_mean() {
    let home = home();
    for kind in ["lr", "fm", "ffm"] {
        let file = format!("models/{kind}.toml");
        let files = folder(&[("m.toml", &changed(&file, "epochs = 15", "epochs = 4"))]);
        let arguments = ["--json", "train", &path(&files, "m.toml"), "--name", kind];
        let told: Value = rankine(home.path(), &arguments).good().json();
        let auc = |name: &str| {
            let lines = told["evaluation"]["lines"].as_array().unwrap();
            lines.iter().find(|l| l["name"] == name).unwrap()["measures"]["roc_auc"]
                .as_f64()
                .unwrap()
        };
        assert!(
            auc(kind) > auc("item mean"),
            "{kind}: {} {}",
            auc(kind),
            auc("item mean")
        );
        rankine(home.path(), &["model", "verify", kind]).good();
        assert!(!home.path().join(format!("cache/{kind}.rows")).exists());
    }
}
