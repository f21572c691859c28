//! DSSM with three towers: a user vector, an item vector and a number of the context.
//!
//! `logit = combine(u, i) / temperature + c`, by default `u·i + c`; the two towers of Huang et al. 2013 (Learning deep structured semantic models for web search), a
//! third for what the circumstances alone say of the score. User and context towers read slots of the common group, the
//! item tower those of the item group, so that item vectors can be made ahead and kept in a dictionary or an index.

use crate::network::Builder;
use crate::tower::Tower;
use rankine_feature::Group;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    towers(builder);
}

/// The towers of the file, for every two-sided kind.
pub(super) fn towers(builder: &mut Builder<'_>) {
    let config = builder.config;
    let Some(towers) = &config.tower else {
        return;
    };
    let user = builder.tower("user", Group::Common, &towers.user);
    let item = builder.tower("item", Group::Item, &towers.item);
    let mut context = Tower::constant("context");
    if let Some(given) = &towers.context {
        context = builder.tower("context", Group::Common, given);
        context.outputs.push(1);
    }
    builder.every_embedding_is_read();
    builder.towers((user, item, context), towers);
}
