//! A network's outline as a picture.

use rankine_chart::{Flow, Frame};
use rankine_model::outline::{Outline, Size};

/// Draws the outline: tables and inputs above, the outputs below.
#[must_use]
pub fn drawing(outline: &Outline) -> String {
    let mut flow = Flow::new(Frame::new(format!("Network of kind {}", outline.kind)));
    for node in &outline.nodes {
        let note = match node.size {
            Size::Rows(dim) => format!("rows × {dim}"),
            Size::Dense(_) => format!("{} → {}", node.what, node.width),
        };
        flow.node(&node.name, note, &node.from);
    }
    for (name, node) in &outline.outputs {
        flow.node(name, "output", &[*node]);
    }
    flow.svg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_model::outline::OutlineNode;

    #[test]
    fn every_node_and_output_has_a_box() {
        let node = |name: &str, size, from| OutlineNode {
            name: name.to_owned(),
            what: "dense".to_owned(),
            width: 4,
            size,
            from,
        };
        let outline = Outline {
            kind: "widedeep".to_owned(),
            nodes: vec![
                node("emb.user", Size::Rows(4), vec![]),
                node("hidden.0", Size::Dense(20), vec![0]),
            ],
            outputs: vec![("score".to_owned(), 1)],
        };
        let svg = drawing(&outline);
        assert_eq!(svg.matches("class=\"rk-box\"").count(), 3);
        assert!(svg.contains("rows × 4") && svg.contains("dense → 4"), "{svg}");
    }
}
