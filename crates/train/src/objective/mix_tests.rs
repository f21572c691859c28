//! Kind `dropoutnet` against PyTorch (committed numbers; `tests/golden/dropoutnet.py` made them), against differences, and
//! against its own purpose: a cold item is told by its content, and only where preferences were taken away in learning.

use std::sync::Arc;

use rankine_feature::{Plan, Value as Cell};
use rankine_model::{ModelConfig, Network, Parameters, Tensor};
use serde_json::Value;

use super::tests::{near, numbers};
use super::*;
use crate::check::{differences, random};
use crate::encode::Encoder;
use crate::loss::Loss;
use crate::model::Settings;
use crate::source::{RowsSource, SampleRow};
use crate::table::tests::flat_gradient;

const CONF: &str = r#"format = 1
name = "c"
schema.user = [{ name = "u", type = "int" }, { name = "uc", type = "vector<2>" }, { name = "up", type = "vector<3>" }]
schema.item = [{ name = "i", type = "int" }, { name = "ic", type = "vector<2>" }, { name = "ip", type = "vector<3>" }]
sample = { label = ["label"] }
feature = [
    { name = "user", class = "id", slot = 1, depend = ["u"] },
    { name = "item", class = "id", slot = 2, depend = ["i"] },
    { name = "user_content", class = "raw", slot = 3, depend = ["uc"] },
    { name = "item_content", class = "raw", slot = 4, depend = ["ic"] },
    { name = "user_factors", class = "raw", slot = 5, depend = ["up"] },
    { name = "item_factors", class = "raw", slot = 6, depend = ["ip"] },
    { name = "user_absent", class = "is_missing", slot = 7, depend = ["up"] },
    { name = "item_absent", class = "is_missing", slot = 8, depend = ["ip"] },
]
"#;

/// Content and preference of a side, the latter if it has one.
type Side<'a> = (i64, &'a [f64], Option<&'a [f64]>);

fn row(label: f32, user: Side<'_>, item: Side<'_>) -> SampleRow {
    let vector = |x: &[f64]| Cell::vector(&x.iter().map(|x| f32::of(*x)).collect::<Vec<f32>>());
    let side = |(id, content, preference): Side<'_>| {
        let preference = preference.map_or(Cell::Missing, vector);
        vec![Cell::Int(id), vector(content), preference]
    };
    SampleRow {
        user: side(user),
        item: side(item),
        label,
        weight: 1.0,
        ..SampleRow::default()
    }
}

fn setup(text: &str, rows: Vec<SampleRow>) -> (ModelConfig, Network, Net<f64>, Cache) {
    let plan = Arc::new(Plan::compile(CONF, "c.toml", None).unwrap());
    let config = ModelConfig::parse(text, "m.toml").unwrap();
    let network = Network::compile(&config, &plan).unwrap();
    let mut encoder = Encoder::new(plan, network.clone(), Loss::Bce);
    let cache = encoder.learn(&mut RowsSource::new(rows)).unwrap();
    let net = Net::new(&network, &Settings::new(&config), encoder.vocabularies());
    (config, network, net, cache)
}

/// A model file over dense content and preference, nothing taken away.
fn text(objective: &str, rest: &str) -> String {
    format!(
        "format = 1\nkind = \"dropoutnet\"\nconf = \"c\"\ntower.user = {{ slots = [3], hidden = [4, 3], preference = {{ slots = [5], \
         absent = 7, dropout = 0.0 }} }}\ntower.item = {{ slots = [4], hidden = [4, 3], preference = {{ slots = [6], absent = 8, \
         dropout = 0.0 }} }}\nactivation = \"tanh\"\nobjective = {{ kind = \"mix\", {objective} }}\n{rest}"
    )
}

/// A JSON object as an inline TOML table.
fn inline(value: &Value) -> String {
    let Some(entries) = value.as_object() else {
        return value.to_string();
    };
    let entries = entries
        .iter()
        .map(|(key, value)| format!("{key} = {}", inline(value)));
    format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
}

fn rows_of(case: &Value) -> Vec<SampleRow> {
    let one = |i: usize| {
        let side = |side: &str, ids: &str| {
            let id = case[ids][i].as_i64().unwrap();
            let preference = numbers(&case["preference"][side][i]);
            let there = case["there"][side][i].as_f64().unwrap() > 0.0;
            (
                id,
                numbers(&case["content"][side][i]),
                there.then_some(preference),
            )
        };
        let (user, item) = (side("user", "users"), side("item", "items"));
        row(
            f32::of(case["labels"][i].as_f64().unwrap()),
            (user.0, &user.1, user.2.as_deref()),
            (item.0, &item.1, item.2.as_deref()),
        )
    };
    (0..6).map(one).collect()
}

/// The objective with users and items told apart by their ids rather than by their numbers.
fn learn(objective: &Objective, net: &mut Net<f64>, cache: &Cache, work: &mut Work<f64>) -> f64 {
    let indices: Vec<u32> = (0..u32::try_from(cache.len()).unwrap()).collect();
    net.begin(indices.len());
    let (sum, weight) = objective.learn(net, (cache, &indices), (1, 1), work);
    net.finish();
    sum / weight
}

