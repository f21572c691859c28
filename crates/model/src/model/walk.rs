//! Random walks over a graph of items, learnt as sentences by skip-gram.
//!
//! `score = cos(mean of the history's vectors, item's vector)`. Perozzi et al. 2014 (DeepWalk), Grover and Leskovec 2016 (node2vec);
//! vectors by Mikolov et al. 2013. Edges join items met one after the other, or users and items.

use crate::network::Builder;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    builder.matrix();
}
