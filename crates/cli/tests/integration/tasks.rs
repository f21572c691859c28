//! Several labels from one model through the real binary: `examples/tasks`, trained, published, and asked for by output.

use serde_json::{Value as Json, json};

use crate::home::{REPOSITORY, home, rankine};
use crate::process::Server;

fn train(home: &std::path::Path, kind: &str) -> Json {
    let file = |name: &str| format!("{REPOSITORY}/examples/tasks/{name}");
    let (model, conf, samples) = (
        file(&format!("{kind}.toml")),
        file("shop.feature.toml"),
        file("shop.csv"),
    );
    let arguments = [
        "--json",
        "train",
        &model,
        "--conf",
        &conf,
        "--train",
        &samples,
        "--test",
        &samples,
        "--hold-out",
        "0.2",
    ];
    rankine(home, &arguments).good().json()
}

#[test]
fn the_outputs_of_a_model_of_two_labels_are_trained_and_served() {
    let home = home();
    for kind in ["esmm", "mmoe", "ple"] {
        let trained = train(home.path(), kind);
        let lines = trained["evaluation"]["lines"].as_array().unwrap();
        let auc = lines.iter().find(|line| line["name"] == kind).unwrap();
        assert!(
            auc["measures"]["roc_auc"].as_f64().unwrap() > 0.7,
            "{kind}: {auc}"
        );
    }
    let models = r#"[{ name = "esmm" }, { name = "mmoe" }, { name = "ple" }]"#;
    let serving = ["--default-model", "esmm", "--model", models];
    let server = Server::start(home.path(), "", "127.0.0.1:0", &serving);
    server.wait_for_models();
    let asked = [
        "esmm/ctr",
        "esmm/cvr",
        "esmm/ctcvr",
        "mmoe/click",
        "mmoe/buy",
        "ple/buy",
        "ple/nothing",
    ];
    let item = |id: i64| json!({ "id": id, "fields": { "kind": "tea", "price": 10.5 } });
    let body = json!({
        "user": { "user": 3, "seen": [4, 9] }, "context": { "hour": 12 },
        "items": [item(1), item(7)], "asks": [{ "conf": "shop", "models": asked }],
    });
    let answer = server.rest().post("/v1/predict", &body.to_string()).good();
    let models = answer["confs"][0]["models"].as_array().unwrap();
    let score = |m: usize, i: usize| {
        models[m]["scores"][i]
            .as_f64()
            .unwrap_or_else(|| panic!("{answer}"))
    };
    for i in 0..2 {
        assert!((score(0, i) * score(1, i) - score(2, i)).abs() < 1e-5, "{answer}");
        assert!((3..6).all(|m| (0.0..=1.0).contains(&score(m, i))), "{answer}");
    }
    let fault = models[6].to_string();
    assert!(
        fault.contains("no output `nothing`, expected one of click, buy"),
        "{fault}"
    );
}
