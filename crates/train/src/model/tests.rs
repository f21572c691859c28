//! Whole networks against an independent implementation (f64 oracle, committed) and against finite differences.

use std::sync::Arc;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_feature::{Group, SlotKind, SlotSpec};
use rankine_kernel::Real;
use rankine_kernel::optimiser::Optimiser;
use rankine_model::config::{ActivationName, NormName};
use rankine_model::graph::Behind;
use rankine_model::{Column, Combination, Kind, Network, Pooling, Product, Role, TableSpec, Tower, Towers};
use serde_json::Value;

use super::{Course, Mover, Net, Settings, Snapshot};
use crate::backward::Mode;
use crate::check::{differences, random};
use crate::checkpoint::tape::Tape;
use crate::encode::{Batch, Cache, Lists, Vocabulary};
use crate::loss::Loss;
use crate::table::tests::flat_gradient;

fn settings() -> Settings {
    let plain = Mover {
        optimiser: Optimiser::Sgd { rate: 0.1 },
        l2: 0.0,
    };
    Settings {
        embedding: plain,
        wide: plain,
        dense: plain,
        init: rankine_model::config::Init::GLOROT,
        input_dropout: 0.0,
        hidden_dropout: 0.0,
        loss: Loss::Bce,
        meaning: rankine_model::config::Meaning::Probability,
        seed: 1,
        batch: 8,
        epochs: 1,
        shuffle: false,
        early_stop: None,
        rate_decay: 1.0,
        average: 0.0,
        course: Course::default(),
    }
}

fn slot(slot: u32, group: Group, kind: SlotKind) -> SlotSpec {
    SlotSpec {
        slot,
        name: Arc::from(format!("s{slot}")),
        group,
        kind,
        index: 0,
        signs: slot,
    }
}

/// A network of `deep`, `wide` and product columns (given as table dimensions), every column with its own table.
fn network(deep: &[usize], wide: usize, product: Option<usize>, hidden: &[usize], dense: usize) -> Network {
    let mut network = Network {
        kind: Kind::WideDeep,
        columns: Vec::new(),
        tables: Vec::new(),
        deep: Vec::new(),
        dense: (dense > 0)
            .then(|| slot(99, Group::Item, SlotKind::Dense(dense)))
            .into_iter()
            .collect(),
        wide: Vec::new(),
        pairs: None,
        product: None,
        hidden: hidden.to_vec(),
        behind: ActivationName::Relu.into(),
        loss: rankine_model::Loss::Bce,
        meaning: rankine_model::config::Meaning::Probability,
        metrics: rankine_model::config::Metrics::default(),
        linear: None,
        towers: None,
        matrix: None,
        graph: None,
    };
    network.deep = deep
        .iter()
        .map(|&dim| add(&mut network, dim, Role::Embedding))
        .collect();
    if let Some(dim) = product {
        let (user, item) = (
            add(&mut network, dim, Role::Product),
            add(&mut network, dim, Role::Product),
        );
        network.product = Some(Product {
            dim,
            user: vec![user],
            item: vec![item],
        });
    }
    network.wide = (0..wide).map(|_| add(&mut network, 1, Role::Wide)).collect();
    network
}

fn add(network: &mut Network, dim: usize, role: Role) -> usize {
    let table = network.tables.len();
    network.tables.push(TableSpec {
        name: format!("t{table}"),
        dim,
        role,
        min_count: 1,
        l2: None,
        init: None,
        buckets: None,
        expire: None,
    });
    let slot = slot(u32::try_from(table).unwrap(), Group::Common, SlotKind::Sparse);
    network.columns.push(Column {
        slot,
        table,
        pooling: Pooling::Sum,
    });
    network.columns.len() - 1
}

/// One vocabulary per table with the signs 1..=`signs`: sign s has row s.
fn vocabularies(network: &Network, signs: u64) -> Vec<Vocabulary> {
    let fill = |table: &TableSpec| {
        let mut vocabulary = Vocabulary::new(&table.name);
        (1..=signs).for_each(|sign| assert_eq!(u64::from(vocabulary.find_or_add(sign).unwrap()), sign));
        vocabulary
    };
    network.tables.iter().map(fill).collect()
}

