//! A user tower at request time: a DSSM fine-tuned on the demo's item2vec recalls and ranks from what a user likes now, with the
//! scores that `embed` and an exact search give offline for the same history.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use rankine_table::vectors::VectorTable;

use crate::home::{REPOSITORY, home, rankine};
use crate::process::Server;

/// Nobody's id in the data.
const USER: i64 = 900_001;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// item2vec → samples → DSSM → stored item vectors, all through the binary; the films' pretrained vectors.
fn fine_tune(home: &Path) -> VectorTable {
    let at = |name: &str| home.join(name);
    let run = |arguments: &[&str]| rankine(home, arguments).good();
    run(&["embed", "item2vec", "--out", text(&at("items.txt"))]);
    let items = VectorTable::read(&at("items.txt")).unwrap();
    // users like neighbours of their first film: enough to tell a tower apart from chance
    let (mut likes, mut samples) = (String::from("user,item\n"), String::from("label,user,item\n"));
    for user in 0..60 {
        for step in 0..5 {
            let (near, far) = (
                (user * 11 + step) % items.ids.len(),
                (user * 31 + step * 97) % items.ids.len(),
            );
            writeln!(likes, "{user},{}", items.ids[near]).unwrap();
            writeln!(
                samples,
                "1,{user},{}\n0,{user},{}",
                items.ids[near], items.ids[far]
            )
            .unwrap();
        }
    }
    std::fs::write(at("likes.csv"), likes).unwrap();
    std::fs::write(at("samples.csv"), samples).unwrap();
    let (items_file, likes, samples, train) = (
        at("items.txt"),
        at("likes.csv"),
        at("samples.csv"),
        at("train.csv"),
    );
    let vectors = [
        "sample",
        "vectors",
        text(&items_file),
        "--behaviour",
        text(&likes),
    ];
    run(&[
        &vectors[..],
        &["--samples", text(&samples), "--out", text(&train)],
    ]
    .concat());
    let model = format!("{REPOSITORY}/examples/models/dssm-finetune.toml");
    run(&[
        "train",
        &model,
        "--name",
        "tuned",
        "--train",
        text(&train),
        "--set",
        "train.epochs=3",
    ]);
    run(&["embed", "tuned", "--items", text(&items_file)]);
    items
}

/// Logits of all films for a history, offline.
fn offline(home: &Path, history: &[i64]) -> BTreeMap<i64, f64> {
    let at = |name: &str| home.join(name);
    let rows: String = history.iter().map(|item| format!("{USER},{item}\n")).collect();
    std::fs::write(at("history.csv"), format!("user,item\n{rows}")).unwrap();
    let (items, history, mean) = (at("items.txt"), at("history.csv"), at("mean.txt"));
    rankine(
        home,
        &[
            "sample",
            "vectors",
            text(&items),
            "--behaviour",
            text(&history),
            "--users-out",
            text(&mean),
        ],
    )
    .good();
    let (index, users) = (at("o.index"), at("o-users.txt"));
    let embed = [
        "embed",
        "tuned",
        "--items",
        text(&items),
        "--out",
        text(&index),
        "--users",
        text(&mean),
    ];
    let written = rankine(
        home,
        &[&["--json"], &embed[..], &["--users-out", text(&users)]].concat(),
    );
    // the bias of the last layer: the same for all films, so that neither their vectors nor the index have it
    let added = written.good().json()["added"].as_f64().unwrap();
    assert!(added.abs() > 1e-4, "a bias was learnt: {added}");
    let query = [
        "--json",
        "index",
        "query",
        text(&index),
        "--users",
        text(&users),
        "--top",
        "100000",
    ];
    let found = rankine(home, &query).good().json();
    let found = found[0]["items"].as_array().unwrap().clone();
    let score = |one: &serde_json::Value| {
        (
            one["item"].as_i64().unwrap(),
            one["score"].as_f64().unwrap() + added,
        )
    };
    found.iter().map(score).collect()
}

/// Films recommended by the tower, best first, with scores and whether the tower recalled them.
fn asked(server: &Server) -> Vec<(i64, f64, bool)> {
    let films = server.site().recommend(USER, "tuned", 10);
    let film = |film: &serde_json::Value| {
        let recalls = film["recall"].as_array().unwrap();
        let tower = recalls.iter().any(|recall| recall["source"] == "tower");
        (
            film["movieId"].as_i64().unwrap(),
            film["score"].as_f64().unwrap(),
            tower,
        )
    };
    films.iter().map(film).collect()
}

/// The served list is the exact search's, without what the user has seen; models of a logit end in a sigmoid.
fn agrees(served: &[(i64, f64, bool)], offline: &BTreeMap<i64, f64>, seen: &[i64]) {
    let mut best: Vec<(i64, f64)> = offline.iter().map(|(id, score)| (*id, *score)).collect();
    best.retain(|(id, _)| !seen.contains(id));
    best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    for (place, (id, score, tower)) in served.iter().enumerate() {
        let own = 1.0 / (1.0 + (-offline[id]).exp());
        assert!(
            (own - score).abs() < 1e-5,
            "film {id}: served {score}, offline {own}"
        );
        let there = 1.0 / (1.0 + (-best[place].1).exp());
        assert!(
            (there - score).abs() < 1e-5,
            "place {place}: served {score}, exact search {there}"
        );
        assert!(tower, "film {id} was recalled by the tower");
    }
}

#[test]
fn events_change_what_the_tower_recommends_as_offline_search_says() {
    let home = home();
    let items = fine_tune(home.path());
    let arguments = [
        "--model",
        "[{ name = \"widedeep\" }, { name = \"item2vec\" }, { name = \"tuned\", vectors = \"films\" }]",
        "--dictionary",
        "[{ name = \"films\", kind = \"vectors\", path = \"dictionaries/tuned.parquet\" }]",
        "--tower-model",
        "tuned",
        "--tower-history",
        "item2vec",
    ];
    let server = Server::with(home.path(), &arguments);
    let films: Vec<i64> = items.ids.iter().map(|id| id.parse().unwrap()).collect();
    let (first, second) = (&films[..3], &films[..6]);
    for film in first {
        server.site().rate(USER, *film, 5.0);
    }
    let before = asked(&server);
    for film in &second[3..] {
        server.site().rate(USER, *film, 4.5);
    }
    let after = asked(&server);
    assert_ne!(before, after, "new likes change the list");
    agrees(&before, &offline(home.path(), first), first);
    agrees(&after, &offline(home.path(), second), second);
}
