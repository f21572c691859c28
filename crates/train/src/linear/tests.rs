//! Whole streaming trainings over small generated files: what is learnt, what repeats, what is refused.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use rankine_feature::Plan;
use rankine_model::{ModelConfig, Network, Scorer};

use super::*;
use crate::encode::fitted;
use crate::loss::Loss;
use crate::run::Trained;
use crate::source::RowsSource;
use crate::{Frame, Silent, TrainError, score};

mod going_on;
mod rates;
mod rows;

const FIELDS: u32 = 6;

/// Numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// libffm lines: five categories of eight values and a number. The logit has a weight per value, a product of the first
/// two fields, and the number's.
fn lines(samples: u64, seed: u64) -> String {
    let mut random = Random(seed);
    let weight = |field: u64, value: u64| Random(field * 100 + value).unit() * 2.0 - 1.0;
    let mut text = String::new();
    for _ in 0..samples {
        let values: Vec<u64> = (0..5).map(|_| random.bits() % 8).collect();
        let number = (random.unit() * 4.0).round() / 4.0;
        let product = if (values[0] + values[1]).is_multiple_of(2) {
            1.5
        } else {
            -1.5
        };
        let linear: f64 = (0..5u64).zip(&values).map(|(f, v)| weight(f, *v)).sum();
        let click = random.unit() < 1.0 / (1.0 + (-(linear + product + number)).exp());
        text += if click { "1" } else { "0" };
        for (field, value) in values.iter().enumerate() {
            text += &format!(" {field}:v{value}:1");
        }
        text += &format!(" 5:n:{number}\n");
    }
    text
}

/// A folder with a training and a validation file, and models over them.
struct Bench {
    folder: tempfile::TempDir,
    plan: Arc<Plan>,
}

impl Bench {
    fn new(samples: u64) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("train.ffm"), lines(samples, 1)).unwrap();
        std::fs::write(folder.path().join("valid.ffm"), lines(2000, 2)).unwrap();
        let slots: Vec<u32> = (1..=FIELDS).collect();
        let bare = Plan::compile(&TextFormat::Libffm.conf(&slots), "conf", None).unwrap();
        let plan = Arc::new(fitted(&bare, &mut RowsSource::default()).unwrap());
        Bench { folder, plan }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self, kind: &str, linear: &str, more: &str) -> ModelConfig {
        let text = format!(
            "format = 1\nkind = \"{kind}\"\nconf = \"libffm\"\nlinear = {{ slots = [1, 2, 3, 4, 5, 6]{linear} }}\n{more}\n"
        );
        ModelConfig::parse(&text, "m.toml").unwrap()
    }

    fn feed(&self, config: &ModelConfig, file: &str) -> TextFeed {
        let part = Network::compile(config, &self.plan).unwrap().linear.unwrap();
        TextFeed::open(&self.path(file), TextFormat::Libffm, &part, config.loss.into()).unwrap()
    }

    fn train(&self, config: &ModelConfig, name: &str) -> Result<Trained, TrainError> {
        self.train_in(config, name, Frame::default())
    }

    /// The same with the rest of a frame.
    fn train_in(&self, config: &ModelConfig, name: &str, frame: Frame) -> Result<Trained, TrainError> {
        let frame = Frame {
            place: Some(Place {
                folder: self.path("cache"),
                name: name.to_owned(),
                fingerprint: "train.ffm".to_owned(),
            }),
            ..frame
        };
        let (mut learn, mut judge) = (self.feed(config, "train.ffm"), self.feed(config, "valid.ffm"));
        train(
            config,
            &self.plan,
            (&mut learn, &mut judge),
            &frame,
            (&mut Silent, None),
        )
    }

    /// Valid loss of the last epoch.
    fn loss(&self, config: &ModelConfig) -> f64 {
        self.train(config, "m")
            .unwrap()
            .history
            .last()
            .unwrap()
            .valid_loss
    }
}

