//! ONNX: a model's dense part as a file that other runtimes score with, and back.
//!
//! `export` draws the network as an ONNX graph; `import` takes the weights out of a graph that is ours. Decision: what a
//! runtime cannot do is left outside: extraction, and the look-up of a key's row. So a sparse slot is fed as row numbers with
//! weights ([`Input`]), and the keys of the rows are a table beside the file. Parameters keep the names and shapes of the weights
//! file; import draws the graph anew with the weights it finds and compares node by node.

mod attribute;
mod inputs;
mod layer;
mod model;
mod nodes;
mod parts;
mod pooled;
mod proto;
mod read;
mod sheet;
#[cfg(test)]
mod tests;
mod towers;

pub use inputs::{Feed, Input, Keys, Numbers, What};
pub use model::{draft, export_artefact, golden_case};
pub use read::{Foreign, import};

use crate::config::Loss;
use crate::error::ModelError;
use crate::graph::SCORE;
use crate::network::Network;
use crate::parameters::Parameters;
use prost::Message;
use proto::{ModelProto, OperatorSetIdProto, StringStringEntryProto};
use sheet::{Sheet, fault};

/// The operators are those of this set.
pub const OPSET: i64 = 17;

/// The version of ONNX's file format.
pub const IR_VERSION: i64 = 8;

/// What no protobuf message exceeds.
const MOST_BYTES: usize = i32::MAX as usize;

/// A model as an ONNX file.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    /// The file.
    pub bytes: Vec<u8>,
    /// What is fed, in the order of the graph.
    pub inputs: Vec<Input>,
    /// Names of the outputs, each f32 `[batch]`.
    pub outputs: Vec<String>,
    /// Keys of the tables' rows.
    pub keys: Keys,
}

/// Draws a model; `notes` become the file's metadata.
///
/// # Errors
/// [`ModelError::Onnx`] for kinds that are no network (linear models, and those of who met what), missing tensors and files
/// beyond protobuf's two gigabytes.
pub fn export(
    network: &Network,
    parameters: &Parameters<f32>,
    notes: &[(String, String)],
) -> Result<Exported, ModelError> {
    let mut sheet = draw(network, parameters)?;
    let note = |(key, value): &(String, String)| StringStringEntryProto {
        key: Some(key.clone()),
        value: Some(value.clone()),
    };
    let inputs = std::mem::take(&mut sheet.inputs);
    let outputs = sheet.graph.output.iter().filter_map(|output| output.name.clone());
    let outputs = outputs.collect();
    let model = ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: Some("rankine".to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        graph: Some(sheet.graph),
        opset_import: vec![OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(OPSET),
        }],
        metadata_props: notes.iter().map(note).collect(),
    };
    if model.encoded_len() > MOST_BYTES {
        return Err(fault("the file would exceed the two gigabytes of an ONNX file"));
    }
    let keys = parameters.tables.iter().map(|(name, table)| {
        let keys = table.sorted().into_iter().map(|(key, _)| key);
        (name.clone(), keys.collect())
    });
    Ok(Exported {
        bytes: model.encode_to_vec(),
        inputs,
        outputs,
        keys: keys.collect(),
    })
}

/// Draws the graph of a network.
fn draw<'a>(network: &'a Network, parameters: &'a Parameters<f32>) -> Result<Sheet<'a>, ModelError> {
    let mut sheet = Sheet::new(network, parameters);
    let kind = network.kind.name();
    let logits = if let Some(graph) = &network.graph {
        nodes::draw(&mut sheet, graph)?
    } else if let Some(towers) = &network.towers {
        vec![(SCORE.to_owned(), towers::draw(&mut sheet, towers)?)]
    } else if network.linear.is_some() {
        return Err(fault(format!(
            "kind `{kind}` is one table and no network; its rows are in weights.safetensors"
        )));
    } else if network.matrix.is_some() {
        return Err(fault(format!(
            "kind `{kind}` is no network but vectors; its rows are in weights.safetensors"
        )));
    } else {
        vec![(SCORE.to_owned(), parts::draw(&mut sheet)?)]
    };
    for (name, logit) in logits {
        let score = match network.loss {
            Loss::Bce => sheet.add("Sigmoid", &format!("answer.{name}"), &[&logit]),
            Loss::Mse => logit,
        };
        let flat = sheet.reshape(&format!("answer.{name}/flat"), &score, &[-1]);
        sheet.output(&name, &flat);
    }
    Ok(sheet)
}
