//! Lookup dictionaries under questions: completed items, bound confs, swaps without mixing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rankine_feature::Value;
use rankine_predict::{
    DictionaryEntry, DictionaryKind, ModelEntry, ModelFault, PredictConfig, PredictError, Predictor,
    Question, QuestionItem, SlotData,
};
use rankine_table::{Column, Table, parquet};

use crate::ask::{ask, bits, expected, question};
use crate::fixture;

/// Item rows of the fixture, years moved by `shift`.
fn write_items(path: &Path, ids: impl IntoIterator<Item = i64>, shift: f64) {
    let (mut keys, mut genres, mut years) = (Vec::new(), Vec::new(), Vec::new());
    for id in ids {
        let [_, genre, year] = <[Value; 3]>::try_from(fixture::item(id)).unwrap();
        keys.push(Some(id));
        let known = if let Value::Str(genre) = genre {
            Some(genre.to_string())
        } else {
            None
        };
        genres.push(known);
        years.push(year.number().map(|year| year + shift));
    }
    let columns = vec![
        ("movieId".to_owned(), Column::Int(keys)),
        ("genre".to_owned(), Column::Text(genres)),
        ("year".to_owned(), Column::Float(years)),
    ];
    parquet::write(path, &Table::new(columns).unwrap(), &[]).unwrap();
}

fn open(models: &Path, dictionaries: Vec<DictionaryEntry>) -> Predictor {
    let mut config = PredictConfig::new(models, || 7).model(ModelEntry::named("a"));
    config.dictionaries = dictionaries;
    config.poll = Duration::from_secs(3600);
    Predictor::open(config).unwrap()
}

fn by_id(user: i64, ids: impl IntoIterator<Item = i64>) -> Question {
    let mut question = question(user, [], &[ask("films", &["a"])]);
    question.items = ids
        .into_iter()
        .map(|id| QuestionItem {
            id,
            ..QuestionItem::default()
        })
        .collect();
    question
}

#[test]
fn items_are_completed_and_a_reload_drops_the_parts_of_changed_rows() {
    let folder = tempfile::tempdir().unwrap();
    fixture::publish_with(folder.path(), "a", "films", 1);
    let file = folder.path().join("items.parquet");
    write_items(&file, 0..9, 0.0);
    let predictor = open(
        folder.path(),
        vec![DictionaryEntry::new("films", DictionaryKind::Items, &file)],
    );
    let expected = expected(folder.path(), "a", 3, 0..9);
    for _ in 0..2 {
        assert_eq!(bits(&predictor.ask(&by_id(3, 0..9)).unwrap(), 0, 0), expected);
    }
    let mut given = by_id(3, 0..9);
    given.item_dictionary = "films".into();
    given.items[4].given = vec![None, None, Some(Value::Float(9.0))];
    let over = bits(&predictor.ask(&given).unwrap(), 0, 0);
    assert!(
        over[4] != expected[4] && over[5] == expected[5],
        "what is given wins"
    );
    given.item_dictionary = "elsewhere".into();
    assert!(matches!(
        predictor.ask(&given),
        Err(PredictError::Question { .. })
    ));
    let cached = predictor.status()[0].item_cache_bytes;
    write_items(&file, 0..9, 0.5);
    predictor.reload();
    let moved = bits(&predictor.ask(&by_id(3, 0..9)).unwrap(), 0, 0);
    let changed: Vec<bool> = moved.iter().zip(&expected).map(|(a, b)| a != b).collect();
    assert_eq!(
        changed,
        (0..9).map(|id| id % 7 != 0).collect::<Vec<_>>(),
        "rows without a year did not change"
    );
    assert!(
        predictor.status()[0].item_cache_bytes <= cached + 1024,
        "one part per item"
    );
}

const READING: &str = r#"
format = 1
name = "films"
schema.user = [{ name = "userId", type = "int" }, { name = "taste", type = "list<string>" }]
schema.item = [{ name = "movieId", type = "int" }, { name = "genre", type = "string" }, { name = "year", type = "float" }]
schema.context = [{ name = "hour", type = "int" }]
sample = { label = ["label"], group = "userId" }
dictionary = [
  { name = "prices", key = "string", columns = [{ name = "value", type = "float" }] },
]
feature = [
  { name = "user", class = "id", slot = 1, depend = ["userId"] },
  { name = "movie", class = "id", slot = 2, depend = ["movieId"] },
  { name = "genres", class = "id", slot = 3, depend = ["genre"] },
  { name = "hours", class = "id", slot = 4, depend = ["hour"] },
  { name = "years", class = "lookup", slot = 5, depend = ["genre"], str_args = ["@prices.value"] },
  { name = "match", class = "cross", slot = 6, depend = ["taste", "genre"] },
]
"#;

