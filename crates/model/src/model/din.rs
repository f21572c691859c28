//! Deep interest network: what the user did counts by how much it concerns the candidate.
//!
//! `logit = mlp([x | Σ_t a(e_t, q) e_t])`, a of [`crate::graph::attention`]; Zhou et al. 2018, arXiv:1706.06978.

use crate::config::ActivationName;
use crate::config::graph::{size, sizes};
use crate::graph::{Attention, Graph, Layer};
use crate::network::Builder;
use rankine_kernel::activation::Activation;
use std::collections::BTreeSet;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    let config = builder.config;
    let mut graph = Graph::default();
    let Some((mut inputs, [target, sequence], length)) = history(builder, &mut graph) else {
        return;
    };
    let Some(history) = &config.history else {
        return;
    };
    let activation = history.activation.as_ref().map(|name| name.value);
    let layer = Attention {
        dim: graph.nodes[target].width,
        length,
        hidden: size(history.hidden.as_ref(), 36),
        activation: activation.unwrap_or(ActivationName::Sigmoid),
        softmax: history.softmax,
    };
    inputs.push(graph.add("attention", Layer::Attention(layer), &[target, sequence]));
    let top = graph.stack("hidden", &inputs, &sizes(&config.hidden), config);
    let output = graph.dense("output", &top, 1, Activation::Linear);
    graph.answer(output);
    builder.graph(graph);
}

/// The inputs but the history, then target and history, then the most entries; none where the file is at fault.
pub(super) fn history(
    builder: &mut Builder<'_>,
    graph: &mut Graph,
) -> Option<(Vec<usize>, [usize; 2], usize)> {
    let history = builder.config.history.as_ref()?;
    let apart: BTreeSet<u32> = history.slots.iter().map(|slot| slot.value).collect();
    let inputs = builder.inputs(graph, &apart);
    let length = size(history.length.as_ref(), 50);
    let target = builder.field(graph, "target", &history.target)?;
    let sequence = builder.sequence(graph, "history", &history.slots, length)?;
    let (wide, Layer::Sequence(lists)) = (graph.nodes[target].width, &graph.nodes[sequence].layer) else {
        return None;
    };
    if wide != lists.dim {
        let message = format!(
            "an entry of `history` has {} numbers, its target {wide}: each list and its target need tables of one `dim`",
            lists.dim
        );
        builder.fault(&history.slots[0], "history", message);
        return None;
    }
    Some((inputs, [target, sequence], length))
}
