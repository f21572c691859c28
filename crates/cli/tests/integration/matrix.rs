//! The kinds that learn from who met what, through the real binary: the files of `examples/models` are trained on the demo's home,
//! published, evaluated by lists over all films, and each is the ranker of a request.

use std::path::Path;

use serde_json::Value as Json;

use crate::home::{REPOSITORY, home, rankine};
use crate::process::Server;

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
    for group in report["evaluation"]["slices"].as_array().unwrap() {
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
        let page = server.site().get(&format!("/user.html?id=6&model={name}"));
        assert_eq!(page.status, 200, "{name}");
        lists.push(ids);
    }
    assert!(lists[0] != lists[5] && lists[2] != lists[5], "{lists:?}");
}
