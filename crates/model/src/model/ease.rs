//! EASE: a linear autoencoder of items in closed form.
//!
//! `score = Σ_{j in the history} B[j][i]`, `P = (XᵀX + λ)⁻¹`, `B = 1 − P / diag(P)`. Steck 2019 (Embarrassingly Shallow Autoencoders
//! for Sparse Data). Users need not be known, only what they met. With `neighbours = k` the k greatest of each column are kept.

use crate::network::Builder;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    builder.matrix();
}
