//! DeepFM: a factorisation machine and an MLP over the same vectors, trained together.
//!
//! `logit = (b + Σ w[sign]·weight + Σ_{i<j} ⟨eᵢ, eⱼ⟩) + mlp([e₁ … eₙ | d])`; Guo et al. 2017, arXiv:1703.04247. `e` is a
//! slot's pooled vector: signs of one slot do not pair with one another. The first-order weights are those of `wide`; the
//! paper's are of every embedding slot. With `pairs` the model is a graph ([`super::deep`]): chosen pairs, weighed each.

use crate::network::Builder;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    super::widedeep::compose(builder);
    builder.pairs();
}
