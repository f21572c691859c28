//! The nodes of each form a network has: a graph's own; or input, hidden layers, wide, pairs, product and output; or towers,
//! a linear part, a matrix part.

use super::Drawing;
use crate::graph::Layer;
use crate::matrix::MatrixPart;
use crate::network::{Network, width};
use crate::tower::{Tower, Towers};

/// Draws the network, whatever its form.
pub(super) fn draw(drawing: &mut Drawing<'_>) {
    let network = drawing.network;
    if network.linear.is_some() {
        let from = (0..network.tables.len()).collect();
        let sum = drawing.node("bias", "sum of rows and factors", 1, from);
        drawing.output("score", sum);
    } else if let Some(matrix) = &network.matrix {
        of_matrix(drawing, matrix);
    } else if let Some(towers) = &network.towers {
        of_towers(drawing, towers);
    } else if network.graph.is_some() {
        of_graph(drawing);
    } else {
        of_layers(drawing);
    }
}

/// A graph's own nodes behind the tables.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other layers are drawn alike")]
fn of_graph(drawing: &mut Drawing<'_>) {
    let network: &Network = drawing.network;
    let Some(graph) = &network.graph else {
        return;
    };
    let mut places: Vec<usize> = Vec::new();
    for node in &graph.nodes {
        let place = match &node.layer {
            Layer::Input(input) => {
                let dense: usize = network.dense[input.dense.clone()].iter().map(width).sum();
                drawing.input(&node.name, &input.columns, dense)
            }
            Layer::Sequence(sequence) => {
                let tables = sequence.columns.iter().map(|c| network.columns[*c].table);
                let what = format!("at most {} entries of {}", sequence.length, sequence.dim);
                drawing.node(&node.name, what, node.width, tables.collect())
            }
            layer => {
                let from = node.from.iter().map(|from| places[*from]).collect();
                let blocks = layer.blocks();
                let own = blocks.iter().map(|block| format!("{}{}", node.name, block.name));
                let own: Vec<String> = own.collect();
                let parameters = drawing.claim(|tensor| {
                    let block = tensor.rsplit_once('.').map_or(tensor, |(block, _)| block);
                    own.iter().any(|own| own == block)
                });
                drawing.sized(&node.name, word(layer), (node.width, parameters), from)
            }
        };
        places.push(place);
    }
    for output in &graph.outputs {
        drawing.output(&output.name, places[output.node]);
    }
}

/// A layer's name in lower case.
fn word(layer: &Layer) -> String {
    let text = format!("{layer:?}");
    text.split(['(', ' ', '{'])
        .next()
        .unwrap_or_default()
        .to_lowercase()
}

/// Input, hidden layers, output; what is added to the logit beside them.
fn of_layers(drawing: &mut Drawing<'_>) {
    let network: &Network = drawing.network;
    let mut sum = Vec::new();
    let input =
        (network.input_width() > 0).then(|| drawing.input("input", &network.deep, network.dense_width()));
    let mut below = input;
    let layers = network.layers();
    for (name, inputs, outputs) in &layers {
        let last = name == "output";
        if last && *inputs == 0 {
            sum.push(drawing.node(name, "bias", 1, Vec::new()));
            continue;
        }
        let what = if last {
            "dense, linear".to_owned()
        } else {
            format!("dense, {}", network.behind.words())
        };
        below = Some(drawing.node(name, what, *outputs, below.into_iter().collect()));
    }
    sum.extend(below);
    if let (Some(dim), Some(input)) = (network.pairs, input) {
        sum.push(drawing.node("pairs", format!("products of all pairs of {dim}"), 1, vec![input]));
    }
    if let Some(product) = &network.product {
        let user = drawing.input("gmf.user", &product.user, 0);
        let item = drawing.input("gmf.item", &product.item, 0);
        sum.push(drawing.node("gmf", "product, weighted sum", 1, vec![user, item]));
    }
    if !network.wide.is_empty() {
        sum.push(drawing.input("wide", &network.wide, 0));
    }
    let only = match sum[..] {
        [only] => only,
        _ => drawing.node("logit", "sum", 1, sum),
    };
    drawing.output("score", only);
}

/// Towers and what brings them together.
fn of_towers(drawing: &mut Drawing<'_>, towers: &Towers) {
    let network: &Network = drawing.network;
    let tops: Vec<usize> = towers
        .all()
        .into_iter()
        .map(|tower| of_tower(drawing, network, tower))
        .collect();
    let logit = drawing.node("combine", "user and item brought together, plus context", 1, tops);
    drawing.output("score", logit);
}

fn of_tower(drawing: &mut Drawing<'_>, network: &Network, tower: &Tower) -> usize {
    let mut below = Vec::new();
    if tower.input_width(network) > 0 {
        let name = format!("{}.input", tower.name);
        below.push(drawing.input(&name, &tower.columns, tower.dense_width(network)));
    }
    let layers = tower.layers(network);
    for (i, (name, _, outputs)) in layers.iter().enumerate() {
        let what = if below.is_empty() {
            "bias".to_owned()
        } else {
            format!("dense, {}", tower.behind(network, i).words())
        };
        below = vec![drawing.node(name, what, *outputs, below)];
    }
    // what is left of a tower's tensors: weights of its fields
    let rest = drawing.claim(|tensor| {
        tensor
            .strip_prefix(tower.name)
            .is_some_and(|rest| rest.starts_with('.'))
    });
    let top = below.pop().unwrap_or_default();
    if let Some(super::Size::Dense(own)) = drawing.outline.nodes.get_mut(top).map(|node| &mut node.size) {
        *own += rest;
    }
    top
}

/// Tables of who met what, and the formula over them.
fn of_matrix(drawing: &mut Drawing<'_>, matrix: &MatrixPart) {
    let tables = (0..drawing.outline.nodes.len()).collect();
    let (name, what) = (matrix.kind.name(), "formula over its rows");
    let score = drawing.node(name, what, 1, tables);
    let beside = drawing.claim(|_| true);
    if let Some(node) = drawing.outline.nodes.get_mut(score) {
        node.size = super::Size::Dense(beside);
    }
    drawing.output("score", score);
}
