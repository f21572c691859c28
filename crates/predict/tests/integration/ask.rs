//! Questions: several confs and models at once, every score back in order; what fails alone is answered alone.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rankine_feature::Value;
use rankine_predict::{
    Answer, Ask, FeatureRows, ModelEntry, ModelFault, PredictConfig, PredictError, Predictor, Question,
    QuestionItem, Reason, Row,
};

use crate::fixture;

/// A predictor over these models, tasks of `task` items.
pub(crate) fn predictor(models: &Path, names: &[&str], task: usize) -> Predictor {
    let mut config = PredictConfig::new(models, || 7);
    config.models = names.iter().map(|name| ModelEntry::named(name)).collect();
    config.threads = 2;
    config.question_task = task;
    Predictor::open(config).unwrap()
}

pub(crate) fn ask(conf: &str, models: &[&str]) -> Ask {
    Ask {
        conf: conf.to_owned(),
        models: models.iter().map(|&model| model.to_owned()).collect(),
    }
}

/// All fields of the fixture's items, given by the question.
pub(crate) fn given(id: i64) -> QuestionItem {
    QuestionItem {
        id,
        given: fixture::item(id).into_iter().map(Some).collect(),
        models: Vec::new(),
    }
}

pub(crate) fn question(user: i64, items: impl IntoIterator<Item = i64>, asks: &[Ask]) -> Question {
    let names = ["userId", "taste"].into_iter();
    Question {
        user: Row::of(names.zip(fixture::user(user))),
        context: Row::of([("hour", Value::Int(user))]),
        item_fields: ["movieId", "genre", "year"].map(Arc::from).into(),
        items: items.into_iter().map(given).collect(),
        asks: asks.to_vec(),
        ..Question::default()
    }
}

/// The scores of a model, all of which must be there.
fn scores(answer: &Answer, model: usize) -> Vec<f32> {
    bits(answer, 0, model).into_iter().map(f32::from_bits).collect()
}

#[test]
fn one_question_has_every_output_of_a_model() {
    let home = tempfile::tempdir().unwrap();
    fixture::publish_esmm(home.path(), "esmm", 4);
    let predictor = predictor(home.path(), &["esmm"], 4);
    let models = ["esmm", "esmm/ctr", "esmm/cvr", "esmm:1/ctcvr", "esmm/sold"];
    let answer = predictor
        .ask(&question(3, 1..11, &[ask("films", &models)]))
        .unwrap();
    let [first, ctr, cvr, both] = [0, 1, 2, 3].map(|m| scores(&answer, m));
    assert_eq!(first, ctr);
    for ((ctr, cvr), both) in ctr.iter().zip(&cvr).zip(&both) {
        assert!((ctr * cvr - both).abs() < 1e-6, "{ctr} · {cvr} = {both}");
    }
    let fault = answer.confs[0].models[4].outcome.as_ref().unwrap_err();
    assert_eq!(fault.fault, ModelFault::Unknown);
    assert_eq!(
        fault.message,
        "model esmm: no output `sold`, expected one of ctr, cvr, ctcvr"
    );
}

/// What version 1 of a model gives these items, one at a time.
pub(crate) fn expected(
    models: &Path,
    name: &str,
    user: i64,
    items: impl IntoIterator<Item = i64>,
) -> Vec<u32> {
    let dir = models.join(name).join("1");
    let score = |id| {
        fixture::expected(
            &dir,
            &fixture::user(user),
            &fixture::item(id),
            &fixture::context(user),
        )
    };
    items.into_iter().map(|id| score(id).to_bits()).collect()
}

/// The bits of a model's scores, all of which must be there.
pub(crate) fn bits(answer: &Answer, conf: usize, model: usize) -> Vec<u32> {
    let outcome = &answer.confs[conf].models[model].outcome;
    let scores = &outcome.as_ref().unwrap().scores;
    scores
        .iter()
        .map(|score| score.as_ref().unwrap().to_bits())
        .collect()
}