#[test]
fn every_mix_agrees_with_torch() {
    let golden: Value =
        serde_json::from_str(include_str!("../../tests/data/golden_dropoutnet.json")).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let objective = inline(&case["mix"]);
        let objective = objective.trim_start_matches('{').trim_end_matches('}').trim();
        let mut rest = String::new();
        if case["cosine"].as_bool().unwrap() {
            rest += "tower.combine = \"cosine\"\n";
        }
        if case["scale"].as_bool().unwrap() {
            rest += "tower.scale = 2.0\n";
        }
        let embedding = "embedding = [{ slots = [1], table = \"u\", dim = 1 }, { slots = [2], table = \"i\", dim = 1 }]\n";
        let objective = format!("{objective}, user = 1, item = 2");
        let text = with_ids(&text(&objective, &(rest + embedding)));
        let (config, network, mut net, cache) = setup(&text, rows_of(case));
        let mut parameters = Parameters::<f64>::default();
        for (name, tensor) in case["params"].as_object().unwrap() {
            let mut shape: Vec<usize> = serde_json::from_value(tensor["shape"].clone()).unwrap();
            let mut data = numbers(&tensor["data"]);
            if name.ends_with("er.0.weight") || name.ends_with("em.0.weight") {
                // ids tell samples apart; what they give counts nothing
                shape[0] += 1;
                data.splice(0..0, vec![0.0; shape[1]]);
            }
            parameters.dense.insert(name.clone(), Tensor::new(&shape, data));
        }
        net.import_dense(&parameters).unwrap();
        let objective = Objective::new(&config, &network, &cache).unwrap();
        let mut work = objective.work(&cache);
        let loss = learn(&objective, &mut net, &cache, &mut work);
        near(&text, &[loss], &numbers(&case["loss"]), 1e-6);
        let combine = net.towers.iter().flat_map(|towers| &towers.combine.weights);
        let layers: Vec<_> = net.deep_layers().chain(combine).collect();
        for layer in layers {
            let skipped = if layer.inputs == 7 { layer.outputs } else { 0 };
            for (part, got) in [
                ("weight", &layer.weight_gradient[skipped..]),
                ("bias", &layer.bias_gradient[..]),
            ] {
                let name = format!("{}.{part}", layer.name);
                match case["grads"].get(&name) {
                    Some(expected) => near(&name, got, &numbers(expected), 1e-6),
                    None => assert!(got.iter().all(|g| *g == 0.0), "{name}"),
                }
            }
        }
        let mut batch = Batch::new(&cache);
        batch.gather(&cache, &[0, 1, 2, 3, 4, 5]);
        let logits = net.forward(&batch, Mode::Judge).to_vec();
        near(&text, &logits, &numbers(&case["logits"]), 1e-6);
    }
}

fn with_ids(text: &str) -> String {
    text.replace("slots = [3]", "slots = [1, 3]")
        .replace("slots = [4]", "slots = [2, 4]")
}

/// Nine samples of four users and five items, some of either without a preference.
fn samples() -> Vec<SampleRow> {
    let one = |n: i64| {
        let (u, i) = (n % 4, n * 3 % 5);
        let draw = |len, seed: i64| random(len, seed as u64);
        let (uc, up, ic, ip) = (draw(2, u), draw(3, u + 10), draw(2, i + 20), draw(3, i + 30));
        let user = (u, &uc[..], (u != 2).then_some(&up[..]));
        let item = (i, &ic[..], (i != 3).then_some(&ip[..]));
        row(if n % 3 == 1 { 0.0 } else { 1.0 }, user, item)
    };
    (0..9).map(one).collect()
}

#[test]
fn every_mix_checks_by_differences() {
    let sparse = "embedding = [{ slots = [1], table = \"u\", dim = 2 }, { slots = [2], table = \"i\", dim = 3, min_count = 2 }]\n";
    let objectives = [
        "regression = {}",
        "sigmoid = {}, ranknet = { weight = 0.5 }",
        "ranknet = { same_user = true }, softmax = {}",
        "softmax = { gamma = 3.0, margin = 0.1, support = 1.2, negatives = 3 }",
        "regression = { weight = 0.5 }, sigmoid = {}, softmax = { gamma = 2.0 }",
    ];
    for objective in objectives {
        for rest in ["", "tower.combine = \"cosine\"\n"] {
            let scale = if objective.contains("sigmoid") {
                "tower.scale = 1.5\n"
            } else {
                ""
            };
            let text = text(objective, &format!("{rest}{scale}{sparse}"))
                .replace("slots = [5]", "slots = [1, 5]")
                .replace("slots = [6]", "slots = [2, 6]");
            checks_by_differences(&text);
        }
    }
}

