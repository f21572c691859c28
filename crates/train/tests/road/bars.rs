//! What any honest trainer passes: labels without meaning teach nothing, samples count by their weight, a constant tells nothing.

use std::sync::Arc;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_feature::Plan;
use rankine_model::{ModelConfig, Network, Parameters, Scorer};
use rankine_train::evaluate::score;
use rankine_train::linear::{self, Feed, Place, PlanFeed};
use rankine_train::loss::Loss;
use rankine_train::{Frame, RowsSource, SampleRow, Silent, Trained, train};

use crate::samples::{models, plan, samples};

/// `lr`, `fm` or `ffm`.
fn linear_model(kind: &str, linear: &str, more: &str) -> ModelConfig {
    let text = format!("format = 1\nkind = \"{kind}\"\nconf = \"made\"\nlinear = {{ {linear} }}\n{more}\n");
    ModelConfig::parse(&text, "model.toml").unwrap_or_else(|faults| panic!("{faults}"))
}

/// Logistic regression over all samples at once, until there is no way down.
fn whole(slots: &str) -> ModelConfig {
    let more = "optimizer.linear = { kind = \"lbfgs\", l2 = 1 }\ntrain = { epochs = 500 }";
    linear_model("lr", &format!("slots = [{slots}]"), more)
}

/// Trains a linear model.
fn run(
    config: &ModelConfig,
    plan: &Arc<Plan>,
    (learn, judge): (&mut RowsSource, &mut RowsSource),
) -> Trained {
    let part = Network::compile(config, plan).unwrap().linear.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let frame = Frame {
        place: Some(Place {
            folder: folder.path().to_owned(),
            name: "m".to_owned(),
            fingerprint: "made".to_owned(),
        }),
        ..Frame::default()
    };
    let mut learn = PlanFeed::new(learn, plan.clone(), &part, Loss::Bce);
    let mut judge = PlanFeed::new(judge, plan.clone(), &part, Loss::Bce);
    let feeds = (&mut learn as &mut dyn Feed, &mut judge as &mut dyn Feed);
    linear::train(config, plan, feeds, &frame, (&mut Silent, None)).unwrap()
}

/// Made-up samples whose labels were dealt anew.
fn meaningless(n: usize, seed: u64) -> RowsSource {
    let mut rows = samples(n, seed).rows().to_vec();
    let mut labels: Vec<f32> = rows.iter().map(|row| row.label).collect();
    labels.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(seed));
    for (row, label) in rows.iter_mut().zip(labels) {
        row.label = label;
    }
    RowsSource::new(rows)
}

/// Made-up samples of different weights.
fn weighted(n: usize, seed: u64) -> Vec<SampleRow> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut rows = samples(n, seed).rows().to_vec();
    rows.iter_mut()
        .for_each(|row| row.weight = random.random_range(0.25..4.0));
    rows
}

/// All weights, key by key, the bias last.
fn weights(of: &Parameters<f32>) -> Vec<f64> {
    let table = &of.tables["linear"];
    let rows = table.sorted().into_iter().map(|(_, row)| table.weights(row)[0]);
    rows.chain([of.dense["bias"].data[0]]).map(f64::from).collect()
}

#[test]
fn shuffled_labels_teach_nothing() {
    let (mut learn, mut judge) = (meaningless(3000, 1), meaningless(30_000, 2));
    let plan = plan(&mut learn);
    let nothing = |name: &str, trained: &Trained| {
        let auc = trained.history.last().unwrap().valid_auc;
        assert!((auc - 0.5).abs() < 0.01, "{name}: {auc}");
    };
    for (name, config) in models() {
        let trained = train(&config, plan.clone(), &mut learn, &mut judge, &mut Silent, None).unwrap();
        nothing(name, &trained);
    }
    let online = |kind: &str| linear_model(kind, "slots = [1, 2, 3, 4], k = 4", "train = { epochs = 3 }");
    for config in [whole("1, 2, 3, 4"), online("fm"), online("ffm")] {
        let trained = run(&config, &plan, (&mut learn, &mut judge));
        nothing(config.kind().name(), &trained);
    }
}

#[test]
fn every_row_twice_at_half_weight_is_the_same_regression() {
    let rows = weighted(2000, 1);
    let mut halves: Vec<SampleRow> = rows.iter().chain(&rows).cloned().collect();
    halves.iter_mut().for_each(|row| row.weight /= 2.0);
    halves.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(3));
    let (mut rows, mut halves, mut judge) = (RowsSource::new(rows), RowsSource::new(halves), samples(500, 2));
    let (plan, config) = (plan(&mut rows), whole("1, 2, 3, 4, 5"));
    let once = run(&config, &plan, (&mut rows, &mut judge));
    let twice = run(&config, &plan, (&mut halves, &mut judge));
    assert!(once.history.len() < 500, "the descent ends by itself");
    let (a, b) = (weights(&once.parameters), weights(&twice.parameters));
    assert_eq!(a.len(), b.len());
    assert!(a.iter().any(|w| w.abs() > 0.5), "{a:?}");
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
}

#[test]
fn a_converged_regression_owes_every_sign_its_ridge() {
    let mut rows = RowsSource::new(weighted(1500, 4));
    let (plan, config) = (plan(&mut rows), whole("1, 2"));
    let trained = run(&config, &plan, (&mut rows, &mut samples(100, 2)));
    let scorer = Scorer::new(&Network::compile(&config, &plan).unwrap(), &trained.parameters).unwrap();
    let scores = score(&plan, &scorer, &mut rows).unwrap().scores;
    let (mut owed, mut all) = (vec![0.0; 60], 0.0);
    for (row, p) in rows.rows().iter().zip(scores) {
        let slope = f64::from(row.weight) * (p - f64::from(row.label));
        owed[usize::try_from(row.group).unwrap()] += slope;
        all += slope;
    }
    assert!(all.abs() < 1e-2, "the bias has no ridge: {all}");
    // Users' weights are −(what their samples owe) / l2, each of them.
    let found = weights(&trained.parameters);
    for user in owed {
        assert!(found.iter().any(|w| (w + user).abs() < 1e-3), "{user}");
    }
}

#[test]
fn a_constant_feature_changes_no_ranking() {
    let mut rows = RowsSource::new(weighted(2000, 1));
    let (plan, mut held) = (plan(&mut rows), samples(1000, 5));
    let mut scores = |slots: &str| {
        let config = whole(slots);
        let trained = run(&config, &plan, (&mut rows, &mut samples(100, 2)));
        let scorer = Scorer::new(&Network::compile(&config, &plan).unwrap(), &trained.parameters).unwrap();
        score(&plan, &scorer, &mut held).unwrap().scores
    };
    let (without, with) = (scores("1, 2, 3, 4, 5"), scores("1, 2, 3, 4, 5, 6"));
    for (a, b) in without.iter().zip(&with) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    let mut order: Vec<usize> = (0..without.len()).collect();
    order.sort_by(|a, b| without[*a].total_cmp(&without[*b]));
    for pair in order.windows(2) {
        let (low, high) = (pair[0], pair[1]);
        assert!(
            without[high] - without[low] < 2e-6 || with[high] > with[low],
            "{low} {high}"
        );
    }
}
