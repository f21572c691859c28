//! Artefacts as the tests need them: scores of a batch computed beside the server, and changed copies to publish.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rankine_feature::{Part, Plan, Rows, Scratch, Side, Value, json};
use rankine_model::{
    Artefact, Draft, GoldenSample, Hidden, Parameters, ScoreScratch, Table, Tensor, publish,
};
use serde_json::{Map, Value as Json};

/// Time of publication of everything here: 2026-11-22.
const NOW: i64 = 1_795_000_000_000_000;

/// One user with items: what a predict call scores.
pub(crate) struct Batch {
    /// User fields in the plan's order.
    pub(crate) user: Vec<Value>,
    /// Context fields likewise.
    pub(crate) context: Vec<Value>,
    /// Items' fields likewise.
    pub(crate) items: Vec<Vec<Value>>,
}

impl Batch {
    /// The first golden user with all golden items of an artefact.
    pub(crate) fn golden(artefact: &Artefact) -> Batch {
        let samples = golden(artefact);
        Batch {
            user: samples[0].user.clone(),
            context: samples[0].context.clone(),
            items: samples.into_iter().map(|sample| sample.item).collect(),
        }
    }

    /// The body of a predict call that gives every field.
    pub(crate) fn body(&self, plan: &Plan) -> String {
        let common = [(Side::User, &self.user), (Side::Context, &self.context)];
        let instance = |item: &Vec<Value>| {
            let mut fields = Map::new();
            for (side, values) in common.into_iter().chain([(Side::Item, item)]) {
                let pairs = plan.schema().side(side).iter().zip(values);
                fields.extend(pairs.map(|(field, value)| (field.name.to_string(), json::print(value))));
            }
            Json::Object(fields)
        };
        let instances: Vec<Json> = self.items.iter().map(instance).collect();
        serde_json::json!({ "instances": instances }).to_string()
    }

    /// The bits of the scores that a version gives it, computed here.
    pub(crate) fn scores(&self, artefact: &Artefact) -> Vec<u32> {
        let (plan, scorer) = (artefact.plan().unwrap(), artefact.scorer().unwrap());
        let (mut scratch, mut score_scratch) = (Scratch::default(), ScoreScratch::default());
        let [mut common, mut item_part, mut cross] = <[Part; 3]>::default();
        let (mut user, mut item_hidden) = (Hidden::default(), Hidden::default());
        plan.common(&self.user, &self.context, &mut scratch, &mut common);
        scorer.common(&common, &mut user);
        let mut score = |item: &Vec<Value>| {
            plan.item(item, &mut scratch, &mut item_part);
            let rows = Rows {
                user: &self.user,
                item,
                context: &self.context,
            };
            plan.cross(rows, &common, &item_part, &mut scratch, &mut cross);
            scorer.item(&item_part, &mut item_hidden);
            scorer
                .score(&user, &item_hidden, &cross, &mut score_scratch)
                .to_bits()
        };
        self.items.iter().map(&mut score).collect()
    }
}

/// Bits of `predictions[i][0]`.
pub(crate) fn predictions(answer: &Json) -> Vec<u32> {
    let list = answer["predictions"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer}"));
    list.iter()
        .map(|entry| narrow(entry[0].as_f64().unwrap()).to_bits())
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "scores are f32 at their source")]
pub(crate) fn narrow(score: f64) -> f32 {
    score as f32
}

/// The golden samples of an artefact.
pub(crate) fn golden(artefact: &Artefact) -> Vec<GoldenSample> {
    let plan = artefact.plan().unwrap();
    let text = std::fs::read_to_string(artefact.dir().join("golden.jsonl")).unwrap();
    let side = |line: &Json, name: &str, side: Side| {
        let fields = plan.schema().side(side).iter();
        fields
            .map(|field| json::parse(field.ty, &line[name][&*field.name]).unwrap())
            .collect()
    };
    let sample = |line: &str| {
        let line: Json = serde_json::from_str(line).unwrap();
        GoldenSample {
            user: side(&line, "user", Side::User),
            item: side(&line, "item", Side::Item),
            context: side(&line, "context", Side::Context),
        }
    };
    text.lines().map(sample).collect()
}

/// A draft with the weights of an artefact, every dense tensor times `factor`.
pub(crate) fn scaled(artefact: &Artefact, factor: f32) -> Draft {
    let mut parameters = parameters(artefact.dir());
    for tensor in parameters.dense.values_mut() {
        tensor.data.iter_mut().for_each(|weight| *weight *= factor);
    }
    Draft {
        name: artefact.manifest().name.clone(),
        config: artefact.manifest().config.clone(),
        plan: artefact.plan().map(Arc::clone),
        parameters,
        golden: golden(artefact),
        card: format!("The first version times {factor}."),
        ..Draft::default()
    }
}

/// Publishes a draft and opens what was published.
pub(crate) fn published(models: &Path, draft: &Draft) -> Artefact {
    let version = publish(models, draft, NOW).unwrap();
    Artefact::open(&models.join(&draft.name).join(version.to_string())).unwrap()
}

/// All weights of a version, read from the safetensors file without the crate that wrote it.
fn parameters(version: &Path) -> Parameters<f32> {
    let bytes = std::fs::read(version.join("weights.safetensors")).unwrap();
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header: BTreeMap<String, Json> = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let data = &bytes[8 + length..];
    let mut parameters = Parameters::default();
    for (name, entry) in header.iter().filter(|(_, entry)| entry["dtype"] == "F32") {
        let shape: Vec<usize> = serde_json::from_value(entry["shape"].clone()).unwrap();
        let numbers: Vec<f32> = words(entry, data).into_iter().map(f32::from_le_bytes).collect();
        match name
            .strip_prefix("emb.")
            .and_then(|name| name.strip_suffix(".rows"))
        {
            Some(table) => {
                let keys = words(&header[&format!("emb.{table}.keys")], data);
                let keys: Vec<u64> = keys.into_iter().map(u64::from_le_bytes).collect();
                parameters
                    .tables
                    .insert(table.to_owned(), rows(&keys, shape[1], &numbers));
            }
            None => drop(
                parameters
                    .dense
                    .insert(name.clone(), Tensor::new(&shape, numbers)),
            ),
        }
    }
    parameters
}

/// The little-endian words of a tensor.
fn words<const N: usize>(entry: &Json, data: &[u8]) -> Vec<[u8; N]> {
    let [from, to]: [usize; 2] = serde_json::from_value(entry["data_offsets"].clone()).unwrap();
    data[from..to]
        .chunks_exact(N)
        .map(|word| word.try_into().unwrap())
        .collect()
}

/// A table of rows by key; the last row of the file is the missing one.
fn rows(keys: &[u64], dim: usize, numbers: &[f32]) -> Table<f32> {
    let mut table = Table::plain(dim);
    for (key, row) in keys.iter().zip(numbers.chunks_exact(dim)) {
        table.intern(*key, |weights| weights.copy_from_slice(row));
    }
    table.row_mut(0).0.copy_from_slice(&numbers[keys.len() * dim..]);
    table
}

/// The newest version of a model of a home.
pub(crate) fn newest(home: &Path, model: &str) -> Artefact {
    let versions = rankine_model::versions(&home.join("models").join(model));
    Artefact::open(&versions.last().unwrap().1).unwrap()
}
