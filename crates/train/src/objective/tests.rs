//! Objectives and towers against PyTorch (committed numbers; `tests/golden/towers.py` made them) and against differences.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of a golden file, small and whole where they become counts"
)]

use std::sync::Arc;

use rankine_feature::{Plan, Value as Cell};
use rankine_model::{ModelConfig, Network, Parameters, Tensor};
use serde_json::Value;

use super::*;
use crate::check::{differences, random};
use crate::encode::Encoder;
use crate::loss::Loss;
use crate::model::Settings;
use crate::source::{RowsSource, SampleRow};
use crate::table::tests::flat_gradient;

const CONF: &str = r#"format = 1
name = "c"
schema.user = [{ name = "u", type = "int" }, { name = "uv", type = "vector<3>" }, { name = "uw", type = "float" }]
schema.item = [{ name = "i", type = "int" }, { name = "iv", type = "vector<4>" }]
sample = { label = ["label"] }
feature = [
    { name = "user", class = "id", slot = 1, depend = ["u"] },
    { name = "item", class = "id", slot = 2, depend = ["i"] },
    { name = "user_vector", class = "raw", slot = 3, depend = ["uv"] },
    { name = "user_number", class = "raw", slot = 4, depend = ["uw"] },
    { name = "item_vector", class = "raw", slot = 5, depend = ["iv"] },
]
"#;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../tests/data/golden_towers.json")).unwrap()
}

pub(super) fn numbers(value: &Value) -> Vec<f64> {
    match value.as_array() {
        Some(items) => items.iter().flat_map(numbers).collect(),
        None => vec![value.as_f64().unwrap()],
    }
}

pub(super) fn near(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (g, e) in got.iter().zip(expected) {
        assert!(
            (g - e).abs() <= tolerance * (1.0 + e.abs()),
            "{what}: {g}, expected {e}"
        );
    }
}

/// A sample: user, item, label, the numbers of both.
fn row(user: i64, item: i64, label: f32, numbers: (&[f64], &[f64])) -> SampleRow {
    let floats = |x: &[f64]| x.iter().map(|x| *x as f32).collect::<Vec<f32>>();
    SampleRow {
        user: vec![
            Cell::Int(user),
            Cell::vector(&floats(&numbers.0[..3])),
            Cell::Float(numbers.0[3]),
        ],
        item: vec![Cell::Int(item), Cell::vector(&floats(numbers.1))],
        label,
        weight: 1.0,
        ..SampleRow::default()
    }
}

/// A network of a model file over these samples, in f64, with the samples.
fn setup(text: &str, rows: Vec<SampleRow>) -> (ModelConfig, Network, Net<f64>, Cache) {
    let plan = Arc::new(Plan::compile(CONF, "c.toml", None).unwrap());
    let config = ModelConfig::parse(text, "m.toml").unwrap();
    let network = Network::compile(&config, &plan).unwrap();
    let mut encoder = Encoder::new(plan, network.clone(), Loss::Bce);
    let cache = encoder.learn(&mut RowsSource::new(rows)).unwrap();
    let net = Net::new(&network, &Settings::new(&config), encoder.vocabularies());
    (config, network, net, cache)
}

