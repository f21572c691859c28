//! Deep interest evolution network: interests are states of a recurrent layer over the history, and those that concern the
//! candidate evolve.
//!
//! `s = gru(e)`, `u = augru(s, q)`, `logit = mlp([x | u])`, and while learning each state must tell the next entry from another
//! user's ([`crate::graph::auxiliary`]); Zhou et al. 2019, arXiv:1809.03672.

use super::din::history;
use crate::config::{graph::sizes, number};
use crate::graph::{Aim, Auxiliary, Evolve, Graph, Gru, Layer};
use crate::network::Builder;
use rankine_kernel::activation::Activation;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    let config = builder.config;
    let mut graph = Graph::default();
    let Some((mut inputs, [target, sequence], length)) = history(builder, &mut graph) else {
        return;
    };
    let dim = graph.nodes[target].width;
    let gru = Gru {
        dim,
        states: dim,
        length,
    };
    let states = graph.add("interest", Layer::Gru(gru), &[sequence]);
    let evolve = Evolve {
        target: dim,
        states: dim,
        length,
    };
    inputs.push(graph.add("evolution", Layer::Evolve(evolve), &[target, states]));
    let top = graph.stack("hidden", &inputs, &sizes(&config.hidden), config);
    let output = graph.dense("output", &top, 1, Activation::Linear);
    graph.answer(output);
    let weight = number(config.history.as_ref().and_then(|h| h.auxiliary.as_ref()), 1.0);
    if weight > 0.0 {
        let layer = Layer::Auxiliary(Auxiliary { dim, length });
        let loss = graph.add("auxiliary", layer, &[states, sequence]);
        graph.output("auxiliary", loss, Aim::Small { weight });
    }
    builder.graph(graph);
}
