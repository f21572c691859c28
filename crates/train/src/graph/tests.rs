//! Every kind of graph against finite differences of its loss, parameters and tables alike.

use rankine_feature::Plan;
use rankine_kernel::Real;
use rankine_model::{ModelConfig, Network};

use crate::backward::Mode;
use crate::check::{differences, random};
use crate::encode::{Batch, Cache, Lists, Vocabulary};
use crate::judge;
use crate::loss::Loss;
use crate::model::{Net, Settings, Snapshot};
use crate::progress::RunningAuc;
use crate::table::tests::flat_gradient;

const CONF: &str = r#"
format = 1
name = "shop"
schema.user = [{ name = "user", type = "int" }, { name = "seen", type = "list<int>" }, { name = "kinds", type = "list<int>" }, { name = "age", type = "float" }]
schema.item = [{ name = "item", type = "int" }, { name = "kind", type = "int" }, { name = "price", type = "float" }]
sample = { label = ["click", "buy"] }
feature = [
    { name = "u", class = "id", slot = 1, depend = ["user"] },
    { name = "i", class = "id", slot = 2, depend = ["item"] },
    { name = "k", class = "id", slot = 3, depend = ["kind"] },
    { name = "s", class = "history", slot = 4, depend = ["seen"], args = [9] },
    { name = "ks", class = "history", slot = 5, depend = ["kinds"], args = [9] },
    { name = "a", class = "raw", slot = 6, depend = ["age"] },
    { name = "p", class = "raw", slot = 7, depend = ["price"] },
    { name = "ui", class = "cross", slot = 8, depend = ["u", "k"] },
]
"#;

/// Everything a kind may read: ids, a cross, numbers.
const ALL: &str = r#"embedding = [{ slots = [1], table = "user", dim = 3 }, { slots = [2, 8], table = "item", dim = 3 }]
dense = { slots = [6, 7] }"#;

/// A history of items with their kinds beside the ids.
const HISTORY: &str = r#"embedding = [{ slots = [1], table = "user", dim = 2 }, { slots = [2, 4], table = "item", dim = 3 }, { slots = [3, 5], table = "kind", dim = 2 }]
dense = { slots = [6] }
history = { slots = [4, 5], target = [2, 3], length = 3, hidden = 4 }"#;

fn network(kind: &str, parts: &str) -> (Network, Settings) {
    let text = format!("format = 1\nkind = \"{kind}\"\nconf = \"shop\"\ntrain = {{ batch = 6 }}\n{parts}\n");
    let config = ModelConfig::parse(&text, "m.toml").unwrap_or_else(|faults| panic!("{faults}"));
    let plan = Plan::compile(CONF, "shop.toml", None).unwrap_or_else(|faults| panic!("{faults}"));
    let network = Network::compile(&config, &plan).unwrap_or_else(|faults| panic!("{faults}"));
    (network, Settings::new(&config))
}

/// Six samples: lists of no to four entries, ids that repeat and ids that are missing.
fn cache(network: &Network) -> Cache {
    let mut cache = Cache {
        labels: vec![1.0, 0.0, 1.0, 1.0, 0.0, 1.0],
        weights: vec![1.0, 2.0, 0.5, 1.0, 1.0, 1.5],
        dense: random(6 * network.dense_width(), 4)
            .into_iter()
            .map(f32::of)
            .collect(),
        dense_width: network.dense_width(),
        others: vec![0.0, 0.0, 1.0, 0.0, 0.0, 1.0],
        others_width: 1,
        ..Cache::default()
    };
    let lists = network.columns.iter().map(|column| {
        let mut lists = Lists::default();
        for sample in 0..6usize {
            let list = matches!(column.slot.slot, 4 | 5);
            let count = if list { [2, 0, 4, 1, 3, 2][sample] } else { 1 };
            for t in 0..count {
                lists
                    .rows
                    .push(u32::try_from((sample * 7 + t * 3 + column.slot.slot as usize) % 5).unwrap());
                lists.weights.push(1.0);
            }
            lists.ends.push(lists.rows.len());
        }
        lists
    });
    let lists: Vec<Lists> = lists.collect();
    let moved = vec![None; lists.len()];
    cache.store(lists, &moved);
    cache
}

