//! DropoutNet: towers whose input has a part that may be missing, so that who or what is new is scored by content alone.
//!
//! `logit = combine(f(content_u, m_u·preference_u, m_u), g(content_v, m_v·preference_v, m_v))·scale / temperature + c`, m being 1
//! where the preference is there and 0 where it is not; Volkovs, Yu and Poutanen 2017 (DropoutNet: addressing cold start
//! in recommender systems). While learning whole preferences are taken away at random, user's and item's each at its own
//! rate, so the towers learn to do without. Decision: cold is the number m of its own, never zeros that might be a vector.

use crate::network::Builder;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    super::dssm::towers(builder);
}
