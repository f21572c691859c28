//! YoutubeDNN's candidate generation: a user tower over pooled history and what is known of the user; an item's vector is
//! its row of a table.
//!
//! `logit = u·v_i`, taught by sampled softmax; Covington, Adams and Sargin 2016 (Deep neural networks for YouTube
//! recommendations). The paper's example age is a feature like any other: a dense slot of the user tower that holds the
//! sample's age in training and 0 when it is served.

use crate::network::Builder;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    super::dssm::towers(builder);
}
