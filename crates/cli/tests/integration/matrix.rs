//! The kinds that learn from who met what, through the real binary: the files of `examples/models` are trained on the demo's home,
//! published, evaluated by lists over all films, and each is the ranker of a request.

use std::path::Path;

use serde_json::Value as Json;

use crate::home::{REPOSITORY, home, rankine};
use crate::process::Server;
use crate::verbs::{folder, path};

/// File, and the name it is published under. (`popularity` alone is a ranker of the site's own.)
const FILES: [(&str, &str); 6] = [
    ("ials", "ials"),
    ("bpr", "bpr"),
    ("ease", "ease"),
    ("itemknn", "itemknn"),
    ("walk", "walk"),
    ("shares", "shares"),
];

/// A figure of a line of a report's lists.
fn figure(report: &Json, line: usize, name: &str) -> f64 {
    report["ranking"]["lines"][line]["all"][name].as_f64().unwrap()
}

/// Groups of the demo's test samples, whose users are all known.
const GROUPS: [&str; 4] = ["cold items", "warm items", "rare items", "frequent items"];

/// Names of the groups whose lists are told.
fn groups(report: &Json) -> Vec<String> {
    let splits = report["ranking"]["lines"][0]["splits"].as_array().unwrap();
    let name = |split: &Json| split["split"].as_str().unwrap().to_owned();
    splits.iter().map(name).collect()
}

/// Lists above chance with intervals and groups, and no figure of probabilities.
fn orders_items(report: &Json, name: &str) {
    let (own, popular, chance) = (
        figure(report, 0, "ndcg"),
        figure(report, 1, "ndcg"),
        figure(report, 2, "ndcg"),
    );
    assert!(
        own > chance && popular > chance,
        "{name}: {own} {popular} {chance}"
    );
    if name == "ials" || name == "ease" {
        assert!(own > popular, "{name}: {own} {popular}");
    }
    let sure = &report["ranking"]["lines"][0];
    let low = sure["intervals"]["ndcg"]["low"].as_f64();
    assert!(
        low.is_some() && low <= sure["all"]["ndcg"].as_f64(),
        "{name}: {sure}"
    );
    assert_eq!(groups(report), GROUPS, "{name}");
    let own = &report["evaluation"]["lines"][0]["measures"];
    assert!(
        own["roc_auc"].as_f64().unwrap() > 0.5 && own["logloss"].is_null(),
        "{own}"
    );
    assert_eq!(report["evaluation"]["scores"], "order");
    let slices = report["evaluation"]["slices"].as_array().unwrap();
    assert!(
        !slices.is_empty(),
        "{name}: cold and warm items are among the test samples"
    );
    for group in slices {
        let own = &group["lines"][0]["measures"];
        let none = ["logloss", "accuracy", "brier", "ece", "rmse", "mae"].map(|figure| own[figure].is_null());
        assert_eq!(none, [true; 6], "{group}");
    }
}

/// `eval` of one of them, and a card.
fn evaluated_and_told(home: &Path) {
    let evaluated = rankine(home, &["eval", "ials", "--top", "5", "--negatives", "50"]).good();
    for part in ["@5, all items", "NDCG of 50", "\nrare items ", "95 % intervals"] {
        assert!(evaluated.stdout.contains(part), "{part}: {}", evaluated.stdout);
    }
    let card = rankine(home, &["model", "show", "ease"]).good().stdout;
    for part in [
        "coverage",
        "(chance)",
        "| ease | MRR of 99 | ",
        "| rare items | ease | 0.",
    ] {
        assert!(card.contains(part), "{part}: {card}");
    }
}

#[test]
fn every_kind_of_who_met_what_trains_publishes_ranks_and_serves() {
    let home = home();
    let mut models = String::from("[{ name = \"widedeep\" }, { name = \"item2vec\" }");
    for (file, name) in FILES {
        let path = format!("{REPOSITORY}/examples/models/{file}.toml");
        let report = rankine(home.path(), &["--json", "train", &path, "--name", name])
            .good()
            .json();
        let kind = if file == "shares" { "popularity" } else { file };
        assert_eq!(report["kind"], kind);
        orders_items(&report, name);
        rankine(home.path(), &["model", "verify", name]).good();
        models += &format!(", {{ name = \"{name}\" }}");
    }
    evaluated_and_told(home.path());
    let server = Server::with(home.path(), &["--model", &format!("{models}]")]);
    let unlisted = server.site().get("/getrecforyou?id=6&model=neuralcf");
    assert!(
        unlisted.status == 400 && unlisted.text.contains("add [[model]] name = "),
        "{}",
        unlisted.text
    );
    let mut lists = Vec::new();
    for (_, name) in FILES {
        let films = server.site().recommend(6, name, 8);
        let ids: Vec<i64> = films
            .iter()
            .map(|film| film["movieId"].as_i64().unwrap())
            .collect();
        assert_eq!(ids.len(), 8, "{name}");
        server
            .site()
            .get(&format!("/user.html?id=6&model={name}"))
            .chosen(name);
        lists.push(ids);
    }
    assert!(lists[0] != lists[5] && lists[2] != lists[5], "{lists:?}");
}