fn prices(path: &Path) -> DictionaryEntry {
    let mut entry = DictionaryEntry::new("prices", DictionaryKind::Keyed, path);
    entry.value = rankine_feature::FieldType::Float;
    entry
}

fn fixture_row(id: i64) -> rankine_predict::Row {
    rankine_predict::Row::of(["movieId", "genre", "year"].into_iter().zip(fixture::item(id)))
}

/// The price that every item's slot 5 holds.
fn slot5(predictor: &Predictor) -> Vec<f32> {
    let mut question = question(3, 0..4, &[ask("films", &["a"])]);
    question.item_fields = vec!["movieId".into(), "genre".into(), "year".into()];
    let confs = predictor.extract_on(&predictor.snapshot(), &question).unwrap();
    let items = confs[0].items.as_ref().unwrap();
    let price = |item: &rankine_predict::ItemSlots| match &item.slots.as_ref().unwrap().1[4].data {
        SlotData::Floats(floats) => floats[0],
        SlotData::Signs(..) => f32::NAN,
    };
    items.iter().map(price).collect()
}

#[test]
fn a_model_waits_for_its_dictionary_and_reads_every_swap_of_it() {
    let folder = tempfile::tempdir().unwrap();
    fixture::publish_conf(folder.path(), "a", READING, 1);
    let file = folder.path().join("prices.tsv");
    let predictor = open(folder.path(), vec![prices(&file)]);
    let answer = predictor.ask(&by_id(3, 0..2)).unwrap();
    let refused = answer.confs[0].models[0].outcome.as_ref().unwrap_err();
    assert_eq!(refused.fault, ModelFault::NotLoaded);
    assert!(
        refused.message.contains("dictionary `prices` is not loaded"),
        "{}",
        refused.message
    );
    std::fs::write(&file, "drama\t1.5\ncomedy\t2\nwar\t\\N\n").unwrap();
    predictor.reload();
    assert_eq!(slot5(&predictor), [1.5, 2.0, 0.0, 0.0]);
    let old = predictor.snapshot();
    let held = predictor.ask_on(&old, &by_id(3, 0..4)).unwrap();
    std::fs::write(&file, "drama\t4\nnoir\t5\n").unwrap();
    predictor.reload();
    assert_eq!(slot5(&predictor), [4.0, 0.0, 0.0, 5.0]);
    assert_eq!(
        predictor.ask_on(&old, &by_id(3, 0..4)).unwrap(),
        held,
        "a snapshot never sees a swap"
    );
    one_at_a_time(&predictor, &old);
    keeps_what_serves(&predictor, &file);
    drop(old);
    slot5(&predictor);
    assert_eq!(
        predictor.dictionary_status()[0].status.old_readers,
        0,
        "old generations are let go"
    );
}

/// A request for one model scores as a question does, on an old snapshot and on a new one.
fn one_at_a_time(predictor: &Predictor, old: &rankine_predict::Snapshot) {
    let all = question(3, 0..4, &[ask("films", &["a"])]);
    let item = |id| rankine_predict::ItemInput {
        id,
        row: fixture_row(id),
        version: 3,
    };
    let alone = rankine_predict::Request {
        model: "a".into(),
        user: all.user.clone(),
        context: all.context.clone(),
        items: (0..4).map(item).collect(),
        ..rankine_predict::Request::default()
    };
    for snapshot in [old, &predictor.snapshot(), old] {
        let scores = predictor.predict_on(snapshot, &alone).unwrap().scores;
        let scores: Vec<u32> = scores.iter().map(|score| score.to_bits()).collect();
        let asked = predictor.ask_on(snapshot, &all).unwrap();
        assert_eq!(scores, bits(&asked, 0, 0), "one model at a time");
    }
}

/// Damage: the generation before serves on, and the state says why.
fn keeps_what_serves(predictor: &Predictor, file: &Path) {
    for (bad, says) in [
        ("drama\t1\ndrama\t2\n", "line 2: key `drama` is there twice"),
        ("drama\tx\n", "line 1"),
        ("drama\t1", "cut off"),
    ] {
        std::fs::write(file, bad).unwrap();
        predictor.reload();
        let state = &predictor.dictionary_status()[0];
        let error = &state.status.error.as_ref().unwrap().message;
        assert!(error.contains(says) && error.contains("prices.tsv"), "{error}");
        assert_eq!(
            (slot5(predictor)[0], state.status.generation, state.kind),
            (4.0, 2, "keyed")
        );
    }
}

