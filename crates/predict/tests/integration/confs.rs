//! Confs of one name side by side by hash, and the gate of the listed ones.

use std::path::Path;

use rankine_predict::{ConfEntry, ModelEntry, ModelFault, PredictConfig, Predictor};

use crate::ask::{ask, bits, expected, question};
use crate::fixture;

/// The fixture's conf with another operator setting: same name, another hash.
fn other(conf: &str) -> String {
    fixture::conf_named(conf).replace(
        "slot = 4, depend = [\"hour\"]",
        "slot = 4, depend = [\"hour\"], default = 3",
    )
}

fn open(models: &Path, confs: &Path) -> Predictor {
    let mut config = PredictConfig::new(models, || 7)
        .model(ModelEntry::named("a"))
        .model(ModelEntry::named("b"));
    config.confs = vec![ConfEntry {
        name: "films".into(),
        path: confs.into(),
        max_mb_s: 0.0,
    }];
    config.poll = std::time::Duration::from_secs(3600);
    Predictor::open(config).unwrap()
}

#[test]
fn two_hashes_of_one_name_serve_side_by_side() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_with(models.path(), "a", "films", 1);
    fixture::publish_conf(models.path(), "b", &other("films"), 2);
    let predictor = crate::ask::predictor(models.path(), &["a", "b"], 3);
    let asks = [ask("films", &["a", "b"])];
    let answer = predictor.ask(&question(2, 0..7, &asks)).unwrap();
    let hash = |model: usize| {
        answer.confs[0].models[model]
            .outcome
            .as_ref()
            .unwrap()
            .conf_hash
            .clone()
    };
    assert_ne!(hash(0), hash(1));
    for (model, name) in [(0, "a"), (1, "b")] {
        assert_eq!(
            bits(&answer, 0, model),
            expected(models.path(), name, 2, 0..7),
            "{name}"
        );
    }
    let slots = predictor
        .extract_on(&predictor.snapshot(), &question(2, 0..2, &asks))
        .unwrap();
    assert_eq!(
        slots.iter().map(|conf| conf.hash.clone()).collect::<Vec<_>>(),
        [hash(0), hash(1)]
    );
}

#[test]
fn a_model_whose_conf_is_not_listed_is_refused_by_name_until_it_is() {
    let (models, confs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(confs.path().join("films.toml"), fixture::conf_named("films")).unwrap();
    fixture::publish_with(models.path(), "a", "films", 1);
    fixture::publish_conf(models.path(), "b", &other("films"), 2);
    let predictor = open(models.path(), confs.path());
    let asks = [ask("films", &["a", "b"])];
    let before = predictor.ask(&question(2, 0..3, &asks)).unwrap();
    assert_eq!(bits(&before, 0, 0), expected(models.path(), "a", 2, 0..3));
    let refused = before.confs[0].models[1].outcome.as_ref().unwrap_err();
    assert_eq!(refused.fault, ModelFault::NotLoaded);
    assert!(
        refused.message.contains("conf `films` with hash"),
        "{}",
        refused.message
    );
    // a version of `a` trained with the other conf: the old version serves on
    fixture::publish_conf(models.path(), "a", &other("films"), 3);
    predictor.reload();
    assert_eq!(predictor.status()[0].version, Some(1));
    let why = predictor.status()[0].dictionaries[0].error.clone().unwrap();
    assert!(
        why.version == 2 && why.message.contains("not loaded here"),
        "{why:?}"
    );
    // the conf arrives: both load, although nothing of them changed
    std::fs::write(confs.path().join("other.toml"), other("films")).unwrap();
    predictor.reload();
    assert_eq!(predictor.status()[0].version, Some(2));
    let after = predictor.ask(&question(2, 0..3, &asks)).unwrap();
    assert_eq!(bits(&after, 0, 1), expected(models.path(), "b", 2, 0..3));
}

#[test]
fn a_listed_conf_that_does_not_read_keeps_the_others() {
    let (models, confs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(confs.path().join("films.toml"), fixture::conf_named("films")).unwrap();
    fixture::publish_with(models.path(), "a", "films", 1);
    let predictor = open(models.path(), confs.path());
    for (text, says) in [
        ("format = 1\n", "name"),
        (
            &*fixture::conf_named("series"),
            "expected conf `films`, got `series`",
        ),
    ] {
        std::fs::write(confs.path().join("bad.toml"), text).unwrap();
        predictor.reload();
        let state = &predictor.dictionary_status()[0];
        let error = state.status.error.clone().unwrap().message;
        assert!(
            state.kind == "conf" && error.contains("bad.toml") && error.contains(says),
            "{error}"
        );
        let answer = predictor
            .ask(&question(2, 0..3, &[ask("films", &["a"])]))
            .unwrap();
        assert_eq!(bits(&answer, 0, 0), expected(models.path(), "a", 2, 0..3));
    }
}
