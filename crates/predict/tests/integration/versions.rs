//! Names, aliases, versions, pins, metadata and status.

use rankine_feature::Side;
use rankine_predict::{ModelEntry, VersionPolicy};

use crate::fixture;
use crate::scores::{bits, expected_bits, predictor, request};

#[test]
fn the_highest_number_serves_and_an_alias_names_it() {
    let models = tempfile::tempdir().unwrap();
    for seed in 1..=10 {
        fixture::publish_wide_deep(models.path(), "films", seed);
    }
    let predictor = predictor(models.path(), |_| {});
    let mut asked = request(2, &[1, 2], 0);
    asked.model = "recmodel".into();
    let response = predictor.predict(&asked).unwrap();
    assert_eq!((response.model.as_str(), response.version), ("films", 10));
    assert_eq!(
        bits(&predictor, &asked),
        expected_bits(&models.path().join("films/10"), 2, &[1, 2])
    );
}

#[test]
fn pinned_versions_serve_side_by_side_and_the_highest_by_default() {
    let models = tempfile::tempdir().unwrap();
    for seed in 1..=3 {
        fixture::publish_wide_deep(models.path(), "films", seed);
    }
    let predictor = predictor(models.path(), |config| {
        config.models[0].versions = VersionPolicy::Pinned(vec![1, 2]);
    });
    let mut asked = request(2, &[1, 2], 7);
    for (version, serves) in [(None, 2), (Some(1), 1), (Some(2), 2)] {
        asked.version = version;
        assert_eq!(predictor.predict(&asked).unwrap().version, serves);
        assert_eq!(
            bits(&predictor, &asked),
            expected_bits(&models.path().join(format!("films/{serves}")), 2, &[1, 2])
        );
    }
    asked.version = Some(3);
    assert!(predictor.predict(&asked).is_err());
    let names: Vec<_> = predictor.status()[0]
        .dictionaries
        .iter()
        .map(|d| d.name.clone())
        .collect();
    assert_eq!(names, ["films/1", "films/2"]);
}

#[test]
fn metadata_names_inputs_and_keys() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    let known = predictor(models.path(), |_| {})
        .metadata("recmodel", None)
        .unwrap();
    assert_eq!(
        (known.name.as_str(), known.kind.as_str(), known.version),
        ("films", "widedeep", 1)
    );
    assert_eq!(
        (known.user_key.as_deref(), known.item_key.as_deref()),
        (Some("userId"), Some("movieId"))
    );
    let names: Vec<_> = known.inputs.iter().map(|f| (&*f.name, f.side)).collect();
    let item = |name| (name, Side::Item);
    let both = [
        ("userId", Side::User),
        ("taste", Side::User),
        item("movieId"),
        item("genre"),
        item("year"),
    ];
    assert_eq!(names[..5], both);
    assert_eq!(names[5], ("hour", Side::Context));
}

#[test]
fn status_tells_versions_and_failures() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    std::fs::create_dir(models.path().join("films/2")).unwrap();
    let predictor = predictor(models.path(), |config| {
        config.models.push(ModelEntry::named("later"))
    });
    let status = predictor.status();
    assert_eq!(
        (status[0].version, status[0].dictionaries[0].loaded_at),
        (Some(1), 7)
    );
    assert_eq!(status[0].dictionaries[0].error.as_ref().unwrap().version, 2);
    assert_eq!((status[1].name.as_str(), status[1].version), ("later", None));
    assert_eq!(predictor.model_status("recmodel").unwrap().aliases, ["recmodel"]);
}
