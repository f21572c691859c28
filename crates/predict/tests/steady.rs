//! In steady state a request's extraction and scoring allocate nothing, whatever the number of items: counted by the
//! allocator itself.
//!
//! What a call allocates around them (its snapshot, its answer) must not grow with the items.
#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

#[path = "integration/fixture.rs"]
#[expect(dead_code, reason = "shared with the integration tests, which use the rest")]
mod fixture;

#[path = "../../feature/tests/counting/mod.rs"]
mod counting;

use counting::count;
use rankine_predict::{
    Ask, FeatureRows, ItemInput, ItemKey, KnownItems, ModelEntry, PredictConfig, Predictor, Question,
    QuestionItem, Request, Row, RowLayout,
};
use std::sync::Arc;

/// Rows made in advance.
struct Rows(Vec<Row>);

impl FeatureRows for Rows {
    fn user(&self, _id: i64) -> Option<Row> {
        None
    }

    fn item(&self, id: i64) -> Option<(Row, u64)> {
        Some((self.0.get(usize::try_from(id).ok()?)?.clone(), 1))
    }
}

const ITEMS: usize = 300;

fn rows() -> Rows {
    let layout = RowLayout::new(["movieId", "genre", "year"]);
    let row = |id| Row::new(&layout, fixture::item(id));
    Rows((0i64..).take(ITEMS).map(row).collect())
}

/// Allocations of one call of `call`, after enough calls to fill every buffer.
fn allocations(call: impl Fn()) -> usize {
    (0..3).for_each(|_| call());
    let before = count();
    (0..10).for_each(|_| call());
    let count = counting::count() - before;
    assert_eq!(count % 10, 0, "every call allocates alike");
    count / 10
}

#[test]
fn extraction_and_scoring_allocate_nothing_per_item() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    let mut config = PredictConfig::new(models.path(), || 0).model(ModelEntry::named("films"));
    config.poll = std::time::Duration::from_secs(3600);
    let predictor = Predictor::open(config).unwrap();
    let users = RowLayout::new(["userId", "taste"]);
    let contexts = RowLayout::new(["hour"]);
    let rows = rows();
    let request = |count: usize, version| Request {
        model: "films".into(),
        user: Row::new(&users, fixture::user(3)),
        context: Row::new(&contexts, fixture::context(3)),
        items: (0i64..)
            .zip(&rows.0)
            .take(count)
            .map(|(id, row)| ItemInput {
                id,
                row: row.clone(),
                version,
            })
            .collect(),
        ..Request::default()
    };
    let keys: Vec<ItemKey> = (0i64..)
        .take(ITEMS)
        .map(|id| ItemKey { id, version: 1 })
        .collect();
    let given = |count, version| {
        let request = request(count, version);
        allocations(|| assert!(predictor.predict(&request).unwrap().faults.is_empty()))
    };
    let known = |count: usize| {
        let (request, keys) = (request(0, 0), &keys[..count]);
        let items = KnownItems { keys, rows: &rows };
        allocations(|| {
            let answer = predictor.predict_known(&request, items).unwrap();
            assert!(answer.faults.is_empty() && answer.scores.len() == count);
        })
    };
    let around = given(1, 0);
    assert!(
        around <= 8,
        "snapshot, name and scores of the answer: {around} allocations"
    );
    assert_eq!(given(ITEMS, 0), around, "items that are extracted every time");
    assert_eq!(given(ITEMS, 1), around, "items whose parts are kept");
    assert_eq!((known(1), known(ITEMS)), (around, around));
}

#[test]
fn a_question_allocates_nothing_per_item() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    fixture::publish_mlp(models.path(), "others", 2);
    let entries = ["films", "others"].map(ModelEntry::named);
    let mut config = entries
        .into_iter()
        .fold(PredictConfig::new(models.path(), || 0), PredictConfig::model);
    config.poll = std::time::Duration::from_secs(3600);
    config.question_task = 1_000;
    let predictor = Predictor::open(config).unwrap();
    let (known, fields) = (Arc::new(rows()), ["movieId", "genre", "year"]);
    let question = |count: i64, given: bool| Question {
        user: Row::new(&RowLayout::new(["userId", "taste"]), fixture::user(3)),
        context: Row::new(&RowLayout::new(["hour"]), fixture::context(3)),
        item_fields: fields.map(Arc::from).to_vec(),
        items: (0..count)
            .map(|id| QuestionItem {
                id,
                given: if given {
                    fixture::item(id).into_iter().map(Some).collect()
                } else {
                    Vec::new()
                },
                models: Vec::new(),
            })
            .collect(),
        asks: vec![Ask {
            conf: "films".into(),
            models: vec!["films".into(), "others".into()],
        }],
        rows: Some(known.clone()),
        ..Question::default()
    };
    let asked = |count: i64, given| {
        let question = question(count, given);
        allocations(|| {
            let answer = predictor.ask_on(&predictor.snapshot(), &question).unwrap();
            let scored = answer.confs.iter().flat_map(|conf| &conf.models);
            let scores = scored.flat_map(|model| &model.outcome.as_ref().unwrap().scores);
            assert_eq!(
                scores.filter(|score| score.is_ok()).count(),
                2 * usize::try_from(count).unwrap()
            );
        })
    };
    let items = i64::try_from(ITEMS).unwrap();
    assert_eq!(asked(items, false), asked(1, false), "items whose parts are kept");
    assert_eq!(
        asked(items, true),
        asked(1, true),
        "items that are extracted every time"
    );
}