/// A cache whose sample i has the entries `entries(i, column)` in each column.
fn cache(
    labels: Vec<f32>,
    columns: usize,
    dense: Vec<f32>,
    entries: impl Fn(usize, usize) -> Vec<(u32, f32)>,
) -> Cache {
    let samples = labels.len();
    let weights = vec![1.0; samples];
    let mut cache = Cache {
        dense_width: dense.len() / samples,
        dense,
        labels,
        weights,
        ..Cache::default()
    };
    let list = |c| {
        let mut list = Lists::default();
        for i in 0..samples {
            for (row, weight) in entries(i, c) {
                list.rows.push(row);
                list.weights.push(weight);
            }
            list.ends.push(list.rows.len());
        }
        list
    };
    cache.store((0..columns).map(list).collect(), &vec![None; columns]);
    cache
}

fn batch_of<T: Real>(cache: &Cache) -> Batch<T> {
    let mut batch = Batch::new(cache);
    batch.gather(
        cache,
        &(0..u32::try_from(cache.len()).unwrap()).collect::<Vec<_>>(),
    );
    batch
}

/// Mean cross-entropy of the batch; gradients are left in the network.
fn loss_and_gradients<T: Real>(net: &mut Net<T>, batch: &Batch<T>) -> (Vec<f64>, f64) {
    net.begin(batch.len());
    let logits = net.forward(batch, Mode::Judge).to_vec();
    let share = T::of(1.0 / logits.len() as f64);
    let judged: Vec<_> = logits
        .iter()
        .zip(&batch.labels)
        .map(|(&z, &y)| Loss::Bce.all(z, y))
        .collect();
    let mut slopes: Vec<T> = judged.iter().map(|j| j.slope * share).collect();
    net.backward(batch, &mut slopes);
    net.finish();
    let loss = judged.iter().map(|j| j.value.to_f64()).sum::<f64>() / logits.len() as f64;
    (logits.iter().map(|z| z.to_f64()).collect(), loss)
}

fn numbers(value: &Value) -> Vec<f64> {
    match value.as_array() {
        Some(items) => items.iter().flat_map(numbers).collect(),
        None => vec![value.as_f64().unwrap()],
    }
}

fn near<T: Real>(what: &str, got: impl IntoIterator<Item = T>, expected: &[f64], tolerance: f64) {
    let got: Vec<f64> = got.into_iter().map(Real::to_f64).collect();
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!(
            (g - e).abs() <= tolerance * (1.0 + e.abs()),
            "{what}[{i}]: {g} where the oracle has {e}"
        );
    }
}

/// The oracle's model `name` as a network with its parameters: four fields of seven ids.
fn golden<T: Real>(name: &str) -> (Net<T>, Batch<T>, Value) {
    let all: Value = serde_json::from_str(include_str!("../../tests/data/golden_models.json")).unwrap();
    let oracle = all[name].clone();
    let deep = name != "LR";
    let mut network = network(
        if deep { &[3; 4] } else { &[] },
        4,
        None,
        if deep { &[6] } else { &[] },
        0,
    );
    network.pairs = (name == "DeepFM").then_some(3);
    let mut net = Net::<T>::new(&network, &settings(), &vocabularies(&network, 7));
    let convert = |values: &Value| numbers(values).into_iter().map(T::of).collect::<Vec<T>>();
    let parameters = &oracle["params"];
    let split = net.tables.len() - 4;
    for (t, table) in net.tables.iter_mut().enumerate() {
        let rows = if t < split {
            convert(&parameters["v"][t])
        } else {
            convert(&parameters["w"][t - split])
        };
        let missing = vec![T::ZERO; table.dim()];
        table.restore(&[missing, rows].concat());
    }
    if deep {
        net.mlp.layers[0].weight = convert(&parameters["W1"]);
        net.mlp.layers[0].bias = convert(&parameters["b1"]);
        net.output.weight = convert(&parameters["W2"]);
    }
    net.output.bias = convert(&parameters["b"]);
    let labels: Vec<f32> = numbers(&oracle["y"]).iter().map(|&y| f32::of(y)).collect();
    let id = |i: usize, c: usize| u32::try_from(oracle["X"][i][c % 4].as_u64().unwrap()).unwrap() + 1;
    let cache = cache(labels, network.columns.len(), Vec::new(), |i, c| {
        vec![(id(i, c), 1.0)]
    });
    (net, batch_of(&cache), oracle)
}