#[test]
fn towers_of_every_combination_agree_with_torch() {
    for case in golden()["towers"].as_array().unwrap() {
        let senet = if case["senet"].as_bool().unwrap() {
            ", senet = 2"
        } else {
            ""
        };
        let text = format!(
            "format = 1\nkind = \"dssm\"\nconf = \"c\"\ntower.user = {{ slots = [3, 4], hidden = [3]{senet} }}\n\
             tower.item = {{ slots = [5], hidden = [3] }}\ntower.combine = {}\ntower.temperature = {:?}\ntower.last = {}\n",
            case["combine"],
            case["temperature"].as_f64().unwrap(),
            case["last"]
        );
        let (users, items, labels) = (
            numbers(&case["users"]),
            numbers(&case["items"]),
            numbers(&case["labels"]),
        );
        let rows = labels
            .iter()
            .zip(users.chunks(4).zip(items.chunks(4)))
            .map(|(y, x)| row(1, 1, *y as f32, x))
            .collect();
        let (_, _, mut net, cache) = setup(&text, rows);
        let mut parameters = Parameters::<f64>::default();
        for (name, tensor) in case["params"].as_object().unwrap() {
            let shape: Vec<usize> = numbers(&tensor["shape"]).iter().map(|n| *n as usize).collect();
            parameters
                .dense
                .insert(name.clone(), Tensor::new(&shape, numbers(&tensor["data"])));
        }
        net.import(&parameters).unwrap();
        let mut batch = Batch::new(&cache);
        batch.gather(&cache, &[0, 1, 2, 3, 4]);
        net.begin(5);
        let logits = net.forward(&batch, Mode::Learn).to_vec();
        // samples hold f32
        near(&text, &logits, &numbers(&case["logits"]), 1e-6);
        let judged = logits.iter().zip(&labels).map(|(z, y)| Loss::Bce.all(*z, *y));
        let mut slopes: Vec<f64> = judged.map(|j| j.slope / 5.0).collect();
        net.backward(&batch, &mut slopes);
        net.finish();
        for layer in net.layers() {
            for (part, got) in [("weight", &layer.weight_gradient), ("bias", &layer.bias_gradient)] {
                let name = format!("{}.{part}", layer.name);
                match case["grads"].get(&name) {
                    Some(expected) => near(&name, got, &numbers(expected), 1e-6),
                    None => assert!(got.iter().all(|g| *g == 0.0) || layer.inputs == 0, "{name}"),
                }
            }
        }
    }
}

#[test]
fn every_objective_agrees_with_torch() {
    for case in golden()["objectives"].as_array().unwrap() {
        let kind = case["kind"].as_str().unwrap();
        let hits = if case["hits"].as_bool().unwrap() {
            "batch"
        } else {
            "none"
        };
        let hard = case["hard"]
            .as_u64()
            .map_or(String::new(), |h| format!(", hard = {h}"));
        let margin = if kind == "hinge" { ", margin = 0.5" } else { "" };
        let (config, network, _, cache) = setup(
            &model(&format!(
                "kind = \"{kind}\", hits = \"{hits}\"{margin}, negatives = 4{hard}"
            )),
            samples(),
        );
        let objective = Objective::new(&config, &network, &cache).unwrap();
        let (users, items) = (numbers(&case["users"]), numbers(&case["items"]));
        let labels = numbers(&case["labels"]);
        let own = (0..6).map(|i| (users[i] as u64, items[i] as u64, labels[i] > 0.0));
        let own: Vec<_> = own.collect();
        let drawn = items[6..].iter().map(|i| *i as u64);
        let mask = Mask::new(own.into_iter(), drawn, kind == "inbatch");
        let mut work = objective.work::<f64>(&cache);
        work.queries = numbers(&case["queries"]);
        work.keys = numbers(&case["keys"]);
        work.corrections = numbers(&case["corrections"]);
        (work.users.labels, work.users.weights) = (labels, numbers(&case["weights"]));
        let shape = Shape {
            samples: 6,
            from: mask.from(),
            keys: 10,
            dim: 3,
        };
        let (sum, weight) = objective.compare(&mask, shape, &mut work);
        near(kind, &[sum / weight], &numbers(&case["loss"]), 1e-12);
        near(kind, &work.to_queries, &numbers(&case["to_queries"]), 1e-12);
        near(kind, &work.to_keys, &numbers(&case["to_keys"]), 1e-12);
    }
}

fn model(objective: &str) -> String {
    format!(
        "format = 1\nkind = \"twotower\"\nconf = \"c\"\nembedding = [{{ slots = [1], table = \"u\", dim = 3 }}, {{ slots = [2], \
         table = \"i\", dim = 2 }}]\ntower.user = {{ slots = [1, 4], hidden = [4, 3] }}\ntower.item = {{ slots = [2, 5], hidden = \
         [3], senet = 1 }}\ntower.temperature = 0.5\nactivation = \"tanh\"\nobjective = {{ {objective} }}\n"
    )
}

/// Eight samples of three users and five items; two of label 0.
fn samples() -> Vec<SampleRow> {
    let one = |n: i64| {
        let (x, item) = (random(4, 30 + n as u64), n * 3 % 5);
        let label = if n % 4 == 3 { 0.0 } else { 1.0 };
        row(n % 3, item, label, (&x, &random(4, item as u64)))
    };
    (0..8).map(one).collect()
}

