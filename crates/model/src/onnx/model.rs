//! Artefacts as ONNX files and back: what the graph does not hold (model file, conf, fit, golden samples, how each input is
//! made) is the file's metadata.
//!
//! | note | what |
//! |---|---|
//! | `rankine.name`, `rankine.version`, `rankine.kind` | the artefact |
//! | `rankine.config` | the model file |
//! | `rankine.conf`, `rankine.fit` | feature conf and its statistics |
//! | `rankine.golden` | golden samples, a JSON object a line |
//! | `rankine.inputs` | of each input: slot, feature, table, group |
//! | `rankine.tables` | of each table: dim, rows, buckets |

use super::inputs::{Input, Keys, What};
use super::read::{Foreign, import};
use super::sheet::fault;
use super::{Exported, export};
use crate::artefact::{Artefact, Draft, read_golden};
use crate::config::ModelConfig;
use crate::error::ModelError;
use crate::network::Network;
use crate::scorer::{Hidden, ScoreScratch, Scorer};
use rankine_feature::{Fit, Group, Part, Plan};
use serde_json::{Value, json};
use std::sync::Arc;

const NAME: &str = "rankine.name";
const VERSION: &str = "rankine.version";
const CONFIG: &str = "rankine.config";
const CONF: &str = "rankine.conf";
const FIT: &str = "rankine.fit";
const GOLDEN: &str = "rankine.golden";
const INPUTS: &str = "rankine.inputs";
const TABLES: &str = "rankine.tables";

/// Draws an artefact with all that is needed to take it back.
///
/// # Errors
/// As [`export`]; [`ModelError::Onnx`] for vectors, which have no graph.
pub fn export_artefact(artefact: &Artefact) -> Result<Exported, ModelError> {
    let (Some(network), Some(plan)) = (artefact.network(), artefact.plan()) else {
        return Err(fault("vectors have no graph"));
    };
    let manifest = artefact.manifest();
    let parameters = artefact.parameters()?;
    let inputs = super::draw(network, &parameters)?.inputs;
    let path = artefact.dir().join(crate::artefact::file::GOLDEN);
    let golden = std::fs::read_to_string(&path).map_err(ModelError::io(&path))?;
    let inputs: Vec<Value> = inputs.iter().map(told).collect();
    let tables = network.tables.iter().map(|table| {
        let rows = parameters
            .tables
            .get(&table.name)
            .map_or(0, |rows| rows.len() + 1);
        let buckets = table.buckets;
        (
            table.name.clone(),
            json!({ "dim": table.dim, "rows": rows, "buckets": buckets }),
        )
    });
    let notes = [
        (NAME, manifest.name.clone()),
        (VERSION, manifest.version.to_string()),
        ("rankine.kind", manifest.kind.clone()),
        (CONFIG, manifest.config.clone()),
        (CONF, plan.canonical()),
        (FIT, plan.fit().to_json()),
        (GOLDEN, golden),
        (INPUTS, Value::Array(inputs).to_string()),
        (TABLES, Value::Object(tables.collect()).to_string()),
    ];
    let notes = notes.map(|(key, value)| (key.to_owned(), value));
    export(network, &parameters, &notes)
}

/// The golden samples as inputs of the graph, with the outputs that they must have: `{"inputs": [{name, shape, data}],
/// "outputs": {name: scores}}`, one row per sample.
///
/// # Errors
/// As [`Artefact::golden`].
pub fn golden_case(artefact: &Artefact, exported: &Exported) -> Result<Value, ModelError> {
    let (Some(network), Some(plan), Some(scorer)) = (artefact.network(), artefact.plan(), artefact.scorer())
    else {
        return Err(fault("vectors have no graph"));
    };
    let golden = artefact.golden()?;
    let parts = golden.iter().map(|golden| {
        let bound = golden.plan.as_ref().unwrap_or(plan);
        golden.sample.parts(bound)
    });
    let parts: Vec<_> = parts.collect();
    let inputs = exported
        .inputs
        .iter()
        .map(|input| input.feed(network, &exported.keys, &parts));
    let inputs: Vec<_> = inputs.collect();
    let outputs = scorer.outputs().into_iter().enumerate().map(|(at, name)| {
        let scores: Vec<f32> = parts.iter().map(|parts| score(scorer, at, parts)).collect();
        (name.to_owned(), json!(scores))
    });
    let outputs: Value = outputs.collect::<serde_json::Map<_, _>>().into();
    Ok(json!({ "inputs": inputs, "outputs": outputs }))
}

