//! Bad input, overload, deadlines: what is refused, and what is flagged while the rest is scored.

use std::time::{Duration, Instant};

use rankine_feature::Value;
use rankine_predict::{ItemFault, ModelEntry, PredictConfig, PredictError, Predictor, Row, VersionPolicy};

use crate::fixture;
use crate::scores::{bits, predictor, request};

#[test]
fn a_bad_item_is_flagged_and_leaves_the_others_alone() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    let predictor = predictor(models.path(), |config| config.task = 2);
    for version in [0, 1] {
        let mut asked = request(3, &[1, 2, 3, 4, 5], version);
        let good = bits(&predictor, &request(3, &[1, 2, 3, 4, 5], 0));
        asked.items[1].row = Row::of([("year", Value::str("soon"))]);
        asked.items[1].id = 77;
        let response = predictor.predict(&asked).unwrap();
        let message = "field year: expected float, got string `soon`".to_owned();
        assert_eq!(
            response.faults,
            [ItemFault {
                index: 1,
                id: 77,
                message
            }]
        );
        for (index, score) in response.scores.iter().enumerate() {
            assert_eq!(score.is_nan(), index == 1);
            assert!(index == 1 || score.to_bits() == good[index]);
        }
    }
}

#[test]
fn an_item_without_values_is_scored_by_its_missing_rows() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    let predictor = predictor(models.path(), |_| {});
    let mut asked = request(3, &[1, 2], 0);
    asked.items[0].row = Row::default();
    let missing = [Value::Missing, Value::Missing, Value::Missing];
    let dir = models.path().join("films/1");
    let expected = fixture::expected(&dir, &fixture::user(3), &missing, &fixture::context(3));
    assert_eq!(bits(&predictor, &asked)[0], expected.to_bits());
}

#[test]
fn a_bad_user_or_context_refuses_the_request() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    let predictor = predictor(models.path(), |_| {});
    let mut asked = request(3, &[1], 0);
    asked.context = Row::of([("hour", Value::str("noon"))]);
    let fault = predictor.predict(&asked).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "context field hour: expected int, got string `noon`"
    );
    asked = request(3, &[1], 0);
    asked.user = Row::of([("userId", Value::str("me"))]);
    assert!(matches!(
        predictor.predict(&asked),
        Err(PredictError::Input { side: "user", .. })
    ));
}

#[test]
fn unknown_models_and_versions_and_models_that_do_not_score_are_named() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    fixture::publish_vectors(models.path(), "item2vec");
    let predictor = predictor(models.path(), |config| {
        config.models.push(ModelEntry::named("item2vec"));
        config.models.push(ModelEntry::named("later"));
    });
    let ask = |model: &str, version| {
        let mut asked = request(1, &[1], 0);
        (asked.model, asked.version) = (model.to_owned(), version);
        predictor.predict(&asked).unwrap_err()
    };
    assert!(matches!(ask("none", None), PredictError::UnknownModel { .. }));
    assert!(matches!(
        ask("films", Some(2)),
        PredictError::UnknownVersion { version: 2, .. }
    ));
    assert!(matches!(
        ask("later", None),
        PredictError::NotLoaded { reason: None, .. }
    ));
    assert_eq!(
        ask("item2vec", None).to_string(),
        "model item2vec: kind item2vec does not score"
    );
    let snapshot = predictor.snapshot();
    let (version, artefact) = snapshot.artefact("item2vec", None).unwrap();
    assert_eq!((version, artefact.vectors().unwrap().0), (1, &[1i64, 2][..]));
}

#[test]
fn permits_come_before_work_and_are_given_back() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    let none = predictor(models.path(), |config| config.permits = 0);
    assert!(matches!(
        none.predict(&request(1, &[1], 0)),
        Err(PredictError::Overloaded { permits: 0, .. })
    ));
    let one = predictor(models.path(), |config| config.permits = 1);
    for _ in 0..3 {
        let mut bad = request(1, &[1], 0);
        bad.model = "none".into();
        assert!(matches!(
            one.predict(&bad),
            Err(PredictError::UnknownModel { .. })
        ));
        one.predict(&request(1, &[1], 0)).unwrap();
    }
}

#[test]
fn a_passed_deadline_is_an_answer() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    let predictor = predictor(models.path(), |config| config.task = 1);
    let mut asked = request(1, &[1, 2, 3], 0);
    asked.deadline = Some(Instant::now());
    assert!(matches!(
        predictor.predict(&asked),
        Err(PredictError::Deadline { scored: 0, items: 3 })
    ));
    asked.deadline = Some(Instant::now() + Duration::from_secs(3600));
    assert_eq!(predictor.predict(&asked).unwrap().scores.len(), 3);
}

#[test]
fn configurations_that_cannot_be_meant_are_refused() {
    let open = |entries: Vec<ModelEntry>| {
        let mut config = PredictConfig::new("none", || 0);
        config.models = entries;
        Predictor::open(config).err().unwrap().to_string()
    };
    let twice = vec![ModelEntry::named("a"), ModelEntry::named("b").alias("a")];
    assert!(open(twice).starts_with("model a: name or alias"));
    assert!(open(vec![ModelEntry::named("")]).starts_with("model : name"));
    let pinned = ModelEntry {
        versions: VersionPolicy::Pinned(vec![]),
        ..ModelEntry::named("a")
    };
    assert!(open(vec![pinned]).starts_with("model a: pinned"));
}
