//! Real artefacts with random weights, and the score each should give, computed one candidate at a time.
//!
//! The decision here: what makes a version is its seed, so that every version's scores are known and differ from every
//! other's. Shared with the server's tests by path.

use std::path::Path;
use std::sync::Arc;

use rankine_feature::{Group, Part, Plan, Rows, Scratch, Value};
use rankine_model::{
    Artefact, Draft, GoldenSample, Hidden, ModelConfig, Network, Parameters, ScoreScratch, Table, Tensor,
    Vectors, publish,
};

/// Users, items and contexts that the fixture's tables know; ids above have only missing rows.
pub(crate) const KNOWN: i64 = 12;

const CONF: &str = r#"
format = 1
name = "films"
schema.user = [{ name = "userId", type = "int" }, { name = "taste", type = "list<string>" }]
schema.item = [{ name = "movieId", type = "int" }, { name = "genre", type = "string" }, { name = "year", type = "float" }]
schema.context = [{ name = "hour", type = "int" }]
sample = { label = ["label"], group = "userId" }
feature = [
  { name = "user", class = "id", slot = 1, depend = ["userId"] },
  { name = "movie", class = "id", slot = 2, depend = ["movieId"] },
  { name = "genres", class = "id", slot = 3, depend = ["genre"] },
  { name = "hours", class = "id", slot = 4, depend = ["hour"] },
  { name = "years", class = "raw", slot = 5, depend = ["year"] },
  { name = "match", class = "cross", slot = 6, depend = ["taste", "genre"] },
]
"#;

const WIDE_DEEP: &str = r#"
format = 1
kind = "widedeep"
conf = "films"
embedding = [
  { slots = [1], table = "user", dim = 4 }, { slots = [2], table = "movie", dim = 5 },
  { slots = [3], table = "genre", dim = 3 }, { slots = [4], table = "hour", dim = 2 },
]
dense = { slots = [5] }
wide = { slots = [6] }
hidden = [9, 7]
"#;

/// Dense layers and nothing else: items of which nothing is kept are scored without parts.
const MLP: &str = r#"
format = 1
kind = "embeddingmlp"
conf = "films"
embedding = [
  { slots = [1], table = "user", dim = 4 }, { slots = [2], table = "movie", dim = 5 },
  { slots = [3], table = "genre", dim = 3 }, { slots = [4], table = "hour", dim = 2 },
]
dense = { slots = [5] }
hidden = [9, 7]
"#;

const DSSM: &str = r#"
format = 1
kind = "dssm"
conf = "films"
embedding = [
  { slots = [1], table = "user", dim = 4 }, { slots = [2], table = "movie", dim = 5 },
  { slots = [3], table = "genre", dim = 3 }, { slots = [4], table = "hour", dim = 2 },
]
tower.user = { slots = [1], hidden = [6, 5] }
tower.item = { slots = [2, 3, 5], hidden = [7, 5] }
tower.context = { slots = [4] }
"#;

/// Publishes a DSSM of random weights.
pub(crate) fn publish_dssm(models: &Path, name: &str, seed: u64) -> u64 {
    publish(models, &draft_with(DSSM, name, CONF, seed), 1).unwrap()
}

/// Publishes a model of clicks and purchases, three outputs, of random weights.
pub(crate) fn publish_esmm(models: &Path, name: &str, seed: u64) -> u64 {
    let parts = WIDE_DEEP
        .replace("widedeep", "esmm")
        .replace("wide = { slots = [6] }", "labels = [\"click\", \"buy\"]");
    let conf = CONF.replace("[\"label\"]", "[\"click\", \"buy\"]");
    publish(models, &draft_with(&parts, name, &conf, seed), 1).unwrap()
}

/// Publishes a Wide & Deep of random weights; what it scores depends on `seed` alone.
pub(crate) fn publish_wide_deep(models: &Path, name: &str, seed: u64) -> u64 {
    publish(models, &draft(name, seed), 1).unwrap()
}

/// Publishes an EmbeddingMLP of random weights, without cross features.
pub(crate) fn publish_mlp(models: &Path, name: &str, seed: u64) -> u64 {
    publish(models, &draft_with(MLP, name, CONF, seed), 1).unwrap()
}

