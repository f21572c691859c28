//! Scores: equal to one candidate at a time, to the bit, whatever the batch, the order, the cache and the threads.

use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use proptest::prelude::*;
use rankine_feature::Value;
use rankine_predict::{
    FeatureRows, ItemInput, ItemKey, KnownItems, ModelEntry, NoRows, PredictConfig, Predictor, Request, Row,
    RowLayout,
};

use crate::fixture;

/// A predictor over one published model.
pub(crate) fn predictor(models: &Path, edit: impl FnOnce(&mut PredictConfig)) -> Predictor {
    let mut config = PredictConfig::new(models, || 7).model(ModelEntry::named("films").alias("recmodel"));
    config.threads = 2;
    edit(&mut config);
    Predictor::open(config).unwrap()
}

/// A request of known rows; every item's version is `version`.
pub(crate) fn request(user: i64, items: &[i64], version: u64) -> Request {
    // Another order than the conf's, and a name it does not have.
    let layout = RowLayout::new(["year", "title", "movieId", "genre"]);
    let row = |id: i64| {
        let [id, genre, year] = <[Value; 3]>::try_from(fixture::item(id)).unwrap();
        Row::new(&layout, vec![year, Value::str("unused"), id, genre])
    };
    let users = RowLayout::new(["userId", "taste"]);
    Request {
        model: "films".into(),
        user: Row::new(&users, fixture::user(user)),
        context: Row::of([("hour", Value::Int(user))]),
        items: items
            .iter()
            .map(|id| ItemInput {
                id: *id,
                row: row(*id),
                version,
            })
            .collect(),
        ..Request::default()
    }
}

pub(crate) fn expected_bits(dir: &Path, user: i64, items: &[i64]) -> Vec<u32> {
    let score = |id: &i64| {
        fixture::expected(
            dir,
            &fixture::user(user),
            &fixture::item(*id),
            &fixture::context(user),
        )
    };
    items.iter().map(|id| score(id).to_bits()).collect()
}

pub(crate) fn bits(predictor: &Predictor, request: &Request) -> Vec<u32> {
    let response = predictor.predict(request).unwrap();
    assert!(response.faults.is_empty(), "{:?}", response.faults);
    response.scores.iter().map(|score| score.to_bits()).collect()
}

#[test]
fn scores_are_those_of_the_model_one_by_one() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    let predictor = predictor(models.path(), |_| {});
    let items: Vec<i64> = (0..40).collect();
    let expected = expected_bits(&models.path().join("films/1"), 3, &items);
    let different: std::collections::BTreeSet<_> = expected.iter().collect();
    assert!(different.len() > 12, "the fixture tells items apart");
    for version in [0, 5, 5, 6] {
        assert_eq!(
            bits(&predictor, &request(3, &items, version)),
            expected,
            "row version {version}"
        );
    }
    assert!(predictor.status()[0].item_cache_bytes > 0);
}

#[test]
fn items_that_keep_nothing_are_scored_and_fail_each_for_itself() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_broken_mlp(models.path(), "films", 7, 1);
    for cache in [0, 1 << 20] {
        let predictor = predictor(models.path(), |config| config.item_cache_bytes = cache);
        let mut asked = request(3, &[5, 7, 6, 8], 0);
        asked.items[2].row = Row::of([("movieId", Value::str("no number"))]);
        let answer = predictor.predict(&asked).unwrap();
        let failed: Vec<usize> = answer.faults.iter().map(|fault| fault.index).collect();
        assert_eq!(failed, [1, 2], "{:?}", answer.faults);
        let bits = [0, 3].map(|i: usize| answer.scores[i].to_bits());
        assert_eq!(
            bits.to_vec(),
            expected_bits(&models.path().join("films/1"), 3, &[5, 8])
        );
        assert_eq!(predictor.status()[0].item_cache_bytes, 0, "nothing is kept");
    }
}

/// Rows whose version can be raised; counts how often one was asked for.
struct Rows {
    version: AtomicU64,
    asked: AtomicUsize,
}

impl FeatureRows for Rows {
    fn user(&self, _id: i64) -> Option<Row> {
        None
    }

    fn item(&self, id: i64) -> Option<(Row, u64)> {
        self.asked.fetch_add(1, Relaxed);
        let row = request(0, &[id], 0).items.remove(0).row;
        (id < 20).then(|| (row, self.version.load(Relaxed)))
    }
}

