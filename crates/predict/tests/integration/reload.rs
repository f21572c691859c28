//! Hot reload: versions pour in while threads predict. Every answer comes wholly from one version, none fails, a
//! corrupt version in between keeps the old one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rankine_predict::{FeatureRows, ItemKey, KnownItems, ModelEntry, PredictConfig, Predictor, Request, Row};

use crate::fixture;
use crate::scores::{bits, expected_bits, predictor, request};

const ITEMS: [i64; 9] = [3, 1, 4, 15, 9, 2, 6, 5, 30];

/// Expected bits by version, filled in before a version is published.
type Known = Mutex<BTreeMap<u64, Vec<u32>>>;

/// Publishes the version elsewhere to learn its scores, then where it is served.
fn publish(models: &Path, aside: &Path, seed: u64, known: &Known) -> u64 {
    let version = fixture::publish_wide_deep(aside, "films", seed);
    let scores = expected_bits(&aside.join(format!("films/{version}")), 3, &ITEMS);
    let next = models.join("films").read_dir().map_or(1, |_| highest(models) + 1);
    known.lock().unwrap().insert(next, scores);
    assert_eq!(fixture::publish_wide_deep(models, "films", seed), next);
    next
}

fn highest(models: &Path) -> u64 {
    let names = models.join("films").read_dir().unwrap().flatten();
    names
        .filter_map(|e| e.file_name().to_str().and_then(|n| n.parse().ok()))
        .max()
        .unwrap_or(0)
}

/// A version whose weights are damaged, or cut short, or that is only half copied.
fn publish_corrupt(models: &Path, aside: &Path, how: u64) -> PathBuf {
    let good = aside.join(format!(
        "films/{}",
        fixture::publish_wide_deep(aside, "films", how)
    ));
    let bad = models.join(format!("films/{}", highest(models) + 1));
    std::fs::create_dir(&bad).unwrap();
    for file in good.read_dir().unwrap().flatten() {
        let mut bytes = std::fs::read(file.path()).unwrap();
        if file.file_name() == "weights.safetensors" {
            match how % 3 {
                0 => bytes.truncate(bytes.len() / 2),
                1 => *bytes.last_mut().unwrap() ^= 1,
                _ => continue,
            }
        }
        std::fs::write(bad.join(file.file_name()), bytes).unwrap();
    }
    bad
}

/// Predicts until told to stop; returns how many answers were right.
fn predict_until(predictor: &Predictor, known: &Known, stop: &AtomicBool, answers: &AtomicUsize) {
    let mut highest = 0;
    for round in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let response = predictor
            .predict(&request(3, &ITEMS, round % 3))
            .expect("no request fails");
        assert_eq!(response.faults, []);
        let got: Vec<u32> = response.scores.iter().map(|s| s.to_bits()).collect();
        let expected = known
            .lock()
            .unwrap()
            .get(&response.version)
            .cloned()
            .expect("a corrupt version serves");
        assert_eq!(got, expected, "version {} is mixed", response.version);
        assert!(response.version >= highest, "went back");
        highest = response.version;
        answers.fetch_add(1, Ordering::SeqCst);
    }
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never happened: {what}");
}

#[test]
fn fifty_publishes_under_load_fail_nothing_and_mix_nothing() {
    let (models, aside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let known = Known::default();
    publish(models.path(), aside.path(), 1, &known);
    let predictor = predictor(models.path(), |config| {
        config.task = 4;
        config.poll = Duration::from_millis(20);
    });
    let (stop, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| predict_until(&predictor, &known, &stop, &answers)))
            .collect();
        for seed in 2..=50 {
            if seed % 6 == 0 {
                let failures = || predictor.status()[0].dictionaries[0].failures;
                let before = failures();
                let bad = publish_corrupt(models.path(), aside.path(), seed);
                wait_until("the corrupt version is refused", || failures() > before);
                std::fs::remove_dir_all(bad).unwrap();
            }
            let version = publish(models.path(), aside.path(), seed, &known);
            wait_until("the new version serves", || {
                predictor.status()[0].version == Some(version)
            });
            let before = answers.load(Ordering::SeqCst);
            wait_until("requests go on", || answers.load(Ordering::SeqCst) > before);
        }
        stop.store(true, Ordering::SeqCst);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let status = &predictor.status()[0].dictionaries[0];
    assert_eq!(
        (status.version, &status.error),
        (Some(highest(models.path())), &None)
    );
    assert_eq!(status.old_generations, 0, "every old generation is freed");
}

#[test]
fn a_snapshot_keeps_its_version_through_a_swap() {
    let (models, aside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let known = Known::default();
    publish(models.path(), aside.path(), 1, &known);
    let predictor = predictor(models.path(), |config| config.poll = Duration::from_secs(3600));
    let snapshot = predictor.snapshot();
    publish(models.path(), aside.path(), 2, &known);
    wait_until("version 2 serves", || {
        predictor.reload();
        predictor.status()[0].version == Some(2)
    });
    let asked = request(3, &ITEMS, 1);
    let old = predictor.predict_on(&snapshot, &asked).unwrap();
    assert_eq!(old.version, 1);
    let old: Vec<u32> = old.scores.iter().map(|s| s.to_bits()).collect();
    assert_eq!(old, known.lock().unwrap()[&1]);
    assert_eq!(bits(&predictor, &asked), known.lock().unwrap()[&2]);
    assert_eq!(predictor.status()[0].dictionaries[0].old_generations, 1);
    drop(snapshot);
    assert_eq!(predictor.status()[0].dictionaries[0].old_generations, 0);
}

/// Rows of every item, which count how often they are asked for.
#[derive(Default)]
struct Counted(AtomicUsize);

impl FeatureRows for Counted {
    fn user(&self, _id: i64) -> Option<Row> {
        None
    }

    fn item(&self, id: i64) -> Option<(Row, u64)> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let row = Row::of(["movieId", "genre", "year"].into_iter().zip(fixture::item(id)));
        Some((row, 5))
    }
}

#[test]
fn a_new_version_begins_with_the_features_that_the_one_before_kept() {
    let models = tempfile::tempdir().unwrap();
    fixture::publish_wide_deep(models.path(), "films", 1);
    let mut config = PredictConfig::new(models.path(), || 7).model(ModelEntry::named("films"));
    config.poll = Duration::from_secs(3600);
    let predictor = Predictor::open(config).unwrap();
    let rows = Counted::default();
    let keys: Vec<ItemKey> = (0..9).map(|id| ItemKey { id, version: 5 }).collect();
    let request = Request {
        model: "films".into(),
        user: Row::of(["userId", "taste"].into_iter().zip(fixture::user(3))),
        context: Row::of([("hour", fixture::context(3).remove(0))]),
        ..Request::default()
    };
    for (version, seed) in [(1, None), (1, None), (2, Some(9)), (3, Some(8))] {
        if let Some(seed) = seed {
            fixture::publish_wide_deep(models.path(), "films", seed);
            predictor.reload();
        }
        let items = KnownItems {
            keys: &keys,
            rows: &rows,
        };
        let answer = predictor.predict_known(&request, items).unwrap();
        let dir = models.path().join(format!("films/{version}"));
        let expected = (0..9).map(|id| {
            let (user, context) = (fixture::user(3), fixture::context(3));
            fixture::expected(&dir, &user, &fixture::item(id), &context)
        });
        assert_eq!(answer.version, version);
        assert_eq!(answer.scores, expected.collect::<Vec<_>>());
        let asked = rows.0.load(Ordering::SeqCst);
        assert_eq!(asked, 9, "version {version} extracts nothing again");
    }
}
