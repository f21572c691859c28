//! The sample log end to end: a server writes it, `check skew` finds it equal to offline extraction and names what differs,
//! `replay` sends it through two versions.

use std::path::Path;

use rankine_feature::{Plan, Sample};
use rankine_pipeline::sample_log;
use rankine_table::json_lines::JsonLinesWriter;
use serde_json::{Value as Json, json};

use crate::home::{copy, home, rankine};
use crate::process::Server;

/// Requests sent.
const REQUESTS: i64 = 12;

fn plan(home: &Path) -> Plan {
    let model = home.join("models/widedeep/1");
    let text = |name: &str| std::fs::read_to_string(model.join(name)).unwrap();
    let fit = rankine_feature::Fit::from_json(&text("fit.json")).unwrap();
    Plan::compile(&text("feature.toml"), "feature.toml", Some(&fit)).unwrap()
}

/// Serves with a log of everything; returns the scores that were answered, by request.
fn served(home: &Path) -> Vec<Json> {
    let server = Server::with(home, &["--samples-rate", "1.0", "--samples-flush-s", "3600"]);
    let mut scores = Vec::new();
    for user in 1..=REQUESTS {
        let items: Vec<Json> = [1, 50, 318].map(|id| json!({ "id": id })).to_vec();
        let asks = json!([{ "conf": "movielens", "models": ["widedeep"] }]);
        let request = json!({ "user": { "userId": user }, "context": { "timestamp": user * 1_000 }, "items": items, "asks": asks });
        let answer = server.rest().post("/v1/predict", &request.to_string()).good();
        scores.push(answer["confs"][0]["models"][0]["scores"].clone());
    }
    assert!(server.interrupt().success(), "it ends, and writes what it has");
    scores
}

#[test]
fn what_was_served_is_logged_checked_and_replayed() {
    let home = home();
    let scores = served(home.path());
    let (folder, plan) = (home.path().join("logs/samples"), plan(home.path()));
    let log = folder.to_str().unwrap();
    let files = sample_log::files(&folder).unwrap();
    assert_eq!(files.len(), 1, "{files:?}");
    let rows = sample_log::read(&files[0], &plan).unwrap();
    assert_eq!(rows.len() as i64, 3 * REQUESTS);
    for (i, row) in rows.iter().enumerate() {
        assert_eq!(
            (row.item, &row.models[..]),
            ([1, 50, 318][i % 3], &["widedeep:1".to_owned()][..])
        );
        assert_eq!(Json::from(row.scores[0]), scores[i / 3][i % 3]);
    }

    let skew = rankine(home.path(), &["check", "skew", log, "--json"])
        .good()
        .json();
    assert_eq!(
        (&skew["rows"], &skew["different"]),
        (&json!(3 * REQUESTS), &json!(0))
    );

    against(home.path(), log, (&plan, &rows));

    copy(
        &home.path().join("models/widedeep/1"),
        &home.path().join("models/widedeep/2"),
    );
    let manifest = home.path().join("models/widedeep/2/manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let mut parsed: Json = serde_json::from_str(&text).unwrap();
    parsed["version"] = json!(2);
    std::fs::write(&manifest, parsed.to_string()).unwrap();
    let replay = ["replay", log, "--model", "widedeep", "--versions", "1,2"];
    let told = rankine(home.path(), &[&replay[..], &["--json"]].concat())
        .good()
        .json();
    assert_eq!(
        (&told["requests"], &told["items"]),
        (&json!(REQUESTS), &json!(3 * REQUESTS))
    );
    assert_eq!(
        (&told["score"]["most"], &told["features"]),
        (&json!(0.0), &json!([]))
    );
    assert!(told["versions"][1]["p50_ms"].as_f64().unwrap() > 0.0);
    assert!(
        rankine(home.path(), &replay)
            .good()
            .stdout
            .contains("the same in every slot")
    );
    let error = rankine(
        home.path(),
        &["replay", log, "--model", "widedeep", "--versions", "1,9"],
    )
    .bad(1);
    assert!(error.contains("version 9"), "{error}");
}

/// Offline rows with one field that is computed otherwise: exactly the features that rest on it are named.
fn against(home: &Path, log: &str, (plan, rows): (&Plan, &[sample_log::LogRow])) {
    let path = home.join("offline.jsonl");
    let mut writer = JsonLinesWriter::create(&path).unwrap();
    for row in rows {
        let mut sample = Sample::new(plan.schema());
        sample.set(|field| {
            let (side, at) = plan.schema().find(&field.name).unwrap();
            row.sides[side as usize][at].clone()
        });
        let pairs = sample
            .values()
            .map(|(field, value)| (field.name.to_string(), rankine_feature::json::print(value)));
        let mut object: serde_json::Map<String, Json> = pairs.collect();
        object.insert("releaseYear".to_owned(), json!(1901));
        writer.write(&object).unwrap();
    }
    writer.commit().unwrap();
    let path = path.to_str().unwrap();
    let arguments = [
        "check",
        "skew",
        log,
        "--against",
        path,
        "--key",
        "userId,movieId,timestamp",
    ];
    let outcome = rankine(home, &arguments);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(
        outcome
            .stderr
            .contains(&format!("{0} of {0} logged samples differ", rows.len())),
        "{}",
        outcome.stderr
    );
    let rests: Vec<&str> = plan
        .outline()
        .iter()
        .filter(|feature| {
            feature.slot.is_some() && feature.depend.iter().any(|name| &**name == "releaseYear")
        })
        .map(|feature| &*feature.name)
        .collect();
    let named: Vec<&str> = outcome
        .stdout
        .lines()
        .skip(2)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(
        !rests.is_empty() && rests.iter().all(|name| named.contains(name)),
        "{rests:?} in {}",
        outcome.stdout
    );
}