/// Every parameter's gradient against differences of the loss, with everything drawn alike.
fn checks_by_differences(text: &str) {
    let (config, network, mut net, cache) = setup(text, samples());
    let objective = Objective::new(&config, &network, &cache).unwrap();
    let mut work = objective.work(&cache);
    let indices: Vec<u32> = (0..8).collect();
    let mut loss = |net: &mut Net<f64>| {
        net.begin(8);
        let (sum, weight) = objective.learn(net, (&cache, &indices), (1, 1), &mut work);
        net.finish();
        sum / weight
    };
    for table in &mut net.tables {
        let mut flat = Vec::new();
        table.save(&mut flat);
        table.restore(&random(flat.len(), 3));
    }
    assert!(loss(&mut net).is_finite());
    for t in 0..net.tables.len() {
        let (mut flat, gradient) = (Vec::new(), flat_gradient(&net.tables[t]));
        assert!(gradient.iter().any(|g| g.abs() > 1e-9), "{text}");
        net.tables[t].save(&mut flat);
        let mut moved = net.clone();
        differences(&flat, &gradient, |flat| {
            moved.tables[t].restore(flat);
            loss(&mut moved)
        });
    }
    let weights: Vec<(Vec<f64>, Vec<f64>)> = net
        .layers()
        .map(|layer| (layer.weight.clone(), layer.weight_gradient.clone()))
        .collect();
    for (l, (weight, gradient)) in weights.iter().enumerate() {
        let mut moved = net.clone();
        differences(weight, gradient, |weight| {
            moved.layers().nth(l).unwrap().weight.copy_from_slice(weight);
            loss(&mut moved)
        });
    }
}

#[test]
fn every_objective_checks_by_differences() {
    for objective in [
        "kind = \"inbatch\"",
        "kind = \"inbatch\", negatives = 3, draw = \"frequency\", hits = \"all\"",
        "kind = \"sampled\", negatives = 6",
        "kind = \"bpr\", negatives = 5, user = 1, item = 2",
        "kind = \"hinge\", negatives = 7, margin = 0.3, hits = \"none\"",
        "kind = \"sampled\", negatives = 9, hard = 2, logq = false",
    ] {
        checks_by_differences(&model(objective));
        let product = model(objective) + "tower.combine = \"product\"\n";
        checks_by_differences(&product);
    }
    let youtube = "format = 1\nkind = \"youtubednn\"\nconf = \"c\"\nembedding = [{ slots = [1], table = \"u\", dim = 3 }, { slots = \
                   [2], table = \"i\", dim = 2 }]\ntower.user = { slots = [1, 4], hidden = [4, 2] }\ntower.item = { slots = [2] }\n\
                   activation = \"tanh\"\n";
    checks_by_differences(youtube);
}

#[test]
fn draws_follow_their_chances_and_repeat_by_seed_and_step() {
    let text = model("kind = \"bpr\", negatives = 4000, draw = \"frequency\"");
    let (config, network, _, cache) = setup(&text, samples());
    let objective = Objective::new(&config, &network, &cache).unwrap();
    let drawn = objective.draw((1, 1));
    assert_eq!(drawn, objective.draw((1, 1)));
    assert_ne!(drawn, objective.draw((1, 2)));
    // items in order of appearance: 0, 3, 1, 4, 2; label 0 at samples 3 (item 4) and 7 (item 1)
    let liked = [2.0_f64, 2.0, 1.0, 0.0, 1.0];
    let total: f64 = liked.iter().map(|n| n.powf(0.75)).sum();
    for (number, liked) in (0_u32..).zip(liked) {
        let share = drawn.iter().filter(|d| **d == number).count() as f64 / 4000.0;
        assert!(
            (share - liked.powf(0.75) / total).abs() < 0.03,
            "{number}: {share}"
        );
    }
    assert!((objective.items.expected(objective.items.key(0), 8, 0) - 2.0).abs() < 1e-12);
    assert!(objective.items.expected(123, 8, 8).abs() < 1e-12);
}
