//! Logistic regression over signs: one weight per sign.
//!
//! `logit = b + Σ x·w[sign]`; with FTRL-Proximal it is McMahan et al. 2013, Ad click prediction: a view from the trenches.

use crate::network::Builder;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    builder.linear(|_slots| 0);
}