/// Publishes a logistic regression over all slots but the film's: of every slot and sign this weight, of the others nothing.
pub(crate) fn publish_lr(models: &Path, name: &str, bias: f32, weights: &[(u32, u64, f32)]) -> u64 {
    let text = "format = 1\nkind = \"lr\"\nconf = \"films\"\nlinear = { slots = [1, 3, 4, 5, 6] }\n";
    let mut draft = draft_with(text, name, CONF, 1);
    let table = draft.parameters.tables.get_mut("linear").unwrap();
    table.row_mut(0).0.fill(0.0);
    for (slot, sign, weight) in weights {
        let key = sign.wrapping_add(u64::from(*slot).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        table.intern(key, |row| row[0] = *weight);
    }
    draft
        .parameters
        .dense
        .insert("bias".to_owned(), Tensor::new(&[1], vec![bias]));
    publish(models, &draft, 1).unwrap()
}

/// Publishes item vectors, which score nothing.
pub(crate) fn publish_vectors(models: &Path, name: &str) -> u64 {
    let vectors = Vectors {
        ids: vec![1, 2],
        dim: 2,
        rows: vec![1.0, 0.0, 0.0, 1.0],
    };
    let config = "format = 1\nkind = \"item2vec\"\n".to_owned();
    publish(
        models,
        &Draft {
            name: name.into(),
            config,
            vectors: Some(vectors),
            ..Draft::default()
        },
        1,
    )
    .unwrap()
}

/// Publishes a Wide & Deep trained with a conf of this name.
pub(crate) fn publish_with(models: &Path, name: &str, conf: &str, seed: u64) -> u64 {
    publish(models, &draft_of(name, &conf_named(conf), seed), 1).unwrap()
}

/// The fixture's conf under another name.
pub(crate) fn conf_named(conf: &str) -> String {
    CONF.replace("\"films\"", &format!("\"{conf}\""))
}

/// Publishes a Wide & Deep trained with this conf text; slots and features are the fixture's.
pub(crate) fn publish_conf(models: &Path, name: &str, conf: &str, seed: u64) -> u64 {
    publish(models, &draft_of(name, conf, seed), 1).unwrap()
}

/// A model that gives no finite number for one movie.
pub(crate) fn publish_broken(models: &Path, name: &str, movie: i64, seed: u64) -> u64 {
    publish_broken_one(models, draft(name, seed), movie)
}

/// The same without cross features.
pub(crate) fn publish_broken_mlp(models: &Path, name: &str, movie: i64, seed: u64) -> u64 {
    publish_broken_one(models, draft_with(MLP, name, CONF, seed), movie)
}

fn publish_broken_one(models: &Path, mut draft: Draft, movie: i64) -> u64 {
    let sign = rankine_feature::sign::int(2, movie);
    let table = draft.parameters.tables.get_mut("movie").unwrap();
    let row = table.find(sign).unwrap();
    table.row_mut(row).0.fill(f32::INFINITY);
    publish(models, &draft, 1).unwrap()
}

fn draft(name: &str, seed: u64) -> Draft {
    draft_of(name, CONF, seed)
}

fn draft_of(name: &str, conf: &str, seed: u64) -> Draft {
    draft_with(WIDE_DEEP, name, conf, seed)
}

fn draft_with(model: &str, name: &str, conf: &str, seed: u64) -> Draft {
    let plan = Arc::new(Plan::compile(conf, "films.toml", None).unwrap());
    let text = model.replace("\"films\"", &format!("\"{}\"", plan.name()));
    let config = ModelConfig::parse(&text, "model.toml").unwrap();
    let network = Network::compile(&config, &plan).unwrap();
    let golden = |id| GoldenSample {
        user: user(id),
        item: item(id),
        context: context(id),
    };
    Draft {
        name: name.into(),
        config: text,
        parameters: parameters(&plan, &network, seed),
        plan: Some(plan),
        golden: (1..4).map(golden).collect(),
        ..Draft::default()
    }
}

/// A user's values, in the conf's order.
pub(crate) fn user(id: i64) -> Vec<Value> {
    let taste = ["drama", "war", "comedy"]
        .into_iter()
        .skip(usize::try_from(id % 3).unwrap());
    vec![Value::Int(id), Value::strs(&taste.collect::<Vec<_>>())]
}

/// An item's values, in the conf's order; every seventh lacks its year.
pub(crate) fn item(id: i64) -> Vec<Value> {
    let genre = ["drama", "comedy", "war", "noir"][usize::try_from(id % 4).unwrap()];
    let year = if id % 7 == 0 {
        Value::Missing
    } else {
        Value::Float(id as f64 * 0.125 - 0.5)
    };
    vec![Value::Int(id), Value::str(genre), year]
}

/// A context's values, in the conf's order.
pub(crate) fn context(hour: i64) -> Vec<Value> {
    vec![Value::Int(hour)]
}

/// Random weights for every sign that known users, items and contexts have.
fn parameters(plan: &Plan, network: &Network, seed: u64) -> Parameters<f32> {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut parameters = Parameters::default();
    for spec in &network.tables {
        let mut table = Table::plain(spec.dim);
        table.row_mut(0).0.iter_mut().for_each(|w| *w = random.next());
        parameters.tables.insert(spec.name.clone(), table);
    }
    for (u, i) in (0..KNOWN).flat_map(|u| (0..KNOWN).map(move |i| (u, i))) {
        let parts = Parts::of(plan, &user(u), &item(i), &context(u));
        for column in &network.columns {
            let table = parameters
                .tables
                .get_mut(&network.tables[column.table].name)
                .unwrap();
            for sign in parts.group(column.slot.group).sparse(column.slot.index).0 {
                table.intern(*sign, |row| row.iter_mut().for_each(|w| *w = random.next()));
            }
        }
    }
    for spec in network.tensors() {
        let data = (0..spec.shape.iter().product()).map(|_| random.next()).collect();
        parameters.dense.insert(spec.name, Tensor::new(&spec.shape, data));
    }
    parameters
}

/// Small numbers in [−0.5, 0.5).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u32 << 24) as f32 - 0.5
    }
}

