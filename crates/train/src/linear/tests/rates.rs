//! Rates that change from sample to sample.

use super::*;

/// A training by gradient descent with these keys of `train` beside three epochs.
fn run(bench: &Bench, linear: &str, train: &str) -> Trained {
    let more =
        format!("optimizer.linear = {{ kind = \"sgd\", lr = 0.05 }}\ntrain = {{ epochs = 3, {train} }}");
    bench.train(&bench.config("fm", linear, &more), "m").unwrap()
}

#[test]
fn a_step_is_a_sample_and_an_epoch_is_all_of_them() {
    let bench = Bench::new(5000);
    let decay = run(&bench, ", k = 2", "lr_decay = 0.5");
    let step = run(&bench, ", k = 2", "schedule = { kind = \"step\", factor = 0.5 }");
    assert_eq!(
        weights(&decay),
        weights(&step),
        "half after each epoch, either way"
    );
    assert_ne!(weights(&run(&bench, ", k = 2", "")), weights(&step));
    let never = run(&bench, ", k = 1", "schedule = { warmup = 1000000000000 }");
    let table = &never.parameters.tables["linear"];
    let most = table
        .sorted()
        .into_iter()
        .map(|(_, row)| table.weights(row)[0].abs());
    assert!(
        most.fold(0.0, f32::max) < 1e-4,
        "a warm-up of 10^12 samples has hardly begun"
    );
}

#[test]
fn a_cosine_needs_the_length_of_an_epoch_and_finds_it_either_way() {
    let bench = Bench::new(5000);
    let schedule = "schedule = { kind = \"cosine\", warmup = 500 }";
    // a file of lines does not say how many there are: coded first, or counted with the signs
    let (coded, counted) = (
        run(&bench, ", k = 2", schedule),
        run(&bench, ", k = 2, min_count = 2", schedule),
    );
    assert_eq!(weights(&coded), weights(&counted));
    let told = |t: &Trained| {
        t.history
            .iter()
            .map(|r| (r.loss, r.auc, r.valid_loss))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told(&coded),
        told(&counted),
        "the first epoch is of samples not seen before"
    );
    let one = coded.history[2].valid_loss;
    let two = run(&bench, ", k = 2", &format!("{schedule}, threads = 2"));
    let two = two.history[2].valid_loss;
    assert!((one - two).abs() < 0.01 * one, "{one} {two}");
}
