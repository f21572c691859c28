//! The unified predictor over gRPC and REST: one meaning, two spellings.

use crate::grpc::{channel, wait};
use crate::home::{Answer, Server, config, home, publish_dssm, publish_model, wait_until};
use rankine_server::config::ModelConfig;
use rankine_server::grpc::proto::predictor_client::PredictorClient;
use rankine_server::grpc::proto::{
    Ask, EmbedRequest, EmbedRow, ExtractRequest, Item, PredictRequest, PredictResponse, StatusRequest, Value,
    value::Kind,
};
use serde_json::{Value as Json, json};
use std::time::Duration;

const FILMS: [i64; 6] = [1, 50, 318, 527, 2571, 999_999];

fn grpc(server: &Server, request: &PredictRequest) -> Result<PredictResponse, tonic::Status> {
    wait(async {
        let mut client = PredictorClient::new(channel(server).await);
        client
            .predict(request.clone())
            .await
            .map(tonic::Response::into_inner)
    })
}

fn rest(server: &Server, body: &Json) -> Answer {
    server.rest_post("/v1/predict", &body.to_string(), &[])
}

fn value(kind: Kind) -> Value {
    Value { kind: Some(kind) }
}

fn int(x: i64) -> Value {
    value(Kind::Int(x))
}

/// Confs with their models.
type Asks<'a> = &'a [(&'a str, &'a [&'a str])];

/// The same question twice: what one spelling says is what the other says.
fn question(items: &[Json], asks: Asks<'_>) -> (PredictRequest, Json) {
    let to_value = |json: &Json| match json {
        Json::Null => Value::default(),
        Json::String(text) => value(Kind::Text(text.clone())),
        Json::Number(number) if number.is_i64() => int(number.as_i64().unwrap()),
        other @ (Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) => {
            value(Kind::Float(other.as_f64().unwrap()))
        }
    };
    let item = |item: &Json| Item {
        id: item["id"].as_i64().unwrap(),
        fields: item["fields"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, json)| (name.clone(), to_value(json)))
            .collect(),
        values: item["values"]
            .as_array()
            .into_iter()
            .flatten()
            .map(to_value)
            .collect(),
        models: item["models"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|m| m.as_str().unwrap().to_owned())
            .collect(),
    };
    let message = PredictRequest {
        user: [("userId".to_owned(), int(6))].into(),
        items: items.iter().map(item).collect(),
        item_fields: vec!["movieGenre1".to_owned(), "movieAvgRating".to_owned()],
        asks: asks
            .iter()
            .map(|(conf, models)| Ask {
                conf: (*conf).to_owned(),
                models: models.iter().map(ToString::to_string).collect(),
            })
            .collect(),
        ..PredictRequest::default()
    };
    let asks: Vec<Json> = asks
        .iter()
        .map(|(conf, models)| json!({ "conf": conf, "models": models }))
        .collect();
    let body = json!({ "user": { "userId": 6 }, "items": items, "item_fields": ["movieGenre1", "movieAvgRating"], "asks": asks });
    (message, body)
}

fn by_id() -> Vec<Json> {
    FILMS.iter().map(|id| json!({ "id": id })).collect()
}

/// A message as REST would say it, apart from words.
fn told(answer: &PredictResponse) -> Vec<(String, Vec<Json>)> {
    let model = |model: &rankine_server::grpc::proto::ModelScores| match &model.error {
        Some(error) => {
            json!({ "error": error.fault().as_str_name().trim_start_matches("MODEL_FAULT_").to_lowercase(), "message": error.message })
        }
        None => json!({
            "version": model.version,
            "hash": model.conf_hash,
            "scores": model.scores.iter().map(|s| s.value.map_or(Json::Null, |x| f64::from(x).into())).collect::<Vec<_>>(),
            "absent": model.scores.iter().filter_map(|s| s.absent.clone()).map(|a| a.message).collect::<Vec<_>>(),
        }),
    };
    answer
        .confs
        .iter()
        .map(|conf| (conf.conf.clone(), conf.models.iter().map(model).collect()))
        .collect()
}

fn said(answer: &Json) -> Vec<(String, Vec<Json>)> {
    let model = |model: &Json| match model.get("error") {
        Some(error) => json!({ "error": error["fault"], "message": error["message"] }),
        None => json!({
            "version": model["version"],
            "hash": model["conf_hash"],
            "scores": model["scores"],
            "absent": model["absent"].as_array().unwrap().iter().map(|a| a["message"].clone()).collect::<Vec<_>>(),
        }),
    };
    let confs = answer["confs"].as_array().unwrap();
    confs
        .iter()
        .map(|conf| {
            (
                conf["conf"].as_str().unwrap().to_owned(),
                conf["models"].as_array().unwrap().iter().map(model).collect(),
            )
        })
        .collect()
}

#[test]
fn both_spellings_answer_alike() {
    let home = home();
    let server = Server::on(home.path());
    let mut items = by_id();
    items[1]["models"] = json!(["neuralcf"]);
    items[2]["fields"] = json!({ "movieGenre1": "Drama", "movieAvgRating": 4.5 });
    items[3]["values"] = json!(["War", null]);
    items[4]["fields"] = json!({ "movieAvgRating": "high" });
    let asks: [(&str, &[&str]); 3] = [
        (
            "history",
            &["widedeep", "neuralcf", "item2vec", "nosuch", "widedeep:9"],
        ),
        ("other", &["widedeep"]),
        ("", &["recmodel"]),
    ];
    let (message, body) = question(&items, &asks);
    let (by_grpc, by_rest) = (grpc(&server, &message).unwrap(), rest(&server, &body).good());
    assert_eq!(told(&by_grpc), said(&by_rest));
    let wide = &by_rest["confs"][0]["models"][0];
    let absent = |i: usize| {
        (
            wide["absent"][i]["item"].clone(),
            wide["absent"][i]["reason"].clone(),
        )
    };
    assert_eq!(
        [absent(0), absent(1)],
        [(json!(1), json!("not_asked")), (json!(4), json!("bad_item"))]
    );
    assert_eq!(
        wide["absent"][1]["message"],
        "field movieAvgRating: expected float, got string `high`"
    );
    assert!(wide["scores"][0].is_f64() && wide["scores"][1].is_null());
    let faults: Vec<&Json> = (2..5)
        .map(|m| &by_rest["confs"][0]["models"][m]["error"]["fault"])
        .collect();
    assert_eq!(faults, ["no_scores", "unknown", "unknown"]);
    assert_eq!(by_rest["confs"][1]["models"][0]["error"]["fault"], "other_conf");
    assert_eq!(
        by_rest["confs"][2]["models"][0]["scores"],
        by_rest["confs"][0]["models"][1]["scores"]
    );
}

#[test]
fn scores_are_those_of_tensorflow_servings_interface() {
    let home = home();
    let server = Server::on(home.path());
    let (message, _) = question(&by_id(), &[("history", &["widedeep"])]);
    let answer = grpc(&server, &message).unwrap();
    let got: Vec<Json> = answer.confs[0].models[0]
        .scores
        .iter()
        .map(|s| json!([f64::from(s.value.unwrap())]))
        .collect();
    let instances: Vec<Json> = FILMS
        .iter()
        .map(|id| json!({ "userId": 6, "movieId": id }))
        .collect();
    let body = json!({ "instances": instances }).to_string();
    let expected = server.rest_post("/v1/models/widedeep:predict", &body, &[]).good();
    assert_eq!(Json::from(got), expected["predictions"]);
}

#[test]
fn slots_are_shown_alike() {
    let home = home();
    let server = Server::on(home.path());
    let (message, body) = question(&by_id(), &[("history", &[])]);
    let request = ExtractRequest {
        request: Some(message),
        readable: true,
    };
    let by_grpc = wait(async {
        PredictorClient::new(channel(&server).await)
            .extract(request)
            .await
            .unwrap()
            .into_inner()
    });
    let body = json!({ "request": body, "readable": true });
    let by_rest = server.rest_post("/v1/extract", &body.to_string(), &[]).good();
    for (i, item) in by_grpc.confs[0].items.iter().enumerate() {
        let hex: String = item.canonical.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = &by_rest["confs"][0]["items"][i];
        assert_eq!((item.id, &shown["canonical"]), (FILMS[i], &json!(hex)));
        assert_eq!(item.slots.len(), 6);
        let film = &item.slots[1];
        assert_eq!(
            (film.feature.as_str(), film.group.as_str(), film.signs.len()),
            ("movie", "item", 1)
        );
        assert_eq!(shown["slots"][1]["signs"][0], film.signs[0].to_string());
    }
    assert_eq!(by_rest["confs"][0]["conf_hash"], by_grpc.confs[0].conf_hash);
}

#[test]
fn vectors_are_made_alike() {
    let home = home();
    publish_dssm(&home.path().join("models"), "dssm", 3);
    let mut config = config(home.path());
    config.limits.items = 3;
    config.model.push(ModelConfig {
        name: "dssm".to_owned(),
        ..ModelConfig::default()
    });
    let server = Server::start(config);
    server.wait_for_models();
    let films = [
        json!({ "movieId": 1, "movieGenre1": "Drama", "movieAvgRating": 4.5 }),
        json!({ "movieId": "one" }),
    ];
    let request = EmbedRequest {
        model: "dssm".to_owned(),
        rows: films
            .iter()
            .map(|film| EmbedRow {
                id: 1,
                fields: film.to_string(),
            })
            .collect(),
        ..EmbedRequest::default()
    };
    let by_grpc = wait(async {
        let mut client = PredictorClient::new(channel(&server).await);
        client.embed(request).await.unwrap().into_inner()
    });
    let rows = |films: &[Json]| {
        films
            .iter()
            .map(|film| json!({ "id": 1, "fields": film }))
            .collect::<Vec<_>>()
    };
    let ask = |model: &str, rows: &[Json]| {
        let body = json!({ "model": model, "rows": rows }).to_string();
        server.rest_post("/v1/embed", &body, &[])
    };
    let by_rest = ask("dssm", &rows(&films)).good();
    assert_eq!((&by_rest["version"], &by_rest["width"]), (&json!(1), &json!(5)));
    assert_eq!((by_grpc.version, by_grpc.width), (1, 5));
    assert_eq!(by_rest["rows"][0]["vector"], json!(by_grpc.rows[0].vector));
    assert_eq!(by_rest["rows"][1], json!({ "fault": by_grpc.rows[1].fault }));
    for (model, films, status) in [
        ("nobody", &films[..1], 404),
        ("widedeep", &films[..1], 400),
        ("dssm", &[json!({}), json!({}), json!({}), json!({})][..], 400),
    ] {
        assert_eq!(ask(model, &rows(films)).status, status, "{model}");
    }
}

#[test]
fn bad_requests_say_where_in_both_spellings() {
    let home = home();
    let mut config = config(home.path());
    config.limits.items = 3;
    let server = Server::start(config);
    server.wait_for_models();
    let three = &by_id()[..3];
    let cases: [(Vec<Json>, Asks<'_>, &str); 5] = [
        (three.to_vec(), &[], "asks: expected at least one, got none"),
        (
            by_id(),
            &[("history", &["widedeep"])],
            "items: expected at most 3, got 6",
        ),
        (
            three.to_vec(),
            &[("history", &["widedeep", "widedeep"])],
            "asks[0].models[1]: `widedeep` is asked for twice",
        ),
        (
            vec![json!({ "id": 1, "values": [1, 2, 3] })],
            &[("history", &["widedeep"])],
            "items[0].values: more values (3) than item_fields (2)",
        ),
        (
            vec![json!({ "id": 1, "values": ["x"], "fields": { "movieGenre1": "y" } })],
            &[("history", &["widedeep"])],
            "items[0].fields.movieGenre1: given in `values` too",
        ),
    ];
    for (items, asks, says) in cases {
        let (message, body) = question(&items, asks);
        let status = grpc(&server, &message).unwrap_err();
        assert_eq!(
            (status.code(), status.message()),
            (tonic::Code::InvalidArgument, says)
        );
        let answer = rest(&server, &body);
        assert_eq!(
            (answer.status, &answer.json()["error"]["message"]),
            (400, &json!(says))
        );
    }
    unreadable(&server);
    let (mut message, _) = question(three, &[("history", &["widedeep"])]);
    message.item_dictionary = "x".repeat(9 << 20);
    assert_eq!(
        grpc(&server, &message).unwrap_err().code(),
        tonic::Code::OutOfRange
    );
    assert_eq!(server.state.predictor().load().0, 0, "every permit is back");
}

/// Bodies that are no question at all.
fn unreadable(server: &Server) {
    for (body, says) in [
        ("", "body: expected a JSON object"),
        ("[]", "body: expected a JSON object"),
        ("{\"asks\": 1}", "line 1 column"),
        ("{\"a\": 1}", "unknown field `a`"),
    ] {
        let answer = server.rest_post("/v1/predict", body, &[]);
        let message = answer.json()["error"]["message"].clone();
        assert!(
            answer.status == 400 && message.as_str().unwrap().contains(says),
            "{message}"
        );
    }
    let large = format!("{{\"item_dictionary\": \"{}\"}}", "x".repeat(9 << 20));
    wait_until("413", || server.rest_status("/v1/predict", &large) == Some(413));
}

#[test]
fn overload_is_refused_at_once_and_says_when_to_come_back() {
    let home = home();
    let mut config = config(home.path());
    config.limits.permits = 1;
    let server = Server::start(config);
    server.wait_for_models();
    let (message, body) = question(&by_id(), &[("history", &["widedeep"])]);
    let busy = server.state.questions().clone().try_acquire_owned().unwrap();
    let answer = rest(&server, &body);
    assert_eq!(
        (answer.status, answer.json()["error"]["type"].as_str()),
        (429, Some("overloaded"))
    );
    assert_eq!(answer.headers["retry-after"], "1");
    let status = grpc(&server, &message).unwrap_err();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    assert!(status.metadata().contains_key("retry-after-ms") && !status.details().is_empty());
    drop(busy);
    assert_eq!(rest(&server, &body).status, 200);
    assert!(grpc(&server, &message).is_ok());
}

#[test]
fn a_deadline_is_honoured_in_both_spellings() {
    let home = home();
    let server = Server::on(home.path());
    let (message, body) = question(&by_id(), &[("history", &["widedeep"])]);
    let answer = server.rest_post("/v1/predict", &body.to_string(), &[("x-timeout-ms", "0")]);
    assert_eq!(
        (answer.status, answer.json()["error"]["type"].as_str()),
        (504, Some("deadline"))
    );
    let answer = server.rest_post("/v1/predict", &body.to_string(), &[("x-timeout-ms", "soon")]);
    assert_eq!(answer.status, 400);
    let late = wait(async {
        let mut client = PredictorClient::new(channel(&server).await);
        let mut request = tonic::Request::new(message.clone());
        request
            .metadata_mut()
            .insert("grpc-timeout", "1n".parse().unwrap());
        client.predict(request).await.unwrap_err()
    });
    assert!(
        matches!(
            late.code(),
            tonic::Code::DeadlineExceeded | tonic::Code::Cancelled
        ),
        "{late}"
    );
    let in_time = wait(async {
        let mut client = PredictorClient::new(channel(&server).await);
        let mut request = tonic::Request::new(message);
        request.set_timeout(Duration::from_secs(60));
        client.predict(request).await
    });
    assert!(in_time.is_ok());
}

/// Writes item rows for two films.
fn write_items(path: &std::path::Path, rating: f64) {
    use rankine_table::{Column, Table, parquet};
    let columns = vec![
        ("movieId".to_owned(), Column::Int(vec![Some(1), Some(50)])),
        (
            "movieGenre1".to_owned(),
            Column::Text(vec![Some("Drama".into()), Some("War".into())]),
        ),
        (
            "movieAvgRating".to_owned(),
            Column::Float(vec![Some(rating), Some(4.0)]),
        ),
    ];
    parquet::write(path, &Table::new(columns).unwrap(), &[]).unwrap();
}

#[test]
fn dictionaries_serve_and_reload_and_both_statuses_show_them() {
    use rankine_server::config::{DictionaryConfig, DictionaryKindConfig};
    let home = home();
    let file = home.path().join("items.parquet");
    write_items(&file, 2.0);
    let mut config = config(home.path());
    config.dictionary.push(DictionaryConfig {
        name: "films".to_owned(),
        kind: DictionaryKindConfig::Items,
        path: "items.parquet".into(),
        ..DictionaryConfig::default()
    });
    let server = Server::start(config);
    server.wait_for_models();
    let (message, _) = question(&by_id()[..2], &[("history", &["widedeep"])]);
    let scores = || {
        let answer = grpc(&server, &message).unwrap();
        answer.confs[0].models[0]
            .scores
            .iter()
            .map(|score| score.value.unwrap().to_bits())
            .collect::<Vec<u32>>()
    };
    let before = scores();
    write_items(&file, 4.5);
    wait_until("the new rows", || scores()[0] != before[0]);
    assert_eq!(scores()[1], before[1]);
    std::fs::write(home.path().join("bad"), "PAR1 no more").unwrap();
    std::fs::rename(home.path().join("bad"), &file).unwrap();
    every_status_shows_the_fault(&server);
    assert!(scores()[0] != before[0], "the old generation serves on");
}

/// The fault of `films`, in both spellings of the status, on the status page's data and in the metrics.
fn every_status_shows_the_fault(server: &Server) {
    let status = || {
        let status = wait(async {
            PredictorClient::new(channel(server).await)
                .status(StatusRequest {})
                .await
                .unwrap()
                .into_inner()
        });
        status
            .dictionaries
            .into_iter()
            .find(|d| d.name == "films")
            .unwrap()
    };
    wait_until("the fault", || !status().error.is_empty());
    let films = status();
    assert_eq!(
        (films.kind.as_str(), films.generation, films.failures),
        ("items", 2, 1)
    );
    assert!(
        films.bytes > 100 && films.age_micros > 0 && films.error.contains("items.parquet"),
        "{films:?}"
    );
    let shown = server.get_rest("/v1/status").good();
    assert!(
        shown["dictionaries"]
            .as_array()
            .unwrap()
            .iter()
            .any(|d| d["kind"] == "items" && d["generation"] == 2)
    );
    let shown = server.get_rest("/status").good();
    assert!(
        shown["dictionaries"]
            .as_array()
            .unwrap()
            .iter()
            .any(|d| d["name"] == "films" && d["error"].is_string())
    );
    let metrics = server.get_rest("/metrics").text;
    assert!(
        metrics.contains("rankine_dictionary{kind=\"items\",name=\"films\",what=\"failures\"} 1"),
        "{metrics}"
    );
}

#[test]
fn a_pinned_version_serves_until_the_pin_goes() {
    let home = home();
    let server = Server::on(home.path());
    let folder = home.path().join("models/widedeep");
    let (message, _) = question(&by_id()[..1], &[("history", &["widedeep"])]);
    let version = || grpc(&server, &message).unwrap().confs[0].models[0].version;
    assert_eq!(publish_model(&home.path().join("models"), "widedeep", 9), 2);
    wait_until("version 2", || version() == 2);
    rankine_dict::pin::pin(&folder, 1).unwrap();
    wait_until("version 1", || version() == 1);
    rankine_dict::pin::unpin(&folder).unwrap();
    wait_until("version 2 again", || version() == 2);
}