fn fault(answer: &Answer, conf: usize, model: usize) -> ModelFault {
    answer.confs[conf].models[model]
        .outcome
        .as_ref()
        .unwrap_err()
        .fault
}

/// The example of the document this engine is after: 8 samples, conf0 with model0 and model1, conf1 with model2 and
/// model3, 2 samples a task.
#[test]
fn eight_samples_two_confs_four_models_in_tasks_of_two() {
    let models = tempfile::tempdir().unwrap();
    for (i, conf) in ["conf0", "conf0", "conf1", "conf1"].into_iter().enumerate() {
        fixture::publish_with(models.path(), &format!("model{i}"), conf, i as u64 + 1);
    }
    let predictor = predictor(models.path(), &["model0", "model1", "model2", "model3"], 2);
    let asks = [
        ask("conf0", &["model0", "model1"]),
        ask("conf1", &["model2", "model3"]),
    ];
    let answer = predictor.ask(&question(5, 1..9, &asks)).unwrap();
    assert_eq!(answer.tasks, 4);
    let order: Vec<(&str, Vec<&str>)> = answer
        .confs
        .iter()
        .map(|conf| {
            (
                conf.conf.as_str(),
                conf.models.iter().map(|m| m.model.as_str()).collect(),
            )
        })
        .collect();
    assert_eq!(
        order,
        [
            ("conf0", vec!["model0", "model1"]),
            ("conf1", vec!["model2", "model3"])
        ]
    );
    for (conf, model, name) in [
        (0, 0, "model0"),
        (0, 1, "model1"),
        (1, 0, "model2"),
        (1, 1, "model3"),
    ] {
        assert_eq!(
            bits(&answer, conf, model),
            expected(models.path(), name, 5, 1..9),
            "{name}"
        );
        let scores = answer.confs[conf].models[model].outcome.as_ref().unwrap();
        assert_eq!((scores.version, scores.conf_hash.len()), (1, 32));
    }
    let hash = |conf: usize| {
        answer.confs[conf].models[0]
            .outcome
            .as_ref()
            .unwrap()
            .conf_hash
            .clone()
    };
    assert_ne!(hash(0), hash(1));
}

#[test]
fn tasks_and_threads_do_not_change_a_bit() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_with(models.path(), "a", "films", 1);
    fixture::publish_with(models.path(), "b", "films", 2);
    let items: Vec<i64> = (0..100).map(|i| i * 7 % 23).collect();
    for (task, tasks) in [(0, 1), (1, 100), (7, 15), (99, 2), (1000, 1)] {
        let predictor = predictor(models.path(), &["a", "b"], task);
        let answer = predictor
            .ask(&question(3, items.clone(), &[ask("films", &["b", "a"])]))
            .unwrap();
        assert_eq!(answer.tasks, tasks, "tasks of {task}");
        assert_eq!(
            bits(&answer, 0, 0),
            expected(models.path(), "b", 3, items.clone())
        );
        assert_eq!(
            bits(&answer, 0, 1),
            expected(models.path(), "a", 3, items.clone())
        );
    }
}

