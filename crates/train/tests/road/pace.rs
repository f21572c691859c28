//! One schedule is everybody's: a step at a quarter of the rate moves every part a quarter as far.

use rankine_model::{ModelConfig, Parameters};
use rankine_train::{RowsSource, Silent, train};

use crate::samples::{models, plan, samples};

/// Weights after one step over all samples, by gradient descent.
fn after_a_step(base: &ModelConfig, train_more: &str) -> Parameters<f32> {
    let lines = base.text().lines().filter(|line| !line.starts_with("train ="));
    let text = lines.collect::<Vec<_>>().join("\n");
    let text = text.replace("kind = \"adam\", lr = 0.01", "kind = \"sgd\", lr = 1.0");
    let settings = format!("train = {{ batch = 600, epochs = 1, shuffle = false, {train_more} }}");
    let config = ModelConfig::parse(&format!("{text}\n{settings}\n"), "m.toml").unwrap();
    let mut learn = samples(600, 1);
    let plan = plan(&mut learn);
    let nobody = &mut RowsSource::default();
    train(&config, plan, &mut learn, nobody, &mut Silent, None)
        .unwrap()
        .parameters
}

/// Every table and every tensor by name.
fn parts(of: &Parameters<f32>) -> Vec<(String, Vec<f32>)> {
    let dense = of
        .dense
        .iter()
        .map(|(name, tensor)| (name.clone(), tensor.data.clone()));
    let tables = of.tables.iter().map(|(name, table)| {
        let rows = table.sorted().into_iter().flat_map(|(_, row)| table.weights(row));
        (format!("emb.{name}"), rows.copied().collect())
    });
    dense.chain(tables).collect()
}

#[test]
fn the_schedule_reaches_rows_of_every_table_and_every_tensor() {
    let names = [
        "widedeep",
        "neuralcf with all parts",
        "dcn",
        "dssm with three towers",
    ];
    for (name, config) in models().into_iter().filter(|(name, _)| names.contains(name)) {
        let start = parts(&after_a_step(&config, "freeze = [\"*\"]"));
        let whole = parts(&after_a_step(&config, ""));
        let quarter = parts(&after_a_step(&config, "schedule = { warmup = 4 }"));
        for ((part, s), ((_, w), (_, q))) in start.iter().zip(whole.iter().zip(&quarter)) {
            let moved = s.iter().zip(w).map(|(s, w)| (w - s).abs()).fold(0.0, f32::max);
            assert!(moved > 1e-6, "{name}: {part} moved by {moved}");
            for ((s, w), q) in s.iter().zip(w).zip(q) {
                let (far, near) = (w - s, 4.0 * (q - s));
                assert!(
                    (far - near).abs() < 1e-5 * (1.0 + w.abs()),
                    "{name}: {part} {far} {near}"
                );
            }
        }
    }
}
