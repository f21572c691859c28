//! The sample log end to end: a server writes it, `check skew` finds it equal to offline extraction and names what differs,
//! `replay` sends it through two versions.

use std::collections::BTreeSet;
use std::path::Path;

use rankine_feature::{Plan, Side};
use rankine_pipeline::sample::{SampleOptions, SampleReader, SampleRow};
use rankine_pipeline::sample_log;
use rankine_table::json_lines::JsonLinesWriter;
use serde_json::{Map, Value as Json, json};
use tempfile::TempDir;

use crate::dictionaries;
use crate::extract_parity::{frames, side};
use crate::home::{Outcome, home, rankine};
use crate::process::Server;
use crate::verbs::{changed, folder, path};

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
    let (logs, plan) = (home.path().join("logs/samples"), plan(home.path()));
    let log = logs.to_str().unwrap();
    let files = sample_log::files(&logs).unwrap();
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

    let files = folder(&[("lr.toml", &changed("models/lr.toml", "epochs = 15", "epochs = 1"))]);
    rankine(
        home.path(),
        &["train", &path(&files, "lr.toml"), "--name", "widedeep"],
    )
    .good();
    let replay = |versions: &str, more: &[&str]| {
        let of = ["replay", log, "--model", "widedeep", "--versions", versions];
        rankine(home.path(), &[&of[..], more].concat()).good()
    };
    let same = replay("1,1", &["--json"]).json();
    let told = replay("1,2", &["--json"]).json();
    for told in [&same, &told] {
        assert_eq!(
            (&told["requests"], &told["items"], &told["of_other_models"]),
            (&json!(REQUESTS), &json!(3 * REQUESTS), &json!(0))
        );
        assert_eq!(told["features"], json!([]), "of one conf");
        assert!(told["versions"][1]["p50_ms"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(same["score"]["most"], 0.0);
    assert!(told["score"]["most"].as_f64().unwrap() > 0.0, "{told}");
    assert!(replay("1,2", &[]).stdout.contains("the same in every slot"));
    let error = rankine(
        home.path(),
        &["replay", log, "--model", "widedeep", "--versions", "1,9"],
    )
    .bad(1);
    assert!(error.contains("version 9"), "{error}");
}

/// The logged raw values as an offline file, each row changed.
fn offline(
    home: &Path,
    (plan, rows): (&Plan, &[sample_log::LogRow]),
    mut change: impl FnMut(usize, &mut Map<String, Json>),
) -> String {
    let path = home.join("offline.jsonl");
    let mut writer = JsonLinesWriter::create(&path).unwrap();
    for (at, row) in rows.iter().enumerate() {
        let mut object = Map::new();
        for of in Side::ALL {
            object.extend(side(plan.schema(), of, &row.sides[of as usize]));
        }
        change(at, &mut object);
        writer.write(&object).unwrap();
    }
    writer.commit().unwrap();
    path.to_str().unwrap().to_owned()
}

/// Names of the features with a slot that rest on a field, in whatever way.
fn resting_on(plan: &Plan, field: &str) -> BTreeSet<String> {
    let mut rests = BTreeSet::from([field.to_owned()]);
    // in order of execution within a group, and groups in order: twice is enough for any
    for feature in plan.outline().iter().chain(plan.outline()) {
        if feature.depend.iter().any(|name| rests.contains(&**name)) {
            rests.insert(feature.name.to_string());
        }
    }
    let slots = plan.slots().iter().map(|spec| spec.name.to_string());
    slots.filter(|name| rests.contains(name)).collect()
}

/// `check skew` against offline rows.
fn against(home: &Path, log: &str, (plan, rows): (&Plan, &[sample_log::LogRow])) {
    let check = |path: &str| {
        let arguments = ["check", "skew", log, "--against", path];
        rankine(
            home,
            &[&arguments[..], &["--key", "userId,movieId,timestamp", "--json"]].concat(),
        )
    };
    let same = offline(home, (plan, rows), |_, _| {});
    let told = check(&same).good().json();
    assert_eq!(
        (&told["without_offline_row"], &told["different"]),
        (&json!(0), &json!(0))
    );

    let other = offline(home, (plan, rows), |_, row| {
        row.insert("releaseYear".to_owned(), json!(1901));
    });
    let outcome = check(&other);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    let all_differ = format!("{0} of {0} logged samples differ", rows.len());
    assert!(outcome.stderr.contains(&all_differ), "{}", outcome.stderr);
    let told = outcome.json();
    let features = told["features"].as_array().unwrap();
    let named = features
        .iter()
        .map(|one| one["feature"].as_str().unwrap().to_owned());
    let expected = resting_on(plan, "releaseYear");
    assert!(!expected.is_empty());
    assert_eq!(named.collect::<BTreeSet<_>>(), expected);

    let strangers = offline(home, (plan, rows), |_, row| {
        row.insert("userId".to_owned(), json!(987_654));
    });
    let outcome = check(&strangers);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stdout);
    let nothing = format!("nothing was compared: {} logged samples", rows.len());
    assert!(outcome.stderr.contains(&nothing), "{}", outcome.stderr);

    let missing = offline(home, (plan, rows), |at, row| {
        if at == 4 {
            row.insert("timestamp".to_owned(), Json::Null);
        }
    });
    let told = check(&missing).good().json();
    assert_eq!(
        (&told["without_offline_row"], &told["different"]),
        (&json!(1), &json!(0))
    );

    let twice = offline(home, (plan, &[rows, &rows[..1]].concat()), |_, _| {});
    let told = check(&twice).bad(1);
    let expected = format!(
        "offline.jsonl:{}: the key userId,movieId,timestamp (1,1,",
        rows.len() + 1
    );
    assert!(
        told.contains(&expected) && told.contains("is also on line 1"),
        "{told}"
    );
}

#[test]
fn the_log_of_a_sample_files_rows_has_the_features_that_the_file_has_offline() {
    const ROWS: usize = 200;
    let home = home();
    let plan = plan(home.path());
    let file = home.path().join("samples/movielens/test.parquet");
    let options = SampleOptions::default();
    let mut reader = SampleReader::open(&file, plan.schema(), plan.sample_spec(), &options).unwrap();
    let mut rows: Vec<SampleRow> = Vec::new();
    while rows.len() < ROWS && reader.next(&mut rows, ROWS).unwrap() > 0 {}
    rows.truncate(ROWS);
    let server = Server::with(
        home.path(),
        &["--samples-rate", "1.0", "--samples-flush-s", "3600"],
    );
    for row in &rows {
        let fields = side(plan.schema(), Side::Item, &row.item);
        let request = json!({
            "user": side(plan.schema(), Side::User, &row.user),
            "context": side(plan.schema(), Side::Context, &row.context),
            "items": [{ "id": row.item_id, "fields": fields }],
            "asks": [{ "conf": "movielens", "models": ["widedeep"] }],
        });
        server.rest().post("/v1/predict", &request.to_string()).good();
    }
    assert!(server.interrupt().success());

    let (out, folder) = (home.path().join("features.bin"), home.path().join("logs/samples"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    rankine(
        home.path(),
        &[
            "extract",
            "--model",
            "widedeep",
            &text(&file),
            "--out",
            &text(&out),
        ],
    )
    .good();
    let offline = frames(&std::fs::read(&out).unwrap());
    let logged = sample_log::read(&sample_log::files(&folder).unwrap()[0], &plan).unwrap();
    assert_eq!(logged.len(), ROWS);
    for (logged, offline) in logged.iter().zip(&offline) {
        assert_eq!(logged.bytes, *offline, "item {}", logged.item);
    }
    let arguments = ["check", "skew", &text(&folder), "--against", &text(&file)].map(str::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let key = ["--key", "userId,movieId,timestamp", "--json"];
    let told = rankine(home.path(), &[&arguments[..], &key].concat())
        .good()
        .json();
    assert_eq!(
        (&told["rows"], &told["without_offline_row"], &told["different"]),
        (&json!(ROWS), &json!(0), &json!(0))
    );
}

/// A home that serves the shop of the dictionary tests beside the demo's models, and files to train it with.
struct Shop {
    home: TempDir,
    files: TempDir,
}

impl Shop {
    /// Version 1 is trained: over a frozen dictionary of prices.
    fn new() -> Shop {
        let conf = dictionaries::CONF.replace("key = \"string\"", "key = \"string\", frozen = true");
        let kind = "{ name = \"kinds\", class = \"id\", slot = 3, depend = [\"kind\"] },\n]";
        let more = conf.replace("\n]\n", &format!("\n  {kind}\n"));
        let fewer = conf.replace(conf.lines().find(|line| line.contains("\"price\"")).unwrap(), "");
        let reading = dictionaries::MODEL.replace(
            "dim = 2 }",
            "dim = 2 }, { slots = [3], table = \"kind\", dim = 2 }",
        );
        let server = format!(
            "model = [{{ name = \"widedeep\" }}, {{ name = \"shop\" }}]\n{}",
            dictionaries::SERVER
        );
        let shop = Shop {
            home: home(),
            files: folder(&[
                ("shop.feature.toml", &conf),
                ("more.feature.toml", &more),
                ("fewer.feature.toml", &fewer),
                ("shop.toml", dictionaries::MODEL),
                ("more.toml", &reading),
                ("clicks.csv", &dictionaries::samples()),
                ("server.toml", &server),
            ]),
        };
        shop.prices("pin\t-1.5\ncar\t1.25\n");
        shop.train("shop");
        shop
    }

    fn file(&self, name: &str) -> String {
        path(&self.files, name)
    }

    fn prices(&self, text: &str) {
        std::fs::write(self.home.path().join("prices.tsv"), text).unwrap();
    }

    fn train(&self, of: &str) {
        let (model, conf) = (
            self.file(&format!("{of}.toml")),
            self.file(&format!("{of}.feature.toml")),
        );
        let data = self.file("clicks.csv");
        let train = [
            "train", &model, "--conf", &conf, "--train", &data, "--name", "shop",
        ];
        self.run(&train).good();
    }

    /// Runs a verb with the dictionaries.
    fn run(&self, arguments: &[&str]) -> Outcome {
        let server = self.file("server.toml");
        rankine(
            self.home.path(),
            &[arguments, &["--dictionaries", &server]].concat(),
        )
    }

    /// The folder of the log, and that of the shop in it.
    fn logs(&self) -> (String, String) {
        let logs = self.home.path().join("logs/samples");
        let mut folders = std::fs::read_dir(&logs)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let of_shop = folders.find(|path| path.to_str().unwrap().contains("/shop-"));
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        (text(&logs), text(&of_shop.expect("a log of the shop")))
    }

    /// Serves a request of each of `users` for two items of the shop and two for three films; everything is logged.
    fn serve(&self, users: i64) -> Server {
        let config = self.file("server.toml");
        let arguments = [
            "--config",
            &config,
            "--samples-rate",
            "1.0",
            "--samples-flush-s",
            "3600",
        ];
        let server = Server::start(self.home.path(), "", "127.0.0.1:0", &arguments);
        server.wait_for_models();
        for user in 0..users {
            let item = |id: i64, kind: &str| json!({ "id": id, "fields": { "item": id, "kind": kind } });
            let request = json!({
                "user": { "user": user }, "items": [item(1, "pin"), item(2, "car")],
                "asks": [{ "conf": "shop", "models": ["shop"] }],
            });
            let answer = server.rest().post("/v1/predict", &request.to_string()).good();
            assert!(
                answer["confs"][0]["models"][0]["scores"][1].is_number(),
                "{answer}"
            );
        }
        for user in 1..3 {
            let request = json!({
                "user": { "userId": user }, "items": [{ "id": 1 }, { "id": 50 }, { "id": 318 }],
                "asks": [{ "conf": "movielens", "models": ["widedeep"] }],
            });
            server.rest().post("/v1/predict", &request.to_string()).good();
        }
        server
    }
}

/// The features of a failed `check skew --json`: slot, name, samples.
fn differing(outcome: &Outcome) -> Vec<(i64, String, i64)> {
    assert_eq!(outcome.code, Some(1), "{}\n{}", outcome.stdout, outcome.stderr);
    let told = outcome.json();
    let features = told["features"].as_array().unwrap().iter();
    let feature = |one: &Json| {
        let (slot, rows) = (one["slot"].as_i64().unwrap(), one["rows"].as_i64().unwrap());
        (slot, one["feature"].as_str().unwrap().to_owned(), rows)
    };
    features.map(feature).collect()
}

#[test]
fn a_conf_with_a_frozen_dictionary_is_logged_explained_checked_and_replayed() {
    let shop = Shop::new();
    let server = shop.serve(6);
    let metrics = server.rest().get("/metrics").text;
    for what in ["dropped", "unscored", "failed"] {
        assert!(
            metrics.contains(&format!("rankine_sample_log{{what=\"{what}\"}} 0")),
            "{metrics}"
        );
    }
    let data = shop.file("clicks.csv");
    let explain = ["extract", "--model", "shop", &data, "--explain", "4", "--json"];
    let explained = shop
        .run(&[&explain[..], &["--online", server.rest().base()]].concat())
        .good()
        .json();
    assert!(
        explained["score"].is_number() && explained["same_bytes"] == true,
        "{explained}"
    );
    assert_eq!(explained["score"], explained["online_score"]);
    assert!(server.interrupt().success());

    let (logs, of_shop) = shop.logs();
    checked(&shop, (&logs, &of_shop));

    shop.train("more");
    let replay = ["replay", &logs, "--model", "shop", "--versions", "1,2", "--json"];
    let told = shop.run(&replay).good().json();
    assert_eq!(
        (&told["requests"], &told["items"], &told["of_other_models"]),
        // one of the seven was sent by `extract --explain`
        (&json!(7), &json!(13), &json!(6))
    );
    assert_eq!(
        told["features"],
        json!([{ "slot": 3, "feature": "kinds", "items": 13 }])
    );
    assert!(told["score"]["most"].as_f64().unwrap() > 0.0, "{told}");
    let error = rankine(shop.home.path(), &replay).bad(1);
    assert!(error.contains("say where it is with --dictionaries"), "{error}");
    let other = ["replay", &logs, "--model", "neuralcf", "--versions", "1,1"];
    let error = rankine(shop.home.path(), &other).bad(1);
    assert!(
        error.contains("no logged sample was scored by `neuralcf`; 19 were by other models"),
        "{error}"
    );
}

/// `check skew` of a log with the dictionaries it was made with, without any, with others, and with other confs.
fn checked(shop: &Shop, (logs, of_shop): (&str, &str)) {
    let all = shop.run(&["check", "skew", logs, "--json"]).good().json();
    assert_eq!((&all["rows"], &all["different"]), (&json!(19), &json!(0)));
    let error = rankine(shop.home.path(), &["check", "skew", of_shop]).bad(1);
    assert!(error.contains("say where it is with --dictionaries"), "{error}");
    let check = |more: &[&str]| shop.run(&[&["check", "skew", of_shop, "--json"], more].concat());

    shop.prices("pin\t-1.5\ncar\t7\n");
    assert_eq!(differing(&check(&[])), [(2, "price".to_owned(), 6 + 1)]);
    shop.prices("pin\t-1.5\ncar\t1.25\n");

    let more = shop.file("more.feature.toml");
    let outcome = check(&["--conf", &more]);
    assert_eq!(differing(&outcome), [(3, "kinds".to_owned(), 13)]);
    assert_eq!(outcome.json()["features"][0]["first"]["logged"], "not there");
    let fewer = shop.file("fewer.feature.toml");
    let outcome = check(&["--conf", &fewer]);
    assert_eq!(differing(&outcome), [(2, "(not in the conf)".to_owned(), 13)]);
    assert_eq!(outcome.json()["features"][0]["first"]["offline"], "not there");
}

#[test]
fn a_log_with_labels_is_trained_on() {
    const USERS: i64 = 80;
    let shop = Shop::new();
    assert!(shop.serve(USERS).interrupt().success());
    let (logs, of_shop) = shop.logs();
    // pins are clicked; one click is of something that was never served
    let clicks: String = (0..USERS).map(|user| format!("{user},1,1\n")).collect();
    let clicks = format!("user,item,label\n{clicks}987,1,1\n");
    let (file, out) = (
        shop.home.path().join("labels.csv"),
        shop.home.path().join("logged.parquet"),
    );
    std::fs::write(&file, clicks).unwrap();
    let (file, out) = (file.to_str().unwrap(), out.to_str().unwrap());
    let join = |log: &str, more: &[&str]| {
        let of = [
            "sample",
            "label",
            log,
            "--labels",
            file,
            "--key",
            "user,item",
            "--out",
            out,
            "--json",
        ];
        rankine(shop.home.path(), &[&of[..], more].concat())
    };
    assert!(
        join(&logs, &[])
            .bad(1)
            .contains("samples of 2 confs; name the folder of one")
    );
    let told = join(&of_shop, &[]).good().json();
    assert_eq!(
        (&told["rows"], &told["without_label"], &told["unused_labels"]),
        (&json!(USERS), &json!(USERS), &json!(1))
    );
    let told = join(&of_shop, &["--otherwise", "0"]).good().json();
    assert_eq!(
        (&told["rows"], &told["without_label"]),
        (&json!(2 * USERS), &json!(USERS))
    );

    let (model, conf) = (shop.file("shop.toml"), shop.file("shop.feature.toml"));
    let train = [
        "train", &model, "--conf", &conf, "--train", out, "--name", "shop", "--json",
    ];
    let trained = shop.run(&train).good().json();
    assert_eq!(trained["version"], 2, "{trained}");
    let last = trained["history"].as_array().unwrap().last().unwrap();
    assert!(
        last["valid_auc"].as_f64().unwrap() > 0.99,
        "only the price tells: {last}"
    );
    reads_what_was_served(&shop, out, &of_shop);
}

/// What the published conf extracts of a sample file is what the log holds.
fn reads_what_was_served(shop: &Shop, samples: &str, log: &str) {
    let data = ["extract", "--model", "shop@2", samples, "--to", "bytes", "--out"];
    let bytes = shop.home.path().join("logged.bin");
    shop.run(&[&data[..], &[bytes.to_str().unwrap()]].concat()).good();
    let conf = std::fs::read_to_string(shop.file("shop.feature.toml")).unwrap();
    let plan = Plan::compile(&conf, "shop.feature.toml", None).unwrap();
    let logged = sample_log::read(&sample_log::files(Path::new(log)).unwrap()[0], &plan).unwrap();
    let extracted = frames(&std::fs::read(&bytes).unwrap());
    assert_eq!(extracted.len(), logged.len());
    for (extracted, logged) in extracted.iter().zip(&logged) {
        assert_eq!(*extracted, logged.bytes, "training reads what was served");
    }
}
