use std::sync::Arc;

use rankine_feature::{Part, Rows, Scratch, Value};
use rankine_model::{Hidden, ScoreScratch, Scorer};

use super::*;
use crate::progress::Silent;
use crate::source::{RowsSource, SampleRow};

const CONF: &str = r#"format = 1
name = "shop"
schema.user = [{ name = "userId", type = "int" }, { name = "history", type = "list<int>" }]
schema.item = [{ name = "itemId", type = "int" }]
schema.context = []
sample = { label = ["label"], group = "userId" }
[[feature]]
name = "user"
class = "id"
slot = 1
depend = ["userId"]
[[feature]]
name = "item"
class = "id"
slot = 2
depend = ["itemId"]
[[feature]]
name = "met"
class = "history"
slot = 3
share = 2
depend = ["history"]
args = [50]
"#;

/// The model files of all kinds over [`CONF`].
const KINDS: [&str; 7] = [
    "kind = \"ials\"\nmatrix = { user = 1, item = 2, history = 3, dim = 8, reg = 0.01 }\ntrain = { epochs = 8 }",
    "kind = \"bpr\"\nmatrix = { user = 1, item = 2, dim = 8 }\ntrain = { epochs = 20 }",
    "kind = \"ease\"\nmatrix = { item = 2, history = 3, reg = 5 }",
    "kind = \"ease\"\nmatrix = { item = 2, history = 3, reg = 5, neighbours = 15 }",
    "kind = \"itemknn\"\nmatrix = { item = 2, history = 3, neighbours = 30, shrink = 1 }",
    "kind = \"walk\"\nmatrix = { item = 2, history = 3, dim = 16, lr = 0.05, walks = 8, length = 20 }\ntrain = { epochs = 4 }",
    "kind = \"popularity\"\nmatrix = { item = 2 }",
];

fn model(kind: &str) -> ModelConfig {
    ModelConfig::parse(&format!("format = 1\nconf = \"shop\"\n{kind}\n"), "m.toml").unwrap()
}

fn plan() -> Arc<Plan> {
    Arc::new(Plan::compile(CONF, "conf", None).unwrap())
}

fn row(user: i64, item: i64, history: &[i64]) -> SampleRow {
    SampleRow {
        user: vec![Value::Int(user), Value::ints(history)],
        item: vec![Value::Int(item)],
        label: 1.0,
        weight: 1.0,
        group: user,
        item_id: item,
        ..SampleRow::default()
    }
}

/// Sixty users of two worlds: items 0..20 and 20..40; and a shunned item 40 with label 0.
fn samples() -> RowsSource {
    let mut rows = Vec::new();
    for user in 0..60_i64 {
        for n in 0..9 {
            let item = (user * 7 + n * (3 + user % 5)) % 20 + 20 * (user % 2);
            rows.push(SampleRow {
                time: n,
                ..row(user, item, &[])
            });
        }
        rows.push(SampleRow {
            label: 0.0,
            ..row(user, 40, &[])
        });
    }
    RowsSource::new(rows)
}

fn trained(kind: &str) -> (ModelConfig, Trained) {
    let config = model(kind);
    let trained = train(
        &config,
        &plan(),
        &mut samples(),
        &Frame::default(),
        (&mut Silent, None),
    )
    .unwrap();
    (config, trained)
}

/// Scores of some samples, as serving makes them.
fn scores(config: &ModelConfig, trained: &Trained, rows: &[SampleRow]) -> Vec<f32> {
    let plan = plan();
    let scorer = Scorer::new(&Network::compile(config, &plan).unwrap(), &trained.parameters).unwrap();
    let mut scratch = Scratch::default();
    let (mut common, mut item, cross) = (Part::default(), Part::default(), Part::default());
    let (mut user, mut thing, mut score) = (Hidden::default(), Hidden::default(), ScoreScratch::default());
    assert!(!scorer.has_cross());
    let each = rows.iter().map(|row| {
        let _ = Rows {
            user: &row.user,
            item: &row.item,
            context: &row.context,
        };
        plan.common(&row.user, &row.context, &mut scratch, &mut common);
        plan.item(&row.item, &mut scratch, &mut item);
        scorer.common(&common, &mut user);
        scorer.item(&item, &mut thing);
        scorer.score(&user, &thing, &cross, &mut score)
    });
    each.collect()
}

