//! A coarse ranking before the model asked for: it chooses, the answer says so, and where it cannot choose all are ranked.

use std::collections::BTreeSet;
use std::path::Path;

use rankine_model::Artefact;
use rankine_pipeline::{AggregateConfig, Aggregates, Catalogue, events};
use rankine_predict::{ItemVectorRows, Row, RowLayout, embed};
use rankine_server::ServerConfig;
use rankine_server::config::{DictionaryConfig, DictionaryKindConfig, ModelConfig, RankerKind};
use rankine_table::parquet;
use serde_json::Value as Json;

use crate::home::{Answer, Server, config, home, publish_dssm, wait_until};

/// A configuration with a DSSM that keeps forty candidates, its vectors from a dictionary.
fn coarse(home: &Path) -> ServerConfig {
    let mut config = config(home);
    config.coarse.model = "dssm".to_owned();
    config.coarse.keep = 40;
    config.model.push(ModelConfig {
        name: "dssm".to_owned(),
        vectors: "films".to_owned(),
        ..ModelConfig::default()
    });
    config.dictionary.push(DictionaryConfig {
        name: "films".to_owned(),
        kind: DictionaryKindConfig::Vectors,
        path: "films.parquet".into(),
        ..DictionaryConfig::default()
    });
    config
}

/// Item vectors of a version, of the rows that serving has before any event is posted.
fn write_vectors(home: &Path, version: u64) {
    let vectors = vectors(home, version);
    parquet::write(&home.join("films.parquet"), &vectors.table(), &[]).unwrap();
}

fn vectors(home: &Path, version: u64) -> ItemVectorRows {
    let mut aggregates = Aggregates::new(&Catalogue::load(home).unwrap(), AggregateConfig::default());
    let base = events::load(&home.join("events/base-1.parquet")).unwrap();
    base.iter().for_each(|event| aggregates.observe(event));
    let layout = RowLayout::new(Aggregates::item_fields().iter().map(|field| field.0));
    let row = |id| (id, Row::new(&layout, aggregates.item_row(id)));
    let artefact = Artefact::open(&home.join("models/dssm").join(version.to_string())).unwrap();
    let plan = artefact.plan().unwrap();
    embed(&artefact, plan, aggregates.items().into_iter().map(row)).unwrap()
}

fn ask(server: &Server, model: &str, size: usize) -> (Vec<Json>, Answer) {
    let answer = server.get(&format!("/getrecforyou?id=6&size={size}&model={model}"));
    (answer.good().as_array().unwrap().clone(), answer)
}

fn ids(films: &[Json]) -> BTreeSet<i64> {
    films
        .iter()
        .map(|film| film["movieId"].as_i64().unwrap())
        .collect()
}

fn header(answer: &Answer, name: &str) -> usize {
    answer.headers[name].to_str().unwrap().parse().unwrap()
}

