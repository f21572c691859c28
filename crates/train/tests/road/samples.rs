//! Made-up samples with a known truth: taste of users and quality of items decide the label, and one number helps.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_feature::{Plan, Value};
use rankine_model::ModelConfig;
use rankine_train::{RowsSource, SampleRow, fitted};

/// Two ids, a list of tags, a number that needs statistics, a cross, and what is always the same.
const CONF: &str = r#"
format = 1
name = "made"
schema.user = [{ name = "user", type = "int" }, { name = "tags", type = "list<string>" }]
schema.item = [{ name = "item", type = "int" }, { name = "rating", type = "float" }]
sample = { label = ["label"] }
[[feature]]
name = "u"
class = "id"
slot = 1
depend = ["user"]
[[feature]]
name = "i"
class = "id"
slot = 2
depend = ["item"]
[[feature]]
name = "t"
class = "tag"
slot = 3
depend = ["tags"]
[[feature]]
name = "r"
class = "normalize"
slot = 4
depend = ["rating"]
[[feature]]
name = "pair"
class = "cross"
slot = 5
depend = ["t", "i"]
[[feature]]
name = "always"
class = "const"
slot = 6
depend = []
args = [1]
"#;

/// The plan, with statistics of `source`.
pub(crate) fn plan(source: &mut RowsSource) -> Arc<Plan> {
    let bare = Plan::compile(CONF, "made.toml", None).unwrap();
    assert!(bare.needs_fit());
    Arc::new(fitted(&bare, source).unwrap())
}

/// `n` samples of 60 users and 40 items; some values are missing.
pub(crate) fn samples(n: usize, seed: u64) -> RowsSource {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    RowsSource::new((0..n).map(|_| sample(&mut random)).collect())
}

fn sample(random: &mut Xoshiro256PlusPlus) -> SampleRow {
    let (user, item) = (random.random_range(0..60_i64), random.random_range(0..40_i64));
    let (quality, mood) = ((item % 7) as f64 - 3.0, (user % 5) as f64 - 2.0);
    let taste = if user % 2 == item % 2 { 1.5 } else { -1.5 };
    let p = 1.0 / (1.0 + (-(0.5 * quality + 0.4 * mood + taste)).exp());
    let rating = quality + random.random_range(-1.0..1.0);
    let known = random.random::<f64>() < 0.9;
    let tags = [
        if user % 2 == 0 { "even" } else { "odd" },
        ["a", "b", "c"][(user % 3) as usize],
    ];
    SampleRow {
        user: vec![
            Value::Int(user),
            if known { Value::strs(&tags) } else { Value::Missing },
        ],
        item: vec![
            Value::Int(item),
            if known {
                Value::Float(rating)
            } else {
                Value::Missing
            },
        ],
        label: f32::from(random.random::<f64>() < p),
        weight: 1.0,
        group: user,
        item_id: item,
        ..SampleRow::default()
    }
}

/// A model file of `kind` with `parts` added.
pub(crate) fn model(kind: &str, parts: &str) -> ModelConfig {
    let embedding = match kind {
        "neuralcf" => r#"{ slots = [1], table = "user", dim = 6 }, { slots = [2], table = "item", dim = 6 }"#,
        "deepfm" => r#"{ slots = [1, 2, 3], table = "all", dim = 6 }"#,
        _ => {
            r#"{ slots = [1], table = "user", dim = 6 }, { slots = [2], table = "item", dim = 5 }, { slots = [3], table = "tag", dim = 3 }"#
        }
    };
    let dense = if kind == "neuralcf" {
        ""
    } else {
        "dense = { slots = [4] }"
    };
    let wide = if kind == "deepfm" {
        "wide = { slots = [1, 2, 3] }"
    } else if kind == "widedeep" {
        "wide = { slots = [5, 3] }"
    } else {
        ""
    };
    let text = format!(
        r#"
format = 1
kind = "{kind}"
conf = "made"
seed = 3
embedding = [{embedding}]
{dense}
{wide}
hidden = [16, 8]
optimizer.embedding = {{ kind = "adam", lr = 0.01 }}
optimizer.dense = {{ kind = "adam", lr = 0.01 }}
{parts}
"#
    );
    ModelConfig::parse(&text, "model.toml").unwrap_or_else(|faults| panic!("{faults}"))
}

