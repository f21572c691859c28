//! Item vectors made ahead: the same bits as the tower's, only from the version that serves, and never for what a request
//! overrides.

use std::path::Path;
use std::time::Duration;

use rankine_feature::Value;
use rankine_model::Artefact;
use rankine_predict::{
    DictionaryEntry, DictionaryKind, FeatureRows, ItemKey, ItemVectorRows, KnownItems, ModelEntry,
    PredictConfig, PredictError, Predictor, Question, QuestionItem, Request, Row, embed,
};
use rankine_table::parquet;

use crate::ask::{ask, bits, expected, question};
use crate::fixture;

fn item_row(id: i64) -> Row {
    Row::of(["movieId", "genre", "year"].into_iter().zip(fixture::item(id)))
}

/// The vectors of these items by a version of `two`.
fn vectors(models: &Path, version: u64, ids: impl IntoIterator<Item = i64>) -> ItemVectorRows {
    let artefact = Artefact::open(&models.join("two").join(version.to_string())).unwrap();
    let plan = artefact.plan().unwrap();
    embed(&artefact, plan, ids.into_iter().map(|id| (id, item_row(id)))).unwrap()
}

/// Writes the vectors of these items by a version of `two`; each is moved by `shift`.
fn write(models: &Path, version: u64, ids: impl IntoIterator<Item = i64>, shift: f32) {
    let mut vectors = vectors(models, version, ids);
    assert_eq!((vectors.version, vectors.width), (version, 5));
    vectors.floats.iter_mut().for_each(|x| *x += shift);
    parquet::write(&models.join("vectors.parquet"), &vectors.table(), &[]).unwrap();
}

fn open(models: &Path) -> Predictor {
    let mut config = PredictConfig::new(models, || 7)
        .model(ModelEntry::named("two").vectors("films"))
        .model(ModelEntry::named("deep"));
    config.dictionaries = vec![DictionaryEntry::new(
        "films",
        DictionaryKind::Vectors,
        models.join("vectors.parquet"),
    )];
    config.poll = Duration::from_secs(3600);
    Predictor::open(config).unwrap()
}

fn by_id(ids: impl IntoIterator<Item = i64>) -> Question {
    let item = |id| QuestionItem {
        id,
        ..QuestionItem::default()
    };
    let mut question = question(3, [], &[ask("films", &["two", "deep"])]);
    question.items = ids.into_iter().map(item).collect();
    question.rows = Some(std::sync::Arc::new(Films));
    question
}

/// Rows of every item.
struct Films;

impl FeatureRows for Films {
    fn user(&self, _id: i64) -> Option<Row> {
        None
    }

    fn item(&self, id: i64) -> Option<(Row, u64)> {
        Some((item_row(id), 5))
    }
}

/// Two models in a folder, the first one with vectors of the items 0 to 5.
fn models() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::publish_dssm(folder.path(), "two", 1);
    fixture::publish_wide_deep(folder.path(), "deep", 2);
    folder
}

#[test]
fn a_vector_from_the_dictionary_has_the_towers_bits_and_the_others_go_through_the_tower() {
    let folder = models();
    let tower = expected(folder.path(), "two", 3, 0..9);
    let deep = expected(folder.path(), "deep", 3, 0..9);
    let without = open(folder.path());
    assert_eq!(bits(&without.ask(&by_id(0..9)).unwrap(), 0, 0), tower);
    assert_eq!(without.status()[0].item_vectors, None);
    write(folder.path(), 1, 0..6, 0.0);
    let with = open(folder.path());
    assert_eq!(
        (with.status()[0].item_vectors, with.status()[1].item_vectors),
        (Some(6), None)
    );
    for _ in 0..2 {
        let answer = with.ask(&by_id(0..9)).unwrap();
        assert_eq!(
            (bits(&answer, 0, 0), bits(&answer, 0, 1)),
            (tower.clone(), deep.clone())
        );
    }
}

#[test]
fn vectors_are_read_from_the_newest_file_and_only_from_the_version_that_serves() {
    let folder = models();
    let tower = expected(folder.path(), "two", 3, 0..9);
    write(folder.path(), 1, 0..6, 1.0);
    let predictor = open(folder.path());
    let differs = || {
        let scores = bits(&predictor.ask(&by_id(0..9)).unwrap(), 0, 0);
        let pairs = scores.iter().zip(&tower);
        pairs.map(|(a, b)| a != b).collect::<Vec<bool>>()
    };
    let first = |n: usize| (0..9).map(|at| at < n).collect::<Vec<bool>>();
    assert_eq!(differs(), first(6), "vectors that were moved show");
    let old = predictor.snapshot();
    let held = predictor.ask_on(&old, &by_id(0..9)).unwrap();
    write(folder.path(), 1, 0..3, 1.0);
    predictor.reload();
    assert_eq!(differs(), first(3));
    assert_eq!(
        predictor.ask_on(&old, &by_id(0..9)).unwrap(),
        held,
        "a snapshot never sees a swap"
    );
    fixture::publish_dssm(folder.path(), "two", 1);
    predictor.reload();
    assert_eq!(
        differs(),
        first(0),
        "version 2 does not meet the vectors of version 1"
    );
    assert_eq!(predictor.status()[0].item_vectors, None);
    write(folder.path(), 2, 0..9, 1.0);
    predictor.reload();
    assert_eq!(differs(), first(9));
}