#[test]
fn every_kind_but_popularity_prefers_the_users_own_world() {
    for kind in &KINDS[..6] {
        let (config, trained) = trained(kind);
        let met: Vec<i64> = (0..9).map(|n| n * 3 % 20).collect();
        let own: Vec<SampleRow> = (0..20).map(|item| row(0, item, &met)).collect();
        let other: Vec<SampleRow> = (20..40).map(|item| row(0, item, &met)).collect();
        let mean = |rows: &[SampleRow]| scores(&config, &trained, rows).iter().sum::<f32>() / 20.0;
        let (own, other) = (mean(&own), mean(&other));
        assert!(own > other + 1e-3, "{kind}: {own} {other}");
        // what was never met by anybody is no better than what was
        let unknown = scores(&config, &trained, &[row(0, 999, &met)])[0];
        assert!(unknown < own && unknown.is_finite(), "{kind}: {unknown} {own}");
        assert_eq!(trained.train_samples, 600);
        assert!(!trained.history.is_empty() && trained.best_epoch == trained.history.len());
    }
}

#[test]
fn popularity_is_the_share_of_users() {
    let (config, trained) = trained(KINDS[6]);
    let found = scores(
        &config,
        &trained,
        &[row(0, 7, &[]), row(5, 7, &[]), row(0, 40, &[])],
    );
    assert!(found[0] > 0.0 && found[0] < 1.0);
    assert_eq!((found[0], found[2]), (found[1], 0.0));
}

#[test]
fn a_new_users_vector_is_solved_from_what_he_met() {
    let (config, trained) = trained(KINDS[0]);
    let (met, nobody) = ([20, 23, 26, 29], 777);
    let rows: Vec<SampleRow> = (0..40).map(|item| row(nobody, item, &met)).collect();
    let found = scores(&config, &trained, &rows);
    let (other, own) = found.split_at(20);
    assert!(
        own.iter().sum::<f32>() > 2.0 + other.iter().sum::<f32>(),
        "{found:?}"
    );
    assert_eq!(scores(&config, &trained, &[row(nobody, 32, &[])]), [0.0]);
}

/// The vector training has just solved for the user is the one serving solves from the same history.
#[test]
fn folding_in_repeats_the_last_half_sweep() {
    for more in ["", ", confidence = \"hu\", unobserved = 1", ", exponent = 0.5"] {
        let text = format!(
            "kind = \"ials\"\nmatrix = {{ user = 1, item = 2, history = 3, dim = 8, reg = 0.01{more} }}\ntrain = {{ epochs = 40 }}"
        );
        let (config, trained) = trained(&text);
        let source = samples();
        let mut met: Vec<i64> = source
            .rows()
            .iter()
            .filter(|r| r.group == 4 && r.label > 0.5)
            .map(|r| r.item_id)
            .collect();
        met.sort_unstable();
        // the same weights as training's: an item met twice weighs 2
        let (known, solved): (Vec<SampleRow>, Vec<SampleRow>) = (0..40)
            .map(|item| (row(4, item, &met), row(999, item, &met)))
            .unzip();
        let (known, solved) = (
            scores(&config, &trained, &known),
            scores(&config, &trained, &solved),
        );
        for (a, b) in known.iter().zip(&solved) {
            assert!((a - b).abs() < 0.02, "{more}: {a} {b}");
        }
    }
}

#[test]
fn always_folding_in_follows_the_history_of_known_users() {
    let always = KINDS[0].replace("dim = 8", "dim = 8, fold_in = \"always\"");
    let (config, trained) = trained(&always);
    let other_world = [21, 24, 27, 30, 33];
    let found = scores(
        &config,
        &trained,
        &[row(0, 36, &other_world), row(0, 6, &other_world)],
    );
    assert!(found[0] > found[1], "{found:?}");
}

