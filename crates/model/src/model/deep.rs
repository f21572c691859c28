//! The kinds `embeddingmlp`, `widedeep` and `deepfm` as graphs: with norms, activations that are nodes of their own, or chosen
//! pairs.
//!
//! The sums are those of the kinds' own files; only hidden layers have more in them, and products may be inputs of the
//! output layer: `logit = (b + Σ w[sign]·weight) + Σ_p a_p·⟨eᵢ, eⱼ⟩ + w·mlp(…)`. First-order weights are not weighed again: a
//! weight per sign is what a dense layer over one-hot inputs has.

use crate::config::graph::sizes;
use crate::config::{JoinName, Kind, PairsConfig};
use crate::graph::{Graph, Layer, Pairs};
use crate::network::Builder;
use rankine_config::Located;
use rankine_feature::SlotKind;
use rankine_kernel::activation::Activation;
use std::collections::{BTreeMap, BTreeSet};

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    let config = builder.config;
    let mut graph = Graph::default();
    let only = config.pairs.iter().flat_map(|pairs| &pairs.only);
    let apart: BTreeSet<u32> = only.map(|slot| slot.value).collect();
    let inputs = builder.inputs(&mut graph, &apart);
    if inputs.is_empty() && !apart.is_empty() {
        let message = "hidden layers have nothing to read: every slot is in `only`";
        builder.fault(&config.kind, "only", message);
        return;
    }
    let mut top = graph.stack("hidden", &inputs, &sizes(&config.hidden), config);
    let beside = config
        .pairs
        .as_ref()
        .is_some_and(|pairs| pairs.join == JoinName::Concat);
    if beside {
        top.extend(products(builder, &mut graph));
    }
    let mut logits = vec![graph.dense("output", &top, 1, Activation::Linear)];
    logits.extend(builder.wide_node(&mut graph));
    if !beside {
        logits.extend(products(builder, &mut graph));
    }
    let logit = graph.sum("logit", &logits);
    graph.answer(logit);
    builder.graph(graph);
}

/// The products of the kind, a node each.
fn products(builder: &mut Builder<'_>, graph: &mut Graph) -> Vec<usize> {
    let config = builder.config;
    match &config.pairs {
        _ if config.kind() != Kind::DeepFm => Vec::new(),
        Some(pairs) if !pairs.of.is_empty() => chosen(builder, graph, pairs),
        Some(_) | None => all(builder, graph).into_iter().collect(),
    }
}

/// The products of all pairs of embeddings, added up.
fn all(builder: &mut Builder<'_>, graph: &mut Graph) -> Option<usize> {
    builder.pairs();
    let dim = builder.network_mut().pairs.take()?;
    let slots: Vec<_> = builder.config.embedding.iter().flat_map(|e| &e.slots).collect();
    let mut fields = Vec::new();
    for slot in slots {
        fields.extend(field(builder, graph, slot));
    }
    (!fields.is_empty()).then(|| graph.add("pairs", Layer::Pairs(Pairs { dim }), &fields))
}

/// The product of each pair that the file names.
fn chosen(builder: &mut Builder<'_>, graph: &mut Graph, pairs: &PairsConfig) -> Vec<usize> {
    let (mut fields, mut nodes) = (BTreeMap::new(), Vec::new());
    for pair in &pairs.of {
        let [a, b] = pair.value[..] else { continue };
        let mut found = Vec::new();
        for slot in [a, b] {
            let at = Located {
                value: slot,
                span: pair.span.clone(),
            };
            let known = fields.get(&slot).copied();
            if let Some(node) = known.or_else(|| field(builder, graph, &at)) {
                fields.insert(slot, node);
                found.push(node);
            }
        }
        let [x, y] = found[..] else { continue };
        let (dim, other) = (graph.nodes[x].width, graph.nodes[y].width);
        if dim == other {
            nodes.push(graph.add(format!("pairs.{a}.{b}"), Layer::Pairs(Pairs { dim }), &found));
            continue;
        }
        let message =
            format!("slots {a} and {b} have vectors of {dim} and {other} numbers: they must be equal");
        builder.fault(pair, "of", message);
    }
    nodes
}

/// The vector of one slot.
fn field(builder: &mut Builder<'_>, graph: &mut Graph, slot: &Located<u32>) -> Option<usize> {
    if matches!(builder.find(slot)?.kind, SlotKind::Dense(_)) {
        let message = format!("slot {} is dense, vectors are multiplied", slot.value);
        builder.fault(slot, "of", message);
        return None;
    }
    builder.field(
        graph,
        &format!("field.{}", slot.value),
        std::slice::from_ref(slot),
    )
}