#[test]
fn a_dssm_chooses_what_the_full_model_ranks_with_and_without_a_dictionary() {
    let home = home();
    publish_dssm(&home.path().join("models"), "dssm", 5);
    let server = Server::start(coarse(home.path()));
    server.wait_for_models();
    let (chosen, whole) = ask(&server, "dssm", 40);
    assert!(
        chosen.iter().all(|film| film.get("coarseScore").is_none()),
        "not before itself"
    );
    let recalled = header(&whole, "x-rankine-candidates");
    assert!(recalled > 200 && header(&whole, "x-rankine-ranked") == recalled);
    let (films, answer) = ask(&server, "widedeep", 40);
    assert_eq!(
        (
            header(&answer, "x-rankine-candidates"),
            header(&answer, "x-rankine-ranked")
        ),
        (recalled, 40)
    );
    assert_eq!(ids(&films), ids(&chosen));
    let coarse_score =
        |id: &Json| chosen.iter().find(|film| film["movieId"] == *id).unwrap()["score"].clone();
    for film in &films {
        assert_eq!(
            (film["model"].as_str(), &film["coarseScore"]),
            (Some("widedeep"), &coarse_score(&film["movieId"]))
        );
    }
    let order = |films: &[Json]| {
        films
            .windows(2)
            .all(|w| w[0]["score"].as_f64() >= w[1]["score"].as_f64())
    };
    assert!(order(&films) && films != chosen);
    assert_eq!(
        header(&ask(&server, "popularity", 5).1, "x-rankine-ranked"),
        recalled
    );
    let loaded = |server: &Server| {
        server
            .state
            .status()
            .models
            .iter()
            .find_map(|model| model.item_vectors)
    };
    assert_eq!(loaded(&server), None);
    write_vectors(home.path(), 1);
    wait_until("the vectors", || {
        loaded(&server).is_some_and(|count| count > 9_000)
    });
    let (again, _) = ask(&server, "widedeep", 40);
    assert_eq!(again, films, "vectors of the same rows have the tower's bits");
    assert_eq!(publish_dssm(&home.path().join("models"), "dssm", 6), 2);
    wait_until("version 2", || loaded(&server).is_none());
    let (other, _) = ask(&server, "widedeep", 40);
    assert_ne!(ids(&other), ids(&films));
    write_vectors(home.path(), 2);
    wait_until("its vectors", || loaded(&server).is_some());
    assert_eq!(ask(&server, "widedeep", 40).0, other);
}

#[test]
fn without_the_coarse_model_all_candidates_are_ranked_and_a_note_says_so() {
    let home = home();
    let server = Server::start(coarse(home.path()));
    wait_until("the model", || {
        server.get("/getrecforyou?id=6&model=widedeep").status == 200
    });
    let (films, answer) = ask(&server, "widedeep", 10);
    assert_eq!(films.len(), 10);
    assert_eq!(
        header(&answer, "x-rankine-ranked"),
        header(&answer, "x-rankine-candidates")
    );
    let note = answer.headers["x-rankine-note"].to_str().unwrap();
    assert!(
        note.starts_with("ranked without a coarse choice: model `dssm` is not available"),
        "{note}"
    );
}

/// Vectors that are not the tower's: whoever reads them chooses other films than one who computes.
fn write_turned_vectors(home: &Path) {
    let mut turned = vectors(home, 1);
    turned.floats.iter_mut().for_each(|number| *number = -*number);
    parquet::write(&home.join("films.parquet"), &turned.table(), &[]).unwrap();
}

fn has_vectors(server: &Server) -> bool {
    let models = server.state.status().models;
    models.iter().any(|model| model.item_vectors.is_some())
}

#[test]
fn another_process_asked_over_grpc_chooses_by_its_vectors_too() {
    let (here, there) = (home(), home());
    for home in [&here, &there] {
        publish_dssm(&home.path().join("models"), "dssm", 5);
    }
    let local = Server::start(coarse(here.path()));
    local.wait_for_models();
    let computed = ask(&local, "widedeep", 40).0;
    for home in [&here, &there] {
        write_turned_vectors(home.path());
    }
    wait_until("the vectors", || has_vectors(&local));
    let expected = ask(&local, "widedeep", 40).0;
    assert_ne!(ids(&expected), ids(&computed));
    local.stop();
    let mut alone = coarse(there.path());
    alone.listen.site = String::new();
    let predictor = Server::start(alone);
    predictor.wait_for_models();
    wait_until("its vectors", || has_vectors(&predictor));
    let mut asking = coarse(here.path());
    asking.ranker.kind = RankerKind::Remote;
    asking.ranker.url = predictor.grpc.replace("http://", "grpc://");
    let site = Server::start(asking);
    site.wait_for_models();
    let (films, answer) = ask(&site, "widedeep", 40);
    assert_eq!(header(&answer, "x-rankine-ranked"), 40);
    assert_eq!(films, expected);
}