#[test]
fn the_same_samples_and_seed_give_the_same_weights() {
    for kind in KINDS {
        let (a, b) = (trained(kind).1.parameters, trained(kind).1.parameters);
        assert_eq!(a.dense, b.dense);
        for (name, table) in &a.tables {
            let rows = |t: &Table<f32>| {
                (0..=t.len())
                    .flat_map(|r| t.weights(u32::try_from(r).unwrap()).to_vec())
                    .collect::<Vec<_>>()
            };
            assert_eq!(rows(table), rows(&b.tables[name]), "{kind} {name}");
        }
    }
}

#[test]
fn other_kinds_and_samples_without_a_positive_are_refused() {
    let config = ModelConfig::parse(
        "format = 1\nconf = \"shop\"\nkind = \"lr\"\nlinear = { slots = [1] }\n",
        "m.toml",
    )
    .unwrap();
    let fault = train(
        &config,
        &plan(),
        &mut samples(),
        &Frame::default(),
        (&mut Silent, None),
    )
    .unwrap_err();
    assert!(fault.to_string().contains("who met what"), "{fault}");
    let mut none = RowsSource::new(vec![SampleRow {
        label: 0.0,
        ..row(1, 2, &[])
    }]);
    let fault = train(
        &model(KINDS[6]),
        &plan(),
        &mut none,
        &Frame::default(),
        (&mut Silent, None),
    )
    .unwrap_err();
    assert_eq!(fault.to_string(), "no positive samples to learn from");
}

/// All rows were those of one user, who had met everything.
#[test]
fn samples_that_name_no_users_need_a_slot_of_the_user() {
    let nobody = crate::source::Names {
        users: false,
        items: true,
    };
    let run = |kind: &str| {
        let mut samples = samples().naming(nobody);
        train(
            &model(kind),
            &plan(),
            &mut samples,
            &Frame::default(),
            (&mut Silent, None),
        )
    };
    let fault = run(KINDS[4]).unwrap_err();
    let expected = "model key `matrix.user`: the model learns who met what, and the samples name no users";
    assert!(fault.to_string().starts_with(expected), "{fault}");
    assert!(run(KINDS[1]).is_ok());
}

/// The rows of every table, by name and key.
fn rows(parameters: &Parameters<f32>) -> Vec<(String, u64, Vec<u32>)> {
    let of = |(name, table): (&String, &Table<f32>)| {
        let bits = |row| table.weights(row).iter().map(|w| w.to_bits()).collect();
        let all = table
            .sorted()
            .into_iter()
            .map(|(key, row)| (name.clone(), key, bits(row)));
        all.collect::<Vec<_>>()
    };
    parameters.tables.iter().flat_map(of).collect()
}

#[test]
fn a_run_goes_on_from_any_sweep_to_the_same_bits() {
    for kind in [0, 1, 5] {
        let text = KINDS[kind].replace("epochs = ", "checkpoint = { steps = 1, keep = 99 }, epochs = ");
        let (config, folder) = (model(&text), tempfile::tempdir().unwrap());
        let run = |name: &str, resume| {
            let frame = Frame {
                checkpoints: Some(folder.path().join(name)),
                resume,
                ..Frame::default()
            };
            train(&config, &plan(), &mut samples(), &frame, (&mut Silent, None)).unwrap()
        };
        let whole = run("all", false);
        let losses = |t: &Trained| t.history.iter().map(|r| r.loss.to_bits()).collect::<Vec<_>>();
        let all = std::fs::read_dir(folder.path().join("all")).unwrap();
        let mut all: Vec<_> = all.map(|entry| entry.unwrap().path()).collect();
        all.sort();
        assert_eq!(all.len(), whole.history.len());
        std::fs::create_dir(folder.path().join("one")).unwrap();
        for path in [&all[1], &all[all.len() - 2]] {
            std::fs::copy(path, folder.path().join("one/1.ckpt")).unwrap();
            let again = run("one", true);
            assert_eq!(rows(&again.parameters), rows(&whole.parameters), "{text}");
            assert_eq!(losses(&again), losses(&whole), "{text}");
            std::fs::remove_dir_all(folder.path().join("one")).unwrap();
            std::fs::create_dir(folder.path().join("one")).unwrap();
        }
    }
}

