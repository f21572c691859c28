//! The gate through the real binary, in the model file and as arguments: a version that ranks new items worse than the serving one is
//! not published.

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::home::{Outcome, rankine};

const CONF: &str = r#"format = 1
name = "shop"
schema.user = [{ name = "user", type = "int" }]
schema.item = [{ name = "item", type = "int" }, { name = "tag", type = "string" }]
sample = { label = ["label"], group = "user" }
feature = [
    { name = "f_user", class = "id", slot = 1, depend = ["user"] },
    { name = "f_item", class = "id", slot = 2, depend = ["item"] },
    { name = "f_tag", class = "id", slot = 3, depend = ["tag"] },
]
"#;
const MODEL: &str = r#"format = 1
kind = "dropoutnet"
conf = "shop"
label = "label"
seed = 1
embedding = [{ slots = [1], table = "user", dim = 8 }, { slots = [2], table = "item", dim = 8 }, { slots = [3], table = "tag", dim = 8 }]
tower.user = { slots = [1], hidden = [16, 8] }
tower.item = { slots = [3], hidden = [16, 8], preference = { slots = [2] } }
objective = { kind = "mix", user = 1, item = 2, sigmoid = {} }
optimizer.embedding = { kind = "adam", lr = 1e-2 }
optimizer.dense = { kind = "adam", lr = 1e-2 }
train = { batch = 32, epochs = 20 }
gate = { margin = 0.05, k = 5 }
"#;

/// Eight users of two tastes and what they met of some items, as lines.
fn lines(items: std::ops::Range<usize>) -> String {
    let mut text = "user,item,tag,label\n".to_owned();
    for (user, item) in (0..8).flat_map(|user| items.clone().map(move |item| (user, item))) {
        let tag = ["even", "odd"][item % 2];
        text += &format!("{user},{item},{tag},{}\n", u8::from((user + item) % 2 == 0));
    }
    text
}

/// A home with conf, model file and samples of a shop.
struct Shop(TempDir);

impl Shop {
    fn new() -> std::io::Result<Shop> {
        let shop = Shop(TempDir::new()?);
        let files = [
            ("shop.feature.toml", CONF.to_owned()),
            ("shop.toml", MODEL.to_owned()),
            ("train.csv", lines(0..30)),
            ("test.csv", lines(30..40)),
        ];
        for (name, text) in files {
            std::fs::write(shop.0.path().join(name), text)?;
        }
        Ok(shop)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn run(&self, verb: &[&str], more: &[&str]) -> Outcome {
        let (learnt, test) = (self.path("train.csv"), self.path("test.csv"));
        let mut all = verb.to_vec();
        all.extend(["--train", &learnt, "--test", &test]);
        all.extend(more);
        rankine(self.0.path(), &all)
    }

    fn train(&self, more: &[&str]) -> Outcome {
        let (model, conf) = (self.path("shop.toml"), self.path("shop.feature.toml"));
        self.run(&["--json", "train", &model, "--conf", &conf], more)
    }

    fn versions(&self) -> usize {
        let there = std::fs::read_dir(self.0.path().join("models/shop"));
        there.map_or(0, Iterator::count)
    }
}

#[test]
fn a_version_that_ranks_new_items_worse_is_not_published() {
    let shop = Shop::new().unwrap();
    let first = shop.train(&[]).good().json();
    // nothing serves yet
    assert_eq!((&first["version"], &first["gate"]), (&1.into(), &Json::Null));
    let there = shop.versions();
    let unlearnt = [
        "--set",
        "optimizer.dense.lr=1e-9",
        "--set",
        "optimizer.embedding.lr=1e-9",
    ];
    let refused = shop.train(&unlearnt);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    for part in [
        "shop is not published: recall@5 of cold items is ",
        "that of shop@1, which serves, 1.0000: worse by more than the margin of 0.05",
    ] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    let report = refused.json();
    assert_eq!(
        (&report["version"], &report["gate"]["passed"]),
        (&Json::Null, &false.into())
    );
    assert_eq!(shop.versions(), there);
    let passed = shop.train(&[]).good().json();
    assert_eq!(
        (
            &passed["version"],
            &passed["gate"]["passed"],
            &passed["gate"]["value"]
        ),
        (&2.into(), &true.into(), &1.0.into())
    );
    let card = std::fs::read_to_string(shop.path("models/shop/2/card.md")).unwrap();
    assert!(card.contains("recall@5 of cold items is 1.0000"), "{card}");
    // arguments stand before the file: a list of one place, and a margin that lets everything pass
    let forced = [&unlearnt[..], &["--gate", "1", "--gate-top", "1"]].concat();
    let forced = shop.train(&forced).good().json();
    assert_eq!((&forced["version"], &forced["gate"]["k"]), (&3.into(), &1.into()));
    let told = shop.run(&["eval", "shop@2"], &["--top", "5"]).good().stdout;
    for part in [
        "\ncold items ",
        "95 % intervals (1000 resamples of users",
        "(content profile)",
        "(content factors)",
        "(popularity)",
        "(chance)",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn items_learnt_on_earlier_days_are_not_cold() {
    let shop = Shop::new().unwrap();
    shop.train(&[]).good();
    // day 2 has samples of other items, and is judged by items of day 1 and, at first, by new ones
    std::fs::write(shop.path("train.csv"), lines(40..60)).unwrap();
    let (known, new) = (lines(0..10), lines(60..70));
    let mixed = known.clone() + new.split_once('\n').unwrap().1;
    let models = shop.path("models/shop");
    let judged = |test: &str, more: &[&str]| {
        std::fs::write(shop.path("test.csv"), test).unwrap();
        let report = shop.train(&[&["--gate", "1"], more].concat()).good().json();
        report["gate"]["split"].clone()
    };
    let from = ["--init-from", models.as_str()];
    assert_eq!(judged(&known, &from), "all items");
    assert_eq!(judged(&mixed, &from), "cold items");
    assert_eq!(judged(&new, &from), "cold items");
    // what serves has met them, whatever a training begins from
    assert_eq!(judged(&known, &[]), "all items");
}

#[test]
fn a_gate_is_printed_checked_and_refused_like_every_key() {
    let shop = Shop::new().unwrap();
    let model = shop.path("shop.toml");
    let run = |words: &[&str]| rankine(shop.0.path(), words);
    let printed = run(&["train", &model, "--print-config"]).good().stdout;
    let gate = "[gate]\nk = 5\nmargin = 0.05\nmetric = \"recall\"\nsplit = \"cold_items\"\n";
    assert!(printed.contains(gate), "{printed}");
    let broken = MODEL.replace("margin = 0.05, k = 5", "margn = 0.05");
    let file = shop.path("broken.toml");
    std::fs::write(&file, broken).unwrap();
    let told = run(&["check", &file]);
    assert_eq!(told.code, Some(1));
    assert!(
        format!("{}{}", told.stdout, told.stderr).contains("did you mean `margin`?"),
        "{}{}",
        told.stdout,
        told.stderr
    );
    for (arguments, why) in [
        (&["--gate", "2"][..], "--gate is 2, expected 0 to 1"),
        (&["--gate-top", "0"], "--gate-top is 0, expected 1 or more"),
    ] {
        let told = run(&[&["train", model.as_str()], arguments].concat());
        assert!(told.stderr.contains(why), "{}", told.stderr);
    }
    std::fs::write(&file, MODEL.replace("gate = { margin = 0.05, k = 5 }", "")).unwrap();
    let told = run(&["train", &file, "--gate-top", "3"]);
    assert!(told.stderr.contains("--gate-top: neither"), "{}", told.stderr);
}
