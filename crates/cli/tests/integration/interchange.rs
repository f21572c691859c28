//! Models and vectors to and from other programs through the real binary: onnxruntime, NumPy and faiss read what it writes.

use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value as Json};

use crate::home::{REPOSITORY, home, rankine};

#[path = "../../../model/tests/python/venv.rs"]
mod venv;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs one of the examples.
fn python(script: &str, arguments: &[&Path]) -> String {
    let script = Path::new(REPOSITORY).join("examples").join(script);
    venv::run(Command::new(venv::python()).arg(script).args(arguments))
}

#[test]
fn onnx_files_score_as_the_model_and_come_back() {
    let (home, folder) = (home(), tempfile::tempdir().unwrap());
    let file = folder.path().join("widedeep.onnx");
    let export = |model: &str| {
        rankine(
            home.path(),
            &["--json", "model", "export", model, "--onnx", text(&file)],
        )
    };
    let told = export("widedeep").good().json();
    assert_eq!(told["outputs"], serde_json::json!(["score"]), "{told}");
    assert!(python("python/onnx_check.py", &[folder.path()]).starts_with("widedeep\t"));
    // through ONNX's own program and back
    let copied = "import onnx, sys; onnx.save(onnx.load(sys.argv[1]), sys.argv[1])";
    venv::run(Command::new(venv::python()).args(["-c", copied]).arg(&file));
    let import = ["--json", "model", "import", text(&file), "--name", "back"];
    let back = rankine(home.path(), &import).good().json();
    assert_eq!(
        (&back["name"], &back["version"], &back["parent"], &back["moved"]),
        (&"back".into(), &1.into(), &"widedeep@1".into(), &0.0.into())
    );
    rankine(home.path(), &["model", "verify", "back"]).good();
    let changed = "import onnx, sys\nm = onnx.load(sys.argv[1])\nm.graph.node[-1].op_type = 'Neg'\nonnx.save(m, sys.argv[1])";
    venv::run(Command::new(venv::python()).args(["-c", changed]).arg(&file));
    let refused = rankine(home.path(), &import).bad(1);
    assert!(refused.contains("node `score`: expected Identity("), "{refused}");
    assert!(export("item2vec").bad(1).contains("vectors have no graph"));
}

#[test]
fn numpy_reproduces_the_scores_from_the_weights() {
    let (home, folder) = (home(), tempfile::tempdir().unwrap());
    let artefact = home.path().join("models/embeddingmlp/1");
    let golden = std::fs::read_to_string(artefact.join("golden.jsonl")).unwrap();
    let golden: Vec<Json> = golden
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let row = |sample: &Json| {
        let sides = ["user", "item", "context"].into_iter();
        let fields = sides.flat_map(|side| sample[side].as_object().unwrap().clone());
        format!("{}\n", Json::Object(fields.collect::<Map<_, _>>()))
    };
    let (rows, features) = (
        folder.path().join("rows.jsonl"),
        folder.path().join("features.jsonl"),
    );
    std::fs::write(&rows, golden.iter().map(row).collect::<String>()).unwrap();
    let extract = [
        "extract",
        "--model",
        "embeddingmlp",
        text(&rows),
        "--out",
        text(&features),
    ];
    rankine(home.path(), &extract).good();
    let told = python("numpy_score.py", &[&artefact, &features]);
    assert_eq!(told.lines().count(), golden.len());
    for (line, sample) in told.lines().zip(&golden) {
        let (got, expected): (f64, f64) = (line.parse().unwrap(), sample["score"].as_f64().unwrap());
        assert!((got - expected).abs() < 1e-5, "{got} {expected}");
    }
}

#[test]
fn the_halves_of_a_split_model_verify_and_do_not_train() {
    let home = home();
    let model = std::fs::read_to_string(format!("{REPOSITORY}/config/models/dssm.toml")).unwrap();
    let train = model.lines().find(|line| line.starts_with("train = ")).unwrap();
    let file = home.path().join("dssm.toml");
    std::fs::write(&file, model.replace(train, "train = { batch = 512, epochs = 1 }")).unwrap();
    rankine(home.path(), &["train", text(&file)]).good();
    let told = rankine(home.path(), &["--json", "model", "split", "dssm"])
        .good()
        .json();
    assert_eq!(
        (&told["user"]["name"], &told["item"]["name"]),
        (&"dssm-user".into(), &"dssm-item".into())
    );
    assert!(told["difference"].as_f64().unwrap() <= 1e-6, "{told}");
    for half in ["dssm-user", "dssm-item"] {
        rankine(home.path(), &["model", "verify", half]).good();
    }
    let refused = rankine(home.path(), &["model", "split", "widedeep"]).bad(1);
    assert!(refused.contains("kind `widedeep` has no towers"), "{refused}");
    let again = home.path().join("models/dssm-user/1/manifest.json");
    let manifest: Json = serde_json::from_str(&std::fs::read_to_string(again).unwrap()).unwrap();
    std::fs::write(&file, manifest["config"].as_str().unwrap()).unwrap();
    let refused = rankine(home.path(), &["train", text(&file)]).bad(1);
    assert!(
        refused.contains("one side of a model that was split"),
        "{refused}"
    );
}

#[test]
fn the_item_half_of_dropoutnet_reads_content_alone() {
    let home = home();
    let model = std::fs::read_to_string(format!("{REPOSITORY}/examples/models/dropoutnet.toml")).unwrap();
    let file = home.path().join("dropoutnet.toml");
    std::fs::write(&file, model.replace("epochs = 10", "epochs = 1")).unwrap();
    let report = rankine(home.path(), &["--json", "train", text(&file)])
        .good()
        .json();
    let own = &report["evaluation"]["lines"][0]["measures"];
    assert!(own["roc_auc"].as_f64().unwrap() > 0.5, "{own}");
    let told = rankine(home.path(), &["--json", "model", "split", "dropoutnet"])
        .good()
        .json();
    assert!(told["difference"].as_f64().unwrap() <= 1e-6, "{told}");
    for half in ["dropoutnet", "dropoutnet-user", "dropoutnet-item"] {
        rankine(home.path(), &["model", "verify", half]).good();
    }
    let conf = home.path().join("models/dropoutnet-item/1/feature.toml");
    let conf = std::fs::read_to_string(conf).unwrap();
    assert!(
        conf.contains("genres") && conf.contains("releaseYear") && !conf.contains("movieId"),
        "{conf}"
    );
}
