//! Neural collaborative filtering: an MLP over a user and an item vector; optionally the element-wise product of a second
//! pair of vectors, and a weight per id; or that product alone (GMF).
//!
//! `logit = ((b + b_user + b_item) + mlp([e_user | e_item])) + Σ_k h[k]·p[k]·q[k]`; He et al. 2017, arXiv:1708.05031
//! (NeuMF). User slots are those of the common group, item slots those of the item group; each side needs one. The
//! tables of the product are apart from those of the MLP, as in the paper. Without `embedding` and `dense` there is no MLP. With a
//! norm, or an activation that has parameters, the model is a graph: the same sum, hidden layers with more in them.

use crate::config::GmfConfig;
use crate::config::graph::sizes;
use crate::graph::{self, Graph, Layer, Sum};
use crate::network::{Builder, Pooling, Product, Role, TableSpec};
use rankine_config::Located;
use rankine_feature::Group;
use rankine_kernel::activation::Activation;
use std::collections::BTreeSet;

/// The sides, by group.
const SIDES: [(Group, &str); 2] = [(Group::Common, "user"), (Group::Item, "item")];

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    let config = builder.config;
    let mut graph = Graph::default();
    let inputs = if config.is_graph() {
        builder.inputs(&mut graph, &BTreeSet::new())
    } else {
        builder.embeddings();
        builder.dense();
        Vec::new()
    };
    parts(builder);
    if config.is_graph() {
        drawn(builder, graph, &inputs);
    }
}

/// The parts as nodes: the MLP over `inputs`, the weights per id, the product.
fn drawn(builder: &mut Builder<'_>, mut graph: Graph, inputs: &[usize]) {
    let config = builder.config;
    let top = graph.stack("hidden", inputs, &sizes(&config.hidden), config);
    let mut logits = vec![graph.dense("output", &top, 1, Activation::Linear)];
    logits.extend(builder.wide_node(&mut graph));
    if let Some(product) = builder.network_mut().product.take() {
        logits.extend(factored(builder, &mut graph, product));
    }
    let logit = graph.sum("logit", &logits);
    graph.answer(logit);
    builder.graph(graph);
}

/// The product as a node; none where a side has no columns, which is a fault.
fn factored(builder: &Builder<'_>, graph: &mut Graph, product: Product) -> Option<usize> {
    let mut sides = Vec::new();
    for (name, columns) in [("gmf.p", product.user), ("gmf.q", product.item)] {
        let several = columns.len() > 1;
        let rows = builder.columns(graph, &format!("{name}.rows"), columns)?;
        let width = product.dim;
        sides.push(match several {
            true => graph.add(name, Layer::Sum(Sum { width }), &[rows]),
            false => rows,
        });
    }
    let layer = Layer::Product(graph::Product { dim: product.dim });
    Some(graph.add("gmf", layer, &sides))
}

/// What is added up, and what must be there for it.
fn parts(builder: &mut Builder<'_>) {
    let config = builder.config;
    let deep = !config.embedding.is_empty() || !config.dense.slots.is_empty();
    if deep {
        both_sides(
            builder,
            ("embedding", "an embedding of a slot"),
            |group, builder| builder.embedding_slots(group),
        );
    } else if let Some(size) = config.hidden.first() {
        builder.fault(
            size,
            "hidden",
            "`hidden` reads `embedding` and `dense`, and neither is given",
        );
    }
    if let Some(gmf) = &config.gmf {
        product(builder, gmf);
    }
    if let Some(bias) = &config.bias {
        let weights = bias.into();
        for (group, _) in SIDES {
            let own = if deep {
                builder.embedding_slots(group)
            } else {
                factors(group, builder)
            };
            own.iter().for_each(|slot| builder.wide(slot, &weights));
        }
    }
}

/// A fault, at a key, for each side without a slot.
fn both_sides(
    builder: &mut Builder<'_>,
    (key, what): (&str, &str),
    slots: fn(Group, &Builder<'_>) -> Vec<Located<u32>>,
) {
    for (group, side) in SIDES {
        if slots(group, builder).is_empty() {
            let message = format!("kind `neuralcf` needs {what} of the {side} side");
            builder.fault(&builder.config.kind, key, message);
        }
    }
}

/// The slots of one side that are multiplied: the product's own, or those of `embedding`.
fn factors(group: Group, builder: &Builder<'_>) -> Vec<Located<u32>> {
    let own = builder.config.gmf.iter().flat_map(|gmf| &gmf.slots);
    let own: Vec<&Located<u32>> = own.collect();
    if own.is_empty() {
        return builder.embedding_slots(group);
    }
    let plan = builder.plan();
    let of_group = |slot: &&&Located<u32>| plan.slot(slot.value).is_some_and(|spec| spec.group == group);
    own.iter().filter(of_group).map(|slot| (*slot).clone()).collect()
}

/// Adds the product part.
fn product(builder: &mut Builder<'_>, gmf: &GmfConfig) {
    for slot in &gmf.slots {
        if builder.find(slot).is_some_and(|spec| spec.group == Group::Cross) {
            let message = format!("slot {} rests on both sides, a factor on one", slot.value);
            builder.fault(slot, "slots", message);
        }
    }
    if !gmf.slots.is_empty() {
        both_sides(builder, ("gmf", "a slot in `gmf.slots`"), factors);
    }
    let user = side(builder, gmf, "gmf.user", Group::Common);
    let item = side(builder, gmf, "gmf.item", Group::Item);
    builder.product(Product {
        dim: gmf.dim.value,
        user,
        item,
    });
}

/// One side of the product: the side's slots over a table of their own.
fn side(builder: &mut Builder<'_>, gmf: &GmfConfig, name: &str, group: Group) -> Vec<usize> {
    let table = builder.table(TableSpec {
        name: name.to_owned(),
        dim: gmf.dim.value,
        role: Role::Product,
        min_count: gmf.min_count,
        l2: gmf.l2.as_ref().map(|v| v.value),
        init: gmf.init.as_ref().map(|v| v.value),
        buckets: gmf.buckets.as_ref().map(|v| v.value),
        expire: gmf.expire.as_ref().map(|v| v.value),
    });
    factors(group, builder)
        .iter()
        .filter_map(|slot| builder.column(slot, table, Pooling::Mean))
        .collect()
}
