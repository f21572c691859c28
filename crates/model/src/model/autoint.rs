//! AutoInt: fields attend to one another, layer upon layer; hidden layers over the same inputs beside them (AutoInt+).
//!
//! Each embedding slot is a field ([`crate::graph::interact`]); dense slots reach the hidden layers alone. `logit = w·[fields |
//! h(x)] + b`; Song et al. 2019, arXiv:1810.11921.

use crate::config::graph::{size, sizes};
use crate::graph::{Graph, Interact, Layer};
use crate::network::Builder;
use rankine_kernel::activation::Activation;
use std::collections::BTreeSet;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    let config = builder.config;
    let Some(dim) = builder.one_dim("autoint") else {
        return;
    };
    let mut graph = Graph::default();
    let slots: Vec<_> = config.embedding.iter().flat_map(|e| &e.slots).collect();
    let mut fields = Vec::new();
    for slot in &slots {
        let name = format!("field.{}", slot.value);
        fields.extend(builder.field(&mut graph, &name, std::slice::from_ref(*slot)));
    }
    if fields.is_empty() {
        return;
    }
    let mut top = vec![interacting(builder, &mut graph, &fields, dim)];
    let inputs = builder.inputs(
        &mut graph,
        &slots.iter().map(|slot| slot.value).collect::<BTreeSet<_>>(),
    );
    if config.hidden.is_empty() {
        top.extend(inputs);
    } else {
        let inputs = [fields, inputs].concat();
        top.extend(graph.stack("hidden", &inputs, &sizes(&config.hidden), config));
    }
    let output = graph.dense("output", &top, 1, Activation::Linear);
    graph.answer(output);
    builder.graph(graph);
}

/// The interacting layers.
fn interacting(builder: &Builder<'_>, graph: &mut Graph, fields: &[usize], dim: usize) -> usize {
    let attention = builder.config.attention.as_ref();
    let heads = size(attention.and_then(|a| a.heads.as_ref()), 2);
    let outputs = heads * size(attention.and_then(|a| a.dim.as_ref()), 8);
    let mut x = graph.concat("fields", fields);
    let mut dim = dim;
    for i in 0..size(attention.and_then(|a| a.layers.as_ref()), 2) {
        let layer = Interact {
            fields: fields.len(),
            dim,
            outputs,
            heads,
        };
        x = graph.add(format!("interact.{i}"), Layer::Interact(layer), &[x]);
        dim = outputs;
    }
    x
}