/// All rows by key, and the bias.
fn weights(trained: &Trained) -> Vec<u32> {
    let table = &trained.parameters.tables["linear"];
    let rows = table
        .sorted()
        .into_iter()
        .flat_map(|(_, row)| table.weights(row).to_vec());
    rows.chain(trained.parameters.dense["bias"].data.clone())
        .map(f32::to_bits)
        .collect()
}

#[test]
fn each_kind_learns_what_it_can_and_products_need_factors() {
    let bench = Bench::new(12_000);
    let more = "train = { epochs = 6 }\noptimizer.linear = { lr = 0.1 }";
    let lr = bench.loss(&bench.config("lr", "", more));
    let fm = bench.loss(&bench.config("fm", ", k = 4", more));
    let ffm = bench.loss(&bench.config("ffm", ", k = 4", more));
    assert!(lr < 0.64, "better than the constant: {lr}");
    assert!(
        fm < lr - 0.02 && ffm < lr - 0.02,
        "the product is found: {lr} {fm} {ffm}"
    );
}

#[test]
fn every_rule_learns() {
    let bench = Bench::new(6000);
    for rule in [
        "{ kind = \"sgd\", lr = 0.05 }",
        "{ kind = \"ftrl\", lr = 0.2, l1 = 0.01 }",
        "{ kind = \"adam\", lr = 0.01 }",
        "{ kind = \"adamw\", lr = 0.01 }",
        "{ kind = \"momentum\" }",
        "{ kind = \"rmsprop\", lr = 0.005 }",
    ] {
        let more = format!("train = {{ epochs = 3 }}\noptimizer.linear = {rule}");
        let loss = bench.loss(&bench.config("fm", ", k = 4", &more));
        assert!(loss < 0.64, "{rule}: {loss}");
    }
}

#[test]
fn one_thread_repeats_to_the_bit_also_from_a_kept_cache() {
    let bench = Bench::new(9000);
    for kind in ["lr", "ffm"] {
        let k = if kind == "lr" { "" } else { ", k = 2" };
        let run = bench.config(kind, k, "train = { epochs = 3 }");
        let kept = bench.config(kind, k, "train = { epochs = 3, cache = \"keep\" }");
        let name = format!("{kind}-kept");
        let first = bench.train(&run, "a").unwrap();
        let left = std::fs::read_dir(bench.path("cache")).unwrap();
        let left: Vec<_> = left.map(|file| file.unwrap().file_name()).collect();
        assert!(
            left.iter().all(|name| name == "lr-kept.rows"),
            "a cache of the run goes with it: {left:?}"
        );
        let (written, read) = (
            bench.train(&kept, &name).unwrap(),
            bench.train(&kept, &name).unwrap(),
        );
        assert!(bench.path(&format!("cache/{name}.rows")).exists());
        for other in [&written, &read] {
            assert_eq!(weights(&first), weights(other));
            let losses = |t: &Trained| {
                t.history
                    .iter()
                    .map(|r| (r.loss, r.valid_loss))
                    .collect::<Vec<_>>()
            };
            assert_eq!(losses(&first), losses(other));
        }
        assert_eq!(first.train_samples, 9000);
    }
}

#[test]
fn the_first_loss_is_of_samples_not_seen_before() {
    let bench = Bench::new(9000);
    let report = bench
        .train(
            &bench.config("fm", ", k = 4", "train = { epochs = 8, shuffle = false }"),
            "m",
        )
        .unwrap();
    let (first, last) = (report.history[0], report.history[7]);
    assert!((first.loss - first.valid_loss).abs() < 0.05, "{first:?}");
    assert!(last.loss < first.loss, "later epochs know the samples");
}

#[test]
fn threads_learn_what_one_learns() {
    let bench = Bench::new(20_000);
    let mean = |threads: usize| {
        let losses = (1..=5).map(|seed| {
            let more = format!("seed = {seed}\ntrain = {{ epochs = 2, threads = {threads} }}");
            bench.loss(&bench.config("ffm", ", k = 4", &more))
        });
        losses.sum::<f64>() / 5.0
    };
    let (one, two) = (mean(1), mean(2));
    assert!((one - two).abs() < 0.005 * one, "{one} {two}");
}

