//! TensorFlow Serving's REST API as its clients use it, SparrowRecSys's Java server first of all.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value as Json, json};

use crate::artefact::predictions;
use crate::home::{home, prepared};
use crate::process::{Client, Server};

/// A predictor on the prepared home itself: it writes nothing.
fn predictor() -> Server {
    Server::predictor(&prepared().root)
}

/// Posts as Java's async client does: the bytes and their length, no content type.
fn java(client: &Client, path: &str, body: &str) -> Json {
    let address = client.base().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200") && head.to_lowercase().contains("application/json"),
        "{answer}"
    );
    serde_json::from_str(body).unwrap()
}

#[test]
fn sparrowrecsys_java_server_reads_its_scores() {
    let server = predictor();
    let films = [52, 1, 318, 50];
    let instances: Vec<Json> = films
        .iter()
        .map(|film| json!({ "userId": 6, "movieId": film }))
        .collect();
    let body = json!({ "instances": instances }).to_string();
    let answer = java(server.rest(), "/v1/models/recmodel:predict", &body);
    assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
    let scores: Vec<f64> = (0..films.len())
        .map(|i| answer["predictions"][i][0].as_f64().unwrap())
        .collect();
    assert!(
        scores.iter().all(|score| *score > 0.0 && *score < 1.0) && scores[0] != scores[1],
        "{scores:?}"
    );
    let one = r#"{"instances":[{"userId":6,"movieId":52}]}"#;
    let alone = java(server.rest(), "/v1/models/neuralcf:predict", one);
    assert_eq!(
        alone["predictions"][0][0].as_f64(),
        Some(scores[0]),
        "alone or in a batch, alias or name"
    );
}

#[test]
fn scores_are_those_of_the_site() {
    let home = home();
    let server = Server::on(home.path());
    for film in server.site().recommend(6, "neuralcf", 20) {
        let body = json!({ "instances": [{ "userId": 6, "movieId": film["movieId"] }] }).to_string();
        let answer = server.rest().post("/v1/models/recmodel:predict", &body).good();
        let shown = crate::artefact::narrow(film["score"].as_f64().unwrap());
        assert_eq!(predictions(&answer), [shown.to_bits()]);
    }
}

#[test]
fn rows_columns_and_version_paths_agree() {
    let server = predictor();
    let rows = r#"{"signature_name":"serving_default","instances":[{"userId":[6],"movieId":[52]},{"userId":"6","movieId":1.0}]}"#;
    let columns = r#"{"inputs":{"userId":[[6],[6]],"movieId":[[52],[1]]}}"#;
    let rows = server
        .rest()
        .post("/v1/models/recmodel/versions/1:predict", rows)
        .good();
    let columns = server.rest().post("/v1/models/recmodel:predict", columns).good();
    assert_eq!(rows["predictions"], columns["outputs"]);
    assert_eq!(rows["predictions"].as_array().unwrap().len(), 2);
}

#[test]
fn a_wide_and_deep_model_is_callable_with_two_ids_and_what_is_given_wins() {
    let server = predictor();
    let ask = |instance: Json| {
        let body = json!({ "instances": [instance] }).to_string();
        predictions(&server.rest().post("/v1/models/widedeep:predict", &body).good())[0]
    };
    let time = 1_500_000_000_000_000_i64;
    let looked_up = ask(json!({ "userId": 6, "movieId": 52, "timestamp": time }));
    assert_eq!(
        ask(json!({ "userId": 6, "movieId": 52, "timestamp": time })),
        looked_up
    );
    assert_ne!(
        ask(json!({ "userId": 6, "movieId": 52, "timestamp": time, "movieAvgRating": 1.0 })),
        looked_up
    );
    assert_ne!(
        ask(json!({ "userId": 6, "movieId": 52, "timestamp": time, "userAvgRating": null })),
        looked_up
    );
}

