//! Wide & Deep: a linear model over signs (crosses above all) beside an MLP over embeddings, trained together.
//!
//! `logit = (b + Σ w[sign]·weight) + deep`; Cheng et al. 2016, arXiv:1606.07792. The wide part remembers, the deep
//! part generalises.

use crate::network::Builder;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    builder.embeddings();
    builder.dense();
    let config = builder.config;
    if let Some(wide) = &config.wide {
        for slot in &wide.slots {
            builder.wide(slot, &wide.into());
        }
    }
}
