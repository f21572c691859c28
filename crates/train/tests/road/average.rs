//! Averaged weights are the epochs' own, mixed; learning goes on from the weights themselves.

use rankine_train::{Silent, train};

use crate::samples::{model, plan, samples};

/// Every weight after `epochs` epochs, in a fixed order.
fn weights(epochs: usize, average: f64) -> Vec<f32> {
    let config = model(
        "embeddingmlp",
        &format!("train = {{ batch = 32, epochs = {epochs}, average = {average} }}"),
    );
    let (mut learn, mut judge) = (samples(600, 1), samples(400, 2));
    let plan = plan(&mut learn);
    let trained = train(&config, plan, &mut learn, &mut judge, &mut Silent, None).unwrap();
    let dense = trained.parameters.dense.values().flat_map(|t| t.data.clone());
    let tables = trained.parameters.tables.values();
    let rows = tables.flat_map(|t| {
        t.sorted()
            .into_iter()
            .flat_map(|(_, row)| t.weights(row).to_vec())
    });
    dense.chain(rows).collect()
}

#[test]
fn what_is_published_is_the_mean_of_the_epochs_weights() {
    let own = [weights(1, 0.0), weights(2, 0.0), weights(3, 0.0)];
    let averaged = weights(3, 0.75);
    assert_eq!(weights(1, 0.75), own[0]);
    assert_ne!(averaged, own[2]);
    for (i, &got) in averaged.iter().enumerate() {
        let expected = 0.75 * (0.75 * own[0][i] + 0.25 * own[1][i]) + 0.25 * own[2][i];
        assert!((got - expected).abs() < 1e-5, "weight {i}: {got} for {expected}");
    }
}
