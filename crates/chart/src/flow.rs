//! Boxes and arrows: what rests on what, from top to bottom.
//!
//! Flow: nodes of a network (or of any graph without circles) → rows by distance from the sources → SVG. Decision: a node
//! stands in the row below its deepest source and, within it, near the middle of its sources; no search for the fewest
//! crossings, which a model of twenty layers does not need.

use crate::frame::Frame;
use crate::svg::{Anchor, Canvas, fit};

const BOX: (f64, f64) = (168.0, 46.0);
const GAP: (f64, f64) = (18.0, 34.0);
const MARGIN: f64 = 18.0;

/// A drawing of boxes and arrows.
///
/// ```
/// let mut flow = rankine_chart::Flow::new("model");
/// let table = flow.node("emb.user", "table", &[]);
/// flow.node("hidden.0", "dense", &[table]);
/// assert_eq!(flow.svg().matches("rk-box").count(), 3); // one of them in the style sheet
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    frame: Frame,
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq)]
struct Node {
    name: String,
    note: String,
    from: Vec<usize>,
}

impl Flow {
    /// Starts an empty drawing; its size follows what is in it.
    pub fn new(frame: impl Into<Frame>) -> Flow {
        Flow {
            frame: frame.into(),
            nodes: Vec::new(),
        }
    }

    /// Adds a box with a name, a note below it, and arrows from boxes added before; returns its number.
    pub fn node(&mut self, name: impl Into<String>, note: impl Into<String>, from: &[usize]) -> usize {
        let at = self.nodes.len();
        self.nodes.push(Node {
            name: name.into(),
            note: note.into(),
            from: from.iter().copied().filter(|from| *from < at).collect(),
        });
        at
    }

    /// Draws it as one self-contained SVG document.
    pub fn svg(&self) -> String {
        let mut canvas = Canvas::default();
        let (places, size) = self.places();
        let frame = self.frame.clone().size(size.0, size.1);
        frame.head(&mut canvas);
        for (node, to) in self.nodes.iter().zip(&places) {
            for from in &node.from {
                arrow(&mut canvas, places[*from], *to);
            }
        }
        for (node, place) in self.nodes.iter().zip(&places) {
            boxed(&mut canvas, node, *place);
        }
        canvas.finish(frame.size, &frame.title, &self.description())
    }

    fn description(&self) -> String {
        let said = |node: &Node| {
            let from: Vec<&str> = node.from.iter().map(|f| self.nodes[*f].name.as_str()).collect();
            match from.is_empty() {
                true => format!("{} ({}).", node.name, node.note),
                false => format!("{} ({}) reads {}.", node.name, node.note, from.join(", ")),
            }
        };
        self.nodes.iter().map(said).collect::<Vec<_>>().join(" ")
    }

    /// The row of each node: one below its deepest source; a source stands just above its first reader.
    fn rows(&self) -> Vec<usize> {
        let mut rows: Vec<usize> = Vec::new();
        for node in &self.nodes {
            let row = node.from.iter().map(|from| rows[*from] + 1).max().unwrap_or(0);
            rows.push(row);
        }
        for (at, node) in self.nodes.iter().enumerate() {
            let readers = self.nodes.iter().zip(&rows).filter(|(n, _)| n.from.contains(&at));
            if let (true, Some(first)) = (node.from.is_empty(), readers.map(|(_, row)| *row).min()) {
                rows[at] = first.saturating_sub(1);
            }
        }
        rows
    }

