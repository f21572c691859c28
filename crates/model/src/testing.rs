//! A small conf with every kind of slot, model files over it, parameters and samples from a seed: what tests share.

use crate::config::ActivationName;
use crate::graph::{Behind, Block, Keep, Layer, View};
use crate::{
    GoldenSample, Hidden, ModelConfig, Network, Parameters, Role, ScoreScratch, Scorer, Table, Tensor,
};
use rankine_feature::{Group, Part, Plan, Rows, Scratch, SlotSpec, Value};
use rankine_kernel::Real;
use std::sync::Arc;

#[path = "../tests/python/venv.rs"]
pub(crate) mod venv;

pub(crate) const CONF: &str = r#"format = 1
name = "movie"
schema.user = [
    { name = "userId", type = "int" },
    { name = "history", type = "list<int>" },
    { name = "mean", type = "float" },
]
schema.item = [
    { name = "movieId", type = "int" },
    { name = "genres", type = "map<string,float>" },
    { name = "year", type = "float" },
]
schema.context = [{ name = "hour", type = "int" }]
sample = { label = ["label"] }
[[feature]]
name = "user"
class = "id"
slot = 1
depend = ["userId"]
[[feature]]
name = "movie"
class = "id"
slot = 2
depend = ["movieId"]
[[feature]]
name = "seen"
class = "history"
slot = 3
depend = ["history"]
args = [5]
[[feature]]
name = "genre"
class = "tag"
slot = 4
depend = ["genres"]
[[feature]]
name = "hour_of_day"
class = "id"
slot = 5
depend = ["hour"]
[[feature]]
name = "user_mean"
class = "raw"
slot = 20
depend = ["mean"]
[[feature]]
name = "movie_year"
class = "raw"
slot = 21
depend = ["year"]
str_args = ["flag"]
[[feature]]
name = "pair"
class = "cross"
slot = 30
depend = ["seen", "movie"]
"#;

pub(crate) const EMBEDDING_MLP: &str = r#"format = 1
kind = "embeddingmlp"
conf = "movie"
embedding = [
    { slots = [1, 5], table = "who", dim = 5 },
    { slots = [2, 30], table = "what", dim = 17 },
    { slots = [3], table = "seen", dim = 4, pooling = "sum" },
    { slots = [4], table = "genre", dim = 3 },
]
dense = { slots = [20, 21] }
hidden = [19, 6]
"#;

pub(crate) const WIDE_DEEP: &str = r#"format = 1
kind = "widedeep"
conf = "movie"
embedding = [{ slots = [1, 2], table = "id", dim = 4 }]
dense = { slots = [21] }
wide = { slots = [30, 4, 5] }
hidden = [8]
activation = "tanh"
"#;

pub(crate) const DEEP_FM: &str = r#"format = 1
kind = "deepfm"
conf = "movie"
embedding = [
    { slots = [1, 2, 30], table = "id", dim = 6 },
    { slots = [3, 4], table = "list", dim = 6, pooling = "sum" },
]
dense = { slots = [20, 21] }
wide = { slots = [1, 2, 3, 4, 30] }
hidden = [9]
"#;

pub(crate) const NEURAL_CF: &str = r#"format = 1
kind = "neuralcf"
conf = "movie"
embedding = [{ slots = [1], table = "user", dim = 10 }, { slots = [2], table = "movie", dim = 10 }]
gmf = { dim = 6 }
bias = {}
hidden = [10, 10]
"#;

/// The product alone.
pub(crate) const GMF: &str = r#"format = 1
kind = "neuralcf"
conf = "movie"
gmf = { dim = 6, slots = [1, 3, 2] }
bias = {}
"#;

/// No hidden layer: the first layer is the output.
pub(crate) const FLAT: &str = r#"format = 1
kind = "embeddingmlp"
conf = "movie"
embedding = [{ slots = [1, 2], table = "id", dim = 4 }, { slots = [30], table = "pair", dim = 2 }]
dense = { slots = [20] }
loss = "mse"
"#;