#[test]
fn known_items_are_scored_alike_and_their_rows_asked_for_once_per_version() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    let predictor = predictor(models.path(), |config| config.task = 6);
    let rows = Rows {
        version: AtomicU64::new(4),
        asked: AtomicUsize::new(0),
    };
    let ids: Vec<i64> = (0..20).collect();
    let expected = bits(&predictor, &request(3, &ids, 0));
    let scored = |version| {
        let keys: Vec<ItemKey> = ids.iter().map(|&id| ItemKey { id, version }).collect();
        let items = KnownItems {
            keys: &keys,
            rows: &rows,
        };
        let response = predictor.predict_known(&request(3, &[], 0), items).unwrap();
        let scores: Vec<u32> = response.scores.iter().map(|score| score.to_bits()).collect();
        (scores, rows.asked.swap(0, Relaxed))
    };
    assert_eq!(scored(4), (expected.clone(), 20));
    assert_eq!(scored(4), (expected.clone(), 0), "kept");
    rows.version.store(5, Relaxed);
    assert_eq!(
        scored(4),
        (expected.clone(), 0),
        "the version asked for is kept still"
    );
    assert_eq!(scored(5), (expected.clone(), 20));
    assert_eq!(scored(4), (expected.clone(), 20), "only the newest is kept");
    assert_eq!(scored(5), (expected, 0), "and it is known by its own version");
}

#[test]
fn an_unknown_item_is_scored_by_its_missing_rows() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    let predictor = predictor(models.path(), |_| {});
    let items = KnownItems {
        keys: &[ItemKey { id: 99, version: 1 }],
        rows: &NoRows,
    };
    let known = predictor.predict_known(&request(3, &[], 0), items).unwrap();
    let mut empty = request(3, &[99], 0);
    empty.items[0].row = Row::default();
    assert_eq!(known.scores, predictor.predict(&empty).unwrap().scores);
}

#[test]
fn an_empty_request_has_an_empty_answer() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    let response = predictor(models.path(), |_| {})
        .predict(&request(1, &[], 1))
        .unwrap();
    assert!(response.scores.is_empty() && response.faults.is_empty());
}

#[test]
fn a_new_row_version_is_scored_anew_and_an_old_one_from_the_cache() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    let predictor = predictor(models.path(), |_| {});
    let mut asked = request(1, &[5], 1);
    let first = bits(&predictor, &asked);
    asked.items[0].row = Row::of([("movieId", Value::Int(6))]);
    assert_eq!(
        bits(&predictor, &asked),
        first,
        "same version: by contract the same row"
    );
    asked.items[0].version = 2;
    assert_ne!(bits(&predictor, &asked), first);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn batch_order_cache_and_threads_change_no_bit(
        items in prop::collection::vec(0i64..30, 1..70),
        user in 0i64..20,
        tasks in prop::collection::vec((1usize..40, 1usize..4, 0usize..3, 0u64..3), 3),
        cross: bool,
    ) {
        let models = tempfile::tempdir().unwrap();
        let publish = if cross { fixture::publish_wide_deep } else { fixture::publish_mlp };
        publish(models.path(), "films", 9);
        let one_by_one = expected_bits(&models.path().join("films/1"), user, &items);
        let mut expected: Option<Vec<u32>> = None;
        for (task, threads, cache, version) in tasks {
            let predictor = predictor(models.path(), |config| {
                config.task = task;
                config.threads = threads;
                config.item_cache_bytes = [0, 16 * 2000, 1 << 20][cache];
            });
            let expected = expected.get_or_insert_with(|| bits(&predictor, &request(user, &items, 0)));
            prop_assert_eq!(&one_by_one, &*expected);
            prop_assert_eq!(&bits(&predictor, &request(user, &items, version)), &*expected);
            prop_assert_eq!(&bits(&predictor, &request(user, &items, version)), &*expected, "warm");
            let backwards: Vec<i64> = items.iter().rev().copied().collect();
            let mut turned = bits(&predictor, &request(user, &backwards, version));
            turned.reverse();
            prop_assert_eq!(&turned, &*expected);
            let single: Vec<u32> = items.iter().flat_map(|i| bits(&predictor, &request(user, &[*i], version))).collect();
            prop_assert_eq!(&single, &*expected);
        }
    }
}