/// One output of one sample.
fn score(scorer: &Scorer, output: usize, parts: &[Part; 3]) -> f32 {
    let (mut common, mut item, mut out) = (Hidden::default(), Hidden::default(), [0.0]);
    scorer.common(&parts[0], &mut common);
    scorer.item(&parts[1], &mut item);
    let mut scratch = ScoreScratch::default();
    scorer.score_output(output, &common, &|_| (&item, &parts[2]), &mut scratch, &mut out);
    out[0]
}

/// How an input is made.
fn told(input: &Input) -> Value {
    let group = match input.slot.group {
        Group::Common => "common",
        Group::Item => "item",
        Group::Cross => "cross",
    };
    let (what, table, length) = match &input.what {
        What::Rows(table) => ("rows", Some(table), None),
        What::Weights => ("weights", None, None),
        What::List(table, length) => ("list", Some(table), Some(*length)),
        What::ListWeights(length) => ("list_weights", None, Some(*length)),
        What::ListLength(length) => ("list_length", None, Some(*length)),
        What::Dense => ("dense", None, None),
    };
    json!({
        "name": input.name(), "what": what, "slot": input.slot.slot, "feature": &*input.slot.name, "group": group,
        "table": table, "length": length,
    })
}

/// Makes a draft of a file that [`export_artefact`] wrote, its weights as they are now, under the old name or another; also
/// returns the largest difference of a golden score to the one it had.
///
/// # Errors
/// [`ModelError::Onnx`] as [`import`], and for notes that are missing; faults of model file and conf.
pub fn draft(foreign: &Foreign, keys: &Keys, name: Option<&str>) -> Result<(Draft, f32), ModelError> {
    let note = |key: &str| {
        let missing = || {
            fault(format!(
                "the metadata has no `{key}`: not a file that `model export` wrote"
            ))
        };
        foreign.note(key).ok_or_else(missing)
    };
    let config = ModelConfig::parse_published(note(CONFIG)?, CONFIG)?;
    let fit = Fit::from_json(note(FIT)?).map_err(|e| fault(format!("`{FIT}`: {e}")))?;
    let plan = Plan::compile(note(CONF)?, CONF, Some(&fit))?;
    let network = Network::compile(&config, &plan)?;
    let parameters = import(&network, foreign, keys)?;
    let scorer = Scorer::new(&network, &parameters)?;
    let golden = read_golden(note(GOLDEN)?, &plan).collect::<Result<Vec<_>, String>>();
    let golden = golden.map_err(|message| fault(format!("`{GOLDEN}`: {message}")))?;
    let moved = golden.iter().map(|golden| {
        let bound = golden.plan.as_ref().unwrap_or(&plan);
        (golden.sample.score(bound, &scorer) - golden.score).abs()
    });
    let moved = moved.fold(0.0, f32::max);
    let (old, version) = (note(NAME)?, note(VERSION)?);
    let draft = Draft {
        name: name.unwrap_or(old).to_owned(),
        config: config.text().to_owned(),
        plan: Some(Arc::new(plan)),
        parameters,
        parents: vec![format!("{old}@{version}")],
        card: format!(
            "# {old}\n\nRead from an ONNX file that was exported from {old} version {version}. Largest change of a golden \
             score: {moved:e}.\n"
        ),
        golden: golden.into_iter().map(|golden| golden.sample).collect(),
        ..Draft::default()
    };
    Ok((draft, moved))
}