#[test]
fn hashed_rows_are_shared_and_bounded() {
    let bench = Bench::new(3000);
    let trained = bench
        .train(&bench.config("fm", ", k = 2, hash_bits = 4", ""), "m")
        .unwrap();
    assert!(trained.table_rows[0].1 <= 16);
    assert!(
        trained.parameters.tables["linear"]
            .keys()
            .iter()
            .all(|key| *key < 16)
    );
    let exact = bench.train(&bench.config("fm", ", k = 2", ""), "m").unwrap();
    assert_eq!(exact.table_rows, [("linear".to_owned(), 5 * 8 + 1)]);
}

impl Bench {
    /// The log loss of the validation samples as a server scores them.
    fn served(&self, config: &ModelConfig, trained: &Trained) -> f64 {
        let network = Network::compile(config, &self.plan).unwrap();
        let scorer = Scorer::new(&network, &trained.parameters).unwrap();
        let path = self.path("valid.ffm");
        let mut samples = TextSamples::open(&path, TextFormat::Libffm, &self.plan, Loss::Bce).unwrap();
        let scored = score(&self.plan, &scorer, &mut samples).unwrap();
        let pairs = scored.scores.iter().zip(&scored.observed.labels);
        let loss: f64 = pairs
            .map(|(p, y)| -(y * p.ln() + (1.0 - y) * (1.0 - p).ln()))
            .sum();
        loss / scored.scores.len() as f64
    }
}

#[test]
fn training_and_serving_agree() {
    let bench = Bench::new(4000);
    for (kind, linear) in [("lr", ""), ("fm", ", k = 3, hash_bits = 5"), ("ffm", ", k = 3")] {
        let config = bench.config(kind, linear, "train = { epochs = 2 }");
        let trained = bench.train(&config, "m").unwrap();
        let (served, judged) = (bench.served(&config, &trained), trained.history[1].valid_loss);
        assert!((served - judged).abs() < 1e-5, "{kind}: {served} {judged}");
    }
}

#[test]
fn lines_and_the_conf_made_for_them_give_the_same_keys() {
    let bench = Bench::new(1);
    let text = "1 0:a:1 3:x:0.5 3:y:-2 1:b # a comment\n-1 5:n:0.25\n\n0 9:other:1 2:c:1\n1\n";
    std::fs::write(bench.path("few.ffm"), text).unwrap();
    for linear in ["", ", hash_bits = 9", ", missing = false"] {
        let config = bench.config("lr", linear, "");
        let part = Network::compile(&config, &bench.plan).unwrap().linear.unwrap();
        let mut source =
            TextSamples::open(&bench.path("few.ffm"), TextFormat::Libffm, &bench.plan, Loss::Bce).unwrap();
        let mut through = PlanFeed::new(&mut source, bench.plan.clone(), &part, Loss::Bce);
        let (mut straight, mut a, mut b) = (
            bench.feed(&config, "few.ffm"),
            Examples::default(),
            Examples::default(),
        );
        assert_eq!(
            (
                straight.next(&mut a, 100).unwrap(),
                through.next(&mut b, 100).unwrap()
            ),
            (4, 4)
        );
        assert_eq!(a, b, "{linear}");
        assert_eq!(a.labels, [1.0, 0.0, 0.0, 1.0]);
        straight.rewind().unwrap();
        a.clear();
        assert_eq!(
            (
                straight.next(&mut a, 3).unwrap(),
                straight.next(&mut a, 3).unwrap()
            ),
            (3, 1)
        );
        assert_eq!(a, b);
    }
}