fn agrees_with_the_oracle<T: Real>(name: &str, tolerance: f64) {
    let (mut net, batch, oracle) = golden::<T>(name);
    let (logits, loss) = loss_and_gradients(&mut net, &batch);
    near(
        "logit",
        logits.iter().copied().map(T::of),
        &numbers(&oracle["logit"]),
        tolerance,
    );
    near(
        "prob",
        logits.iter().map(|&z| Loss::Bce.answer(T::of(z))),
        &numbers(&oracle["prob"]),
        tolerance,
    );
    near("loss", [T::of(loss)], &numbers(&oracle["loss"]), tolerance);
    let (grads, split) = (&oracle["grads"], net.tables.len() - 4);
    for (t, table) in net.tables.iter().enumerate() {
        let expected = if t < split {
            numbers(&grads["v"][t])
        } else {
            numbers(&grads["w"][t - split])
        };
        let flat = flat_gradient(table);
        near(
            &table.name,
            flat[table.dim()..].iter().copied(),
            &expected,
            tolerance,
        );
    }
    if name != "LR" {
        let layer = &net.mlp.layers[0];
        near(
            "W1",
            layer.weight_gradient.iter().copied(),
            &numbers(&grads["W1"]),
            tolerance,
        );
        near(
            "b1",
            layer.bias_gradient.iter().copied(),
            &numbers(&grads["b1"]),
            tolerance,
        );
        near(
            "W2",
            net.output.weight_gradient.iter().copied(),
            &numbers(&grads["W2"]),
            tolerance,
        );
    }
    near(
        "b",
        net.output.bias_gradient.iter().copied(),
        &numbers(&grads["b"]),
        tolerance,
    );
}

#[test]
fn wide_and_deep_agrees_with_the_oracle() {
    agrees_with_the_oracle::<f64>("WideDeep", 1e-9);
    agrees_with_the_oracle::<f32>("WideDeep", 1e-5);
}

#[test]
fn deep_fm_agrees_with_the_oracle() {
    agrees_with_the_oracle::<f64>("DeepFM", 1e-9);
    agrees_with_the_oracle::<f32>("DeepFM", 1e-5);
}

#[test]
fn the_wide_part_alone_is_logistic_regression() {
    agrees_with_the_oracle::<f64>("LR", 1e-9);
    agrees_with_the_oracle::<f32>("LR", 1e-5);
}

/// Gradient of the mean loss with respect to every parameter of a network, in the order of its snapshot.
fn all_gradients(net: &mut Net<f64>) -> Vec<f64> {
    let mut all: Vec<f64> = net.tables.iter().flat_map(flat_gradient).collect();
    for layer in net.layers() {
        all.extend_from_slice(&layer.weight_gradient);
        all.extend_from_slice(&layer.bias_gradient);
    }
    all
}

fn set(net: &mut Net<f64>, flat: &[f64]) {
    let mut shape = Snapshot::default();
    net.save(&mut shape);
    let mut from = flat.iter();
    shape
        .0
        .iter_mut()
        .flatten()
        .for_each(|to| *to = *from.next().unwrap());
    net.restore(&shape);
}

/// Every parameter of a network with lists, shared rows and dense inputs, against differences of the loss.
fn checks_by_differences(network: &Network) {
    let mut net = Net::<f64>::new(network, &settings(), &vocabularies(network, 4));
    let mut snapshot = Snapshot::default();
    net.save(&mut snapshot);
    let flat = random(snapshot.0.iter().map(Vec::len).sum(), 12);
    set(&mut net, &flat);
    let dense: Vec<f32> = random(5 * network.dense_width(), 4)
        .into_iter()
        .map(f32::of)
        .collect();
    let labels = vec![1.0, 0.0, 1.0, 0.25, 0.0];
    let cache = cache(labels, network.columns.len(), dense, |i, c| match (i + c) % 3 {
        0 => vec![(u32::try_from((i * 2 + c) % 5).unwrap(), 1.0)],
        1 => vec![(1, 0.5), (u32::try_from(i % 5).unwrap(), 1.5)],
        _ => vec![],
    });
    let batch = batch_of(&cache);
    loss_and_gradients(&mut net, &batch);
    let mut gradients = all_gradients(&mut net);
    if let Some(gmf) = &net.gmf {
        assert_eq!(gmf.output.bias_gradient, [0.0], "the product has no bias");
    }
    // The product's layer carries a bias that nothing reads: its gradient is zero on both sides.
    assert_eq!(gradients.len(), flat.len());
    gradients.iter_mut().for_each(|g| assert!(g.is_finite()));
    differences(&flat, &gradients, |flat| {
        let mut moved = net.clone();
        set(&mut moved, flat);
        loss_and_gradients(&mut moved, &batch).1
    });
}

