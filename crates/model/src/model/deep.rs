//! The kinds `embeddingmlp`, `widedeep` and `deepfm` as graphs: with norms, or activations that are nodes of their own.
//!
//! The sums are those of the kinds' own files; only hidden layers have more in them.

use crate::config::Kind;
use crate::config::graph::sizes;
use crate::graph::{Graph, Layer, Pairs};
use crate::network::Builder;
use rankine_kernel::activation::Activation;
use std::collections::BTreeSet;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    let config = builder.config;
    let mut graph = Graph::default();
    let inputs = builder.inputs(&mut graph, &BTreeSet::new());
    let top = graph.stack("hidden", &inputs, &sizes(&config.hidden), config);
    let mut logits = vec![graph.dense("output", &top, 1, Activation::Linear)];
    logits.extend(builder.wide_node(&mut graph));
    if config.kind() == Kind::DeepFm {
        logits.extend(pairs(builder, &mut graph));
    }
    let logit = graph.sum("logit", &logits);
    graph.answer(logit);
    builder.graph(graph);
}

/// The products of all pairs of embeddings.
fn pairs(builder: &mut Builder<'_>, graph: &mut Graph) -> Option<usize> {
    builder.pairs();
    let dim = builder.network_mut().pairs.take()?;
    let slots: Vec<_> = builder.config.embedding.iter().flat_map(|e| &e.slots).collect();
    let mut fields = Vec::new();
    for slot in slots {
        let name = format!("field.{}", slot.value);
        fields.extend(builder.field(graph, &name, std::slice::from_ref(slot)));
    }
    (!fields.is_empty()).then(|| graph.add("pairs", Layer::Pairs(Pairs { dim }), &fields))
}