#[test]
fn libsvm_files_are_one_field() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.svm");
    std::fs::write(&path, "+1 3:1 17:0.5\n-1 3:2\n").unwrap();
    let plan = Plan::compile(&TextFormat::Libsvm.conf(&[1]), "conf", None).unwrap();
    let text = "format = 1\nkind = \"fm\"\nconf = \"libsvm\"\nlinear = { slots = [1], k = 2 }\n";
    let part = Network::compile(&ModelConfig::parse(text, "m.toml").unwrap(), &plan)
        .unwrap()
        .linear
        .unwrap();
    let mut feed = TextFeed::open(&path, TextFormat::of(&path).unwrap(), &part, Loss::Bce).unwrap();
    let mut examples = Examples::default();
    feed.next(&mut examples, 10).unwrap();
    assert_eq!(
        (examples.fields.as_slice(), examples.ends.as_slice()),
        (&[0, 0, 0][..], &[2, 3][..])
    );
    assert_eq!(examples.values, [1.0, 0.5, 2.0]);
    assert_eq!(examples.keys[0], examples.keys[2]);
}

#[test]
fn packed_files_are_read_as_plain_ones() {
    let bench = Bench::new(300);
    let text = std::fs::read(bench.path("train.ffm")).unwrap();
    for name in ["packed.ffm.gz", "packed.libffm.zst"] {
        let mut out = rankine_table::stream::OutputFile::create(&bench.path(name)).unwrap();
        out.write_all(&text).unwrap();
        out.commit().unwrap();
        assert_eq!(TextFormat::of(Path::new(name)), Some(TextFormat::Libffm));
        let config = bench.config("lr", "", "");
        let (mut a, mut b) = (Examples::default(), Examples::default());
        bench.feed(&config, "train.ffm").next(&mut a, 1000).unwrap();
        bench.feed(&config, name).next(&mut b, 1000).unwrap();
        assert_eq!(a, b);
    }
}

#[test]
fn broken_lines_are_listed_with_their_numbers_and_left_out() {
    let bench = Bench::new(1);
    let text = "1 0:a:1\nyes 0:a:1\n1 0:a:inf\n7 0:a:1\n1 x:a:1\n0 0a\n1 0::1\n0 1:b:1\n";
    let mut bytes = text.as_bytes().to_vec();
    bytes.extend(b"1 0:\xff:1\n0 0:z:1\n");
    std::fs::write(bench.path("bad.ffm"), bytes).unwrap();
    let config = bench.config("lr", ", missing = false", "");
    let rejects = bench.path("rejects.tsv");
    let ledger = rankine_table::LeftOut::listed_in(&rejects);
    let strict = bench.feed(&config, "bad.ffm").next(&mut Examples::default(), 100);
    let strict = strict.unwrap_err().to_string();
    assert!(
        strict.contains("bad.ffm:2: label: the label is `yes`"),
        "{strict}"
    );
    let taker = ledger.of(&bench.path("bad.ffm"));
    let mut feed = bench.feed(&config, "bad.ffm").leaving_out(taker);
    let mut examples = Examples::default();
    assert_eq!(feed.next(&mut examples, 100).unwrap(), 3);
    assert_eq!(
        (examples.labels.as_slice(), examples.keys.len()),
        (&[1.0, 0.0, 0.0][..], 3)
    );
    let listed = std::fs::read_to_string(rejects).unwrap();
    let numbers: Vec<&str> = listed
        .lines()
        .skip(1)
        .map(|l| l.split('\t').nth(1).unwrap())
        .collect();
    assert_eq!(numbers, ["2", "3", "4", "5", "6", "7", "9"], "{listed}");
    assert!(
        listed.contains("the label is `7`, expected -1 or a number from 0 to 1"),
        "{listed}"
    );
    assert_eq!((ledger.files()[0].left_out, ledger.files()[0].rows), (7, 10));
}