#[test]
fn what_a_request_overrides_goes_through_the_tower() {
    let folder = models();
    write(folder.path(), 1, 0..9, 1.0);
    let predictor = open(folder.path());
    let tower = expected(folder.path(), "two", 3, 0..9);
    let given = question(3, 0..9, &[ask("films", &["two"])]);
    assert_eq!(bits(&predictor.ask(&given).unwrap(), 0, 0), tower);
    let mut mixed = by_id(0..9);
    mixed.items[4].given = vec![None, None, fixture::item(4).pop()];
    let scores = bits(&predictor.ask(&mixed).unwrap(), 0, 0);
    let equal: Vec<usize> = (0..9).filter(|at| scores[*at] == tower[*at]).collect();
    assert_eq!(equal, [4]);
    let request = Request {
        model: "two".into(),
        user: given.user.clone(),
        context: given.context.clone(),
        ..Request::default()
    };
    let keys: Vec<ItemKey> = (0..9).map(|id| ItemKey { id, version: 5 }).collect();
    let known = predictor.predict_known(
        &request,
        KnownItems {
            keys: &keys,
            rows: &Films,
        },
    );
    let known: Vec<u32> = known
        .unwrap()
        .scores
        .iter()
        .map(|score| score.to_bits())
        .collect();
    assert_eq!(known, bits(&predictor.ask(&by_id(0..9)).unwrap(), 0, 0));
    let item = |id, version| rankine_predict::ItemInput {
        id,
        row: item_row(id),
        version,
    };
    let own = Request {
        items: vec![item(2, 0), item(2, 5)],
        ..request
    };
    let own: Vec<u32> = predictor
        .predict(&own)
        .unwrap()
        .scores
        .iter()
        .map(|s| s.to_bits())
        .collect();
    assert_eq!(own, [tower[2], known[2]]);
}

#[test]
fn only_two_sided_models_embed_and_misfits_name_the_item() {
    let folder = models();
    let artefact = |name: &str| Artefact::open(&folder.path().join(name).join("1")).unwrap();
    let vectors = |name: &str, items: Vec<(i64, Row)>| {
        let artefact = artefact(name);
        embed(&artefact, artefact.plan().unwrap(), items)
    };
    let fault = vectors("deep", vec![]).unwrap_err();
    assert!(matches!(fault, PredictError::NoVectors { .. }), "{fault}");
    let bad = Row::of([("movieId", Value::Int(7)), ("year", Value::str("old"))]);
    let fault = vectors("two", vec![(7, bad)]).unwrap_err().to_string();
    assert_eq!(
        fault,
        "item field year: expected float, got string `old` (item 7)"
    );
    let rows = vec![(3, item_row(1)), (1, item_row(1)), (3, item_row(3))];
    let twice = vectors("two", rows).unwrap();
    assert_eq!(twice.ids, [1, 3]);
    assert_eq!(
        twice,
        vectors("two", vec![(1, item_row(1)), (3, item_row(3))]).unwrap()
    );
}

#[test]
fn many_rows_have_the_bits_that_each_has_alone() {
    let folder = models();
    let artefact = Artefact::open(&folder.path().join("two/1")).unwrap();
    let made = |ids: std::ops::Range<i64>| {
        // in an order that the ids are not in
        let rows = ids.rev().map(|id| (id, item_row(id % 40)));
        embed(&artefact, artefact.plan().unwrap(), rows).unwrap()
    };
    let many = made(0..1_300);
    assert!(many.ids.is_sorted() && many.ids.len() == 1_300 && many.numbers.len() == 1_300);
    for id in [0, 511, 650, 1_299] {
        let at = usize::try_from(id).unwrap() * many.width;
        assert_eq!(many.floats[at..at + many.width], made(id..id + 1).floats, "{id}");
    }
}

#[test]
fn vectors_that_another_artefact_of_that_version_made_are_left() {
    let (own, other) = (models(), tempfile::tempdir().unwrap());
    fixture::publish_dssm(other.path(), "two", 9);
    for (maker, found) in [(own.path(), Some(6)), (other.path(), None)] {
        let made = vectors(maker, 1, 0..6);
        parquet::write(
            &own.path().join("vectors.parquet"),
            &made.table(),
            &made.metadata(),
        )
        .unwrap();
        assert_eq!(open(own.path()).status()[0].item_vectors, found);
    }
}

#[test]
fn rows_sent_along_leave_vectors_in_place_and_overrides_do_not() {
    let folder = models();
    write(folder.path(), 1, 0..6, 1.0);
    let predictor = open(folder.path());
    let score = |question: &Question| bits(&predictor.ask(question).unwrap(), 0, 0);
    let mut sent = question(3, 0..9, &[ask("films", &["two", "deep"])]);
    assert_eq!(score(&sent), expected(folder.path(), "two", 3, 0..9));
    sent.items_as_stored = true;
    assert_eq!(score(&sent), score(&by_id(0..9)));
    assert_ne!(score(&sent), expected(folder.path(), "two", 3, 0..9));
}

#[test]
fn a_tap_holds_items_whose_vectors_were_made_ahead() {
    let folder = models();
    write(folder.path(), 1, 0..6, 0.0);
    let predictor = open(folder.path());
    let tap = std::sync::Arc::new(rankine_predict::Tap::default());
    let mut question = by_id(0..9);
    question.asks = vec![ask("films", &["two"])];
    question.tap = Some(std::sync::Arc::clone(&tap));
    predictor.ask(&question).unwrap();
    let tapped = tap.take();
    assert_eq!(tapped.len(), 9);
    for (id, one) in (0i64..).zip(&tapped) {
        assert_eq!(one.sides[1], fixture::item(id));
        let [user, item, context] = &one.sides;
        let dir = folder.path().join("two/1");
        assert_eq!(one.bytes, fixture::encoded(&dir, user, item, context));
    }
}