/// One model has dense layers alone, so its items are scored without parts; the other makes parts of the same features.
#[test]
fn items_that_keep_nothing_have_the_scores_of_one_by_one() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_mlp(models.path(), "mlp", 3);
    fixture::publish_broken_mlp(models.path(), "broken", 7, 5);
    fixture::publish_wide_deep(models.path(), "cross", 4);
    let predictor = predictor(models.path(), &["mlp", "broken", "cross"], 5);
    let mut question = question(2, 1..12, &[ask("films", &["mlp", "broken", "cross"])]);
    question.items[8].models = vec!["mlp".into()];
    question.items[3].given[0] = Some(Value::str("no number"));
    let answer = predictor.ask(&question).unwrap();
    let reasons = [
        (6, 1, Reason::NotFinite),
        (8, 1, Reason::NotAsked),
        (8, 2, Reason::NotAsked),
    ];
    for (m, name) in ["mlp", "broken", "cross"].into_iter().enumerate() {
        let scores = &answer.confs[0].models[m].outcome.as_ref().unwrap().scores;
        let expected = expected(models.path(), name, 2, 1..12);
        for (i, (score, expected)) in scores.iter().zip(expected).enumerate() {
            let absent = reasons.iter().find(|absent| (absent.0, absent.1) == (i, m));
            let wanted = match absent {
                _ if i == 3 => Err(Reason::BadItem),
                Some((.., reason)) => Err(*reason),
                None => Ok(expected),
            };
            let got = score.as_ref().map(|score| score.to_bits());
            assert_eq!(got.map_err(|absence| absence.reason), wanted, "{name} {i}");
        }
    }
}

#[test]
fn an_item_may_want_some_models_only() {
    let models = tempfile::tempdir().unwrap();
    for (name, seed) in [("download", 1), ("payment", 2)] {
        fixture::publish_with(models.path(), name, "ads", seed);
    }
    let mut config = PredictConfig::new(models.path(), || 7)
        .model(ModelEntry::named("download").alias("dl"))
        .model(ModelEntry::named("payment"));
    config.question_task = 2;
    let predictor = Predictor::open(config).unwrap();
    let mut question = question(2, 0..4, &[ask("ads", &["dl", "payment:1"])]);
    question.items[1].models = vec!["download".into()];
    question.items[2].models = vec!["payment".into(), "elsewhere".into()];
    question.items[3].models = vec!["elsewhere".into()];
    let answer = predictor.ask(&question).unwrap();
    for (model, name, has) in [
        (0, "download", [true, true, false, false]),
        (1, "payment", [true, false, true, false]),
    ] {
        let scores = &answer.confs[0].models[model].outcome.as_ref().unwrap().scores;
        let expected = expected(models.path(), name, 2, 0..4);
        for (i, score) in scores.iter().enumerate() {
            match score {
                Ok(score) => assert!(has[i] && score.to_bits() == expected[i], "{name}, item {i}"),
                Err(absence) => assert!(!has[i] && absence.reason == Reason::NotAsked, "{name}, item {i}"),
            }
        }
    }
}

#[test]
fn what_fails_leaves_the_others_their_scores() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_with(models.path(), "good", "films", 1);
    fixture::publish_with(models.path(), "other", "series", 2);
    fixture::publish_vectors(models.path(), "vectors");
    let predictor = predictor(models.path(), &["good", "other", "vectors", "later"], 3);
    let names = ["nosuch", "later", "other", "vectors", "good:9", "good:x", "good"];
    let answer = predictor
        .ask(&question(1, 0..9, &[ask("films", &names)]))
        .unwrap();
    let faults: Vec<ModelFault> = (0..6).map(|model| fault(&answer, 0, model)).collect();
    assert_eq!(
        faults,
        [
            ModelFault::Unknown,
            ModelFault::NotLoaded,
            ModelFault::OtherConf,
            ModelFault::NoScores,
            ModelFault::Unknown,
            ModelFault::Unknown
        ]
    );
    assert_eq!(bits(&answer, 0, 6), expected(models.path(), "good", 1, 0..9));
    let message = &answer.confs[0].models[2].outcome.as_ref().unwrap_err().message;
    assert_eq!(
        message,
        "model other: trained with conf `series`, asked for with `films`"
    );
}

