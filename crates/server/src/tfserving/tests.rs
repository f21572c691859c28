//! The routes over a real listener, a real predictor and real artefacts; texts and codes as TensorFlow Serving's.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rankine_feature::Value as Cell;
use rankine_predict::{FeatureRows, ModelEntry, PredictConfig, Predictor, Row, RowLayout};
use serde_json::{Value, json};

use super::{Limits, router};

#[path = "../../../predict/tests/integration/fixture.rs"]
#[expect(dead_code, reason = "shared with the predictor's tests, which use the rest")]
mod fixture;

/// Rows of the fixture's users and items below 100; the hour is 4.
struct Rows {
    users: RowLayout,
    items: RowLayout,
}

impl FeatureRows for Rows {
    fn user(&self, id: i64) -> Option<Row> {
        (0..100)
            .contains(&id)
            .then(|| Row::new(&self.users, fixture::user(id)))
    }

    fn item(&self, id: i64) -> Option<(Row, u64)> {
        (0..100)
            .contains(&id)
            .then(|| (Row::new(&self.items, fixture::item(id)), 1))
    }

    fn context(&self) -> Option<Row> {
        Some(Row::of([("hour", Cell::Int(4))]))
    }
}

/// A served model and how to reach it.
struct Served {
    models: tempfile::TempDir,
    base: String,
    runtime: tokio::runtime::Runtime,
}