/// All three parts of one candidate.
struct Parts {
    common: Part,
    item: Part,
    cross: Part,
}

impl Parts {
    fn of(plan: &Plan, user: &[Value], item: &[Value], context: &[Value]) -> Self {
        let (mut s, [mut common, mut items, mut cross]) = (Scratch::default(), <[Part; 3]>::default());
        plan.common(user, context, &mut s, &mut common);
        plan.item(item, &mut s, &mut items);
        plan.cross(Rows { user, item, context }, &common, &items, &mut s, &mut cross);
        Self {
            common,
            item: items,
            cross,
        }
    }

    fn group(&self, group: Group) -> &Part {
        match group {
            Group::Common => &self.common,
            Group::Item => &self.item,
            Group::Cross => &self.cross,
        }
    }
}

/// The score of one candidate by an artefact on disk, with nothing shared and nothing cached.
pub(crate) fn expected(dir: &Path, user: &[Value], item: &[Value], context: &[Value]) -> f32 {
    let artefact = Artefact::open(dir).unwrap();
    let (plan, scorer) = (artefact.plan().unwrap(), artefact.scorer().unwrap());
    let parts = Parts::of(plan, user, item, context);
    let (mut common, mut hidden) = (Hidden::default(), Hidden::default());
    scorer.common(&parts.common, &mut common);
    scorer.item(&parts.item, &mut hidden);
    scorer.score(&common, &hidden, &parts.cross, &mut ScoreScratch::default())
}

/// The canonical bytes of one candidate's slots.
pub(crate) fn encoded(dir: &Path, user: &[Value], item: &[Value], context: &[Value]) -> Vec<u8> {
    let artefact = Artefact::open(dir).unwrap();
    let plan = artefact.plan().unwrap();
    let parts = Parts::of(plan, user, item, context);
    let mut bytes = Vec::new();
    plan.encode(&parts.common, &parts.item, &parts.cross, &mut bytes);
    bytes
}