#[test]
fn a_bad_user_fails_the_conf_and_a_bad_item_itself() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_with(models.path(), "good", "films", 1);
    let predictor = predictor(models.path(), &["good"], 2);
    let mut question = question(1, 0..5, &[ask("films", &["good"])]);
    question.items[3].given[2] = Some(Value::str("soon"));
    let answer = predictor.ask(&question).unwrap();
    let scores = &answer.confs[0].models[0].outcome.as_ref().unwrap().scores;
    let absence = scores[3].as_ref().unwrap_err();
    assert_eq!(
        (absence.reason, absence.message.as_str()),
        (Reason::BadItem, "field year: expected float, got string `soon`")
    );
    assert_eq!(scores.iter().filter(|score| score.is_ok()).count(), 4);
    question.user = Row::of([("userId", Value::str("me"))]);
    assert_eq!(fault(&predictor.ask(&question).unwrap(), 0, 0), ModelFault::Input);
}

#[test]
fn what_is_not_finite_never_leaves() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_broken(models.path(), "broken", 7, 1);
    fixture::publish_with(models.path(), "good", "films", 2);
    let predictor = predictor(models.path(), &["broken", "good"], 0);
    let answer = predictor
        .ask(&question(2, 5..9, &[ask("films", &["broken", "good"])]))
        .unwrap();
    let scores = &answer.confs[0].models[0].outcome.as_ref().unwrap().scores;
    let reasons: Vec<_> = scores
        .iter()
        .map(|score| score.as_ref().map_err(|a| a.reason).err())
        .collect();
    assert_eq!(reasons, [None, None, Some(Reason::NotFinite), None]);
    assert_eq!(bits(&answer, 0, 1), expected(models.path(), "good", 2, 5..9));
}

#[test]
fn a_question_that_is_wrong_in_itself_says_where() {
    let models = tempfile::tempdir().unwrap();
    let predictor = predictor(models.path(), &["m"], 0);
    let place = |question: &Question| match predictor.ask(question) {
        Err(PredictError::Question { place, .. }) => place,
        other => panic!("{other:?}"),
    };
    assert_eq!(place(&question(1, 0..2, &[])), "asks");
    assert_eq!(
        place(&question(
            1,
            0..2,
            &[ask("c", &["m"]), ask("c", &["a", "m", "a"])]
        )),
        "asks[1].models[2]"
    );
    let mut long = question(1, 0..2, &[ask("c", &["m"])]);
    long.items[1].given.push(None);
    assert_eq!(place(&long), "items[1].values");
    long.item_dictionary = "films".to_owned();
    long.items.pop();
    assert_eq!(place(&long), "item_dictionary");
}

#[test]
fn nothing_is_scored_for_nobody() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_with(models.path(), "m", "films", 1);
    let predictor = predictor(models.path(), &["m"], 2);
    let mut late = question(1, 0..6, &[ask("films", &["m"])]);
    late.deadline = Some(Instant::now());
    assert!(matches!(
        predictor.ask(&late),
        Err(PredictError::Deadline { scored: 0, items: 6 })
    ));
    let left = question(1, 0..6, &[ask("films", &["m"])]);
    left.cancel.cancel();
    assert!(matches!(predictor.ask(&left), Err(PredictError::Cancelled)));
    assert_eq!(predictor.load().0, 0, "permits are given back");
}

/// Rows that count how often they are asked for, and cancel the question at the third item.
struct Leaving {
    asked: AtomicUsize,
    cancel: rankine_predict::Cancel,
}

impl FeatureRows for Leaving {
    fn user(&self, _: i64) -> Option<Row> {
        None
    }

    fn item(&self, _: i64) -> Option<(Row, u64)> {
        if self.asked.fetch_add(1, Ordering::SeqCst) == 2 {
            self.cancel.cancel();
        }
        None
    }
}

#[test]
fn a_client_that_leaves_stops_the_tasks_that_have_not_begun() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_with(models.path(), "m", "films", 1);
    let mut config = PredictConfig::new(models.path(), || 7).model(ModelEntry::named("m"));
    (config.threads, config.question_task) = (1, 2);
    let predictor = Predictor::open(config).unwrap();
    let mut question = question(1, 0..1000, &[ask("films", &["m"])]);
    let rows = Arc::new(Leaving {
        asked: AtomicUsize::new(0),
        cancel: question.cancel.clone(),
    });
    question.rows = Some(rows.clone());
    assert!(matches!(predictor.ask(&question), Err(PredictError::Cancelled)));
    assert_eq!(
        rows.asked.load(Ordering::SeqCst),
        4,
        "the task under way ends, no other begins"
    );
}