impl Served {
    fn start(limits: Limits) -> Self {
        let models = tempfile::tempdir().unwrap();
        fixture::publish_wide_deep(models.path(), "films", 1);
        fixture::publish_wide_deep(models.path(), "films", 2);
        fixture::publish_vectors(models.path(), "item2vec");
        let config = PredictConfig::new(models.path(), || 0)
            .model(ModelEntry::named("films").alias("recmodel"))
            .model(ModelEntry::named("item2vec"))
            .model(ModelEntry::named("later"));
        let predictor = Arc::new(Predictor::open(config).unwrap());
        let rows = Rows {
            users: RowLayout::new(["userId", "taste"]),
            items: RowLayout::new(["movieId", "genre", "year"]),
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let base = format!("http://{}/v1/models", listener.local_addr().unwrap());
        let routes = router(predictor, Arc::new(rows), limits);
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Self {
            models,
            base,
            runtime,
        }
    }

    fn agent() -> ureq::Agent {
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into()
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let mut answer = Self::agent().get(format!("{}{path}", self.base)).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
    }

    fn post(&self, path: &str, body: &[u8]) -> (u16, Value) {
        let mut answer = Self::agent()
            .post(format!("{}{path}", self.base))
            .send(body)
            .unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
    }

    fn predict(&self, body: &Value) -> (u16, Value) {
        self.post("/films:predict", body.to_string().as_bytes())
    }

    /// The text of a 400.
    fn refused(&self, body: &Value) -> String {
        let (status, answer) = self.predict(body);
        assert_eq!(status, 400, "{answer}");
        answer["error"].as_str().unwrap().to_owned()
    }

    fn dir(&self) -> std::path::PathBuf {
        self.models.path().join("films/2")
    }
}

fn expected(dir: &Path, user: i64, item: i64) -> f32 {
    fixture::expected(
        dir,
        &fixture::user(user),
        &fixture::item(item),
        &fixture::context(4),
    )
}

fn scores(answer: &Value) -> Vec<f32> {
    let rows = answer.as_array().unwrap().iter();
    rows.map(|row| row[0].to_string().parse().unwrap()).collect()
}

#[test]
fn two_ids_are_enough_and_the_alias_answers() {
    let served = Served::start(Limits::default());
    let body = br#"{"instances":[{"userId":6,"movieId":52},{"userId":6,"movieId":3}]}"#;
    let (status, answer) = served.post("/recmodel:predict", body);
    assert_eq!(status, 200);
    assert_eq!(
        scores(&answer["predictions"]),
        [52, 3].map(|item| expected(&served.dir(), 6, item))
    );
    assert_eq!(
        answer.as_object().unwrap().len(),
        1,
        "nothing but predictions: {answer}"
    );
    let again = served.post("/films/versions/2:predict", body);
    assert_eq!(again, (200, answer), "the same from the cache and by version");
}

#[test]
fn what_the_request_gives_wins_and_null_is_missing() {
    let served = Served::start(Limits::default());
    let given = json!({ "userId": 6, "movieId": 3, "year": 1.5, "genre": null, "hour": 2, "taste": ["war"] });
    let (_, answer) = served.predict(&json!({ "instances": [given] }));
    let item = [Cell::Int(3), Cell::Missing, Cell::Float(1.5)];
    let user = [Cell::Int(6), Cell::strs(&["war"])];
    let expected = fixture::expected(&served.dir(), &user, &item, &fixture::context(2));
    assert_eq!(scores(&answer["predictions"]), [expected]);
}

#[test]
fn columns_scalars_and_lists_of_one_say_the_same() {
    let served = Served::start(Limits::default());
    let rows = json!({ "instances": [{ "userId": "6", "movieId": [1] }, { "userId": 6.0, "movieId": 2 }] });
    let columns =
        json!({ "inputs": { "userId": [6, 6], "movieId": [[1], [2]] }, "signature_name": "serving_default" });
    let wanted = [1, 2].map(|item| expected(&served.dir(), 6, item));
    assert_eq!(scores(&served.predict(&rows).1["predictions"]), wanted);
    assert_eq!(scores(&served.predict(&columns).1["outputs"]), wanted);
    let single = json!({ "inputs": { "userId": 6, "movieId": 2 } });
    assert_eq!(scores(&served.predict(&single).1["outputs"]), [wanted[1]]);
}

#[test]
fn several_users_in_one_batch_each_get_their_own() {
    let served = Served::start(Limits::default());
    let pairs = [(1, 5), (1, 6), (2, 5), (1, 7), (500, 5), (2, 500)];
    let instances: Vec<Value> = pairs
        .iter()
        .map(|(u, i)| json!({ "userId": u, "movieId": i }))
        .collect();
    let (_, answer) = served.predict(&json!({ "instances": instances }));
    let unknown_user = [Cell::Int(500), Cell::Missing];
    let unknown_item = [Cell::Int(500), Cell::Missing, Cell::Missing];
    let context = fixture::context(4);
    let mut wanted: Vec<f32> = pairs[..4]
        .iter()
        .map(|(u, i)| expected(&served.dir(), *u, *i))
        .collect();
    wanted.push(fixture::expected(
        &served.dir(),
        &unknown_user,
        &fixture::item(5),
        &context,
    ));
    wanted.push(fixture::expected(
        &served.dir(),
        &fixture::user(2),
        &unknown_item,
        &context,
    ));
    assert_eq!(scores(&answer["predictions"]), wanted);
}

#[test]
fn refusals_say_instance_field_expected_and_got() {
    let served = Served::start(Limits::default());
    let ids = json!({ "userId": 1, "movieId": 1 });
    for (body, text) in [
        (
            json!({ "instances": [ids, { "userId": 1, "movieId": "x" }] }),
            "Failed to process element: 1 key: movieId of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: \"x\" Type: String is not of expected type: int64",
        ),
        (
            json!({ "instances": [{ "userId": 1, "movieId": 1, "colour": 2 }] }),
            "Failed to process element: 0 key: colour of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: colour (inputs: userId,taste,movieId,genre,year,hour)",
        ),
        (
            json!({ "instances": [ids, { "userId": 1 }] }),
            "Failed to process element: 1 of 'instances' list. Missing named input: movieId of type int (give it, or `movieId` to have it looked up)",
        ),
        (
            json!({ "instances": [{ "movieId": 1, "userId": null }] }),
            "Failed to process element: 0 of 'instances' list. Missing named input: taste of type list<string> (give it, or `userId` to have it looked up)",
        ),
        (
            json!({ "instances": [ids, [1, 2]] }),
            "Expecting object but got Array at item 1 of input list",
        ),
        (json!({ "instances": [] }), "No values in 'instances' array"),
        (
            json!({ "instances": 3 }),
            "Excepting 'instances' to be an list/array",
        ),
    ] {
        assert_eq!(served.refused(&body), text);
    }
}

#[test]
fn refusals_of_columns_and_of_the_body_say_what_was_expected() {
    let served = Served::start(Limits::default());
    let ids = json!({ "userId": 1, "movieId": 1 });
    for (body, text) in [
        (
            json!({ "inputs": { "userId": [1, 2], "movieId": [1] } }),
            "Expecting tensor size: 1 (of input 'movieId') but got: 2 for input 'userId'",
        ),
        (
            json!({ "inputs": { "userId": [1], "movieId": [[1, 2]] } }),
            "Failed to process element: 0 of input 'movieId'. Error: JSON Value: [1,2] Type: Array is not of expected type: int64",
        ),
        (
            json!({ "inputs": { "colour": [1] } }),
            "inputs: JSON object: does not have named input: colour (inputs: userId,taste,movieId,genre,year,hour)",
        ),
        (
            json!({ "inputs": [1] }),
            "inputs is a plain value/list, but expecting an object as multiple input tensors required as per tensorinfo_map",
        ),
        (json!({ "inputs": {} }), "No values in 'inputs' object"),
        (
            json!({ "instances": [ids], "inputs": {} }),
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist",
        ),
        (json!({}), "Missing 'inputs' or 'instances' key"),
        (json!([]), "JSON Value: [] Is not object"),
        (
            json!({ "instances": [ids], "signature_name": "x" }),
            "Serving signature name: \"x\" not found in signature def",
        ),
        (
            json!({ "instances": [ids], "signature_name": 3 }),
            "JSON Value: 3 not formatted correctly. 'signature_name' key must be a string value.",
        ),
    ] {
        assert_eq!(served.refused(&body), text);
    }
}

#[test]
fn malformed_json_says_where() {
    let served = Served::start(Limits::default());
    let text = |body: &[u8]| {
        served.post("/films:predict", body).1["error"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(text(b""), "JSON Parse error: The document is empty");
    assert_eq!(
        text(b"{\"instances\": [,]}"),
        "JSON Parse error: expected value at line 1 column 16"
    );
    assert!(text(&b"[".repeat(100_000)).starts_with("JSON Parse error: recursion limit"));
}

#[test]
fn what_is_not_there_is_404_in_their_words() {
    let served = Served::start(Limits::default());
    let body = br#"{"instances":[{"userId":6,"movieId":52}]}"#;
    for (path, text) in [
        ("/none:predict", "Servable not found for request: Latest(none)"),
        ("/later:predict", "Servable not found for request: Latest(later)"),
        (
            "/films/versions/1:predict",
            "Servable not found for request: Specific(films, 1)",
        ),
    ] {
        assert_eq!(served.post(path, body), (404, json!({ "error": text })));
    }
    for (path, text) in [
        ("/none", "Could not find any versions of model none"),
        ("/later", "Could not find any versions of model later"),
        ("/films/versions/9", "Could not find version 9 of model films"),
        ("/none/metadata", "Servable not found for request: Latest(none)"),
    ] {
        assert_eq!(served.get(path), (404, json!({ "error": text })));
    }
    assert_eq!(served.post("/item2vec:predict", body).0, 400);
    let malformed = served.post("/films", body);
    assert_eq!(
        malformed,
        (
            400,
            json!({ "error": "Malformed request: POST /v1/models/films" })
        )
    );
    assert_eq!(served.get("").1["error"], "Missing model name in request.");
}

#[test]
fn status_lists_the_version_and_the_one_that_did_not_load() {
    let served = Served::start(Limits::default());
    let available = json!({ "version": "2", "state": "AVAILABLE", "status": { "error_code": "OK", "error_message": "" } });
    assert_eq!(
        served.get("/films"),
        (200, json!({ "model_version_status": [available] }))
    );
    assert_eq!(served.get("/recmodel/versions/2").0, 200);
    std::fs::create_dir(served.models.path().join("films/3")).unwrap();
    let failed = (0..1000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        let list = served.get("/films").1["model_version_status"]
            .as_array()
            .unwrap()
            .clone();
        (list.len() == 2).then(|| list[0].clone())
    });
    let failed = failed.expect("the failure shows");
    assert_eq!(
        (&failed["version"], &failed["state"]),
        (&json!("3"), &json!("END"))
    );
    assert!(
        failed["status"]["error_message"]
            .as_str()
            .unwrap()
            .contains("manifest.json"),
        "{failed}"
    );
    assert_eq!(served.get("/films/versions/2").0, 200, "the old one serves on");
}

#[test]
fn metadata_has_inputs_with_types() {
    let served = Served::start(Limits::default());
    let (status, answer) = served.get("/recmodel/metadata");
    assert_eq!((status, &answer["model_spec"]["name"]), (200, &json!("recmodel")));
    assert_eq!(answer["model_spec"]["version"], "2");
    let signature = &answer["metadata"]["signature_def"]["signature_def"]["serving_default"];
    assert_eq!(signature["method_name"], "tensorflow/serving/predict");
    let types = ["userId", "taste", "year"].map(|name| signature["inputs"][name]["dtype"].clone());
    assert_eq!(types, ["DT_INT64", "DT_STRING", "DT_DOUBLE"]);
    assert_eq!(signature["inputs"].as_object().unwrap().len(), 6);
    assert_eq!(served.get("/films/versions/2/metadata").0, 200);
}

#[test]
fn bodies_instances_and_permits_are_bounded() {
    let small = Served::start(Limits {
        body_bytes: 200,
        instances: 2,
        ..Limits::default()
    });
    let many = json!({ "instances": [{ "movieId": 1 }, { "movieId": 1 }, { "movieId": 1 }] });
    assert_eq!(
        small.refused(&many),
        "'instances' holds 3 instances, at most 2 are taken at once"
    );
    let column = json!({ "inputs": { "movieId": [1, 2, 3] } });
    assert_eq!(
        small.refused(&column),
        "'inputs' holds 3 instances, at most 2 are taken at once"
    );
    let (status, answer) = small.post("/films:predict", &b" ".repeat(201));
    assert_eq!((status, answer["error"].is_string()), (413, true));
    let none = Served::start(Limits {
        permits: 0,
        ..Limits::default()
    });
    assert_eq!(
        none.predict(&json!({ "instances": [{ "userId": 1, "movieId": 1 }] }))
            .0,
        429
    );
}

#[test]
fn a_deadline_that_passes_is_504() {
    let served = Served::start(Limits {
        deadline: Duration::ZERO,
        ..Limits::default()
    });
    assert_eq!(
        served
            .predict(&json!({ "instances": [{ "userId": 1, "movieId": 1 }] }))
            .0,
        504
    );
}

/// JSON of any shape, biased towards what the routes read.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("instances".to_owned()),
        Just("inputs".to_owned()),
        Just("signature_name".to_owned()),
        Just("userId".to_owned()),
        Just("movieId".to_owned()),
        Just("taste".to_owned()),
        Just("year".to_owned()),
        "\\PC{0,3}",
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

#[test]
fn no_body_is_answered_with_a_server_error() {
    let served = Served::start(Limits::default());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(300));
    runner
        .run(&any_json(), |body| {
            let (status, answer) = served.predict(&body);
            prop_assert!(status == 200 || status == 400, "{} {}", status, answer);
            prop_assert_eq!(status == 400, answer["error"].is_string());
            Ok(())
        })
        .unwrap();
    runner
        .run(&any::<Vec<u8>>(), |body| {
            prop_assert_eq!(served.post("/films:predict", &body).0, 400);
            Ok(())
        })
        .unwrap();
    drop(served.runtime);
}

#[test]
fn a_client_that_sends_slowly_holds_no_permit() {
    use std::io::{Read, Write};
    let served = Served::start(Limits {
        permits: 1,
        arrival: Duration::from_secs(1),
        ..Limits::default()
    });
    let address = served
        .base
        .trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let mut stalled = std::net::TcpStream::connect(&address).unwrap();
    let head = "POST /v1/models/films:predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 100\r\n\r\n";
    stalled.write_all(head.as_bytes()).unwrap();
    let mut asked = [0; 12];
    // the server asks for the body: the request is begun
    stalled.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100");
    let next = Served::agent()
        .post(format!("{}/films:predict", served.base))
        .send(r#"{"instances":[{"userId":1,"movieId":2}]}"#);
    assert_eq!(next.unwrap().status().as_u16(), 200);
    let mut answer = String::new();
    stalled.read_to_string(&mut answer).unwrap();
    assert!(
        answer.contains("HTTP/1.1 408") && answer.contains("1000 ms"),
        "{answer}"
    );
}
