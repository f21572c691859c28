//! Early stopping keeps the best epoch's weights, not the last one's.

use rankine_model::{ModelConfig, Network, Scorer};
use rankine_train::evaluate::score;
use rankine_train::metric::{accuracy, auc, logloss};
use rankine_train::{RowsSource, Silent, train};

use crate::samples::{model, plan, samples};

#[test]
fn the_best_weights_come_back_and_the_run_ends_early() {
    for metric in ["auc", "logloss"] {
        let stop = format!(
            "train = {{ batch = 32, epochs = 60, early_stop = {{ metric = \"{metric}\", patience = 3 }} }}"
        );
        let config = model("embeddingmlp", &stop);
        let (mut learn, mut judge) = (samples(600, 1), samples(400, 2));
        let plan = plan(&mut learn);
        let trained = train(&config, plan.clone(), &mut learn, &mut judge, &mut Silent, None).unwrap();
        let (best, last) = (&trained.history[trained.best_epoch - 1], trained.history.len());
        assert!(
            best.best && last < 60 && trained.best_epoch + 3 == last,
            "{metric}: best {best:?} of {last}"
        );

        let scorer = Scorer::new(&Network::compile(&config, &plan).unwrap(), &trained.parameters).unwrap();
        let scored = score(&plan, &scorer, &mut judge).unwrap();
        let area = auc(&scored.observed.labels, &scored.scores, None).unwrap();
        let right = accuracy(&scored.observed.labels, &scored.scores, None, 0.5).unwrap();
        let trained_right = best.valid_accuracy.unwrap();
        assert!(
            (right - trained_right).abs() < 3e-3 && right > 0.5,
            "{metric}: {right} served, {trained_right} when trained"
        );
        let loss = logloss(&scored.observed.labels, &scored.scores, None).unwrap();
        assert!(
            (area - best.valid_auc).abs() < 1e-3,
            "{metric}: {area} served, {} when trained",
            best.valid_auc
        );
        assert!(
            (loss - best.valid_loss).abs() < 1e-5,
            "{metric}: {loss} served, {} when trained",
            best.valid_loss
        );
    }
}

#[test]
fn the_optimisers_state_is_that_of_the_best_epoch() {
    let of = |rest: &str| {
        let train = format!("train = {{ batch = 32, epochs = 60, keep_optimizer = true{rest} }}");
        model("widedeep", &train)
    };
    let config = of(", early_stop = { metric = \"logloss\", patience = 2 }");
    let run = |config: &ModelConfig| {
        let (mut learn, mut judge) = (samples(600, 1), samples(400, 2));
        let plan = plan(&mut learn);
        train(config, plan, &mut learn, &mut judge, &mut Silent, None).unwrap()
    };
    let stopped = run(&config);
    assert_eq!(stopped.best_epoch + 2, stopped.history.len());
    let whole = run(&of("").for_epochs(u32::try_from(stopped.best_epoch).unwrap()));
    let (state, expected) = (stopped.optimizer.unwrap(), whole.optimizer.unwrap());
    assert_eq!(state.dense, expected.dense);
    for (name, table) in &expected.tables {
        for (key, row) in table.sorted() {
            let own = &state.tables[name];
            assert_eq!(own.weights(own.row(key)), table.weights(row), "{name} {key}");
        }
    }
    assert_eq!(stopped.parameters.dense, whole.parameters.dense);
}

#[test]
fn without_early_stopping_the_last_weights_stay() {
    let config = model("embeddingmlp", "train = { batch = 32, epochs = 6 }");
    let (mut learn, mut judge) = (samples(600, 1), samples(400, 2));
    let plan = plan(&mut learn);
    let trained = train(&config, plan.clone(), &mut learn, &mut judge, &mut Silent, None).unwrap();
    assert_eq!((trained.history.len(), trained.best_epoch), (6, 6));
    let scorer = Scorer::new(&Network::compile(&config, &plan).unwrap(), &trained.parameters).unwrap();
    let scored = score(&plan, &scorer, &mut judge).unwrap();
    let loss = logloss(&scored.observed.labels, &scored.scores, None).unwrap();
    assert!((loss - trained.history[5].valid_loss).abs() < 1e-5);
}

#[test]
fn without_samples_to_watch_it_is_refused_and_without_a_figure_it_stops_nothing() {
    let config = model(
        "embeddingmlp",
        "train = { batch = 32, epochs = 4, early_stop = { metric = \"auc\", patience = 1 } }",
    );
    let mut learn = samples(300, 1);
    let plan = plan(&mut learn);
    let mut nobody = RowsSource::default();
    let fault = train(&config, plan.clone(), &mut learn, &mut nobody, &mut Silent, None).unwrap_err();
    let expected = "model key `train.early_stop`: it watches validation samples, and there are none";
    assert!(fault.to_string().starts_with(expected), "{fault}");

    let mut liked = samples(200, 2).rows().to_vec();
    liked.retain(|row| row.label > 0.5);
    let mut liked = RowsSource::new(liked);
    let trained = train(&config, plan.clone(), &mut learn, &mut liked, &mut Silent, None).unwrap();
    assert_eq!((trained.history.len(), trained.best_epoch), (4, 4));
    assert!(trained.history.iter().all(|epoch| !epoch.best));
    let whole = train(
        &config.for_epochs(4),
        plan,
        &mut learn,
        &mut nobody,
        &mut Silent,
        None,
    )
    .unwrap();
    assert_eq!(trained.parameters.dense, whole.parameters.dense);
}

#[test]
fn a_kind_without_a_training_step_is_refused_by_name() {
    let mut learn = samples(50, 1);
    let plan = plan(&mut learn);
    let text = "format = 1\nkind = \"fm\"\nconf = \"made\"\nlinear = { slots = [1], k = 2 }\n";
    let config = ModelConfig::parse(text, "fm.toml").unwrap();
    let fault = train(&config, plan, &mut learn, &mut samples(50, 2), &mut Silent, None).unwrap_err();
    assert!(fault.to_string().contains("`fm` is not"), "{fault}");
}