/// A model file of a kind that is a graph.
fn graph(kind: &str, parts: &str) -> ModelConfig {
    let hidden = if matches!(kind, "mmoe" | "ple") {
        ""
    } else {
        "hidden = [12]"
    };
    let text = format!(
        r#"
format = 1
kind = "{kind}"
conf = "made"
seed = 3
embedding = [{{ slots = [1], table = "user", dim = 6 }}, {{ slots = [2], table = "item", dim = 6 }}, {{ slots = [3], table = "tag", dim = 6 }}]
{hidden}
{parts}
optimizer.embedding = {{ kind = "adam", lr = 0.01 }}
optimizer.dense = {{ kind = "adam", lr = 0.01 }}
train = {{ batch = 64, epochs = 4 }}
"#
    );
    ModelConfig::parse(&text, "model.toml").unwrap_or_else(|faults| panic!("{faults}"))
}

/// A two-sided model file; the third tower reads a list of the user's.
fn dssm(context: &str) -> ModelConfig {
    let text = format!(
        r#"
format = 1
kind = "dssm"
conf = "made"
seed = 3
embedding = [{{ slots = [1], table = "user", dim = 6 }}, {{ slots = [2], table = "item", dim = 5 }}, {{ slots = [3], table = "tag", dim = 3 }}]
tower.user = {{ slots = [1, 3], hidden = [16, 8] }}
tower.item = {{ slots = [2, 4], hidden = [16, 8] }}
{context}
optimizer.embedding = {{ kind = "adam", lr = 0.01 }}
optimizer.dense = {{ kind = "adam", lr = 0.01 }}
train = {{ batch = 64, epochs = 6 }}
"#
    );
    ModelConfig::parse(&text, "model.toml").unwrap_or_else(|faults| panic!("{faults}"))
}

/// Model files of every kind and part.
pub(crate) fn models() -> Vec<(&'static str, ModelConfig)> {
    let train = "train = { batch = 64, epochs = 4 }";
    let full = "gmf = { dim = 4 }\nbias = {}\n";
    let shared = "gmf = { dim = 4, buckets = 16 }\nbias = { min_count = 40, buckets = 32 }\n";
    let layers = vec![
        ("embeddingmlp", model("embeddingmlp", train)),
        ("widedeep", model("widedeep", train)),
        ("deepfm", model("deepfm", train)),
        (
            "deepfm with dropout",
            model("deepfm", &format!("dropout = {{ input = 0.1 }}\n{train}")),
        ),
        ("neuralcf", model("neuralcf", train)),
        (
            "neuralcf with all parts",
            model("neuralcf", &format!("{full}{train}")),
        ),
        (
            "neuralcf with shared rows",
            model("neuralcf", &format!("{shared}{train}")),
        ),
        ("dssm", dssm("")),
        (
            "dssm with three towers",
            dssm("tower.context = { slots = [3], hidden = [4] }"),
        ),
    ];
    [layers, graphs()].concat()
}

/// Model files of the kinds that are graphs.
fn graphs() -> Vec<(&'static str, ModelConfig)> {
    vec![
        ("dcn", graph("dcn", "cross = { layers = 2 }")),
        (
            "autoint with norm",
            graph("autoint", "norm = \"batch\"\ndense = { slots = [4] }"),
        ),
        (
            "din",
            graph(
                "din",
                "history = { slots = [3], target = [2], softmax = true }\nactivation = \"dice\"",
            ),
        ),
        (
            "dien",
            graph(
                "dien",
                "history = { slots = [3], target = [2] }\nactivation = \"prelu\"",
            ),
        ),
        (
            "mmoe",
            graph("mmoe", "labels = [\"label\"]\nexperts = { hidden = [12] }"),
        ),
        (
            "ple",
            graph(
                "ple",
                "labels = [\"label\"]\nexperts = { hidden = [12] }\ntask = { hidden = [6] }",
            ),
        ),
        (
            "widedeep with gelu",
            graph(
                "widedeep",
                "wide = { slots = [5] }\nactivation = \"gelu\"\ndropout = { hidden = 0.1 }",
            ),
        ),
    ]
}
