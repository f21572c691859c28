//! Trainings that begin from an earlier version: what is taken over, what is said, what expires.

use std::collections::BTreeMap;
use std::sync::Arc;

use rankine_feature::Value;
use rankine_model::{ModelConfig, Parameters};
use rankine_train::warm::Start;
use rankine_train::{Frame, RowsSource, SampleSource, Silent, TrainError, Trained, train_in};

use crate::samples::{model, plan, samples};

/// Samples of users below `users` alone.
fn of_users(users: i64, seed: u64) -> RowsSource {
    let (mut all, mut rows) = (samples(900, seed), Vec::new());
    while all.next(&mut rows, 1000).unwrap() > 0 {}
    rows.retain(|row| matches!(row.user[0], Value::Int(user) if user < users));
    RowsSource::new(rows)
}

fn begun(
    config: &ModelConfig,
    learn: &mut RowsSource,
    start: Option<&Arc<Start>>,
) -> Result<Trained, TrainError> {
    let frame = Frame {
        start: start.cloned(),
        ..Frame::default()
    };
    let plan = plan(&mut samples(900, 1));
    train_in(
        config,
        plan,
        (learn, &mut RowsSource::default()),
        &frame,
        (&mut Silent, None),
    )
}

fn start(of: &Trained) -> Start {
    Start {
        from: "models/m/1".into(),
        parameters: of.parameters.clone(),
        optimizer: of.optimizer.clone(),
        ..Start::default()
    }
}

fn bits(parameters: &Parameters<f32>, table: &str, key: u64) -> Vec<u32> {
    let rows = &parameters.tables[table];
    rows.weights(rows.row(key)).iter().map(|w| w.to_bits()).collect()
}

#[test]
fn what_is_frozen_keeps_the_parents_bits_and_new_ids_get_rows() {
    let first = begun(
        &model("embeddingmlp", "train = { batch = 64, epochs = 2 }"),
        &mut of_users(30, 1),
        None,
    )
    .unwrap();
    assert!(first.restored.is_none() && first.optimizer.is_none());
    let parts = "train = { batch = 64, epochs = 2, freeze = [\"emb.user\", \"*.0.weight\"] }";
    let config = model("embeddingmlp", parts);
    let second = begun(&config, &mut of_users(60, 2), Some(&Arc::new(start(&first)))).unwrap();
    let told = second.restored.unwrap();
    assert_eq!(told.rows["user"], (30, 30));
    assert!(told.added.is_empty() && told.dropped.is_empty() && told.reshaped.is_empty());
    assert!(!told.optimizer);
    for key in first.parameters.tables["user"].keys() {
        assert_eq!(
            bits(&first.parameters, "user", *key),
            bits(&second.parameters, "user", *key)
        );
    }
    assert_eq!(second.parameters.tables["user"].len(), 60);
    let changed = |name: &String| first.parameters.dense[name] != second.parameters.dense[name];
    let moved: Vec<&String> = first
        .parameters
        .dense
        .keys()
        .filter(|name| changed(name))
        .collect();
    let frozen: Vec<&String> = first
        .parameters
        .dense
        .keys()
        .filter(|name| !changed(name))
        .collect();
    assert!(
        frozen.iter().all(|name| name.ends_with(".0.weight")),
        "{frozen:?}"
    );
    assert!(frozen.len() == 1 && !moved.is_empty(), "{moved:?}");
}

#[test]
fn a_version_that_gives_nothing_is_refused_with_both_kinds() {
    let train = "train = { batch = 64, epochs = 1 }";
    let config = model("embeddingmlp", train);
    let first = begun(&config, &mut samples(300, 1), None).unwrap();
    let mut start = Start {
        kind: "lr".to_owned(),
        ..start(&first)
    };
    let rows = start.parameters.tables["user"].clone();
    start.parameters.dense.clear();
    start.parameters.tables = BTreeMap::from([("linear".to_owned(), rows.clone())]);
    let begin = |start: &Start| begun(&config, &mut samples(300, 1), Some(&Arc::new(start.clone())));
    let error = begin(&start).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "models/m/1, of kind `lr`, has nothing for a model of kind `embeddingmlp` to begin from: it has emb.linear; expected emb.user, "
        ),
        "{error}"
    );
    // one table that is the same is enough, whatever the kind
    start.parameters.tables.insert("user".to_owned(), rows);
    let told = begin(&start).unwrap().restored.unwrap();
    assert_eq!(
        (told.restored, told.dropped),
        (vec!["emb.user".to_owned()], vec!["emb.linear".to_owned()])
    );
}

