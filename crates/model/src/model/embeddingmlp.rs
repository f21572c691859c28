//! Embedding + MLP: every id becomes a vector, vectors and numbers stand side by side, a dense stack makes the logit.
//!
//! `logit = w·f(… f(W₀·[e₁ … eₙ | d] + b₀) …) + b`; the common shape of Deep Crossing (Shan et al. 2016) without its
//! residual units, and of the deep part of Wide & Deep (Cheng et al. 2016, arXiv:1606.07792).

use crate::network::Builder;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    builder.embeddings();
    builder.dense();
}
