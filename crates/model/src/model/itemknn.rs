//! ItemKNN: items that were met by the same users.
//!
//! `score = Σ_{j in the history} s(j, i)`, `s = |U_j ∩ U_i| / (√(|U_j||U_i|) + shrink)` for the k nearest j of each i. Sarwar et al. 2001
//! (Item-Based Collaborative Filtering Recommendation Algorithms).

use crate::network::Builder;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    builder.matrix();
}
