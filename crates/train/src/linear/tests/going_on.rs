//! Runs that go on: from each of their checkpoints to the same bits, and from an earlier version's rows.

use std::path::{Path, PathBuf};

use super::*;
use crate::warm::{Restored, Start};

/// What a run told, but for the time it took.
fn told(trained: &Trained) -> Vec<[u64; 4]> {
    let figures = trained.history.iter();
    let figures = figures.map(|r| [r.loss, r.auc, r.valid_loss, r.valid_auc]);
    figures.map(|figures| figures.map(f64::to_bits)).collect()
}

fn checkpoints(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// Trains once, and again from every second of the checkpoints that it wrote.
fn goes_on(bench: &Bench, config: &ModelConfig, count: usize) {
    let (folder, one) = (bench.path("all"), bench.path("one"));
    let frame = |folder: &Path, resume| Frame {
        checkpoints: Some(folder.to_owned()),
        resume,
        ..Frame::default()
    };
    let whole = bench.train_in(config, "m", frame(&folder, false)).unwrap();
    let all = checkpoints(&folder);
    assert_eq!(all.len(), count, "{all:?}");
    for path in all.iter().skip(1).step_by(2) {
        std::fs::create_dir_all(&one).unwrap();
        std::fs::copy(path, one.join("1.ckpt")).unwrap();
        let again = bench.train_in(config, "m", frame(&one, true)).unwrap();
        assert_eq!(weights(&again), weights(&whole), "{}", path.display());
        assert_eq!(told(&again), told(&whole), "{}", path.display());
        let bias = |trained: &Trained| trained.optimizer.clone().map(|state| state.dense);
        assert_eq!(bias(&again), bias(&whole), "{}", path.display());
        assert_eq!(
            (again.best_epoch, again.train_samples, again.valid_samples),
            (whole.best_epoch, whole.train_samples, whole.valid_samples)
        );
        std::fs::remove_dir_all(&one).unwrap();
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_run_goes_on_from_any_checkpoint_to_the_same_bits() {
    let bench = Bench::new(5000);
    let stop = "keep_optimizer = true, early_stop = { metric = \"logloss\", patience = 1 }";
    let of = |rule: &str, train: &str| {
        format!(
            "optimizer.linear = {{ kind = {rule} }}\ntrain = {{ epochs = 3, {train}, checkpoint = {{ steps = 1, keep = 99 }} }}"
        )
    };
    for (kind, linear, more, count) in [
        ("fm", ", k = 4", of("\"adam\"", "shuffle = true"), 6),
        (
            "ffm",
            ", k = 2, hash_bits = 4",
            of("\"adagrad\", lr = 0.5", stop),
            6,
        ),
        ("lr", "", of("\"ftrl\", l1 = 0.1", "cache = \"keep\""), 6),
        ("lr", "", of("\"lbfgs\", l2 = 1", stop), 3),
        (
            "fm",
            ", k = 2, min_count = 620, expire = 1",
            of("\"rmsprop\"", "schedule = { kind = \"exponential\" }"),
            6,
        ),
        (
            "lr",
            "",
            of("\"momentum\"", "schedule = { kind = \"cosine\", warmup = 4500 }"),
            6,
        ),
    ] {
        goes_on(&bench, &bench.config(kind, linear, &more), count);
    }
    // a run of one epoch writes no cache
    let once = "train = { epochs = 1, checkpoint = { steps = 1, keep = 99 } }";
    goes_on(&bench, &bench.config("fm", ", k = 2, expire = 1", once), 2);
}

#[test]
fn a_checkpoint_that_says_anything_is_a_run_or_a_fault() {
    let bench = Bench::new(5000);
    for (kind, linear, rule) in [("fm", ", k = 2", "\"adam\""), ("lr", "", "\"lbfgs\"")] {
        let more = format!(
            "optimizer.linear = {{ kind = {rule} }}\ntrain = {{ epochs = 2, keep_optimizer = true, early_stop = {{ metric = \"logloss\", patience = 1 }}, \
             checkpoint = {{ steps = 1, keep = 99 }} }}"
        );
        let (config, folder) = (bench.config(kind, linear, &more), bench.path("all"));
        let run = |folder: &Path, resume| {
            let frame = Frame {
                checkpoints: Some(folder.to_owned()),
                resume,
                ..Frame::default()
            };
            bench.train_in(&config, "m", frame)
        };
        run(&folder, false).unwrap();
        let last = checkpoints(&folder).pop().unwrap();
        let mut refused = 0;
        crate::checkpoint::forging::forged(&last, 24, |folder| {
            refused += usize::from(run(folder, true).is_err())
        });
        assert!(refused > 2, "{kind}: {refused} of 24");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn threads_go_on_from_where_they_met() {
    let bench = Bench::new(9000);
    let more = "train = { epochs = 2, threads = 2, checkpoint = { steps = 5000, keep = 9 } }";
    let config = bench.config("fm", ", k = 2", more);
    let frame = |resume| Frame {
        checkpoints: Some(bench.path("two")),
        resume,
        ..Frame::default()
    };
    let whole = bench.train_in(&config, "m", frame(false)).unwrap();
    let again = bench.train_in(&config, "m", frame(true)).unwrap();
    assert_eq!(told(&again)[0], told(&whole)[0], "the first epoch is over");
    let (one, other) = (whole.history[1].valid_loss, again.history[1].valid_loss);
    assert!((one - other).abs() < 0.02, "{one} {other}");
}

pub(super) fn start(bench: &Bench, config: &ModelConfig, of: &Trained) -> Start {
    let part = Network::compile(config, &bench.plan).unwrap().linear.unwrap();
    let rows = part.keys.buckets().map(|rows| rows as u64);
    Start {
        from: "models/m/1".into(),
        parameters: of.parameters.clone(),
        optimizer: of.optimizer.clone(),
        buckets: [("linear".to_owned(), rows)].into(),
        fields: part.slots.iter().map(|slot| slot.slot).collect(),
        ..Start::default()
    }
}

pub(super) fn begun(bench: &Bench, config: &ModelConfig, start: &Start) -> Result<Trained, TrainError> {
    let frame = Frame {
        start: Some(Arc::new(start.clone())),
        ..Frame::default()
    };
    bench.train_in(config, "m", frame)
}

pub(super) fn restored(trained: &Trained) -> &Restored {
    trained.restored.as_ref().unwrap()
}

#[test]
fn with_the_optimisers_state_two_trainings_are_one() {
    let bench = Bench::new(3000);
    for (kind, linear, rule) in [
        ("lr", "", "\"ftrl\", l1 = 0.05"),
        ("fm", ", k = 3", "\"adagrad\""),
        ("ffm", ", k = 2, hash_bits = 5", "\"adam\""),
        ("lr", "", "\"adamw\""),
    ] {
        let of = |epochs: u32, rule: &str| {
            let more = format!(
                "optimizer.linear = {{ kind = {rule} }}\ntrain = {{ epochs = {epochs}, shuffle = false, keep_optimizer = true }}"
            );
            bench.config(kind, linear, &more)
        };
        let (whole, first) = (
            bench.train(&of(2, rule), "m").unwrap(),
            bench.train(&of(1, rule), "m").unwrap(),
        );
        let start = start(&bench, &of(1, rule), &first);
        let second = begun(&bench, &of(1, rule), &start).unwrap();
        assert!(restored(&second).optimizer);
        assert_eq!(restored(&second).rows["linear"], (first.table_rows[0].1, 0));
        assert_eq!(weights(&second), weights(&whole), "{kind}");
        assert_eq!(second.optimizer.unwrap().dense["steps"].data, [6000.0]);
        let without = Start {
            optimizer: None,
            ..start.clone()
        };
        let other = begun(&bench, &of(1, rule), &without).unwrap();
        assert!(!restored(&other).optimizer && weights(&other) != weights(&whole));
        let sgd = begun(&bench, &of(1, "\"sgd\""), &start).unwrap();
        assert!(!restored(&sgd).optimizer, "the states of another rule are none");
        assert!(
            restored(&sgd).anew[0].ends_with(" there, linear.sgd here"),
            "{:?}",
            restored(&sgd).anew
        );
    }
}

#[test]
fn weights_in_the_measure_of_other_rates_keep_their_value() {
    let bench = Bench::new(2000);
    let of = |lr: f64, samples: &str| {
        std::fs::write(bench.path("train.ffm"), samples).unwrap();
        let more = format!(
            "optimizer.linear = {{ kind = \"ftrl\", lr = {lr} }}\ntrain = {{ epochs = 1, keep_optimizer = true }}"
        );
        bench.config("lr", "", &more)
    };
    let config = of(0.5, &lines(2000, 1));
    let first = bench.train(&config, "m").unwrap();
    let start = start(&bench, &config, &first);
    // one sample of rows that are new: what was learnt stays as it is
    let second = begun(&bench, &of(0.1, "1 0:never:1\n"), &start).unwrap();
    assert!(!restored(&second).optimizer);
    assert_eq!(restored(&second).rows["linear"], (first.table_rows[0].1, 6));
    let (old, new) = (
        &first.parameters.tables["linear"],
        &second.parameters.tables["linear"],
    );
    for (key, row) in old.sorted() {
        assert_eq!(old.weights(row), new.weights(new.row(key)));
    }
}

#[test]
fn rows_that_would_mean_something_else_are_refused_and_other_shapes_told() {
    let bench = Bench::new(500);
    let config = bench.config("ffm", ", k = 2, hash_bits = 5", "train = { epochs = 1 }");
    let first = bench.train(&config, "m").unwrap();
    let start = start(&bench, &config, &first);
    let hashed = bench.config("ffm", ", k = 2, hash_bits = 6", "train = { epochs = 1 }");
    let fault = begun(&bench, &hashed, &start).unwrap_err().to_string();
    assert!(fault.contains("other buckets: expected 32, got 64"), "{fault}");
    let turned = config.text().replace("[1, 2, 3", "[2, 1, 3");
    let turned = ModelConfig::parse(&turned, "m.toml").unwrap();
    let fault = begun(&bench, &turned, &start).unwrap_err().to_string();
    assert!(
        fault.contains("expected [1, 2, 3, 4, 5, 6], got [2, 1, 3, 4, 5, 6]"),
        "{fault}"
    );
    let wider = bench.config("ffm", ", k = 3, hash_bits = 5", "train = { epochs = 1 }");
    let wider = begun(&bench, &wider, &start).unwrap();
    let told = restored(&wider);
    assert_eq!(told.reshaped, ["emb.linear: 13 numbers there, 19 here"]);
    assert_eq!(
        (&told.restored[..], told.rows.len()),
        (&["bias".to_owned()][..], 0)
    );
}