#[test]
fn a_checkpoint_that_says_anything_is_a_run_or_a_fault() {
    for kind in [0, 1, 5] {
        let text = KINDS[kind].replace("epochs = ", "checkpoint = { steps = 1, keep = 9 }, epochs = ");
        let (config, folder) = (model(&text).for_epochs(3), tempfile::tempdir().unwrap());
        let run = |folder: &std::path::Path, resume| {
            let frame = Frame {
                checkpoints: Some(folder.to_owned()),
                resume,
                ..Frame::default()
            };
            train(&config, &plan(), &mut samples(), &frame, (&mut Silent, None))
        };
        run(folder.path(), false).unwrap();
        let mut all: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        all.sort();
        let mut refused = 0;
        crate::checkpoint::forging::forged(&all[1], 24, |folder| {
            refused += usize::from(run(folder, true).is_err())
        });
        assert!(refused > 2, "{text}: {refused} of 24");
    }
}

/// The same samples without the users below 10, and with ten new ones.
fn tomorrow() -> RowsSource {
    let mut rows = samples().rows().to_vec();
    rows.retain(|row| row.group >= 10);
    rows.extend((0..10).map(|n| row(100 + n, n, &[])));
    RowsSource::new(rows)
}

#[test]
fn vectors_are_begun_from_by_user_and_item() {
    for (kind, dim) in [(0, 8), (1, 9)] {
        let (config, first) = trained(KINDS[kind]);
        let start = |parameters: &Parameters<f32>| {
            Some(Arc::new(Start {
                parameters: parameters.clone(),
                ..Start::default()
            }))
        };
        let begun = |config: &ModelConfig, parameters: &Parameters<f32>| {
            let frame = Frame {
                start: start(parameters),
                ..Frame::default()
            };
            train(config, &plan(), &mut tomorrow(), &frame, (&mut Silent, None))
        };
        let short = config.for_epochs(1);
        let second = begun(&short, &first.parameters).unwrap();
        let told = second.restored.unwrap();
        assert_eq!((told.rows["user"], told.dropped_rows["user"]), ((50, 10), 10));
        assert_eq!(told.rows["item"], (40, 0));
        assert!(!told.dropped_rows.contains_key("item"));
        assert_eq!(told.restored, ["emb.user", "emb.item"]);
        let fresh = train(
            &short,
            &plan(),
            &mut tomorrow(),
            &Frame::default(),
            (&mut Silent, None),
        )
        .unwrap();
        let (warm, cold) = (second.history[0].loss, fresh.history[0].loss);
        assert!(warm < cold, "{kind}: {warm} warm, {cold} cold");
        let wider = model(&KINDS[kind].replace("dim = 8", "dim = 12"));
        let error = begun(&wider.for_epochs(1), &first.parameters).unwrap_err();
        let shapes = format!("emb.user: {dim} numbers there, {} here; emb.item: ", dim + 4);
        assert!(error.to_string().contains(&shapes), "{error}");
    }
}

#[test]
fn walks_are_begun_from_with_both_vectors_of_an_item() {
    let text = KINDS[5].replace("epochs = 4", "epochs = 4, keep_optimizer = true");
    let (config, first) = trained(&text);
    let frame = Frame {
        start: Some(Arc::new(Start {
            parameters: first.parameters,
            optimizer: first.optimizer,
            ..Start::default()
        })),
        ..Frame::default()
    };
    let second = train(
        &config.for_epochs(1),
        &plan(),
        &mut tomorrow(),
        &frame,
        (&mut Silent, None),
    )
    .unwrap();
    let told = second.restored.unwrap();
    assert!(told.optimizer && told.rows["item"] == (40, 0), "{told:?}");
    assert!(second.history[0].loss < first.history[0].loss);
}
