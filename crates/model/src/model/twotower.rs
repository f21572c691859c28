//! Two towers for retrieval: a user vector and an item vector, taught by in-batch softmax.
//!
//! `logit = cos(u, i) / temperature`, or the inner product; the softmax over the items of a batch with each item's log
//! frequency taken off (Yi et al. 2019, Sampling-bias-corrected neural modeling for large corpus item recommendations),
//! over as many items as the objective draws besides (Yang et al. 2020, Mixed negative sampling). Towers as in `dssm`.

use crate::network::Builder;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    super::dssm::towers(builder);
}
