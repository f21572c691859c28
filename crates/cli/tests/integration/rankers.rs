//! Every kind that ranks: its file is trained (tiny) on the demo's home, published, served, and chosen by name on the site.
//!
//! One home and one server for all. The kinds that learn from who met what are in `matrix`.

use std::path::Path;

use rankine_table::{Column, parquet};

use crate::home::{REPOSITORY, home, rankine};
use crate::process::Server;

/// Kind and file; each reads the conf `movielens`, but for `esmm`, which needs two labels.
const FILES: [(&str, &str); 20] = [
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
    ("gmf", "examples/models/gmf.toml"),
    ("neuralcf-towers", "examples/models/neuralcf-towers.toml"),
    ("deepfm-dots", "examples/models/deepfm-dots.toml"),
    ("esmm", TWO),
    // trained by the demo
    ("embeddingmlp", ""),
    ("widedeep", ""),
    ("neuralcf", ""),
];

/// Stands for the file that [`two_labels`] makes.
const TWO: &str = "two";

/// A model file, a conf and samples of two labels, the second given the first: the home's with a column more.
fn two_labels(home: &Path) -> [String; 4] {
    let text = |name: &str| std::fs::read_to_string(format!("{REPOSITORY}/config/{name}")).unwrap();
    let write = |name: &str, text: String| {
        let path = home.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let conf = text("movielens.feature.toml")
        .replace("name = \"movielens\"", "name = \"two\"")
        .replace("label = [\"label\"]", "label = [\"watched\", \"label\"]");
    let own = |line: &&str| !line.starts_with("experts") && !line.starts_with("task");
    let lines: Vec<String> = text("models/mmoe.toml")
        .lines()
        .filter(own)
        .map(str::to_owned)
        .collect();
    let model = (lines.join("\n") + "\nhidden = [16]\n")
        .replace("kind = \"mmoe\"", "kind = \"esmm\"")
        .replace("conf = \"movielens\"", "conf = \"two\"")
        .replace("labels = [\"label\"]", "labels = [\"watched\", \"label\"]");
    let samples = ["valid", "test"].map(|name| {
        let (mut table, _) = parquet::read(&home.join(format!("samples/movielens/{name}.parquet"))).unwrap();
        let Column::Float(labels) = table.column("label").unwrap() else {
            panic!("labels are numbers: {:?}", table.column("label"));
        };
        let watched =
            |(at, label): (usize, &Option<f64>)| label.map(|label| label.max(f64::from(at % 3 == 0)));
        let watched = labels.iter().enumerate().map(watched).collect();
        table.columns.push(("watched".to_owned(), Column::Float(watched)));
        let path = home.join(format!("two-{name}.parquet"));
        parquet::write(&path, &table, &[]).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let [train, test] = samples;
    [
        write("two.toml", model),
        write("two.feature.toml", conf),
        train,
        test,
    ]
}

/// One epoch on the validation samples, a tenth of the home's: what is learnt is another test's matter.
fn train(home: &Path, kind: &str, file: &str) {
    let samples = |name: &str| home.join(format!("samples/movielens/{name}.parquet"));
    let [train, test] = ["valid", "test"].map(|name| samples(name).to_str().unwrap().to_owned());
    let movielens = || {
        [
            format!("{REPOSITORY}/{file}"),
            "movielens".to_owned(),
            train,
            test,
        ]
    };
    let [model, conf, train, test] = if file == TWO {
        two_labels(home)
    } else {
        movielens()
    };
    let arguments = [
        "--json", "train", &model, "--name", kind, "--train", &train, "--test", &test,
    ];
    let conf = ["--conf", &conf];
    let conf = if file == TWO { &conf[..] } else { &[] };
    let trained = rankine(
        home,
        &[&arguments[..], conf, &["--set", "train.epochs=1"]].concat(),
    );
    let told = trained.good().json();
    let written = match kind {
        "gmf" => "neuralcf",
        "neuralcf-towers" => "dssm",
        "deepfm-dots" => "deepfm",
        kind => kind,
    };
    assert_eq!(told["kind"], written);
    let order = ["twotower", "youtubednn"].contains(&kind);
    let (own, epoch) = (&told["evaluation"]["lines"][0]["measures"], &told["history"][0]);
    for figure in [
        &own["logloss"],
        &own["ece"],
        &own["rmse"],
        &epoch["valid_accuracy"],
        &epoch["valid_loss"],
    ] {
        assert_eq!(figure.is_null(), order, "{kind}: {own} {epoch}");
    }
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
        server
            .site()
            .get(&format!("/user.html?id=6&model={kind}"))
            .chosen(kind);
    }
}
