//! Multi-gate mixture of experts: tasks share experts, each through a gate of its own.
//!
//! `E_k = mlp_k(x)`, `t = Σ_k softmax(x·W_t)_k E_k`, `logit_t = mlp_t(…) `; Ma et al. 2018, Modeling Task Relationships in
//! Multi-task Learning with Multi-gate Mixture-of-Experts. One output per label, by its name.

use crate::config::graph::{size, sizes};
use crate::graph::{Graph, Layer, Mixture};
use crate::network::Builder;
use rankine_kernel::activation::Activation;
use std::collections::BTreeSet;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    let config = builder.config;
    let Some(settings) = &config.experts else {
        return;
    };
    let mut graph = Graph::default();
    let inputs = builder.inputs(&mut graph, &BTreeSet::new());
    let hidden = sizes(&settings.hidden);
    let Some(width) = hidden.last().copied().filter(|_| !inputs.is_empty()) else {
        return builder.fault(&config.kind, "experts", "an expert needs a hidden layer");
    };
    let mut experts = Vec::new();
    for i in 0..size(settings.shared.as_ref(), 4) {
        experts.extend(graph.stack(&format!("expert.{i}"), &inputs, &hidden, config));
    }
    for task in builder.tasks() {
        let layer = Mixture {
            experts: experts.len(),
            width,
            inputs: graph.wide(&inputs),
        };
        let from = [experts.as_slice(), &inputs].concat();
        let mixed = graph.add(format!("gate.{task}"), Layer::Mixture(layer), &from);
        self::task(builder, &mut graph, &task, mixed);
    }
    builder.graph(graph);
}

/// A task's own layers and its output.
pub(super) fn task(builder: &Builder<'_>, graph: &mut Graph, name: &str, from: usize) {
    let config = builder.config;
    let own = config
        .task
        .as_ref()
        .map_or_else(Vec::new, |task| sizes(&task.hidden));
    let top = graph.stack(&format!("task.{name}"), &[from], &own, config);
    let output = graph.dense(&format!("output.{name}"), &top, 1, Activation::Linear);
    let label = graph.outputs.len();
    graph.output(name, output, config.aim(label));
}
