//! The road of a two-sided model through the real binary: train, embed, serve its vectors, rank coarsely before a full
//! model in one process and in two.

use serde_json::Value as Json;

use crate::home::{REPOSITORY, home, rankine, wait_until};
use crate::process::{Answer, Server};

/// The bundled model file with one epoch: what it learns is another test's matter.
fn short() -> String {
    let text = std::fs::read_to_string(format!("{REPOSITORY}/config/models/dssm.toml")).unwrap();
    let train = text.lines().find(|line| line.starts_with("train = ")).unwrap();
    text.replace(train, "train = { batch = 512, epochs = 1 }")
}

const SERVING: [&str; 6] = [
    "--model",
    "[{ name = \"embeddingmlp\" }, { name = \"widedeep\" }, { name = \"dssm\", vectors = \"films\" }, { name = \"item2vec\" }]",
    "--dictionary",
    "[{ name = \"films\", kind = \"vectors\", path = \"dictionaries/dssm.parquet\" }]",
    "--coarse-model",
    "dssm",
];

fn header(answer: &Answer, name: &str) -> u64 {
    answer.header(name).unwrap().parse().unwrap()
}

#[test]
fn item_vectors_are_embedded_served_and_choose_what_is_ranked() {
    let home = home();
    let model = home.path().join("dssm.toml");
    std::fs::write(&model, short()).unwrap();
    let trained = rankine(home.path(), &["--json", "train", model.to_str().unwrap()])
        .good()
        .json();
    assert_eq!(
        (&trained["kind"], &trained["version"]),
        (&"dssm".into(), &1.into())
    );
    let told = rankine(home.path(), &["--json", "embed", "dssm"]).good().json();
    assert_eq!((&told["version"], &told["width"]), (&1.into(), &32.into()));
    assert!(told["items"].as_u64().unwrap() > 9_000, "{told}");
    let fault = rankine(home.path(), &["embed", "widedeep"]).bad(1);
    assert!(fault.contains("kind widedeep has no item tower"), "{fault}");
    let arguments = [&SERVING[..], &["--coarse-keep", "50"]].concat();
    let server = Server::with(home.path(), &arguments);
    let vectors = |server: &Server| server.model_status("dssm")["itemVectors"].clone();
    wait_until("the vectors", || vectors(&server) == told["items"]);
    let ask = |server: &Server| server.site().get("/getrecforyou?id=6&size=32&model=widedeep");
    let answer = ask(&server);
    let films: Vec<Json> = answer.good().as_array().unwrap().clone();
    assert!(
        films.len() == 32 && films.iter().all(|film| film["coarseScore"].is_number()),
        "{films:?}"
    );
    assert!(header(&answer, "x-rankine-candidates") > 300);
    assert_eq!(header(&answer, "x-rankine-ranked"), 50);
    // the same in two processes, over gRPC and REST: both rankings are asked of the predictor
    let there = crate::home::home();
    for url in [
        server.grpc().replace("http://", "grpc://"),
        server.rest().base().to_owned(),
    ] {
        let remote = [&arguments[..], &["--ranker-url", &url]].concat();
        let site = Server::start(there.path(), "127.0.0.1:0", "", &remote);
        let chosen = || ask(&site);
        wait_until("the remote choice", || chosen().status == 200);
        let answer = chosen();
        assert_eq!(header(&answer, "x-rankine-ranked"), 50);
        assert_eq!(answer.good().as_array().unwrap(), &films, "{url}");
    }
}