#[test]
fn status_and_metadata_are_in_tensorflow_servings_form() {
    let server = predictor();
    let expected = json!({ "model_version_status": [
        { "version": "1", "state": "AVAILABLE", "status": { "error_code": "OK", "error_message": "" } }
    ]});
    for path in [
        "/v1/models/recmodel",
        "/v1/models/recmodel/versions/1",
        "/v1/models/widedeep",
    ] {
        assert_eq!(server.rest().get(path).good(), expected, "{path}");
    }
    let metadata = server.rest().get("/v1/models/recmodel/metadata").good();
    assert_eq!(metadata["model_spec"]["name"], "recmodel");
    assert_eq!(metadata["model_spec"]["version"], "1");
    let signature = &metadata["metadata"]["signature_def"]["signature_def"]["serving_default"];
    assert_eq!(signature["method_name"], "tensorflow/serving/predict");
    let inputs = signature["inputs"].as_object().unwrap();
    assert_eq!(inputs["userId"]["dtype"], "DT_INT64");
    assert_eq!(inputs["movieId"]["tensor_shape"]["dim"][0]["size"], "-1");
}

#[test]
fn what_is_not_there_is_404_in_its_words() {
    let rest = predictor();
    let rest = rest.rest();
    let body = r#"{"instances":[{"userId":6,"movieId":52}]}"#;
    let cases = [
        (
            rest.get("/v1/models/nope"),
            "Could not find any versions of model nope",
        ),
        (
            rest.get("/v1/models/recmodel/versions/7"),
            "Could not find version 7 of model recmodel",
        ),
        (
            rest.get("/v1/models/recmodel/versions/7/metadata"),
            "Servable not found for request: Specific(recmodel, 7)",
        ),
        (
            rest.post("/v1/models/nope:predict", body),
            "Servable not found for request: Latest(nope)",
        ),
        (
            rest.post("/v1/models/recmodel/versions/7:predict", body),
            "Servable not found for request: Specific(recmodel, 7)",
        ),
    ];
    for (answer, expected) in cases {
        assert_eq!(
            (answer.status, answer.json()),
            (404, json!({ "error": expected }))
        );
    }
}

#[test]
fn a_malformed_request_is_400_that_says_where() {
    let rest = predictor();
    let rest = rest.rest();
    let predict = |body: &str| rest.post("/v1/models/recmodel:predict", body);
    let cases = [
        (predict(""), "The document is empty"),
        (predict(r#"{"instances":[{"userId":6"#), "JSON Parse error"),
        (predict(r#"{"rows":[]}"#), "Missing 'inputs' or 'instances' key"),
        (predict(r#"{"instances":[]}"#), "No values in 'instances'"),
        (predict(r#"{"instances":{"userId":6}}"#), "instances"),
        (
            predict(r#"{"instances":[{"userId":6,"movieId":52},{"userId":6,"film":1}]}"#),
            "element: 1 key: film",
        ),
        (
            predict(r#"{"instances":[{"userId":"six","movieId":52}]}"#),
            "key: userId",
        ),
        (predict(r#"{"instances":[{"movieId":52}]}"#), "userId"),
        (
            predict(r#"{"inputs":{"userId":[6,7],"movieId":[52]}}"#),
            "Expecting tensor size",
        ),
        (predict(r#"{"instances":[],"inputs":{}}"#), "only one of"),
        (rest.post("/v1/models/recmodel:guess", "{}"), "Malformed request"),
        (
            rest.post("/v1/models/item2vec:predict", r#"{"instances":[{"movieId":52}]}"#),
            "item2vec",
        ),
    ];
    for (answer, expected) in cases {
        let error = answer.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(
            answer.status == 400 && error.contains(expected),
            "{expected}: {} {}",
            answer.status,
            answer.text
        );
    }
    let deep = format!("{{\"instances\":{}", "[".repeat(100_000));
    assert_eq!(predict(&deep).status, 400);
    // one byte more than the limit, so that all of it was sent when the answer comes
    let huge = "x".repeat((8 << 20) + 1);
    assert_eq!(predict(&huge).status, 413);
    assert_eq!(
        rest.post(
            "/v1/models/recmodel:predict",
            r#"{"instances":[{"userId":6,"movieId":52}]}"#
        )
        .status,
        200
    );
}
