//! Several threads that learn at once: as good as one, and frozen rows stay.

use rankine_model::Network;
use rankine_model::Scorer;
use rankine_train::evaluate::score;
use rankine_train::metric::logloss;
use rankine_train::{RowsSource, Silent, TrainError, Trained, train};

use crate::samples::{model, models, plan, samples};

/// A made-up model file with another seed and training.
fn of(name: &str, seed: u64, train: &str) -> rankine_model::ModelConfig {
    let base = match name {
        "dssm" => {
            models()
                .into_iter()
                .find(|(known, _)| *known == "dssm")
                .unwrap()
                .1
        }
        _ => model(name, "train = { batch = 64, epochs = 3 }"),
    };
    let text: Vec<&str> = base
        .text()
        .lines()
        .filter(|line| !line.starts_with("train ="))
        .collect();
    let text = text.join("\n").replace("seed = 3", &format!("seed = {seed}"));
    rankine_model::ModelConfig::parse(&format!("{text}\ntrain = {train}\n"), "m.toml").unwrap()
}

/// Held-out logloss of the served model.
fn held_out(name: &str, seed: u64, threads: usize) -> f64 {
    // with rates that end small what is compared is where training ends, not how much it still swings
    let calm = "schedule = { kind = \"cosine\" }";
    let config = of(
        name,
        seed,
        &format!("{{ batch = 128, epochs = 8, threads = {threads}, {calm} }}"),
    );
    let (mut learn, mut watched, mut judge) = (samples(12_000, 1), RowsSource::default(), samples(5000, 2));
    let plan = plan(&mut learn);
    let trained = train(&config, plan.clone(), &mut learn, &mut watched, &mut Silent, None).unwrap();
    let scorer = Scorer::new(&Network::compile(&config, &plan).unwrap(), &trained.parameters).unwrap();
    let scored = score(&plan, &scorer, &mut judge).unwrap();
    logloss(&scored.observed.labels, &scored.scores, None).unwrap()
}

#[test]
fn two_threads_learn_as_well_as_one_over_five_seeds() {
    for name in ["embeddingmlp", "dssm"] {
        let mean = |threads| (1..=5).map(|seed| held_out(name, seed, threads)).sum::<f64>() / 5.0;
        let (one, two) = (mean(1), mean(2));
        println!("{name}: {one} by one thread, {two} by two");

        assert!(two < one * 1.005, "{name}: {one} by one thread, {two} by two");
    }
}

#[test]
fn every_kind_of_network_learns_on_three_threads() {
    for (name, config) in models() {
        let text: Vec<&str> = config
            .text()
            .lines()
            .filter(|line| !line.starts_with("train ="))
            .collect();
        let text = format!(
            "{}\ntrain = {{ batch = 32, epochs = 2, threads = 3 }}\n",
            text.join("\n")
        );
        let config = rankine_model::ModelConfig::parse(&text, "m.toml").unwrap();
        let (mut learn, mut judge) = (samples(700, 1), samples(200, 2));
        let plan = plan(&mut learn);
        let trained = train(&config, plan, &mut learn, &mut judge, &mut Silent, None).unwrap();
        assert_eq!(trained.history.len(), 2, "{name}");
        assert!(
            trained
                .history
                .iter()
                .all(|epoch| epoch.loss.is_finite() && epoch.valid_loss.is_finite()),
            "{name}: {:?}",
            trained.history
        );
    }
}

fn run(parts: &str) -> Result<Trained, TrainError> {
    let (mut learn, mut judge) = (samples(700, 1), samples(200, 2));
    let plan = plan(&mut learn);
    train(
        &of("widedeep", 3, parts),
        plan,
        &mut learn,
        &mut judge,
        &mut Silent,
        None,
    )
}

#[test]
fn what_is_frozen_stays_on_two_threads_too() {
    let freeze = "freeze = [\"emb.user\", \"*.1.weight\"]";
    let all = "freeze = [\"*\"]";
    let first = run(&format!("{{ batch = 32, epochs = 1, {all} }}"))
        .unwrap()
        .parameters;
    let last = run(&format!("{{ batch = 32, epochs = 3, threads = 2, {freeze} }}"))
        .unwrap()
        .parameters;
    for key in first.tables["user"].keys() {
        let row = |p: &rankine_model::Parameters<f32>| {
            p.tables["user"].weights(p.tables["user"].row(*key)).to_vec()
        };
        assert_eq!(row(&first), row(&last));
    }
    let same: Vec<&String> = first
        .dense
        .keys()
        .filter(|name| first.dense[*name] == last.dense[*name])
        .collect();
    assert!(same.len() == 1 && same[0].ends_with(".1.weight"), "{same:?}");
    assert_ne!(first.tables["item"].weights(1), last.tables["item"].weights(1));
}

#[test]
fn a_loss_that_is_no_longer_finite_ends_the_run_of_two_threads() {
    let text = of("embeddingmlp", 3, "{ batch = 64, epochs = 20, threads = 2 }")
        .text()
        .to_owned();
    let text = text.replace("kind = \"adam\", lr = 0.01", "kind = \"sgd\", lr = 1e3");
    let config = rankine_model::ModelConfig::parse(&format!("loss = \"mse\"\n{text}"), "m.toml").unwrap();
    let (mut learn, mut judge) = (samples(700, 1), samples(200, 2));
    let plan = plan(&mut learn);
    let error = train(&config, plan, &mut learn, &mut judge, &mut Silent, None).unwrap_err();
    assert!(matches!(error, TrainError::Diverged { .. }), "{error}");
}

#[test]
fn a_gradient_that_is_clipped_moves_less_and_a_wide_bound_changes_nothing() {
    let weights = |clip: &str| {
        let parts = format!("{{ batch = 700, epochs = 1, shuffle = false{clip} }}");
        let text = of("widedeep", 3, &parts)
            .text()
            .replace("\"adam\", lr = 0.01", "\"sgd\", lr = 1.0");
        let config = rankine_model::ModelConfig::parse(&text, "m.toml").unwrap();
        let mut learn = samples(700, 1);
        let plan = plan(&mut learn);
        train(
            &config,
            plan,
            &mut learn,
            &mut RowsSource::default(),
            &mut Silent,
            None,
        )
        .unwrap()
        .parameters
    };
    let flat = |p: &rankine_model::Parameters<f32>| -> Vec<f64> {
        let dense = p
            .dense
            .values()
            .flat_map(|t| t.data.iter().map(|w| f64::from(*w)));
        let rows = p
            .tables
            .values()
            .flat_map(|t| (0..=t.len()).flat_map(|r| t.weights(u32::try_from(r).unwrap())));
        dense.chain(rows.map(|w| f64::from(*w))).collect()
    };
    let start = flat(&weights(", freeze = [\"*\"]"));
    let moved = |p: &[f64]| {
        p.iter()
            .zip(&start)
            .map(|(a, b)| (a - b).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    let plain = flat(&weights(""));
    let (length, bound) = (moved(&plain), moved(&plain) / 3.0);
    assert_eq!(flat(&weights(&format!(", clip = {}", length * 1.5))), plain);
    let clipped = flat(&weights(&format!(", clip = {bound}")));
    assert!(
        (moved(&clipped) - bound).abs() < bound * 1e-3,
        "{} of {bound}",
        moved(&clipped)
    );
    for ((c, p), s) in clipped.iter().zip(&plain).zip(&start) {
        assert!(((c - s) * 3.0 - (p - s)).abs() < 1e-4, "{c} {p} {s}");
    }
}
