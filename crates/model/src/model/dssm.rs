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
    let only = towers.only();
    let mut half = |name, group, given| match only {
        Some(other) if other != group => Tower::absent(name),
        _ => builder.tower(name, group, given),
    };
    let user = half("user", Group::Common, &towers.user);
    let item = half("item", Group::Item, &towers.item);
    let context = match &towers.context {
        Some(given) => {
            let mut context = half("context", Group::Common, given);
            if only != Some(Group::Item) {
                context.outputs.push(1);
            }
            context
        }
        None if only == Some(Group::Item) => Tower::absent("context"),
        None => Tower::constant("context"),
    };
    builder.every_embedding_is_read();
    builder.towers((user, item, context), towers);
}