/// Three towers, one table read by two of them.
pub(crate) const DSSM: &str = r#"format = 1
kind = "dssm"
conf = "movie"
embedding = [
    { slots = [1, 5], table = "who", dim = 5 },
    { slots = [2], table = "what", dim = 17 },
    { slots = [3], table = "seen", dim = 4, pooling = "sum" },
    { slots = [4], table = "genre", dim = 3 },
]
tower.user = { slots = [1, 20, 3], hidden = [7, 6] }
tower.item = { slots = [2, 4, 21], hidden = [6] }
tower.context = { slots = [5], hidden = [3] }
activation = "tanh"
"#;

/// Kind `dropoutnet` over the conf's slots: sparse preferences, and of the user numbers that slot 20 says are there.
pub(crate) const DROPOUT: &str = r#"format = 1
kind = "dropoutnet"
conf = "movie"
embedding = [{ slots = [1], table = "user", dim = 4 }, { slots = [2], table = "movie", dim = 4 }, { slots = [4], table = "genre", dim = 3 }]
tower.user = { slots = [20], hidden = [5, 3], preference = { slots = [1] } }
tower.item = { slots = [4], hidden = [5, 3], preference = { slots = [2], dropout = 0.3 } }
tower.combine = "cosine"
tower.scale = 5.0
objective = { kind = "mix", sigmoid = {}, softmax = { weight = 0.5, gamma = 5.0 } }
"#;

pub(crate) const MODELS: [&str; 7] = [EMBEDDING_MLP, WIDE_DEEP, NEURAL_CF, GMF, FLAT, DEEP_FM, DSSM];

pub(crate) fn plan() -> Arc<Plan> {
    Arc::new(Plan::compile(CONF, "conf.toml", None).unwrap())
}

pub(crate) fn network(text: &str) -> Network {
    Network::compile(&ModelConfig::parse(text, "model.toml").unwrap(), &plan()).unwrap()
}

/// A sequence of numbers in −1..1 (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn number(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / 8_388_608.0 - 1.0
    }

    pub(crate) fn below(&mut self, n: u64) -> i64 {
        (self.bits() % n) as i64
    }
}

/// A sample in which any field may be missing and some values are unknown to the tables.
pub(crate) fn sample(seed: u64) -> GoldenSample {
    let mut random = Random(seed.wrapping_mul(0x5851_F42D_4C95_7F2D));
    let mut maybe = |value: &mut dyn FnMut(&mut Random) -> Value| {
        if random.below(8) == 0 {
            Value::Missing
        } else {
            value(&mut random)
        }
    };
    let history = |r: &mut Random| Value::ints(&(0..r.below(6)).map(|_| r.below(30)).collect::<Vec<_>>());
    let genres = |r: &mut Random| {
        let tags: Vec<(String, f32)> = (0..r.below(4))
            .map(|_| (format!("g{}", r.below(6)), r.number().abs() + 0.1))
            .collect();
        Value::weighted(&tags)
    };
    GoldenSample {
        user: vec![
            maybe(&mut |r| Value::Int(r.below(20))),
            maybe(&mut { history }),
            maybe(&mut |r| Value::Float(f64::from(r.number()))),
        ],
        item: vec![
            maybe(&mut |r| Value::Int(r.below(30))),
            maybe(&mut { genres }),
            maybe(&mut |r| Value::Float(f64::from(r.number()))),
        ],
        context: vec![maybe(&mut |r| Value::Int(r.below(24)))],
    }
}

/// The extraction of a sample: common, item, cross.
pub(crate) fn parts(plan: &Plan, sample: &GoldenSample) -> [Part; 3] {
    let mut scratch = Scratch::default();
    let mut parts = [Part::default(), Part::default(), Part::default()];
    let [common, item, cross] = &mut parts;
    plan.common(&sample.user, &sample.context, &mut scratch, common);
    plan.item(&sample.item, &mut scratch, item);
    let rows = Rows {
        user: &sample.user,
        item: &sample.item,
        context: &sample.context,
    };
    plan.cross(rows, common, item, &mut scratch, cross);
    parts
}