fn vocabularies(network: &Network) -> Vec<Vocabulary> {
    let make = |table: &rankine_model::TableSpec| {
        let mut vocabulary = Vocabulary::new(&table.name);
        (1..=4).for_each(|sign| {
            vocabulary.find_or_add(sign).unwrap();
        });
        vocabulary
    };
    network.tables.iter().map(make).collect()
}

/// The mean loss of a batch, its gradients left in the network.
fn loss(net: &mut Net<f64>, batch: &Batch<f64>) -> f64 {
    let (mut slopes, aims) = (Vec::new(), net.aims());
    net.begin(batch.len());
    let logits = net.forward(batch, Mode::Learn);
    let share = 1.0 / batch.len() as f64;
    let mut auc = RunningAuc::default();
    let (sum, _) = judge::part((Loss::Bce, &aims), share, logits, batch, &mut slopes, &mut auc);
    net.backward(batch, &mut slopes);
    net.finish();
    sum * share
}

fn set(net: &mut Net<f64>, flat: &[f64]) {
    let mut shape = Snapshot::default();
    net.save(&mut shape);
    let mut from = flat.iter();
    let all = shape.0.iter_mut().flatten();
    all.for_each(|to| *to = *from.next().unwrap());
    net.restore(&shape);
}

fn checks(kind: &str, parts: &str) {
    let (network, settings) = network(kind, parts);
    let mut net = Net::<f64>::new(&network, &settings, &vocabularies(&network));
    let mut snapshot = Snapshot::default();
    net.save(&mut snapshot);
    let flat = random(snapshot.0.iter().map(Vec::len).sum(), 12);
    set(&mut net, &flat);
    let cache = cache(&network);
    let mut batch = Batch::new(&cache);
    batch.gather(&cache, &[0, 1, 2, 3, 4, 5]);
    // whose dropouts have drawn nothing yet
    let fresh = net.clone();
    loss(&mut net, &batch);
    let mut gradients: Vec<f64> = net.tables.iter().flat_map(flat_gradient).collect();
    for layer in net.layers() {
        gradients.extend_from_slice(&layer.weight_gradient);
        gradients.extend_from_slice(&layer.bias_gradient);
    }
    assert!(
        gradients.iter().filter(|g| g.abs() > 1e-9).count() > 10,
        "{kind} learns"
    );
    differences(&flat, &gradients, |flat| {
        let mut moved = fresh.clone();
        set(&mut moved, flat);
        loss(&mut moved, &batch)
    });
}

#[test]
fn crosses_check_by_differences() {
    checks(
        "dcn",
        &format!("{ALL}\ncross = {{ layers = 2 }}\nhidden = [4]\nactivation = \"tanh\""),
    );
    checks("dcn", &format!("{ALL}\ncross = {{ layers = 2, rank = 2 }}"));
}

#[test]
fn interacting_fields_check_by_differences() {
    let attention = "attention = { layers = 2, heads = 2, dim = 2 }";
    checks(
        "autoint",
        &format!("{ALL}\n{attention}\nhidden = [3]\nactivation = \"sigmoid\""),
    );
    checks("autoint", &format!("{ALL}\n{attention}"));
}

#[test]
fn attention_on_a_history_checks_by_differences() {
    checks("din", &format!("{HISTORY}\nhidden = [3]\nactivation = \"tanh\""));
    let softmax = HISTORY.replace("hidden = 4", "hidden = 4, softmax = true, activation = \"tanh\"");
    checks("din", &format!("{softmax}\nhidden = [3]\nactivation = \"dice\""));
    for activation in ["dice", "prelu", "gelu"] {
        let bent = HISTORY.replace(
            "hidden = 4",
            &format!("hidden = 4, activation = \"{activation}\""),
        );
        checks("din", &format!("{bent}\nhidden = [3]\nactivation = \"tanh\""));
    }
}

