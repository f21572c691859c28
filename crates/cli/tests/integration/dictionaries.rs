//! A conf that reads a dictionary, offline: it runs with the file that serving reads or not at all, and the published
//! golden samples prove its look-ups.

use serde_json::Value as Json;

use crate::home::rankine;
use crate::verbs::{folder, path};

pub(crate) const CONF: &str = r#"format = 1
name = "shop"
schema.user = [{ name = "user", type = "int" }]
schema.item = [{ name = "item", type = "int" }, { name = "kind", type = "string" }]
sample = { label = ["label"] }
dictionary = [{ name = "prices", key = "string", columns = [{ name = "value", type = "float" }] }]
feature = [
  { name = "u", class = "id", slot = 1, depend = ["user"] },
  { name = "price", class = "lookup", slot = 2, depend = ["kind"], str_args = ["@prices.value"] },
]
"#;

pub(crate) const MODEL: &str = r#"format = 1
kind = "embeddingmlp"
conf = "shop"
embedding = [{ slots = [1], table = "user", dim = 2 }]
dense = { slots = [2] }
optimizer.dense = { kind = "adam", lr = 0.1 }
train = { batch = 16, epochs = 10 }
"#;

/// Clicks on what is cheap: only the price tells.
pub(crate) fn samples() -> String {
    let mut text = "user,item,kind,label\n".to_owned();
    for i in 0..400u32 {
        let cheap = i % 3 == 0;
        text += &format!(
            "{},{},{},{}\n",
            i % 11,
            i,
            if cheap { "pin" } else { "car" },
            u32::from(cheap)
        );
    }
    text
}

pub(crate) const SERVER: &str =
    "dictionary = [{ name = \"prices\", kind = \"keyed\", path = \"prices.tsv\", value = \"float\" }]\n";

#[test]
fn training_reads_what_serving_reads_and_its_golden_samples_prove_it() {
    let files = folder(&[
        ("conf.toml", CONF),
        ("shop.toml", MODEL),
        ("clicks.csv", &samples()),
        ("server.toml", SERVER),
    ]);
    let home = folder(&[("prices.tsv", "pin\t-1.5\ncar\t1.25\n")]);
    let file = |name: &str| path(&files, name);
    let (model, conf, data, server) = (
        file("shop.toml"),
        file("conf.toml"),
        file("clicks.csv"),
        file("server.toml"),
    );
    let train = ["--json", "train", &model, "--conf", &conf, "--train", &data];
    let told = rankine(home.path(), &train).bad(1);
    assert!(
        told.contains("conf `shop` reads the dictionary @prices: say where it is with --dictionaries"),
        "{told}"
    );
    let with = |arguments: &[&str]| rankine(home.path(), &[arguments, &["--dictionaries", &server]].concat());
    let trained: Json = with(&train).good().json();
    let last = trained["history"].as_array().unwrap().last().unwrap().clone();
    assert!(
        last["valid_auc"].as_f64().unwrap() > 0.99,
        "only the price tells: {last}"
    );
    let golden = std::fs::read_to_string(home.path().join("models/shop/1/golden.jsonl")).unwrap();
    let first: Json = serde_json::from_str(golden.lines().next().unwrap()).unwrap();
    let read = first["reads"]["prices"].as_object().unwrap();
    assert!(read.contains_key("pin") || read.contains_key("car"), "{first}");
    rankine(home.path(), &["model", "verify", "shop"]).good();
    let eval = ["--json", "eval", "shop", "--train", &data, "--test", &data];
    assert!(rankine(home.path(), &eval).bad(1).contains("--dictionaries"));
    let judged: Json = with(&eval).good().json();
    assert!(
        judged["lines"][0]["measures"]["roc_auc"].as_f64().unwrap() > 0.99,
        "{judged}"
    );
    let out = file("features.jsonl");
    with(&["extract", "--model", "shop", &data, "--out", &out]).good();
    let extracted = std::fs::read_to_string(&out).unwrap();
    assert!(extracted.lines().nth(1).unwrap().contains("1.25"), "{extracted}");
    std::fs::write(home.path().join("prices.tsv"), "pin\tx\n").unwrap();
    let told = with(&train).bad(1);
    assert!(
        told.contains("dictionary `prices`") && told.contains("line 1"),
        "{told}"
    );
    let other = SERVER.replace("prices", "costs");
    std::fs::write(&server, other).unwrap();
    assert!(with(&train).bad(1).contains("names no dictionary `prices`"));
}
