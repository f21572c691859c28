//! A network in TensorBoard: as a graph (its own tab) and as text (the summary).
//!
//! Decision: the `GraphDef` has names, kinds and edges and no more, which is all that the graph tab draws.

use rankine_model::outline::Outline;

use super::EventWriter;
use super::proto::Message;
use crate::TrainError;

/// `tensorflow.Event.graph_def`, and fields of `GraphDef` and `NodeDef`.
const EVENT_GRAPH: u32 = 4;
const NODE: u32 = 1;
const NAME: u32 = 1;
const OP: u32 = 2;
const INPUT: u32 = 3;

impl EventWriter {
    /// Writes the outline of a network as the run's graph, and its summary as the text `network`.
    ///
    /// # Errors
    /// [`TrainError::Io`] when the file cannot be written.
    pub fn network(&mut self, outline: &Outline) -> Result<(), TrainError> {
        let mut graph = Message::default();
        for node in &outline.nodes {
            let mut own = Message::default()
                .string(NAME, &plain(&node.name))
                .string(OP, &node.what);
            for from in &node.from {
                own = own.string(INPUT, &plain(&outline.nodes[*from].name));
            }
            graph = graph.message(NODE, &own);
        }
        self.event(0, Message::default().message(EVENT_GRAPH, &graph))?;
        self.text("network", 0, &format!("```\n{outline}\n```"))
    }
}

/// A name as graphs allow it.
fn plain(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    name.chars().map(|c| if allowed(c) { c } else { '_' }).collect()
}