#[test]
fn evolving_interests_check_by_differences() {
    checks(
        "dien",
        &format!("{HISTORY}\nhidden = [3]\nactivation = \"prelu\""),
    );
    let alone = HISTORY.replace("hidden = 4", "auxiliary = 0");
    checks("dien", &format!("{alone}\nhidden = [3]\nactivation = \"tanh\""));
}

#[test]
fn tasks_check_by_differences() {
    let tasks =
        "labels = [\"click\", \"buy\"]\nactivation = \"tanh\"\ntask = { hidden = [2], weights = [1, 0.5] }";
    checks(
        "mmoe",
        &format!("{ALL}\n{tasks}\nexperts = {{ shared = 3, hidden = [3] }}"),
    );
    checks(
        "ple",
        &format!("{ALL}\n{tasks}\nexperts = {{ shared = 1, own = 2, levels = 2, hidden = [2] }}"),
    );
    let tasks = "labels = [\"click\", \"buy\"]\nactivation = \"tanh\"\ntask = { weights = [1, 0.5] }";
    checks("esmm", &format!("{ALL}\n{tasks}\nhidden = [3]"));
}

#[test]
fn norms_and_activations_check_by_differences() {
    for activation in ["gelu", "prelu", "dice", "relu", "tanh"] {
        for norm in ["batch", "layer"] {
            checks(
                "embeddingmlp",
                &format!("{ALL}\nhidden = [4, 3]\nactivation = \"{activation}\"\nnorm = \"{norm}\""),
            );
        }
    }
    checks(
        "deepfm",
        &format!("{ALL}\nwide = {{ slots = [1, 2, 8] }}\nhidden = [3]\nactivation = \"gelu\""),
    );
    for pairs in [
        "of = [[1, 2], [2, 8]], only = [8], join = \"concat\"",
        "of = [[8, 1]]",
        "join = \"concat\"",
    ] {
        let more = format!(
            "wide = {{ slots = [1, 2] }}\nhidden = [3]\nactivation = \"tanh\"\npairs = {{ {pairs} }}"
        );
        checks("deepfm", &format!("{ALL}\n{more}"));
    }
    checks(
        "widedeep",
        &format!("{ALL}\nwide = {{ slots = [8] }}\nhidden = [3]\nactivation = \"dice\""),
    );
    let ncf =
        "embedding = [{ slots = [1], table = \"u\", dim = 3 }, { slots = [2, 3], table = \"i\", dim = 3 }]";
    for more in [
        "gmf = { dim = 2 }\nbias = {}\nnorm = \"batch\"",
        "activation = \"prelu\"",
    ] {
        checks("neuralcf", &format!("{ncf}\nhidden = [4, 3]\n{more}"));
    }
}

/// Towers of two layers each, over ids and numbers.
const TOWERS: &str = r#"embedding = [{ slots = [1], table = "user", dim = 3 }, { slots = [2, 3], table = "item", dim = 3 }]
tower.user = { slots = [1, 6], hidden = [4, 3] }
tower.item = { slots = [2, 3, 7], hidden = [4, 3] }
dropout = { hidden = 0.2 }"#;

#[test]
fn norms_and_activations_of_towers_check_by_differences() {
    for activation in ["gelu", "prelu", "dice", "relu", "tanh"] {
        for norm in ["", "norm = \"batch\"", "norm = \"layer\""] {
            checks(
                "dssm",
                &format!("{TOWERS}\nactivation = \"{activation}\"\n{norm}"),
            );
        }
    }
    let last = TOWERS.replace(
        "dropout =",
        "tower.last = \"dice\"\ntower.temperature = 1.0\ndropout =",
    );
    checks(
        "twotower",
        &format!("{last}\nnorm = \"batch\"\nobjective = {{ kind = \"pointwise\" }}"),
    );
    let context = "tower.context = { slots = [6], hidden = [3] }\nactivation = \"tanh\"\nnorm = \"batch\"";
    checks("dssm", &format!("{TOWERS}\n{context}"));
}
