//! Neural collaborative filtering: an MLP over a user and an item vector; optionally the element-wise product of a second
//! pair of vectors, and a weight per id.
//!
//! `logit = ((b + b_user + b_item) + mlp([e_user | e_item])) + Σ_k h[k]·p[k]·q[k]`; He et al. 2017, arXiv:1708.05031
//! (NeuMF). User slots are those of the common group, item slots those of the item group; each side needs one. The
//! tables of the product are apart from those of the MLP, as in the paper.

use crate::config::GmfConfig;
use crate::network::{Builder, Pooling, Product, Role, TableSpec};
use rankine_feature::Group;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    builder.embeddings();
    builder.dense();
    let config = builder.config;
    for (group, side) in [(Group::Common, "user"), (Group::Item, "item")] {
        if builder.embedding_slots(group).is_empty() {
            builder.fault(
                &config.kind,
                "embedding",
                format!("kind `neuralcf` needs an embedding of a slot of the {side} side"),
            );
        }
    }
    if let Some(gmf) = &config.gmf {
        let user = side(builder, gmf, "gmf.user", Group::Common);
        let item = side(builder, gmf, "gmf.item", Group::Item);
        builder.product(Product {
            dim: gmf.dim.value,
            user,
            item,
        });
    }
    if let Some(bias) = &config.bias {
        let l2 = bias.l2.as_ref().map(|v| v.value);
        for group in [Group::Common, Group::Item] {
            builder
                .embedding_slots(group)
                .iter()
                .for_each(|slot| builder.wide(slot, 1, l2));
        }
    }
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
        buckets: None,
        expire: None,
    });
    let slots = builder.embedding_slots(group);
    slots
        .iter()
        .filter_map(|slot| builder.column(slot, table, Pooling::Mean))
        .collect()
}
