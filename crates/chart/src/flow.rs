//! Boxes and arrows: what rests on what, from top to bottom.
//!
//! Flow: nodes of a network (or of any graph without circles) → rows by distance from the sources → SVG. Decision: a node
//! stands in the row below its deepest source and, within it, near the middle of its sources; a line over several rows has a
//! lane of its own between the boxes it passes. No search for the fewest crossings, which a model of twenty layers does not
//! need.

use crate::frame::Frame;
use crate::svg::{Anchor, Canvas, fit};

const BOX: (f64, f64) = (176.0, 46.0);
/// Room for a line that passes a row on its way further down.
const LANE: f64 = 22.0;
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
        let layout = Layout::of(self);
        let frame = self.frame.clone().size(layout.size.0, layout.size.1);
        frame.head(&mut canvas);
        for (to, node) in self.nodes.iter().enumerate() {
            for from in &node.from {
                arrow(&mut canvas, &layout.line(*from, to));
            }
        }
        for (node, place) in self.nodes.iter().zip(&layout.places) {
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
}

/// What stands in a row: a box, or a line from one box to another that passes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Box(usize),
    Lane(usize, usize),
}

/// Where everything is.
struct Layout {
    /// Upper left corners of the boxes.
    places: Vec<(f64, f64)>,
    /// Points of lines that pass rows: (from, to), place.
    lanes: Vec<((usize, usize), (f64, f64))>,
    size: (f64, f64),
}

impl Layout {
    fn of(flow: &Flow) -> Layout {
        let rows = flow.rows();
        let count = rows.iter().max().map_or(0, |row| row + 1);
        let items: Vec<Vec<Item>> = (0..count).map(|row| items(flow, &rows, row)).collect();
        let widest = items.iter().map(|row| width(row)).fold(2.0 * BOX.0, f64::max);
        let (step, top) = (BOX.1 + GAP.1, MARGIN + 30.0);
        let bottom = (top + step * count as f64 - GAP.1).max(top);
        let mut layout = Layout {
            places: vec![(0.0, 0.0); flow.nodes.len()],
            lanes: Vec::new(),
            size: (widest + 2.0 * MARGIN, bottom + MARGIN),
        };
        for (row, mut items) in items.into_iter().enumerate() {
            items.sort_by(|a, b| layout.middle(flow, *a).total_cmp(&layout.middle(flow, *b)));
            let mut left = (layout.size.0 - width(&items)) / 2.0;
            let y = top + step * row as f64;
            for item in items {
                match item {
                    Item::Box(at) => layout.places[at] = (left, y),
                    Item::Lane(from, to) => layout.lanes.push(((from, to), (left + LANE / 2.0, y))),
                }
                left += room(item) + GAP.0;
            }
        }
        layout
    }

    /// Where the middle of what an item comes from is; a source's number, where it comes from nothing.
    fn middle(&self, flow: &Flow, item: Item) -> f64 {
        let middle = |at: usize| self.places[at].0 + BOX.0 / 2.0;
        match item {
            Item::Lane(from, to) => self
                .passed(from, to)
                .last()
                .map_or_else(|| middle(from), |place| place.0),
            Item::Box(at) => match flow.nodes[at].from.as_slice() {
                [] => at as f64,
                from => from.iter().map(|from| middle(*from)).sum::<f64>() / from.len() as f64,
            },
        }
    }

    fn passed(&self, from: usize, to: usize) -> impl Iterator<Item = (f64, f64)> {
        let own = self.lanes.iter().filter(move |(line, _)| *line == (from, to));
        own.map(|(_, place)| *place)
    }

    /// The points of a line: from the foot of a box, straight down through its lanes, to the head of another.
    fn line(&self, from: usize, to: usize) -> Vec<(f64, f64)> {
        let ((x, y), (tx, ty)) = (self.places[from], self.places[to]);
        let mut points = vec![(x + BOX.0 / 2.0, y + BOX.1)];
        points.extend(self.passed(from, to).flat_map(|(x, y)| [(x, y), (x, y + BOX.1)]));
        points.push((tx + BOX.0 / 2.0, ty - 1.0));
        points
    }
}

/// What stands in a row.
fn items(flow: &Flow, rows: &[usize], row: usize) -> Vec<Item> {
    let mut items = Vec::new();
    for (at, node) in flow.nodes.iter().enumerate() {
        if rows[at] == row {
            items.push(Item::Box(at));
        }
        let passing = node
            .from
            .iter()
            .filter(|from| rows[**from] < row && row < rows[at]);
        for from in passing.map(|from| Item::Lane(*from, at)) {
            if !items.contains(&from) {
                items.push(from);
            }
        }
    }
    items
}

fn room(item: Item) -> f64 {
    match item {
        Item::Box(_) => BOX.0,
        Item::Lane(..) => LANE,
    }
}

fn width(items: &[Item]) -> f64 {
    let gaps = GAP.0 * items.len().saturating_sub(1) as f64;
    items.iter().map(|item| room(*item)).sum::<f64>() + gaps
}

/// A line through points, with a tip at its end.
fn arrow(canvas: &mut Canvas, points: &[(f64, f64)]) {
    for pair in points.windows(2) {
        canvas.line("rk-axis", pair[0], pair[1]);
    }
    let [.., before, end] = points else {
        return;
    };
    let (dx, dy) = (end.0 - before.0, end.1 - before.1);
    let length = dx.hypot(dy).max(1.0);
    let (ux, uy) = (dx / length * 6.0, dy / length * 6.0);
    for side in [-0.5, 0.5] {
        canvas.line("rk-axis", *end, (end.0 - ux - uy * side, end.1 - uy + ux * side));
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
        let Layout { places, size, .. } = Layout::of(&flow);
        assert!(places[a].1 < places[c].1 && places[c].1 < places[4].1);
        assert_eq!(places[late].1, places[c].1);
        for (i, p) in places.iter().enumerate() {
            assert!(p.0 >= 0.0 && p.0 + BOX.0 <= size.0 && p.1 + BOX.1 <= size.1);
            for q in &places[..i] {
                assert!((p.0 - q.0).abs() >= BOX.0 || (p.1 - q.1).abs() >= BOX.1);
            }
        }
    }

    #[test]
    fn a_line_over_several_rows_passes_beside_the_boxes() {
        let mut flow = Flow::new("m");
        let (a, b) = (flow.node("a", "", &[]), flow.node("b", "", &[]));
        let wide = flow.node("wide", "", &[b]);
        let deep = flow.node("deep", "", &[a]);
        let output = flow.node("output", "", &[deep]);
        let logit = flow.node("logit", "", &[wide, output]);
        let layout = Layout::of(&flow);
        let line = layout.line(wide, logit);
        assert_eq!(line.len(), 4, "{line:?}");
        let beside = layout.places[output];
        assert!(
            line[1..3]
                .iter()
                .all(|p| p.0 < beside.0 || p.0 > beside.0 + BOX.0),
            "{line:?} {beside:?}"
        );
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
