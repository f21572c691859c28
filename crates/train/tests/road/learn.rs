//! Training learns, deterministically, and tells what it does.

use rankine_model::ModelConfig;
use rankine_train::{EpochReport, Progress, RowsSource, Silent, StepReport, TrainError, Trained, train};

use crate::samples::{model, models, plan, samples};

fn run(config: &ModelConfig) -> Trained {
    let (mut learn, mut judge) = (samples(4000, 1), samples(1000, 2));
    let plan = plan(&mut learn);
    train(config, plan, &mut learn, &mut judge, &mut Silent, None).unwrap()
}

/// Every weight as bits, in a fixed order.
fn bits(trained: &Trained) -> Vec<u32> {
    let dense = trained.parameters.dense.values().flat_map(|t| t.data.iter());
    let mut bits: Vec<u32> = dense.map(|v| v.to_bits()).collect();
    for table in trained.parameters.tables.values() {
        for (_, row) in std::iter::once((0, 0)).chain(table.sorted()) {
            bits.extend(table.weights(row).iter().map(|v| v.to_bits()));
        }
    }
    bits
}

#[test]
fn every_kind_learns_the_made_up_truth() {
    for (name, config) in models() {
        let trained = run(&config);
        let last = trained.history.last().unwrap();
        assert!(last.valid_auc > 0.75, "{name}: {last:?}");
        assert!(
            last.valid_loss < trained.history[0].valid_loss,
            "{name}: {:?}",
            trained.history
        );
        assert_eq!((trained.train_samples, trained.valid_samples), (4000, 1000));
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let parts = |seed: u64| {
        format!(
            "gmf = {{ dim = 4 }}\ndropout = {{ input = 0.1, hidden = 0.2 }}\ntrain = {{ batch = 100, epochs = 2 }}\n#{seed}"
        )
    };
    let mut config = model("neuralcf", &parts(3));
    let once = bits(&run(&config));
    assert_eq!(once, bits(&run(&config)));
    config.seed = 4;
    assert_ne!(once, bits(&run(&config)));
}

#[test]
fn first_weights_are_drawn_from_what_the_file_says() {
    let (freeze, scale) = ("train = { batch = 600, epochs = 1, freeze = [\"*\"] }", 0.125f32);
    let config = model(
        "embeddingmlp",
        &format!("init = {{ kind = \"uniform\", scale = {scale} }}\n{freeze}"),
    );
    let first = run(&config).parameters;
    for (name, tensor) in first.dense.iter().filter(|(name, _)| name.ends_with(".weight")) {
        let most = tensor.data.iter().fold(0.0, |most: f32, w| most.max(w.abs()));
        assert!(most <= scale && most > scale / 2.0, "{name}: {most}");
    }
    let text = config
        .text()
        .replace("table = \"user\"", "init = \"zeros\", table = \"user\"");
    let zeros = run(&rankine_model::ModelConfig::parse(&text, "m.toml").unwrap()).parameters;
    let all_zero = |name: &str| {
        let table = &zeros.tables[name];
        let mut rows = table.sorted().into_iter().flat_map(|(_, row)| table.weights(row));
        rows.all(|w| *w == 0.0)
    };
    assert!(all_zero("user") && !all_zero("item"));
}

#[test]
fn strong_l2_keeps_embeddings_small() {
    let norm = |l2: &str| {
        let parts = format!(
            "train = {{ batch = 64, epochs = 5 }}\noptimizer.wide = {{ lr = 0.02 }}\nbias = {{ l2 = {l2} }}"
        );
        let trained = run(&model("neuralcf", &parts));
        let table = &trained.parameters.tables["wide.1"];
        table
            .sorted()
            .iter()
            .map(|&(_, row)| f64::from(table.weights(row)[0]).abs())
            .sum::<f64>()
    };
    assert!(norm("100.0") < 0.5 * norm("0.0"));
}

#[test]
fn progress_hears_steps_and_epochs_in_order() {
    #[derive(Default)]
    struct Heard(Vec<(usize, u64)>, Vec<EpochReport>);
    impl Progress for Heard {
        fn step(&mut self, report: &StepReport) {
            assert!(report.samples <= report.total && report.eta_s >= 0.0 && report.loss > 0.0);
            self.0.push((report.epoch, report.samples));
        }
        fn epoch(&mut self, report: &EpochReport) {
            self.1.push(*report);
        }
    }
    let (mut learn, mut judge, mut heard) = (samples(500, 1), samples(100, 2), Heard::default());
    let plan = plan(&mut learn);
    let config = model("embeddingmlp", "train = { batch = 64, epochs = 3 }");
    let trained = train(&config, plan, &mut learn, &mut judge, &mut heard, None).unwrap();
    assert_eq!(heard.1.iter().map(|r| r.epoch).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(heard.0.is_sorted() && heard.0.contains(&(3, 500)));
    assert_eq!(heard.1, trained.history);
    assert_eq!(trained.best_epoch, 3);
}

#[test]
fn a_loss_that_is_no_longer_finite_ends_the_run_with_epoch_step_and_loss() {
    let (mut learn, mut judge) = (samples(500, 1), samples(100, 2));
    let plan = plan(&mut learn);
    let with_rate = |rate: &str| {
        let calm = model(
            "embeddingmlp",
            "loss = \"mse\"\ntrain = { batch = 64, epochs = 20 }",
        );
        let optimiser = format!("kind = \"sgd\", lr = {rate}");
        let text = calm.text().replace("kind = \"adam\", lr = 0.01", &optimiser);
        ModelConfig::parse(&text, "model.toml").unwrap()
    };
    let config = with_rate("1e3");
    let error = train(&config, plan.clone(), &mut learn, &mut judge, &mut Silent, None).unwrap_err();
    let TrainError::Diverged {
        epoch,
        step,
        samples,
        loss,
    } = error
    else {
        panic!("{error}");
    };
    assert!(!loss.is_finite() && epoch >= 1, "{error}");
    assert_eq!(samples, 500.min(64 * step as u64), "{error}");
    let told = format!("loss is {loss} in step {step} of epoch {epoch}, after {samples} of its samples");
    assert!(error.to_string().starts_with(&told), "{error}");
    train(
        &with_rate("1e-3"),
        plan,
        &mut learn,
        &mut judge,
        &mut Silent,
        None,
    )
    .unwrap();
}

#[test]
fn faults_are_errors_that_say_where() {
    let (mut learn, mut judge) = (samples(50, 1), samples(10, 2));
    let plan = plan(&mut learn);
    let config = model("embeddingmlp", "");
    let mut try_with = |rows: Vec<rankine_train::SampleRow>| -> TrainError {
        train(
            &config,
            plan.clone(),
            &mut RowsSource::new(rows),
            &mut judge,
            &mut Silent,
            None,
        )
        .unwrap_err()
    };
    assert_eq!(
        try_with(Vec::new()).to_string(),
        "no training samples to learn from"
    );
    let mut rows = learn.rows().to_vec();
    rows[7].label = 1.5;
    assert_eq!(
        try_with(rows.clone()).to_string(),
        "sample 7: label is 1.5, expected a number from 0 to 1"
    );
    rows[7].label = f32::NAN;
    assert!(try_with(rows.clone()).to_string().contains("label is NaN"));
    rows[7] = learn.rows()[7].clone();
    rows[3].weight = -1.0;
    assert!(
        try_with(rows.clone())
            .to_string()
            .starts_with("sample 3: weight is -1")
    );
    rows[2].item.pop();
    assert_eq!(
        try_with(rows).to_string(),
        "sample 2: item has 1 values where the conf's schema has 2 fields"
    );
}
