//! Deep & Cross network, version 2: layers that multiply the inputs by themselves beside hidden layers, both under one
//! output (the paper's parallel structure).
//!
//! `x_{l+1} = x₀ ⊙ (W_l x_l + b_l) + x_l`, `logit = w·[x_L | h(x₀)] + b`; Wang et al. 2021, arXiv:2008.13535.

use crate::config::graph::{size, sizes};
use crate::graph::{Cross, Graph, Layer};
use crate::network::Builder;
use rankine_kernel::activation::Activation;
use std::collections::BTreeSet;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    let config = builder.config;
    let mut graph = Graph::default();
    let inputs = builder.inputs(&mut graph, &BTreeSet::new());
    if inputs.is_empty() {
        return;
    }
    let first = graph.concat("input", &inputs);
    let width = graph.nodes[first].width;
    let cross = config.cross.as_ref();
    let rank = cross.and_then(|cross| cross.rank.as_ref()).map(|rank| rank.value);
    let mut x = first;
    for i in 0..size(cross.and_then(|cross| cross.layers.as_ref()), 3) {
        let layer = Layer::Cross(Cross { width, rank });
        x = graph.add(format!("cross.{i}"), layer, &[first, x]);
    }
    let mut top = vec![x];
    if !config.hidden.is_empty() {
        top.extend(graph.stack("hidden", &inputs, &sizes(&config.hidden), config));
    }
    let output = graph.dense("output", &top, 1, Activation::Linear);
    graph.answer(output);
    builder.graph(graph);
}