#[test]
fn what_fits_is_restored_by_its_new_name_and_the_rest_is_told() {
    let train = "train = { batch = 64, epochs = 1 }";
    let first = begun(&model("embeddingmlp", train), &mut samples(300, 1), None).unwrap();
    let names = BTreeMap::from([("emb.user".to_owned(), "emb.people".to_owned())]);
    let start = Arc::new(start(&first).renamed(&names).unwrap());
    let text = model("embeddingmlp", train).text().to_owned();
    let text = text.replace("table = \"user\"", "table = \"people\"");
    let text = text.replace("table = \"item\", dim = 5", "table = \"item\", dim = 4");
    let text = text.replace("table = \"tag\"", "table = \"label\"");
    let config = ModelConfig::parse(&text, "m.toml").unwrap();
    let told = begun(&config, &mut samples(300, 1), Some(&start))
        .unwrap()
        .restored
        .unwrap();
    assert!(told.restored.iter().any(|name| name == "emb.people"), "{told:?}");
    assert_eq!(told.added, ["emb.label"]);
    assert_eq!(told.dropped, ["emb.tag"]);
    assert!(
        told.reshaped
            .iter()
            .any(|text| text == "emb.item: 5 numbers there, 4 here"),
        "{told:?}"
    );
    assert!(
        told.reshaped.iter().any(|text| text.contains(".weight: [")),
        "{told:?}"
    );
    let text = told.to_string();
    assert!(
        text.contains("added: emb.label") && text.contains("dropped: emb.tag"),
        "{text}"
    );
}

#[test]
fn new_names_of_nothing_or_of_two_are_refused() {
    let train = "train = { batch = 64, epochs = 1 }";
    let first = begun(&model("embeddingmlp", train), &mut samples(200, 1), None).unwrap();
    let refused = |old: &str, new: &str| {
        let names = BTreeMap::from([(old.to_owned(), new.to_owned())]);
        start(&first).renamed(&names).unwrap_err().to_string()
    };
    let key = "model key `train.rename`: ";
    assert_eq!(
        refused("emb.usr", "emb.user"),
        format!("{key}models/m/1 has no parameter `emb.usr` (did you mean `emb.user`?)")
    );
    assert_eq!(
        refused("emb.item", "emb.user"),
        format!(
            "{key}`emb.user` and `emb.item` of models/m/1 would both be `emb.user`, expected a name for each"
        )
    );
    assert!(refused("emb.item", "output.weight").contains("tables are `emb.<name>`"));
    let swapped = [("emb.user", "emb.item"), ("emb.item", "emb.user")];
    let swapped = swapped.map(|(old, new)| (old.to_owned(), new.to_owned()));
    assert!(start(&first).renamed(&BTreeMap::from(swapped)).is_ok());
    let config = model(
        "embeddingmlp",
        &train.replace("64", "64, rename = { \"emb.item\" = \"emb.itm\" }"),
    );
    let whole = Arc::new(start(&first));
    let told = |start| {
        begun(&config, &mut samples(200, 1), start)
            .unwrap_err()
            .to_string()
    };
    assert!(told(None).contains("there is no version to begin from"));
    let unknown =
        "`emb.item` is to be `emb.itm`, which is no parameter of this model (did you mean `emb.item`?)";
    assert_eq!(told(Some(&whole)), format!("{key}{unknown}"));
}

#[test]
fn with_the_optimisers_state_two_trainings_are_one() {
    let run = |epochs: u32| {
        let parts =
            format!("train = {{ batch = 64, epochs = {epochs}, shuffle = false, keep_optimizer = true }}");
        model("widedeep", &parts)
    };
    let whole = begun(&run(2), &mut samples(500, 1), None).unwrap();
    let first = begun(&run(1), &mut samples(500, 1), None).unwrap();
    let state = first.optimizer.as_ref().unwrap();
    assert_eq!(state.dense["steps"].data, [8.0]);
    let second = begun(&run(1), &mut samples(500, 1), Some(&Arc::new(start(&first)))).unwrap();
    assert!(second.restored.as_ref().unwrap().optimizer);
    assert_eq!(second.optimizer.as_ref().unwrap().dense["steps"].data, [16.0]);
    for (name, tensor) in &whole.parameters.dense {
        assert_eq!(tensor, &second.parameters.dense[name], "{name}");
    }
    for (name, table) in &whole.parameters.tables {
        for key in table.keys() {
            assert_eq!(
                bits(&whole.parameters, name, *key),
                bits(&second.parameters, name, *key)
            );
        }
    }
    let mut forgotten = start(&first);
    forgotten.optimizer = None;
    let other = begun(&run(1), &mut samples(500, 1), Some(&Arc::new(forgotten))).unwrap();
    assert!(!other.restored.unwrap().optimizer);
    assert_ne!(other.parameters.dense, second.parameters.dense);
}