    /// Upper left corners of the boxes, and the size of all.
    fn places(&self) -> (Vec<(f64, f64)>, (f64, f64)) {
        let rows = self.rows();
        let count = rows.iter().max().map_or(0, |row| row + 1);
        let widest = (0..count)
            .map(|row| rows.iter().filter(|r| **r == row).count())
            .max();
        let step = (BOX.0 + GAP.0, BOX.1 + GAP.1);
        let width = (step.0 * widest.unwrap_or(1).max(2) as f64 - GAP.0) + 2.0 * MARGIN;
        let top = MARGIN + 30.0;
        let mut places = vec![(0.0, 0.0); self.nodes.len()];
        for row in 0..count {
            let mut here: Vec<usize> = (0..rows.len()).filter(|at| rows[*at] == row).collect();
            here.sort_by(|a, b| self.middle(*a, &places).total_cmp(&self.middle(*b, &places)));
            let used = step.0 * here.len() as f64 - GAP.0;
            let left = (width - used) / 2.0;
            for (i, at) in here.into_iter().enumerate() {
                places[at] = (left + step.0 * i as f64, top + step.1 * row as f64);
            }
        }
        (
            places,
            (
                width,
                top + step.1 * count as f64 - GAP.1.min(step.1 * count as f64) + MARGIN,
            ),
        )
    }

    /// Where the middle of a node's sources is; its number, where it has none.
    fn middle(&self, at: usize, places: &[(f64, f64)]) -> f64 {
        let from = &self.nodes[at].from;
        if from.is_empty() {
            return at as f64;
        }
        from.iter().map(|from| places[*from].0).sum::<f64>() / from.len() as f64
    }
}

/// A line from the foot of one box to the head of another, with a point.
fn arrow(canvas: &mut Canvas, from: (f64, f64), to: (f64, f64)) {
    let (start, end) = (
        (from.0 + BOX.0 / 2.0, from.1 + BOX.1),
        (to.0 + BOX.0 / 2.0, to.1 - 1.0),
    );
    canvas.line("rk-axis", start, end);
    let (dx, dy) = (end.0 - start.0, end.1 - start.1);
    let length = dx.hypot(dy).max(1.0);
    let (ux, uy) = (dx / length * 6.0, dy / length * 6.0);
    for side in [-0.5, 0.5] {
        canvas.line("rk-axis", end, (end.0 - ux - uy * side, end.1 - uy + ux * side));
    }
}

fn boxed(canvas: &mut Canvas, node: &Node, (x, y): (f64, f64)) {
    let tip = format!("{}: {}", node.name, node.note);
    canvas.rect("rk-box", [x, y, BOX.0, BOX.1], 6.0, &tip);
    let (middle, room) = (x + BOX.0 / 2.0, BOX.0 - 12.0);
    canvas.text(
        "rk-name",
        (middle, y + 19.0),
        Anchor::Middle,
        &fit(&node.name, 12.0, room),
    );
    canvas.text(
        "rk-mute",
        (middle, y + 36.0),
        Anchor::Middle,
        &fit(&node.note, 11.5, room),
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::well_formed::assert_well_formed;

    #[test]
    fn a_node_stands_below_its_sources_and_no_two_overlap() {
        let mut flow = Flow::new("m");
        let (a, b) = (flow.node("a", "", &[]), flow.node("b", "", &[]));
        let c = flow.node("c", "", &[a, b]);
        let late = flow.node("late", "", &[]);
        flow.node("d", "", &[c, late]);
        let (places, size) = flow.places();
        assert!(places[a].1 < places[c].1 && places[c].1 < places[4].1);
        assert_eq!(places[late].1, places[c].1);
        for (i, p) in places.iter().enumerate() {
            assert!(p.0 >= 0.0 && p.0 + BOX.0 <= size.0 && p.1 + BOX.1 <= size.1);
            for q in &places[..i] {
                assert!((p.0 - q.0).abs() >= BOX.0 || (p.1 - q.1).abs() >= BOX.1);
            }
        }
    }

    proptest! {
        #[test]
        fn any_names_make_well_formed_svg(name in any::<String>(), from in prop::collection::vec(0_usize..6, 0..6)) {
            let mut flow = Flow::new(name.clone());
            for _ in 0..4 {
                flow.node(name.clone(), name.clone(), &from);
            }
            assert_well_formed(&flow.svg());
        }
    }
}
