//! DSSM on vectors made elsewhere, through the real binary: users' means, samples, training, embedding, index.

use std::fmt::Write;

use crate::home::{REPOSITORY, rankine};

/// Forty items in two halves of four numbers, users who act within a half, samples of both labels.
pub(crate) fn write(folder: &std::path::Path) {
    let (mut items, mut likes, mut clicks) = (
        String::new(),
        String::from("user,item\n"),
        String::from("label,user,item\n"),
    );
    for i in 0..40 {
        let side = if i < 20 { 1.0 } else { -1.0 };
        let x = |k: i32| side + f64::from((i * 7 + k * 3) % 10) / 20.0;
        writeln!(items, "{i} {} {} {} {}", x(0), x(1), x(2), -x(3)).unwrap();
    }
    for user in 0..30 {
        let half = user % 2 * 20;
        for n in 0..5 {
            writeln!(likes, "{user},{}", half + (user * 3 + n * 7) % 20).unwrap();
        }
        for n in 0..12 {
            let (own, other) = (half + (user + n) % 20, 20 - half + (user + n) % 20);
            writeln!(clicks, "1,{user},{own}\n0,{user},{other}").unwrap();
        }
    }
    for (name, text) in [("items.txt", items), ("likes.csv", likes), ("clicks.csv", clicks)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one road, each step of which needs the files of the one before"
)]
fn vectors_are_fine_tuned_embedded_indexed_and_searched() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root);
    let at = |name: &str| root.join(name).to_str().unwrap().to_owned();
    let run = |arguments: &[&str]| rankine(root, arguments);
    let told = run(&[
        "--json",
        "sample",
        "vectors",
        &at("items.txt"),
        "--behaviour",
        &at("likes.csv"),
        "--users-out",
        &at("users.npy"),
        "--samples",
        &at("clicks.csv"),
        "--out",
        &at("train.csv"),
    ])
    .good()
    .json();
    assert_eq!(
        (&told["users"], &told["samples"], &told["left_out"]),
        (&30.into(), &720.into(), &0.into())
    );
    let model = std::fs::read_to_string(format!("{REPOSITORY}/examples/models/dssm-finetune.toml")).unwrap();
    let short = model
        .replace("hidden = [64]", "hidden = [8]")
        .replace("epochs = 100", "epochs = 40")
        .replace("1e-3", "1e-2");
    std::fs::write(at("dssm.toml"), short).unwrap();
    std::fs::write(at("summary"), "n_train=1,n_val=2\n").unwrap();
    let lines = [
        "--json",
        "train",
        &at("dssm.toml"),
        "--train",
        &at("train.csv"),
        "--summary",
        &at("summary"),
    ];
    // broken lines among the others cost themselves alone
    let mut text = std::fs::read_to_string(at("train.csv")).unwrap();
    text.insert_str(0, "1,0.5\n");
    text += "1,a,b,c,d,e,f,g,h\n";
    std::fs::write(at("train.csv"), text).unwrap();
    let strict = run(&[&lines[..], &["--strict"]].concat()).bad(1);
    assert!(strict.contains("train.csv:1: 2 columns, expected 9"), "{strict}");
    let lines = run(&lines).good().json();
    let rejected = &lines["rejected"][0];
    assert_eq!(
        (&rejected["left_out"], &rejected["rows"]),
        (&2.into(), &722.into())
    );
    let joined = [
        "--json",
        "train",
        &at("dssm.toml"),
        "--name",
        "joined",
        "--train",
        &at("clicks.csv"),
        "--user-vectors",
        &at("users.npy"),
        "--item-vectors",
        &at("items.txt"),
    ];
    let joined = run(&joined).good().json();
    let auc = |judged: &serde_json::Value| {
        let mut all = judged["lines"].as_array().unwrap().iter();
        let own = all.find(|line| line["baseline"] == false).unwrap();
        own["measures"]["roc_auc"].as_f64().unwrap()
    };
    for trained in [&lines, &joined] {
        assert!(auc(&trained["evaluation"]) > 0.95, "{trained}");
    }
    let (users, items, clicks) = (at("users.npy"), at("items.txt"), at("clicks.csv"));
    let files = ["--json", "eval", "joined", "--train", &clicks, "--test", &clicks];
    let eval = |users: &str| {
        run(&[
            &files[..],
            &["--user-vectors", users, "--item-vectors", items.as_str()],
        ]
        .concat())
    };
    let judged = eval(&users).good().json();
    assert!(auc(&judged) > 0.95, "{judged}");
    std::fs::write(at("short.txt"), "1 0.5 0.5\n").unwrap();
    let short = eval(&at("short.txt")).bad(1);
    assert!(
        short.contains("vectors of 2 and 4 numbers; the conf \"vectors\" reads 4 and 4"),
        "{short}"
    );
    let vectors = [
        "embed",
        "dssm",
        "--items",
        &at("items.txt"),
        "--users",
        &at("users.npy"),
        "--users-out",
        &at("u.csv"),
    ];
    run(&[&vectors[..], &["--out", &at("i.index")]].concat()).good();
    run(&[&vectors[..], &["--out", &at("i.csv")]].concat()).good();
    let check = [
        "--json",
        "index",
        "check",
        &at("i.index"),
        &at("i.csv"),
        "--users",
        &at("u.csv"),
    ];
    assert_eq!(run(&check).good().json()["recall"], 1.0);
    let query = [
        "--json",
        "index",
        "query",
        &at("i.index"),
        "--users",
        &at("u.csv"),
        "--user",
        "1",
        "--top",
        "5",
    ];
    let found = run(&query).good().json();
    let items = found[0]["items"].as_array().unwrap();
    assert!(
        items.len() == 5 && items.iter().all(|i| i["item"].as_i64().unwrap() >= 20),
        "{found}"
    );
    run(&["index", "build", &at("i.csv"), "--out", &at("again.index")]).good();
    assert_eq!(
        std::fs::read(at("again.index")).unwrap().len(),
        std::fs::read(at("i.index")).unwrap().len()
    );
    let concat = model
        .replace("\"product\"", "\"concat\"")
        .replace("epochs = 100", "epochs = 1");
    std::fs::write(at("concat.toml"), concat).unwrap();
    run(&["train", &at("concat.toml"), "--train", &at("train.csv")]).good();
    let refused = [
        "embed",
        "concat",
        "--items",
        &at("items.txt"),
        "--out",
        &at("c.index"),
    ];
    assert!(run(&refused).bad(1).contains("an index has nothing to search"));
}