#[test]
fn the_state_of_another_optimiser_is_not_taken() {
    let run = |optimizer: &str| {
        let parts = format!(
            "optimizer.wide = {{ kind = \"{optimizer}\", lr = 0.01 }}\ntrain = {{ batch = 64, epochs = 1, shuffle = false, keep_optimizer = true }}"
        );
        model("widedeep", &parts)
    };
    let first = begun(&run("momentum"), &mut samples(500, 1), None).unwrap();
    // As many numbers a weight, with another meaning.
    let second = begun(
        &run("adagrad"),
        &mut samples(500, 1),
        Some(&Arc::new(start(&first))),
    )
    .unwrap();
    let told = second.restored.unwrap();
    assert!(told.optimizer, "the other parts go on");
    let text = told.to_string();
    assert!(
        text.contains("optimizer.wide: momentum there, adagrad here"),
        "{text}"
    );
    assert!(second.history[0].loss.is_finite());
    let mut none = start(&first);
    let state = none.optimizer.as_mut().unwrap();
    for part in ["embedding", "wide", "dense"] {
        state.dense.remove(&format!("optimizer.{part}"));
    }
    let third = begun(&run("momentum"), &mut samples(500, 1), Some(&Arc::new(none))).unwrap();
    assert!(
        !third.restored.unwrap().optimizer,
        "whose state it is, is not known"
    );
}

#[test]
fn rows_that_two_trainings_in_a_row_left_alone_expire() {
    let text = model("embeddingmlp", "train = { batch = 64, epochs = 1 }")
        .text()
        .replace(
            "table = \"user\", dim = 6",
            "table = \"user\", dim = 6, expire = 2",
        );
    let config = ModelConfig::parse(&text, "m.toml").unwrap();
    let mut last = begun(&config, &mut of_users(60, 1), None).unwrap();
    let mut rows = vec![last.parameters.tables["user"].len()];
    for users in [40, 40, 60] {
        last = begun(&config, &mut of_users(users, 1), Some(&Arc::new(start(&last)))).unwrap();
        rows.push(last.parameters.tables["user"].len());
        let ages = &last.optimizer.as_ref().unwrap().tables["user"];
        assert_eq!(ages.len(), last.parameters.tables["user"].len());
        assert!(!last.restored.as_ref().unwrap().optimizer);
    }
    assert_eq!(rows, [60, 60, 40, 60]);
    let users = last.table_rows.iter().find(|(name, _)| name == "user").unwrap();
    assert_eq!(users.1, 61);
}

#[test]
fn rows_of_products_and_biases_are_shared_counted_and_expire() {
    let parts = "gmf = { dim = 2, expire = 2 }\nbias = { min_count = 30, buckets = 32, expire = 2 }\n\
                 train = { batch = 64, epochs = 1 }";
    let config = model("neuralcf", parts);
    let mut last = begun(&config, &mut of_users(60, 1), None).unwrap();
    let rows = |of: &Trained, name: &str| of.parameters.tables[name].len();
    let first = ["gmf.user", "gmf.item", "wide.1", "wide.2"].map(|name| rows(&last, name));
    assert_eq!((first[0], first[1]), (60, 40));
    // 900 samples of 60 users: about 30 to a key of its own, 15 to a user; two users share most keys
    assert!((1..32).contains(&first[2]) && first[3] <= 32, "{first:?}");
    let keys = last.parameters.tables["wide.1"].keys().iter();
    assert!(keys.copied().all(|key| key < 32));
    let mut seen = vec![rows(&last, "gmf.user")];
    for users in [40, 40] {
        last = begun(&config, &mut of_users(users, 1), Some(&Arc::new(start(&last)))).unwrap();
        seen.push(rows(&last, "gmf.user"));
    }
    assert_eq!(seen, [60, 60, 40]);
    assert_eq!(rows(&last, "user"), 60, "a table that keeps its rows keeps them");
    assert!(rows(&last, "wide.1") <= first[2]);
}

#[test]
fn keys_of_other_buckets_are_refused() {
    let train = "train = { batch = 64, epochs = 1 }";
    let first = begun(&model("embeddingmlp", train), &mut samples(100, 1), None).unwrap();
    let mut start = start(&first);
    start.buckets.insert("user".into(), Some(32));
    let error = begun(
        &model("embeddingmlp", train),
        &mut samples(100, 1),
        Some(&Arc::new(start)),
    )
    .unwrap_err()
    .to_string();
    assert!(
        error.contains("table `user`") && error.contains("expected 32, got none"),
        "{error}"
    );
}
