//! BPR: factors learnt from pairs of an item that was met and one that was not.
//!
//! `score = ⟨p_u, q_i⟩ + b_i`, minimising `−Σ ln σ(x_ui − x_uj)` with L2. Rendle, Freudenthaler, Gantner and Schmidt-Thieme 2009
//! (BPR: Bayesian Personalized Ranking from Implicit Feedback). A row has the bias as its last number, and users a one there;
//! a user whom training never saw has that one alone: items by their bias.

use crate::network::Builder;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    builder.matrix();
}
