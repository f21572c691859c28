//! The outline for Graphviz: `rankine check MODEL --conf CONF --dot | dot -Tsvg`.

use super::{Outline, Size};
use std::fmt::Write as _;

impl Outline {
    /// Returns the network as a Graphviz file.
    #[must_use]
    pub fn dot(&self) -> String {
        let mut text =
            String::from("digraph model {\n  rankdir=TB;\n  node [shape=box, fontname=\"sans-serif\"];\n");
        for (at, node) in self.nodes.iter().enumerate() {
            let (shape, parameters) = match node.size {
                Size::Rows(dim) => ("cylinder", format!("rows × {dim}")),
                Size::Dense(0) => ("box", String::new()),
                Size::Dense(count) => ("box", format!("{count} parameters")),
            };
            let label = [
                node.name.as_str(),
                &node.what,
                &format!("→ {}", node.width),
                &parameters,
            ];
            let label: Vec<String> = label.into_iter().filter(|l| !l.is_empty()).map(quoted).collect();
            let _ = writeln!(text, "  n{at} [shape={shape}, label=\"{}\"];", label.join("\\n"));
        }
        for (at, node) in self.nodes.iter().enumerate() {
            for from in &node.from {
                let _ = writeln!(text, "  n{from} -> n{at};");
            }
        }
        for (i, (name, node)) in self.outputs.iter().enumerate() {
            let _ = writeln!(
                text,
                "  o{i} [shape=ellipse, label=\"{}\"];\n  n{node} -> o{i};",
                quoted(name)
            );
        }
        text + "}\n"
    }
}

/// Text between quotation marks.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