pub(crate) fn part_of(parts: &[Part; 3], group: Group) -> &Part {
    match group {
        Group::Common => &parts[0],
        Group::Item => &parts[1],
        Group::Cross => &parts[2],
    }
}

/// Random parameters whose tables know the signs of samples 0..40; every missing row is random, too, and no variance below 0.
pub(crate) fn parameters(network: &Network, seed: u64) -> Parameters<f32> {
    let (plan, mut random) = (plan(), Random(seed));
    let mut parameters = Parameters::default();
    for table in &network.tables {
        let mut rows = Table::plain(table.dim);
        rows.row_mut(0).0.iter_mut().for_each(|w| *w = random.number());
        parameters.tables.insert(table.name.clone(), rows);
    }
    for at in 0..40 {
        let parts = parts(&plan, &sample(at));
        for column in &network.columns {
            let table = parameters
                .tables
                .get_mut(&network.tables[column.table].name)
                .unwrap();
            for sign in part_of(&parts, column.slot.group).sparse(column.slot.index).0 {
                table.intern(*sign, |w| w.iter_mut().for_each(|w| *w = random.number()));
            }
        }
    }
    for tensor in network.tensors() {
        let numbers = (0..tensor.shape.iter().product()).map(|_| random.number());
        let mut data: Vec<f32> = numbers.collect();
        if tensor.name.ends_with(".moving.bias") {
            // a variance
            data.iter_mut().for_each(|v| *v = v.abs() + 0.1);
        }
        parameters
            .dense
            .insert(tensor.name, Tensor::new(&tensor.shape, data));
    }
    parameters
}

/// A column's pooled row.
pub(crate) fn pooled(
    network: &Network,
    parameters: &Parameters<f64>,
    parts: &[Part; 3],
    column: usize,
) -> Vec<f64> {
    let column = &network.columns[column];
    let table = &parameters.tables[&network.tables[column.table].name];
    let (signs, weights) = part_of(parts, column.slot.group).sparse(column.slot.index);
    if signs.is_empty() {
        return table.weights(0).to_vec();
    }
    let total: f32 = weights.iter().sum();
    let mean = column.pooling == crate::Pooling::Mean;
    let mut out = vec![0.0; table.dim()];
    for (sign, weight) in signs.iter().zip(weights) {
        let weight = f64::from(if mean { weight / total } else { *weight });
        out.iter_mut()
            .zip(table.weights(table.row(*sign)))
            .for_each(|(o, w)| *o += weight * w);
    }
    out
}

/// Pooled rows and numbers side by side.
fn input(
    network: &Network,
    parameters: &Parameters<f64>,
    parts: &[Part; 3],
    (columns, dense): (&[usize], &[SlotSpec]),
) -> Vec<f64> {
    let mut x: Vec<f64> = columns
        .iter()
        .flat_map(|c| pooled(network, parameters, parts, *c))
        .collect();
    for slot in dense {
        let floats = part_of(parts, slot.group).dense(slot.index, crate::network::width(slot));
        x.extend(floats.iter().map(|v| f64::from(*v)));
    }
    x
}

/// Layers with what stands behind each.
fn stack(
    parameters: &Parameters<f64>,
    mut x: Vec<f64>,
    layers: Vec<(String, usize, usize)>,
    behind: &dyn Fn(usize) -> Behind,
) -> Vec<f64> {
    for (i, (name, inputs, outputs)) in layers.into_iter().enumerate() {
        assert_eq!(x.len(), inputs);
        let b = &parameters.dense[&format!("{name}.bias")];
        let w = |k: usize, j: usize| parameters.dense[&format!("{name}.weight")].data[k * outputs + j];
        let out = |j: usize| b.data[j] + (0..inputs).map(|k| x[k] * w(k, j)).sum::<f64>();
        x = (0..outputs).map(out).collect();
        behind(i).own().apply(&mut x);
        for (name, layer) in behind(i).layers(&name, outputs) {
            x = single(parameters, (&name, &layer), &x);
        }
    }
    x
}

