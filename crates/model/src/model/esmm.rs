//! Entire space multi-task model: what is bought after a click, learnt from all that is shown and not from clicks alone.
//!
//! `pCTCVR = pCTR · pCVR`: the loss is that of clicks and of clicks that were bought, both over every impression; pCVR follows.
//! Ma et al. 2018, arXiv:1804.07931. Labels: the click, then the purchase. Outputs `ctr`, `cvr`, `ctcvr`; the first is the
//! model's score. Both towers read the same embeddings.

use crate::config::graph::sizes;
use crate::graph::{Aim, Both, Graph, Layer};
use crate::network::Builder;
use rankine_kernel::activation::Activation;
use std::collections::BTreeSet;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    let config = builder.config;
    let labels = builder.tasks().len();
    if labels != 2 {
        let message =
            format!("kind `esmm` learns two labels, the click and the purchase; `labels` has {labels}");
        return builder.fault(&config.kind, "labels", message);
    }
    let mut graph = Graph::default();
    let inputs = builder.inputs(&mut graph, &BTreeSet::new());
    let mut tower = |name: &str| {
        let top = graph.stack(&format!("hidden.{name}"), &inputs, &sizes(&config.hidden), config);
        graph.dense(&format!("output.{name}"), &top, 1, Activation::Linear)
    };
    let (click, purchase) = (tower("ctr"), tower("cvr"));
    let both = graph.add("ctcvr", Layer::Both(Both), &[click, purchase]);
    graph.output("ctr", click, config.aim(0));
    graph.output("cvr", purchase, Aim::Nothing);
    graph.output("ctcvr", both, config.aim(1));
    builder.graph(graph);
}
