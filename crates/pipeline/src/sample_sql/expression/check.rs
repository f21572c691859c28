//! Whether a selection gives one value per grain: every column inside an aggregate, none inside another.

use rankine_config::nearest;

use super::{Complaint, Node};

/// What is wrong with it, in the order of the text.
pub(crate) fn check(node: &Node, grain: &[&str], known: Option<&[String]>) -> Vec<Complaint> {
    let mut found = Vec::new();
    let mut aggregates = 0;
    walk(node, false, &mut aggregates, (grain, &mut found));
    if aggregates == 0 {
        found.push(Complaint::new(
            0,
            "expected an aggregate (max, min, sum, avg, count) over the rows of a sample, got none",
        ));
    }
    for (name, at) in node.columns() {
        let Some(known) = known.filter(|known| !known.iter().any(|k| k == name)) else {
            continue;
        };
        let mut complaint = Complaint::new(
            at,
            format!(
                "the behaviour table has no column `{name}`, expected one of: {}",
                known.join(", ")
            ),
        );
        complaint.nearest = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        found.push(complaint);
    }
    found
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "two nodes need a look, the others only their children"
)]
fn walk(node: &Node, inside: bool, aggregates: &mut usize, (grain, found): (&[&str], &mut Vec<Complaint>)) {
    let mut inner = inside;
    match node {
        Node::Call(function, _, _, at) if function.aggregate => {
            *aggregates += 1;
            inner = true;
            if inside {
                let message = format!("`{}` stands inside another aggregate", function.name);
                found.push(Complaint::new(*at, message));
            }
        }
        Node::Column(name, at) if !inside && !grain.contains(&name.as_str()) => {
            let message = format!(
                "column `{name}` has many values in a sample: expected an aggregate around it, or a column of the grain \
                 ({})",
                grain.join(", ")
            );
            found.push(Complaint::new(*at, message));
        }
        _ => {}
    }
    node.children(&mut |child| walk(child, inner, aggregates, (grain, &mut *found)));
}