/// A layer of one source, by its definition.
fn single(parameters: &Parameters<f64>, (name, layer): (&str, &Layer), x: &[f64]) -> Vec<f64> {
    let specs = layer.blocks();
    let tensor = |block: &str, part: &str| {
        let found = parameters.dense.get(&format!("{name}{block}.{part}"));
        found.map_or(&[][..], |tensor| &tensor.data)
    };
    let blocks = specs.iter().map(|spec| Block {
        weight: tensor(spec.name, "weight"),
        bias: tensor(spec.name, "bias"),
    });
    let blocks: Vec<Block<'_, f64>> = blocks.collect();
    let mut out = vec![0.0; x.len()];
    layer.forward(1, &[View::same(x)], &blocks, &mut out, &mut Keep::default());
    out
}

/// A tower's output.
fn tower(
    network: &Network,
    parameters: &Parameters<f64>,
    parts: &[Part; 3],
    tower: &crate::Tower,
) -> Vec<f64> {
    let dense = &network.dense[tower.dense.clone()];
    let mut x = input(network, parameters, parts, (&tower.columns, dense));
    if let (Some(preference), Some(spans)) = (&tower.preference, tower.preference_spans(network)) {
        let own = &tower.columns[tower.columns.len() - preference.columns..];
        let known = |column: &usize| {
            let column = &network.columns[*column];
            let table = &parameters.tables[&network.tables[column.table].name];
            let part = part_of(parts, column.slot.group);
            let (signs, _) = part.sparse(column.slot.index);
            signs
                .iter()
                .any(|sign| table.row(*sign) != rankine_kernel::rows::MISSING)
        };
        let said = preference.absent.is_some_and(|at| {
            let slot = &network.dense[at];
            let numbers = part_of(parts, slot.group).dense(slot.index, crate::network::width(slot));
            numbers.contains(&0.0)
        });
        let seen = said || own.iter().any(known);
        if !seen {
            spans.into_iter().flatten().for_each(|k| x[k] = 0.0);
        }
        x.push(f64::from(u8::from(seen)));
    }
    let excitation = tower.excitation(network);
    if !excitation.is_empty() {
        let (fields, mut means, mut at) = (tower.fields(network), Vec::new(), 0);
        for width in &fields {
            means.push(x[at..at + width].iter().sum::<f64>() / *width as f64);
            at += width;
        }
        let of = |i: usize| [ActivationName::Relu, ActivationName::Sigmoid][i].into();
        let weights = stack(parameters, means, excitation, &of);
        let spread = fields
            .iter()
            .zip(&weights)
            .flat_map(|(width, w)| vec![*w; *width]);
        x.iter_mut().zip(spread).for_each(|(x, w)| *x *= w);
    }
    let behind = |i: usize| tower.behind(network, i);
    stack(parameters, x, tower.layers(network), &behind)
}

/// Two towers' outputs combined, by the formula.
pub(crate) fn combined(network: &Network, parameters: &Parameters<f64>, (u, i): (&[f64], &[f64])) -> f64 {
    let towers = network.towers.as_ref().unwrap();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let weights = || &parameters.dense["combine.weight"].data;
    let number = match towers.combination {
        crate::Combination::Dot => dot(u, i),
        crate::Combination::Cosine => dot(u, i) / (dot(u, u) * dot(i, i)).sqrt(),
        crate::Combination::Product => (0..u.len()).map(|k| weights()[k] * u[k] * i[k]).sum(),
        crate::Combination::Concat => dot(&[u, i].concat(), weights()),
    };
    let factor = towers.scale.map_or(1.0, |_| weights()[0]);
    factor * number / towers.temperature
}