/// Its rest would be a sample of its own.
#[test]
fn a_line_that_is_too_long_is_one_broken_line() {
    let bench = Bench::new(1);
    let long = "1 0:a:1 ".repeat((1 << 22) / 8) + "1 0:b:1\n0 0:c:1\n";
    std::fs::write(bench.path("long.ffm"), long).unwrap();
    let config = bench.config("lr", ", missing = false", "");
    let ledger = rankine_table::LeftOut::listed_in(&bench.path("rejects.tsv"));
    let taker = ledger.of(&bench.path("long.ffm"));
    let mut feed = bench.feed(&config, "long.ffm").leaving_out(taker);
    let mut examples = Examples::default();
    assert_eq!(feed.next(&mut examples, 100).unwrap(), 1);
    assert_eq!(examples.labels, [0.0]);
    assert_eq!((ledger.files()[0].line, ledger.files()[0].left_out), (1, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Both readers take the same lines, and each line that one does not take is told.
    #[test]
    fn no_bytes_of_a_text_file_panic_and_every_line_is_taken_or_listed(
        at: prop::sample::Index, junk in prop::collection::vec(any::<u8>(), 1..40), libffm: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (format, name, ids) = match libffm {
            true => (TextFormat::Libffm, "a.ffm", "1 0:a:1 3:b:0.5\n-1 1:c\n0 5:n:-2e3 # said\n\n"),
            false => (TextFormat::Libsvm, "a.svm", "1 3:1 17:0.5\n-1 3:2\n0 9 # said\n\n"),
        };
        let mut bytes = ids.repeat(3).into_bytes();
        let at = at.index(bytes.len());
        let end = bytes.len().min(at + junk.len());
        bytes[at..end].copy_from_slice(&junk[..end - at]);
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let slots: Vec<u32> = if libffm { (1..=6).collect() } else { vec![1] };
        let plan = Plan::compile(&format.conf(&slots), "conf", None).unwrap();
        let text = format!("format = 1\nkind = \"lr\"\nconf = \"{}\"\nlinear = {{ slots = {slots:?} }}\n", format.name());
        let part = Network::compile(&ModelConfig::parse(&text, "m.toml").unwrap(), &plan).unwrap().linear.unwrap();
        let (ledger, second) = (
            rankine_table::LeftOut::listed_in(&folder.path().join("a.tsv")),
            rankine_table::LeftOut::listed_in(&folder.path().join("b.tsv")),
        );
        let mut feed = TextFeed::open(&path, format, &part, Loss::Bce).unwrap().leaving_out(ledger.of(&path));
        let mut rows = TextSamples::open(&path, format, &plan, Loss::Bce).unwrap().leaving_out(second.of(&path));
        let (mut examples, mut samples) = (Examples::default(), Vec::new());
        let taken = feed.next(&mut examples, 100);
        let read = crate::SampleSource::next(&mut rows, &mut samples, 100);
        match (taken, read) {
            (Ok(taken), Ok(read)) => prop_assert_eq!(taken, read),
            (Err(_), Err(_)) => {}
            (a, b) => prop_assert!(false, "{:?} {:?}", a, b),
        }
        let told = |of: &rankine_table::LeftOut| of.files().iter().map(|f| (f.left_out, f.line)).collect::<Vec<_>>();
        prop_assert_eq!(told(&ledger), told(&second));
        prop_assert!(examples.values.iter().all(|value| value.is_finite()));
        // without a ledger the first broken line ends the reading, with file and line
        let strict = TextFeed::open(&path, format, &part, Loss::Bce).unwrap().next(&mut Examples::default(), 100);
        match (strict, told(&ledger).first()) {
            (Err(fault), Some((_, line))) => prop_assert!(fault.to_string().contains(&format!("{name}:{line}:")), "{}", fault),
            (Ok(_), None) => {}
            (strict, told) => prop_assert!(false, "{:?} {:?}", strict, told),
        }
    }
}

#[test]
fn runs_that_cannot_go_on_say_why() {
    let bench = Bench::new(50);
    std::fs::write(bench.path("train.ffm"), "").unwrap();
    let fault = bench.train(&bench.config("lr", "", ""), "m").unwrap_err();
    assert_eq!(fault.to_string(), "no training samples to learn from");
    std::fs::write(bench.path("train.ffm"), "1 0:a:1e19\n0 0:a:-1e19\n".repeat(50)).unwrap();
    let wild = bench.config(
        "lr",
        "",
        "loss = \"mse\"\noptimizer.linear = { kind = \"sgd\", lr = 100 }",
    );
    let fault = bench.train(&wild, "m").unwrap_err();
    assert!(matches!(fault, TrainError::Diverged { epoch: 1, .. }), "{fault}");
    std::fs::remove_file(bench.path("valid.ffm")).unwrap();
    let left = std::fs::read_dir(bench.path("cache")).unwrap().count();
    assert_eq!(left, 0, "nothing is left behind");
}

#[test]
fn the_best_epoch_comes_back() {
    let bench = Bench::new(1500);
    let more = "optimizer.linear = { lr = 0.5 }\ntrain = { epochs = 30, keep_optimizer = true, early_stop = { metric = \"logloss\", patience = 2 } }";
    let config = bench.config("ffm", ", k = 8", more);
    let trained = bench.train(&config, "m").unwrap();
    assert!(trained.history.len() < 30 && trained.best_epoch < trained.history.len());
    let again = bench
        .train(
            &config.for_epochs(u32::try_from(trained.best_epoch).unwrap()),
            "m",
        )
        .unwrap();
    assert_eq!(weights(&trained), weights(&again));
    let states = |trained: &Trained| {
        let state = trained.optimizer.clone().unwrap();
        let rows: Vec<Vec<f32>> = state
            .tables
            .values()
            .flat_map(|table| {
                table
                    .sorted()
                    .into_iter()
                    .map(|(_, row)| table.weights(row).to_vec())
            })
            .collect();
        (rows, state.dense)
    };
    assert_eq!(states(&trained), states(&again), "of the same epoch");
}

#[test]
fn without_samples_to_watch_it_is_refused_and_without_a_figure_it_stops_nothing() {
    let bench = Bench::new(200);
    let more = "train = { epochs = 4, early_stop = { metric = \"auc\", patience = 1 } }";
    let config = bench.config("lr", "", more);
    std::fs::write(bench.path("valid.ffm"), "").unwrap();
    let fault = bench.train(&config, "m").unwrap_err();
    let expected = "model key `train.early_stop`: it watches validation samples, and there are none";
    assert!(fault.to_string().starts_with(expected), "{fault}");
    std::fs::write(bench.path("valid.ffm"), "1 0:a:1\n1 1:b:1\n").unwrap();
    let trained = bench.train(&config, "m").unwrap();
    assert_eq!((trained.history.len(), trained.best_epoch), (4, 4));
    let whole = bench.train(&config.for_epochs(4), "m").unwrap();
    assert_eq!(weights(&trained), weights(&whole));
}

#[test]
fn what_training_never_saw_reads_the_missing_row() {
    let bench = Bench::new(200);
    std::fs::write(bench.path("train.ffm"), "1 0:a:1\n0 1:b:1\n".repeat(40)).unwrap();
    std::fs::write(bench.path("valid.ffm"), "1 0:new:1 1:b:1\n0 1:b:1\n").unwrap();
    let trained = bench.train(&bench.config("lr", "", ""), "m").unwrap();
    let known = bench
        .train(&bench.config("lr", ", missing = false", ""), "m")
        .unwrap();
    // Field 0 absent is what `new` reads, so both lines have one logit; without missing rows it reads nothing.
    assert_eq!(trained.history[0].valid_auc, 0.5);
    assert_eq!(known.history[0].valid_auc, 0.5);
    assert_eq!((trained.table_rows[0].1, known.table_rows[0].1), (2 + 6, 2));
}

#[test]
fn samples_are_chosen_by_their_number() {
    let bench = Bench::new(100);
    let config = bench.config("lr", "", "");
    let (mut even, mut all) = (Examples::default(), Examples::default());
    bench
        .feed(&config, "train.ffm")
        .only(Box::new(|at| at.is_multiple_of(2)), std::rc::Rc::default())
        .next(&mut even, 1000)
        .unwrap();
    bench.feed(&config, "train.ffm").next(&mut all, 1000).unwrap();
    let labels: Vec<f32> = all.labels.iter().step_by(2).copied().collect();
    assert_eq!(even.labels, labels);
}
