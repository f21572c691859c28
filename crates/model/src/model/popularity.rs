//! Popularity: the share of users who met an item, the same for everybody.
//!
//! `score = |U_i| / |U|`: the baseline of every personal ranking.

use crate::network::Builder;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    builder.matrix();
}