/// The same from the parts.
pub(crate) fn combined_of(network: &Network, parameters: &Parameters<f64>, parts: &[Part; 3]) -> f64 {
    let towers = network.towers.as_ref().unwrap();
    let run = |one| tower(network, parameters, parts, one);
    combined(network, parameters, (&run(&towers.user), &run(&towers.item)))
}

/// The formula of [`Network`], written down without groups, in f64.
pub(crate) fn logit(network: &Network, parameters: &Parameters<f64>, parts: &[Part; 3]) -> f64 {
    let pooled = |column| pooled(network, parameters, parts, column);
    if let Some(towers) = &network.towers {
        let context = tower(network, parameters, parts, &towers.context)[0];
        return combined_of(network, parameters, parts) + context;
    }
    let vectors: Vec<Vec<f64>> = network.deep.iter().map(|c| pooled(*c)).collect();
    let mut pairs = 0.0;
    for (i, a) in vectors.iter().enumerate().filter(|_| network.pairs.is_some()) {
        for b in &vectors[..i] {
            pairs += a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        }
    }
    let x = input(network, parameters, parts, (&network.deep, &network.dense));
    let behind = |i: usize| match i < network.hidden.len() {
        true => network.behind,
        false => ActivationName::Linear.into(),
    };
    let x = stack(parameters, x, network.layers(), &behind);
    assert!(
        network
            .tables
            .iter()
            .all(|t| (t.role == Role::Wide) == t.name.starts_with("wide."))
    );
    let wide: f64 = network.wide.iter().map(|c| pooled(*c)[0]).sum();
    let product = network.product.as_ref().map_or(0.0, |product| {
        let side = |columns: &[usize]| -> Vec<f64> {
            let rows: Vec<Vec<f64>> = columns.iter().map(|c| pooled(*c)).collect();
            (0..product.dim)
                .map(|k| rows.iter().map(|r| r[k]).sum())
                .collect()
        };
        let (p, q, h) = (
            side(&product.user),
            side(&product.item),
            &parameters.dense["gmf.weight"].data,
        );
        (0..product.dim).map(|k| h[k] * p[k] * q[k]).sum()
    });
    x[0] + wide + pairs + product
}

/// One candidate's score through fresh buffers.
pub(crate) fn score<T: Real>(scorer: &Scorer<T>, parts: &[Part; 3]) -> T {
    let (mut common, mut item) = (Hidden::default(), Hidden::default());
    scorer.common(&parts[0], &mut common);
    scorer.item(&parts[1], &mut item);
    scorer.score(&common, &item, &parts[2], &mut ScoreScratch::default())
}

/// Asserts that a batch of these items for one user has, bit for bit, the scores of its items one by one.
pub(crate) fn assert_batch_is_one_by_one(scorer: &Scorer<f32>, order: &[u64], user: u64) {
    let (plan, mut one) = (plan(), sample(user));
    let all = order.iter().map(|seed| {
        one.item = sample(*seed).item;
        parts(&plan, &one)
    });
    let all: Vec<[Part; 3]> = all.collect();
    let (mut common, mut scratch) = (Hidden::default(), ScoreScratch::default());
    scorer.common(&all[0][0], &mut common);
    let item = |parts: &[Part; 3]| {
        let mut item = Hidden::default();
        scorer.item(&parts[1], &mut item);
        item
    };
    let items: Vec<Hidden> = all.iter().map(item).collect();
    let mut out = vec![f32::NAN; items.len()];
    scorer.score_many(&common, &|i| (&items[i], &all[i][2]), &mut scratch, &mut out);
    for (parts, got) in all.iter().zip(&out) {
        assert_eq!(score(scorer, parts).to_bits(), got.to_bits());
    }
}

pub(crate) fn sigmoid<T: Real>(logit: T) -> T {
    rankine_kernel::activation::sigmoid(logit)
}