#[test]
fn every_kind_of_network_checks_by_differences() {
    let tanh = |mut network: Network| {
        network.behind = ActivationName::Tanh.into();
        network
    };
    checks_by_differences(&tanh(network(&[3, 2], 0, None, &[4, 3], 2)));
    checks_by_differences(&network(&[3, 2], 2, None, &[5], 2));
    checks_by_differences(&tanh(network(&[3, 3], 2, Some(2), &[4, 4], 0)));
    checks_by_differences(&network(&[2, 2], 0, Some(3), &[], 0));
    checks_by_differences(&network(&[], 3, None, &[], 0));
    let pairs = |mut network: Network| {
        network.pairs = Some(3);
        network
    };
    checks_by_differences(&pairs(tanh(network(&[3; 4], 2, None, &[4, 3], 2))));
    checks_by_differences(&pairs(network(&[3; 2], 1, None, &[], 0)));
}

/// Three towers over five columns and six dense numbers; two columns share a table.
fn towers(context: bool) -> Network {
    let mut network = network(&[3, 2, 4, 2, 3], 0, None, &[], 0);
    network.deep.clear();
    network.columns[3].table = 1;
    let dense = |id, width| slot(id, Group::Common, SlotKind::Dense(width));
    network.dense = vec![dense(90, 2), dense(91, 1), dense(92, 3)];
    let tower = |name, columns: &[usize], dense, outputs: &[usize]| Tower {
        name,
        columns: columns.to_vec(),
        dense,
        outputs: outputs.to_vec(),
        last: ActivationName::Linear,
        squeezed: None,
        preference: None,
    };
    network.towers = Some(Towers {
        user: tower("user", &[0, 1], 0..1, &[5, 4]),
        item: tower("item", &[2, 3], 1..2, &[4]),
        context: match context {
            true => tower("context", &[4], 2..3, &[3, 1]),
            false => tower("context", &[], 3..3, &[1]),
        },
        dim: 4,
        combination: Combination::Dot,
        temperature: 1.0,
        scale: None,
        only: None,
    });
    network
}

/// The same with every combination, temperature, a last activation and weighed fields; and with towers without layers.
fn variants() -> Vec<Network> {
    let combinations = [
        Combination::Dot,
        Combination::Cosine,
        Combination::Product,
        Combination::Concat,
    ];
    let mut all: Vec<Network> = combinations
        .map(|combination| {
            let mut network = towers(combination == Combination::Concat);
            network.behind = ActivationName::Tanh.into();
            let towers = network.towers.as_mut().unwrap();
            (towers.combination, towers.temperature) = (combination, 0.25);
            towers.user.last = ActivationName::Tanh;
            (towers.user.squeezed, towers.item.squeezed) = (Some(2), Some(1));
            network
        })
        .to_vec();
    let mut bare = towers(false);
    let towers = bare.towers.as_mut().unwrap();
    (towers.user.outputs, towers.item.outputs) = (vec![7], Vec::new());
    (towers.dim, towers.combination) = (7, Combination::Cosine);
    towers.scale = Some(1.5);
    all.push(bare);
    all
}

#[test]
fn towers_of_every_combination_check_by_differences() {
    variants().iter().for_each(checks_by_differences);
}

#[test]
fn towers_check_by_differences() {
    for activation in [ActivationName::Tanh, ActivationName::Relu] {
        for context in [true, false] {
            let mut network = towers(context);
            network.behind = activation.into();
            checks_by_differences(&network);
        }
    }
}

#[test]
fn parts_of_a_batch_of_towers_have_the_gradients_of_the_whole() {
    for context in [true, false] {
        parts_are_the_whole(&towers(context));
    }
    variants().iter().for_each(parts_are_the_whole);
}

#[test]
fn parts_of_a_batch_have_the_gradients_of_the_whole() {
    parts_are_the_whole(&network(&[3, 2, 4], 2, Some(2), &[5, 4], 2));
}