/// Rows that make a question wait until it is let go.
struct Waiting {
    begun: Mutex<Sender<()>>,
    go: Mutex<Receiver<()>>,
}

impl FeatureRows for Waiting {
    fn user(&self, _: i64) -> Option<Row> {
        None
    }

    fn item(&self, _: i64) -> Option<(Row, u64)> {
        self.begun.lock().unwrap().send(()).ok();
        self.go.lock().unwrap().recv().ok();
        None
    }
}

#[test]
fn a_model_has_a_bound_of_its_own_and_the_predictor_one_for_all() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_with(models.path(), "slow", "films", 1);
    fixture::publish_with(models.path(), "fast", "films", 2);
    let mut slow = ModelEntry::named("slow");
    slow.permits = 1;
    let mut config = PredictConfig::new(models.path(), || 7)
        .model(slow)
        .model(ModelEntry::named("fast"));
    (config.permits, config.threads) = (2, 1);
    let predictor = Predictor::open(config).unwrap();
    let (begun, has_begun) = channel();
    let (let_go, go) = channel();
    let mut first = question(1, 0..1, &[ask("films", &["slow"])]);
    first.rows = Some(Arc::new(Waiting {
        begun: Mutex::new(begun),
        go: Mutex::new(go),
    }));
    std::thread::scope(|scope| {
        let under_way = scope.spawn(|| predictor.ask(&first).unwrap());
        has_begun.recv().unwrap();
        let both = predictor
            .ask(&question(1, 0..3, &[ask("films", &["slow", "fast"])]))
            .unwrap();
        assert_eq!(fault(&both, 0, 0), ModelFault::Busy);
        assert_eq!(bits(&both, 0, 1), expected(models.path(), "fast", 1, 0..3));
        let alone = predictor.ask(&question(1, 0..3, &[ask("films", &["slow"])]));
        assert!(
            matches!(alone, Err(PredictError::Overloaded { retry_ms: 1.., .. })),
            "{alone:?}"
        );
        let second = predictor.permit().unwrap();
        let third = predictor.ask(&question(1, 0..3, &[ask("films", &["fast"])]));
        assert!(
            matches!(
                third,
                Err(PredictError::Overloaded {
                    permits: 2,
                    retry_ms: 1..
                })
            ),
            "{third:?}"
        );
        drop(second);
        let_go.send(()).unwrap();
        assert_eq!(bits(&under_way.join().unwrap(), 0, 0).len(), 1);
    });
    let again = predictor
        .ask(&question(1, 0..3, &[ask("films", &["slow"])]))
        .unwrap();
    assert_eq!(bits(&again, 0, 0), expected(models.path(), "slow", 1, 0..3));
}

/// The fixture's rows by id, counting.
#[derive(Default)]
struct Known {
    items: AtomicUsize,
}

impl FeatureRows for Known {
    fn user(&self, id: i64) -> Option<Row> {
        Some(Row::of(["userId", "taste"].into_iter().zip(fixture::user(id))))
    }

    fn item(&self, id: i64) -> Option<(Row, u64)> {
        self.items.fetch_add(1, Ordering::SeqCst);
        let row = Row::of(["movieId", "genre", "year"].into_iter().zip(fixture::item(id)));
        Some((row, 5))
    }

    fn context(&self) -> Option<Row> {
        Some(Row::of([("hour", Value::Int(4))]))
    }
}

