//! iALS: factors of users and items from who met what.
//!
//! `score = ⟨p_u, q_i⟩`, minimising `Σ_S w(⟨p,q⟩ − 1)² + α₀ Σ ⟨p,q⟩² + λ Σ n^ν |·|²`. Rendle, Krichene, Zhang and Koren 2022
//! (Revisiting the Performance of iALS on Item Recommendation Benchmarks) after Hu, Koren and Volinsky 2008. A user whom
//! training never saw (or everybody, `fold_in = "always"`) gets `p = (α₀QᵀQ + Σ w qqᵀ + λ n^ν)⁻¹ Σ w q` of his history.

use crate::network::Builder;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    builder.matrix();
}
