//! Graphs ([`crate::graph`]): node by node, each served output's.

use super::pooled::Entries;
use super::sheet::{Sheet, fault};
use crate::error::ModelError;
use crate::graph::{Graph, Layer, Node};

/// A node's value.
pub(super) enum Value {
    /// `[batch, width]`.
    Numbers(String),
    /// A sequence.
    Entries(Entries),
    /// No served output rests on it.
    Dead,
}

impl Value {
    fn numbers(&self, node: &str) -> Result<String, ModelError> {
        match self {
            Value::Numbers(name) => Ok(name.clone()),
            Value::Entries(_) | Value::Dead => {
                Err(fault(format!("node `{node}` reads a sequence as plain numbers")))
            }
        }
    }

    fn entries(&self, node: &str) -> Result<Entries, ModelError> {
        match self {
            Value::Entries(entries) => Ok(entries.clone()),
            Value::Numbers(_) | Value::Dead => {
                Err(fault(format!("node `{node}` reads plain numbers as a sequence")))
            }
        }
    }
}

/// Draws the served outputs and returns their names and logits, `[batch, 1]`.
pub(super) fn draw(sheet: &mut Sheet<'_>, graph: &Graph) -> Result<Vec<(String, String)>, ModelError> {
    let mut values: Vec<Value> = Vec::new();
    for (node, live) in graph.nodes.iter().zip(graph.live()) {
        let from: Vec<&Value> = node.from.iter().map(|at| &values[*at]).collect();
        let value = if live {
            self::node(sheet, node, &from)?
        } else {
            Value::Dead
        };
        values.push(value);
    }
    let output = |output: &crate::graph::Output| {
        let logit = values[output.node].numbers(&output.name)?;
        Ok((output.name.clone(), logit))
    };
    graph.served().map(output).collect()
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other layers are those of `plain`"
)]
fn node(sheet: &mut Sheet<'_>, node: &Node, from: &[&Value]) -> Result<Value, ModelError> {
    let name = node.name.as_str();
    match &node.layer {
        Layer::Input(input) => {
            let dense = &sheet.network.dense[input.dense.clone()];
            let fields = sheet.fields(&input.columns, dense)?;
            return Ok(Value::Numbers(sheet.concat(name, &fields, 1)));
        }
        Layer::Sequence(sequence) => return Ok(Value::Entries(sheet.entries(name, sequence)?)),
        Layer::Attention(layer) => {
            let (target, entries) = (from[0].numbers(name)?, from[1].entries(name)?);
            return Ok(Value::Numbers(sheet.attention(name, layer, &target, &entries)?));
        }
        Layer::Gru(layer) => {
            let entries = from[0].entries(name)?;
            return Ok(Value::Entries(sheet.gru(name, layer, &entries)?));
        }
        Layer::Evolve(_) => {
            let (target, entries) = (from[0].numbers(name)?, from[1].entries(name)?);
            return Ok(Value::Numbers(sheet.evolve(name, &target, &entries)?));
        }
        _ => {}
    }
    let from = from.iter().map(|value| value.numbers(name));
    let from = from.collect::<Result<Vec<_>, _>>()?;
    plain(sheet, node, &from).map(Value::Numbers)
}

/// A layer over plain numbers.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is left has one source, side by side"
)]
fn plain(sheet: &mut Sheet<'_>, node: &Node, from: &[String]) -> Result<String, ModelError> {
    let name = node.name.as_str();
    match &node.layer {
        Layer::Mixture(layer) => return sheet.mixture(name, layer, from),
        Layer::Both(_) => return Ok(sheet.both(name, from)),
        Layer::Cross(layer) => return sheet.cross(name, layer, from),
        Layer::Sum(layer) => return Ok(sheet.blocks(name, from, layer.width)),
        Layer::Pairs(layer) => return Ok(sheet.pairs(name, from, layer.dim)),
        Layer::Product(_) => return sheet.weighed_product(name, from),
        _ => {}
    }
    let x = sheet.concat(&format!("{name}/input"), from, 1);
    single(sheet, (name, &node.layer), &x)
}

/// A layer of one source.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others have several sources")]
pub(super) fn single(
    sheet: &mut Sheet<'_>,
    (name, layer): (&str, &Layer),
    x: &str,
) -> Result<String, ModelError> {
    Ok(match layer {
        Layer::Dense(layer) => sheet.dense(name, x, layer.activation)?,
        Layer::Interact(layer) => sheet.interact(name, layer, x)?,
        Layer::BatchNorm(_) => sheet.batch_norm(name, x)?,
        Layer::LayerNorm(_) => sheet.layer_norm(name, x)?,
        Layer::Prelu(_) => sheet.prelu(name, x)?,
        Layer::Dice(_) => sheet.dice(name, x)?,
        Layer::Gelu(_) => sheet.gelu(name, x),
        Layer::Activate(layer) => sheet.activated(name, x, layer.activation),
        Layer::Concat(_) | Layer::Dropout(_) => x.to_owned(),
        _ => return Err(fault(format!("node `{name}` has no form in ONNX"))),
    })
}
