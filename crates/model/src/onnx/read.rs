//! Reading a graph of ours back: its weights into parameters, everything else compared with what we would draw.

use super::inputs::Keys;
use super::proto::{FLOAT, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use super::sheet::{count, fault, rows_name};
use super::{OPSET, draw};
use crate::error::ModelError;
use crate::network::Network;
use crate::parameters::{Parameters, Table, Tensor};
use prost::Message;
use std::collections::BTreeMap;

/// A file that was read and not yet understood.
pub struct Foreign {
    model: ModelProto,
}

impl Foreign {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ModelError::Onnx`] for bytes that are no ONNX file.
    pub fn read(bytes: &[u8]) -> Result<Foreign, ModelError> {
        let model = ModelProto::decode(bytes).map_err(|e| fault(format!("not an ONNX file: {e}")))?;
        Ok(Foreign { model })
    }

    /// Returns a note of the file's metadata.
    #[must_use]
    pub fn note(&self, key: &str) -> Option<&str> {
        let mut notes = self.model.metadata_props.iter();
        notes
            .find(|note| note.key.as_deref() == Some(key))?
            .value
            .as_deref()
    }
}

/// Takes the weights out of a file whose graph is that of the network; `keys` are those that stood beside it.
///
/// # Errors
/// [`ModelError::Onnx`] that names the first node, tensor or input that is not as exported.
pub fn import(network: &Network, foreign: &Foreign, keys: &Keys) -> Result<Parameters<f32>, ModelError> {
    let model = &foreign.model;
    let version = model
        .opset_import
        .iter()
        .find(|set| set.domain.as_deref().unwrap_or("").is_empty());
    let version = version.and_then(|set| set.version);
    if version != Some(OPSET) {
        return Err(fault(format!("operator set {version:?}, expected {OPSET}")));
    }
    let graph = model
        .graph
        .as_ref()
        .ok_or_else(|| fault("the file has no graph"))?;
    let tensors = graph
        .initializer
        .iter()
        .map(|tensor| (tensor.name.as_deref().unwrap_or(""), tensor));
    let tensors: BTreeMap<&str, &TensorProto> = tensors.collect();
    let parameters = parameters(network, &tensors, keys)?;
    compare(&draw(network, &parameters)?.graph, graph, &tensors)?;
    Ok(parameters)
}

/// The network's tables and tensors.
fn parameters(
    network: &Network,
    tensors: &BTreeMap<&str, &TensorProto>,
    keys: &Keys,
) -> Result<Parameters<f32>, ModelError> {
    let mut parameters = Parameters::default();
    for spec in &network.tables {
        let (name, none) = (rows_name(&spec.name), Vec::new());
        let keys = keys.get(&spec.name).unwrap_or(&none);
        let data = floats(tensors, &name, &[keys.len() + 1, spec.dim])?;
        if !keys.is_sorted_by(|a, b| a < b) {
            return Err(fault(format!("keys of table `{}` do not ascend", spec.name)));
        }
        let mut table = Table::plain(spec.dim);
        let (missing, rows) = (&data[keys.len() * spec.dim..], data.chunks_exact(spec.dim.max(1)));
        table
            .row_mut(rankine_kernel::rows::MISSING)
            .0
            .copy_from_slice(missing);
        for (key, row) in keys.iter().zip(rows) {
            table.intern(*key, |weights| weights.copy_from_slice(row));
        }
        parameters.tables.insert(spec.name.clone(), table);
    }
    for spec in network.tensors() {
        let data = floats(tensors, &spec.name, &spec.shape)?;
        parameters.dense.insert(spec.name, Tensor::new(&spec.shape, data));
    }
    Ok(parameters)
}

/// A tensor's numbers, if it is there with this shape.
fn floats(
    tensors: &BTreeMap<&str, &TensorProto>,
    name: &str,
    shape: &[usize],
) -> Result<Vec<f32>, ModelError> {
    if shape.contains(&0) {
        // a layer without inputs: nothing of it is drawn
        return Ok(Vec::new());
    }
    let tensor = tensors
        .get(name)
        .ok_or_else(|| fault(format!("no tensor `{name}`")))?;
    let same = tensor.dims.iter().copied().eq(shape.iter().map(|n| count(*n)));
    if !same || tensor.data_type != Some(FLOAT) {
        return Err(fault(format!(
            "tensor `{name}`: expected floats {shape:?}, got type {} {:?}",
            tensor.data_type.unwrap_or(0),
            tensor.dims
        )));
    }
    let data = numbers(tensor).ok_or_else(|| fault(format!("tensor `{name}` is in another file")))?;
    match data.len() == shape.iter().product::<usize>() {
        true if data.iter().all(|v| v.is_finite()) => Ok(data),
        true => Err(fault(format!("tensor `{name}` has a number that is not finite"))),
        false => Err(fault(format!(
            "tensor `{name}` of {shape:?} holds {} numbers",
            data.len()
        ))),
    }
}

/// The floats of a tensor that is in the file, in either place they may stand.
fn numbers(tensor: &TensorProto) -> Option<Vec<f32>> {
    if tensor.data_location == Some(1) {
        return None;
    }
    let Some(raw) = &tensor.raw_data else {
        return Some(tensor.float_data.clone());
    };
    Some(
        raw.as_chunks::<4>()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect(),
    )
}

/// Whole numbers likewise.
fn ints(tensor: &TensorProto) -> Vec<i64> {
    let Some(raw) = &tensor.raw_data else {
        return tensor.int64_data.clone();
    };
    raw.as_chunks::<8>()
        .0
        .iter()
        .map(|b| i64::from_le_bytes(*b))
        .collect()
}

/// Whether a graph is the one we would draw, but for the order of nodes and the values of parameters.
fn compare(
    ours: &GraphProto,
    theirs: &GraphProto,
    tensors: &BTreeMap<&str, &TensorProto>,
) -> Result<(), ModelError> {
    let by_output = |graph: &GraphProto| -> BTreeMap<String, NodeProto> {
        let named = |node: &NodeProto| (node.output.first().cloned().unwrap_or_default(), node.clone());
        graph.node.iter().map(named).collect()
    };
    let mut expected = by_output(ours);
    for node in &theirs.node {
        let output = node.output.first().map_or("", String::as_str);
        match expected.remove(output) {
            Some(own) if same(&own, node) => {}
            Some(own) => {
                return Err(fault(format!(
                    "node `{output}`: expected {}, got {}",
                    told(&own),
                    told(node)
                )));
            }
            None => return Err(fault(format!("node `{output}`, {}, is none of ours", told(node)))),
        }
    }
    if let Some((output, node)) = expected.pop_first() {
        return Err(fault(format!("node `{output}`, {}, is missing", told(&node))));
    }
    for own in &ours.initializer {
        constant(own, tensors)?;
    }
    values("input", &ours.input, &theirs.input)?;
    values("output", &ours.output, &theirs.output)
}

fn same(a: &NodeProto, b: &NodeProto) -> bool {
    let sorted = |node: &NodeProto| {
        let mut attributes = node.attribute.clone();
        attributes.sort_by(|a, b| a.name.cmp(&b.name));
        attributes
    };
    let domain = |node: &NodeProto| node.domain.clone().unwrap_or_default();
    let alike = a.op_type == b.op_type && a.input == b.input && a.output == b.output;
    alike && domain(a) == domain(b) && sorted(a) == sorted(b)
}

fn told(node: &NodeProto) -> String {
    let op = node.op_type.as_deref().unwrap_or("?");
    format!("{op}({})", node.input.join(", "))
}

/// A constant must be ours to the number; parameters have been read.
fn constant(own: &TensorProto, tensors: &BTreeMap<&str, &TensorProto>) -> Result<(), ModelError> {
    let name = own.name.as_deref().unwrap_or("");
    let got = tensors
        .get(name)
        .ok_or_else(|| fault(format!("no tensor `{name}`")))?;
    let equal = if own.data_type == Some(FLOAT) {
        numbers(own) == numbers(got)
    } else {
        ints(own) == ints(got)
    };
    if equal && own.data_type == got.data_type && own.dims == got.dims {
        return Ok(());
    }
    Err(fault(format!("constant `{name}` is another one")))
}

fn values(what: &str, ours: &[ValueInfoProto], theirs: &[ValueInfoProto]) -> Result<(), ModelError> {
    let names = |values: &[ValueInfoProto]| -> Vec<String> {
        let mut names: Vec<String> = values.iter().filter_map(|value| value.name.clone()).collect();
        names.sort();
        names
    };
    let (ours, theirs) = (names(ours), names(theirs));
    if ours == theirs {
        return Ok(());
    }
    Err(fault(format!(
        "{what}s: expected {}, got {}",
        ours.join(", "),
        theirs.join(", ")
    )))
}