fn parts_are_the_whole(network: &Network) {
    let few = |settings: Settings| Settings {
        batch: 64,
        ..settings
    };
    let mut whole = Net::<f64>::new(network, &few(settings()), &vocabularies(network, 4));
    let mut parts = whole.clone();
    let row = |i: usize, c: usize| vec![(u32::try_from((i * 7 + c * 3) % 5).unwrap(), 1.0)];
    let numbers: Vec<f32> = random(64 * network.dense_width(), 4)
        .into_iter()
        .map(f32::of)
        .collect();
    let labels = (0..64).map(|i| f32::from(i % 3 == 0)).collect();
    let cache = cache(labels, network.columns.len(), numbers, row);
    loss_and_gradients(&mut whole, &batch_of(&cache));
    let mut batch = Batch::new(&cache);
    parts.begin(64);
    for indices in (0..64).collect::<Vec<u32>>().chunks(10) {
        batch.gather(&cache, indices);
        let logits = parts.forward(&batch, Mode::Learn).to_vec();
        let judged = logits
            .iter()
            .zip(&batch.labels)
            .map(|(&z, &y)| Loss::Bce.all(z, y));
        let mut slopes: Vec<f64> = judged.map(|j| j.slope / 64.0).collect();
        parts.backward(&batch, &mut slopes);
    }
    parts.finish();
    near(
        "part",
        all_gradients(&mut parts),
        &all_gradients(&mut whole),
        1e-14,
    );
}

#[test]
fn what_is_exported_comes_back_by_key() {
    comes_back_by_key(&network(&[3, 2], 1, Some(2), &[4], 1));
    comes_back_by_key(&towers(true));
    comes_back_by_key(&towers(false));
    variants().iter().for_each(comes_back_by_key);
}

/// Three towers with a batch norm behind each hidden layer, and one whose rows are normed each by itself.
fn normed() -> [Network; 2] {
    [NormName::Batch, NormName::Layer].map(|norm| {
        let mut network = towers(true);
        network.behind = Behind {
            norm: Some(norm),
            activation: ActivationName::Prelu,
        };
        network
    })
}

#[test]
fn moving_figures_are_state_and_need_the_whole_batch() {
    for (network, whole) in normed().iter().zip([true, false]) {
        comes_back_by_key(network);
        let mut net = Net::<f32>::new(network, &settings(), &vocabularies(network, 6));
        assert_eq!(net.is_whole(), whole);
        let row = |i: usize, c: usize| vec![(u32::try_from((i * 7 + c * 3) % 5).unwrap(), 1.0)];
        let numbers = random(8 * network.dense_width(), 4).into_iter().map(f32::of);
        let labels = (0..8).map(|i| f32::from(i % 3 == 0)).collect();
        let cache = cache(labels, network.columns.len(), numbers.collect(), row);
        net.begin(8);
        net.forward(&batch_of(&cache), Mode::Learn);
        let moved = net.export_dense::<f32>();
        let mean = moved.dense.get("user.0.norm.moving.weight");
        assert_eq!(
            mean.is_some_and(|mean| mean.data.iter().all(|m| *m != 0.0)),
            whole
        );
        let mut bytes = Vec::new();
        net.exchange(&mut Tape::out(&mut bytes));
        let other = Settings {
            seed: 2,
            ..settings()
        };
        let mut twin = Net::<f32>::new(network, &other, &vocabularies(network, 6));
        twin.exchange(&mut Tape::back(&mut bytes.as_slice()));
        assert_eq!(twin.export_dense::<f32>().dense, moved.dense);
    }
}

fn comes_back_by_key(network: &Network) {
    let mut net = Net::<f32>::new(network, &settings(), &vocabularies(network, 6));
    let mut draw = Xoshiro256PlusPlus::seed_from_u64(3);
    net.layers().for_each(|l| {
        l.bias
            .iter_mut()
            .for_each(|b| *b = rand::RngExt::random(&mut draw))
    });
    let parameters = net.export::<f32>();
    let names: Vec<&str> = parameters.dense.keys().map(String::as_str).collect();
    let mut expected: Vec<String> = network.tensors().into_iter().map(|t| t.name).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    let other = Settings {
        seed: 2,
        ..settings()
    };
    let mut twin = Net::<f64>::new(network, &other, &vocabularies(network, 6));
    twin.import(&parameters).unwrap();
    let again = twin.export::<f32>();
    assert_eq!(again.dense, parameters.dense);
    for (name, table) in &parameters.tables {
        assert_eq!(again.tables[name].sorted(), table.sorted());
        (0..=6).for_each(|row| assert_eq!(again.tables[name].weights(row), table.weights(row)));
    }
}

#[test]
fn parameters_of_another_shape_are_refused() {
    let small = network(&[3], 0, None, &[4], 0);
    let mut net = Net::<f32>::new(&small, &settings(), &vocabularies(&small, 2));
    let wide = network(&[3], 0, None, &[5], 0);
    let theirs = Net::<f32>::new(&wide, &settings(), &vocabularies(&wide, 2)).export::<f32>();
    assert!(
        net.import(&theirs)
            .unwrap_err()
            .to_string()
            .contains("hidden.0.weight")
    );
}
