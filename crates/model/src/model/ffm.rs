//! Field-aware factorisation machine: a sign has a vector for each field it meets. Every slot is a field.
//!
//! `logit = b + Σ x·w[sign] + Σ_{i<j} x_i x_j ⟨v_{i,f(j)}, v_{j,f(i)}⟩`; Juan et al. 2016, Field-aware Factorization
//! Machines for CTR Prediction. As in libffm signs of one slot pair with one another, too.

use crate::network::Builder;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    builder.linear(|slots| slots);
}
