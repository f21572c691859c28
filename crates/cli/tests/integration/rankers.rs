//! Every kind that ranks: its file is trained (tiny) on the demo's home, published, served, and chosen by name on the site.
//!
//! One home and one server for all. The kinds that learn from who met what are in `matrix`.

use std::path::Path;

use crate::home::{REPOSITORY, home, rankine};
use crate::process::Server;

/// Kind and file; each reads the conf `movielens`.
const FILES: [(&str, &str); 16] = [
    ("lr", "config/models/lr.toml"),
    ("fm", "config/models/fm.toml"),
    ("ffm", "config/models/ffm.toml"),
    ("deepfm", "config/models/deepfm.toml"),
    ("dcn", "config/models/dcn.toml"),
    ("autoint", "config/models/autoint.toml"),
    ("din", "config/models/din.toml"),
    ("dien", "config/models/dien.toml"),
    ("mmoe", "config/models/mmoe.toml"),
    ("ple", "config/models/ple.toml"),
    ("dssm", "config/models/dssm.toml"),
    ("twotower", "examples/models/twotower.toml"),
    ("youtubednn", "examples/models/youtubednn.toml"),
    // trained by the demo
    ("embeddingmlp", ""),
    ("widedeep", ""),
    ("neuralcf", ""),
];

/// One epoch on the validation samples, a tenth of the home's: what is learnt is another test's matter.
fn train(home: &Path, kind: &str, file: &str) {
    let (model, samples) = (format!("{REPOSITORY}/{file}"), home.join("samples/movielens"));
    let [train, test] = ["valid", "test"].map(|name| samples.join(format!("{name}.parquet")));
    let (train, test) = (train.to_str().unwrap(), test.to_str().unwrap());
    let arguments = [
        "--json", "train", &model, "--name", kind, "--train", train, "--test", test,
    ];
    let trained = rankine(home, &[&arguments[..], &["--set", "train.epochs=1"]].concat());
    assert_eq!(trained.good().json()["kind"], kind);
}

#[test]
fn every_kind_can_be_chosen_on_the_site() {
    let home = home();
    let mut models = String::from("[{ name = \"item2vec\" }");
    for (kind, file) in FILES {
        if !file.is_empty() {
            train(home.path(), kind, file);
        }
        models += &format!(", {{ name = \"{kind}\" }}");
    }
    let server = Server::with(home.path(), &["--model", &format!("{models}]")]);
    for (kind, _) in FILES {
        let answer = server
            .site()
            .get(&format!("/getrecforyou?id=6&size=8&model={kind}"));
        assert_eq!(answer.header("x-rankine-model"), Some(kind), "{}", answer.text);
        assert!(answer.header("x-rankine-note").is_none(), "{kind}");
        let films = answer.good();
        let scores: Vec<f64> = films
            .as_array()
            .unwrap()
            .iter()
            .map(|film| film["score"].as_f64().unwrap())
            .collect();
        assert_eq!(scores.len(), 8, "{kind}");
        assert!(scores.is_sorted_by(|a, b| a >= b), "{kind}: {scores:?}");
        assert!(scores[0] > scores[7], "{kind} tells films apart: {scores:?}");
        let page = server.site().get(&format!("/user.html?id=6&model={kind}"));
        assert_eq!(page.status, 200, "{kind}");
        let chosen = page.text.contains(&format!("value=\"{kind}\"")) || page.text.contains(kind);
        assert!(chosen, "{kind} is not on the page");
    }
}