#[test]
fn rows_complete_what_is_not_given_and_features_are_made_once_per_conf() {
    let models = tempfile::tempdir().unwrap();
    for (name, conf, seed) in [("a", "films", 1), ("b", "films", 2), ("c", "series", 3)] {
        fixture::publish_with(models.path(), name, conf, seed);
    }
    let predictor = predictor(models.path(), &["a", "b", "c"], 4);
    let rows = Arc::new(Known::default());
    let mut question = question(4, [], &[ask("films", &["a", "b"]), ask("series", &["c"])]);
    question.user = Row::of([("userId", Value::str("4"))]);
    question.context = Row::default();
    question.rows = Some(rows.clone());
    question.items = (0..10)
        .map(|id| QuestionItem {
            id,
            ..QuestionItem::default()
        })
        .collect();
    for round in 1..4 {
        let answer = predictor.ask(&question).unwrap();
        for (conf, model, name) in [(0, 0, "a"), (0, 1, "b"), (1, 0, "c")] {
            assert_eq!(
                bits(&answer, conf, model),
                expected(models.path(), name, 4, 0..10),
                "{name}, round {round}"
            );
        }
        assert_eq!(
            rows.items.load(Ordering::SeqCst),
            round * 20,
            "one row per item and conf, not per model"
        );
    }
    assert!(
        predictor.status().iter().all(|model| model.item_cache_bytes > 0),
        "parts are kept"
    );
    // given values win over the kept part and are not kept themselves
    question.items[3].given = vec![None, None, Some(Value::Missing)];
    let answer = predictor.ask(&question).unwrap();
    let kept = expected(models.path(), "a", 4, 0..10);
    let got = bits(&answer, 0, 0);
    assert!(got[3] != kept[3] && got[4] == kept[4]);
    question.items[3].given.clear();
    assert_eq!(bits(&predictor.ask(&question).unwrap(), 0, 0), kept);
}

#[test]
fn extraction_gives_the_canonical_bytes_of_the_plan() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_with(models.path(), "a", "films", 1);
    fixture::publish_with(models.path(), "b", "films", 2);
    let predictor = predictor(models.path(), &["a", "b"], 0);
    let mut question = question(
        3,
        0..6,
        &[ask("films", &["a", "b"]), ask("films", &[]), ask("none", &[])],
    );
    question.items[5].given[0] = Some(Value::str("x"));
    let confs = predictor.extract_on(&predictor.snapshot(), &question).unwrap();
    assert_eq!(confs.len(), 2, "one hash, and one conf that is not there");
    assert_eq!(confs[1].items.as_ref().unwrap_err().fault, ModelFault::NotLoaded);
    let items = confs[0].items.as_ref().unwrap();
    for (id, item) in (0..5).zip(items) {
        let (bytes, slots) = item.slots.as_ref().unwrap();
        let expected = fixture::encoded(
            &models.path().join("a/1"),
            &fixture::user(3),
            &fixture::item(id),
            &fixture::context(3),
        );
        assert_eq!(bytes, &expected, "item {id}");
        assert_eq!(
            slots.iter().map(|slot| slot.slot).collect::<Vec<_>>(),
            [1, 2, 3, 4, 5, 6]
        );
    }
    assert_eq!(items[5].slots.as_ref().unwrap_err().reason, Reason::BadItem);
}

#[test]
fn a_tap_holds_what_was_scored_with_also_where_parts_are_kept() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    for task in [2, 100] {
        let predictor = predictor(models.path(), &["films"], task);
        let tap = Arc::new(rankine_predict::Tap::default());
        let mut question = question(3, 0..9, &[ask("", &["films"])]);
        question.tap = Some(Arc::clone(&tap));
        question.rows = Some(Arc::new(Known::default()));
        for by_id in [false, true, true] {
            // given fields are never kept; of what rows complete, the second question finds the parts
            question
                .items
                .iter_mut()
                .filter(|_| by_id)
                .for_each(|item| item.given.clear());
            predictor.ask(&question).unwrap();
            let tapped = tap.take();
            assert_eq!(
                tapped.iter().map(|one| one.index).collect::<Vec<_>>(),
                (0..9).collect::<Vec<_>>()
            );
            for (id, one) in (0i64..).zip(&tapped) {
                let [user, item, context] = &one.sides;
                assert_eq!(
                    (user, item, context),
                    (&fixture::user(3), &fixture::item(id), &fixture::context(3))
                );
                let folder = models.path().join("films/1");
                assert_eq!(one.bytes, fixture::encoded(&folder, user, item, context));
            }
        }
    }
}