const ADS: &str = r#"format = 1
name = "ads"
schema.user = [{ name = "userId", type = "int" }, { name = "history", type = "list<int>" }]
schema.item = [{ name = "itemId", type = "int" }]
schema.context = []
sample = { label = ["click"], group = "userId" }
feature = [
  { name = "user", class = "id", slot = 1, depend = ["userId"] },
  { name = "item", class = "id", slot = 2, depend = ["itemId"] },
  { name = "met", class = "history", slot = 3, share = 2, depend = ["history"], args = [9] },
]
"#;

/// Kinds without batches, what their files say, epochs told and histograms of each.
const OTHERS: [(&str, &str, usize, &[&str]); 8] = [
    (
        "lr",
        "linear = { slots = [1, 2] }\ntrain.epochs = 2",
        2,
        &["weights/linear"],
    ),
    (
        "fm",
        "linear = { slots = [1, 2], k = 2 }\ntrain.epochs = 2",
        2,
        &["weights/linear", "weights/factors"],
    ),
    (
        "ffm",
        "linear = { slots = [1, 2], k = 2 }\ntrain.epochs = 2",
        2,
        &["weights/linear", "weights/factors"],
    ),
    (
        "ials",
        "matrix = { user = 1, item = 2, dim = 4 }\ntrain.epochs = 2",
        2,
        &["weights/user", "weights/item"],
    ),
    (
        "bpr",
        "matrix = { user = 1, item = 2, dim = 4 }\ntrain.epochs = 2",
        2,
        &["weights/user", "weights/item", "weights/bias"],
    ),
    (
        "walk",
        "matrix = { user = 1, item = 2, history = 3, dim = 4, graph = \"users\" }\ntrain.epochs = 2",
        2,
        &["weights/item", "weights/near"],
    ),
    (
        "item2vec",
        "item2vec = { dim = 4, epochs = 2, min_count = 1 }",
        2,
        &["weights/item", "weights/near"],
    ),
    ("popularity", "matrix = { item = 2 }", 0, &[]),
];

/// How often a text stands in the one event file of a model's run.
fn told(home: &std::path::Path, kind: &str, text: &str) -> usize {
    let first = |folder: &std::path::Path| std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(first(&first(&home.join("logs").join(kind)))).unwrap();
    bytes
        .windows(text.len())
        .filter(|part| *part == text.as_bytes())
        .count()
}

#[test]
fn kinds_without_batches_tell_tensorboard_and_the_page_every_epoch() {
    let mut clicks = String::new();
    for i in 0..240u32 {
        let (user, item, click) = (i % 12, i / 12 + i % 3, u32::from(i % 4 > 0));
        clicks += &format!(
            "{{\"userId\":{user},\"itemId\":{item},\"history\":[{}],\"click\":{click}}}\n",
            item + 1
        );
    }
    let files = folder(&[("ads.toml", ADS), ("s.jsonl", &clicks)]);
    let file = |name: &str| path(&files, name);
    for (kind, rest, epochs, histograms) in OTHERS {
        let model = file(&format!("{kind}.toml"));
        std::fs::write(
            &model,
            format!("format = 1\nkind = \"{kind}\"\nconf = \"ads\"\n{rest}\n"),
        )
        .unwrap();
        let (conf, data) = (file("ads.toml"), file("s.jsonl"));
        let train = ["train", &model, "--conf", &conf, "--train", &data, "--watch", "0"];
        let outcome = rankine(files.path(), &train).good();
        assert!(
            outcome.stderr.contains("watch the run at http://127.0.0.1:"),
            "{kind}: {}",
            outcome.stderr
        );
        let listed = usize::from(epochs > 0);
        assert_eq!(told(files.path(), kind, "epoch/loss"), listed + epochs, "{kind}");
        for tag in histograms {
            assert_eq!(told(files.path(), kind, tag), epochs, "{kind}: {tag}");
        }
        let closed = outcome.stderr.contains("best so far") || outcome.stderr.contains("loss 0.0000");
        assert!(epochs > 0 || !closed, "{}", outcome.stderr);
        if kind == "popularity" {
            let card = rankine(files.path(), &["model", "show", kind]).good().stdout;
            let counted = card
                .lines()
                .find(|line| line.starts_with("| validation samples |"));
            assert!(counted.is_some_and(|line| !line.ends_with("| 0 |")), "{card}");
        }
    }
}