#[test]
fn a_swap_is_bound_by_the_loader_and_frees_the_old_generation() {
    let folder = tempfile::tempdir().unwrap();
    fixture::publish_conf(folder.path(), "a", READING, 1);
    let file = folder.path().join("prices.tsv");
    std::fs::write(&file, "drama\t1\n").unwrap();
    let predictor = open(folder.path(), vec![prices(&file)]);
    assert_eq!(slot5(&predictor)[0], 1.0);
    std::fs::write(&file, "drama\t22\n").unwrap();
    predictor.reload();
    let status = predictor.dictionary_status()[0].status.clone();
    assert_eq!(
        (status.generation, status.old_generations, status.bytes),
        (2, 0, 9),
        "before any request"
    );
}

#[test]
fn a_dictionary_without_the_column_keeps_the_model_out() {
    let folder = tempfile::tempdir().unwrap();
    fixture::publish_conf(folder.path(), "a", READING, 1);
    let file = folder.path().join("prices.tsv");
    std::fs::write(&file, "drama\t1\n").unwrap();
    let entry = DictionaryEntry::new("prices", DictionaryKind::Keyed, &file);
    let predictor = open(folder.path(), vec![entry]);
    let error = predictor.status()[0].dictionaries[0]
        .error
        .clone()
        .unwrap()
        .message;
    assert!(
        error.contains("column `value`: expected float, got string"),
        "{error}"
    );
}

#[test]
fn loading_is_never_faster_than_max_mb_s() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("items.parquet");
    write_items(&file, 0..40_000, 0.0);
    let mut entry = DictionaryEntry::new("films", DictionaryKind::Items, &file);
    entry.max_mb_s = 1.0;
    let predictor = open(folder.path(), vec![entry]);
    let status = predictor.dictionary_status()[0].status.clone();
    let least = status.bytes * 1_000_000 / (1 << 20);
    assert!(
        status.bytes > 100_000 && status.load_micros >= least,
        "{status:?}"
    );
}

#[test]
fn questions_during_swaps_meet_one_generation_of_everything() {
    let folder = tempfile::tempdir().unwrap();
    fixture::publish_conf(folder.path(), "a", READING, 1);
    let file = folder.path().join("prices.tsv");
    let write = |price: u32| {
        let lines: String = ["drama", "comedy", "war", "noir"]
            .iter()
            .map(|genre| format!("{genre}\t{price}\n"))
            .collect();
        std::fs::write(folder.path().join("aside"), lines).unwrap();
        std::fs::rename(folder.path().join("aside"), &file).unwrap();
    };
    write(1);
    let predictor = Arc::new(open(folder.path(), vec![prices(&file)]));
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut last = 0.0;
                    while last < 30.0 {
                        let prices = slot5(&predictor);
                        assert!(
                            prices.iter().all(|price| *price == prices[0]),
                            "mixed: {prices:?}"
                        );
                        assert!(prices[0] >= last, "back in time");
                        last = prices[0];
                    }
                })
            })
            .collect();
        for price in 2..=30 {
            write(price);
            predictor.reload();
        }
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn a_frozen_dictionary_leaves_what_is_tapped_and_explained_the_confs_own_hash() {
    let folder = tempfile::tempdir().unwrap();
    let frozen = READING.replace("\"prices\", key", "\"prices\", frozen = true, key");
    assert_ne!(frozen, READING);
    fixture::publish_conf(folder.path(), "a", &frozen, 1);
    let file = folder.path().join("prices.tsv");
    std::fs::write(&file, "drama\t1.5\ncomedy\t2\n").unwrap();
    let predictor = open(folder.path(), vec![prices(&file)]);
    let tap = Arc::new(rankine_predict::Tap::default());
    let mut question = question(3, 0..4, &[ask("films", &["a"])]);
    question.item_fields = vec!["movieId".into(), "genre".into(), "year".into()];
    question.tap = Some(Arc::clone(&tap));
    let answer = predictor.ask(&question).unwrap();
    let scores = answer.confs[0].models[0].outcome.as_ref().unwrap();
    let tapped = tap.take();
    assert_eq!(tapped.len(), 4);
    for one in &tapped {
        assert_eq!(one.conf_hash, scores.conf_hash);
        assert_ne!(
            one.plan.hash(),
            scores.conf_hash,
            "the bound plan knows the content"
        );
    }
    question.items.truncate(1);
    let (_, explained) = predictor.explain_on(&predictor.snapshot(), &question).unwrap();
    assert_eq!(
        (explained.conf_hash, explained.same_bytes),
        (scores.conf_hash.clone(), Some(true))
    );
}