#[test]
fn an_explained_score_is_the_served_one_with_the_same_bytes_offline() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    let predictor = predictor(models.path(), &["films"], 100);
    let question = question(3, [7], &[ask("", &["films"])]);
    let (version, explained) = predictor.explain_on(&predictor.snapshot(), &question).unwrap();
    assert_eq!((version, explained.same_bytes), (1, Some(true)));
    assert_eq!(
        explained.score.map(f32::to_bits),
        explained.online_score.map(f32::to_bits)
    );
    let expected = expected(models.path(), "films", 3, [7]);
    assert_eq!(explained.online_score.map(f32::to_bits), Some(expected[0]));
    assert!(explained.differing().next().is_none());
    assert!(
        explained
            .features
            .iter()
            .any(|feature| feature.contribution.is_some_and(|part| part != 0.0))
    );
    assert!(
        explained
            .fields
            .iter()
            .any(|field| field.name == "movieId" && field.value == "7")
    );
    let none = Question {
        items: Vec::new(),
        ..question
    };
    assert!(predictor.explain_on(&predictor.snapshot(), &none).is_err());
}

/// What each slot of film 6 for user 3 adds to the logit of a logistic regression, and its score.
fn contributions(bias: f32) -> (Vec<(String, Option<f64>)>, Option<f32>) {
    let models = tempfile::tempdir().unwrap();
    let weights = [
        (1, rankine_feature::sign::int(1, 3), 0.5),
        // what an empty slot 1 reads
        (1, 0, 0.125),
        (3, rankine_feature::sign::text(3, "war", &mut Vec::new()), -0.25),
        // the first number of a dense slot
        (5, 1, 2.0),
    ];
    fixture::publish_lr(models.path(), "films", bias, &weights);
    let predictor = predictor(models.path(), &["films"], 100);
    let question = question(3, [6], &[ask("", &["films"])]);
    let (_, explained) = predictor.explain_on(&predictor.snapshot(), &question).unwrap();
    let parts = explained.features.iter();
    let parts = parts.map(|feature| (feature.name.clone(), feature.contribution));
    (parts.collect(), explained.score)
}

#[test]
fn a_linear_models_parts_are_weight_times_value_less_the_missing_row_also_where_the_score_is_one() {
    let by_hand = [
        ("genres", Some(-0.25)),
        ("hours", Some(0.0)),
        ("match", Some(0.0)),
        ("movie", None),
        ("user", Some(0.5 - 0.125)),
        ("years", Some(2.0 * 0.25)),
    ];
    for (bias, score) in [(0.0, 1.0 / (1.0 + (-0.75f32).exp())), (40.0, 1.0), (-120.0, 0.0)] {
        let (mut parts, scored) = contributions(bias);
        parts.sort_by(|a, b| a.0.cmp(&b.0));
        for ((name, part), (other, expected)) in parts.iter().zip(by_hand) {
            assert_eq!(name, other);
            assert_eq!(part.is_some(), expected.is_some(), "{name}");
            let (part, expected) = (part.unwrap_or_default(), expected.unwrap_or_default());
            assert!((part - expected).abs() < 1e-5, "{name} at bias {bias}: {part}");
        }
        assert_eq!(parts.len(), by_hand.len());
        assert!((scored.unwrap() - score).abs() < 1e-6, "{scored:?}");
    }
}