fn checks_by_differences(text: &str) {
    let (config, network, mut net, cache) = setup(text, samples());
    let objective = Objective::new(&config, &network, &cache).unwrap();
    let mut work = objective.work(&cache);
    for table in &mut net.tables {
        let mut flat = Vec::new();
        table.save(&mut flat);
        table.restore(&random(flat.len(), 3));
    }
    assert!(learn(&objective, &mut net, &cache, &mut work).is_finite());
    for t in 0..net.tables.len() {
        let (mut flat, gradient) = (Vec::new(), flat_gradient(&net.tables[t]));
        net.tables[t].save(&mut flat);
        let mut moved = net.clone();
        differences(&flat, &gradient, |flat| {
            moved.tables[t].restore(flat);
            learn(&objective, &mut moved, &cache, &mut work)
        });
    }
    let gradients: Vec<(Vec<f64>, Vec<f64>)> = net
        .layers()
        .map(|layer| (layer.weight_gradient.clone(), layer.bias_gradient.clone()))
        .collect();
    for (l, (weight, bias)) in gradients.into_iter().enumerate() {
        let at = net
            .layers()
            .nth(l)
            .map(|layer| (layer.weight.clone(), layer.bias.clone()));
        let (at_weight, at_bias) = at.unwrap();
        let mut moved = net.clone();
        differences(&at_weight, &weight, |w| {
            moved.layers().nth(l).unwrap().weight.copy_from_slice(w);
            learn(&objective, &mut moved, &cache, &mut work)
        });
        let mut moved = net.clone();
        differences(&at_bias, &bias, |b| {
            moved.layers().nth(l).unwrap().bias.copy_from_slice(b);
            learn(&objective, &mut moved, &cache, &mut work)
        });
    }
}

#[test]
fn a_step_repeats_by_seed_and_takes_preferences_away() {
    let dropped = text("regression = {}", "").replace("dropout = 0.0", "dropout = 0.5");
    let first = |text: &str| {
        let (config, network, mut net, cache) = setup(text, samples());
        let objective = Objective::new(&config, &network, &cache).unwrap();
        let mut work = objective.work(&cache);
        learn(&objective, &mut net, &cache, &mut work).to_bits()
    };
    assert_eq!(first(&dropped), first(&dropped));
    assert_ne!(first(&dropped), first(&text("regression = {}", "")));
}

/// Items whose factors follow from their content; users have factors and no content worth the name.
fn world() -> Vec<SampleRow> {
    let mut rows = Vec::new();
    for n in 0..600_i64 {
        let (u, i) = (n % 30, (n * 7 + n / 30) % 40);
        let (up, ic) = (random(3, 100 + u as u64), random(2, 500 + i as u64));
        let ip = [ic[0] + ic[1], ic[0] - ic[1], 0.5 * ic[0]];
        rows.push(row(1.0, (u, &[0.0, 0.0], Some(&up)), (i, &ic, Some(&ip))));
    }
    rows
}

/// The mean squared error of cold items against the product of the true factors, after learning at a rate.
fn cold_error(rate: f64) -> f64 {
    let text = text(
        "regression = {}",
        "optimizer.dense = { kind = \"adam\", lr = 0.02 }\n[train]\nbatch = 100\nepochs = 40\n",
    )
    .replace("hidden = [4, 3]", "hidden = [16, 3]")
    .replace("dropout = 0.0", &format!("dropout = {rate:?}"));
    let (config, network, mut net, cache) = setup(&text, world());
    let objective = Objective::new(&config, &network, &cache).unwrap();
    let mut work = objective.work(&cache);
    for epoch in 1..=40 {
        for step in 0..6_u32 {
            let indices: Vec<u32> = (step * 100..(step + 1) * 100).collect();
            net.begin(100);
            objective.learn(&mut net, (&cache, &indices), (epoch, step as usize), &mut work);
            net.finish();
            net.step(1.0);
        }
    }
    let mut batch = Batch::new(&cache);
    let all: Vec<u32> = (0..600).collect();
    batch.gather(&cache, &all);
    let width = batch.dense_width;
    let target = Target::new(&network).unwrap();
    let (u, i) = (target.users(&batch).0, target.items(&batch).0);
    let item = network
        .towers
        .as_ref()
        .unwrap()
        .item
        .absent_dense(&network)
        .unwrap();
    let rows = batch.dense.chunks_exact_mut(width);
    rows.for_each(|block| block[item.clone()].fill(1.0));
    let logits = net.forward(&batch, Mode::Judge).to_vec();
    let products = u.chunks(3).zip(i.chunks(3)).map(|(u, i)| dense::dot(u, i));
    let errors = logits.iter().zip(products).map(|(z, y)| (z - y).powi(2));
    errors.sum::<f64>() / 600.0
}

#[test]
fn cold_items_are_told_by_content_only_where_preferences_were_taken_away() {
    let (with, without) = (cold_error(0.5), cold_error(0.0));
    assert!(with < 0.5 * without, "{with} {without}");
}
