//! The summary: a line per node, like Keras's, and the totals.

use super::{Outline, OutlineNode, Size};
use std::fmt;

const HEAD: [&str; 5] = ["layer", "what", "output", "parameters", "reads"];

impl Outline {
    /// Returns the cells of each line: layer, what it does, output, parameters, what it reads.
    #[must_use]
    pub fn lines(&self) -> Vec<[String; 5]> {
        self.nodes.iter().map(|node| self.line(node)).collect()
    }

    /// Says in a line how many parameters there are.
    #[must_use]
    pub fn total(&self) -> String {
        let per_row: Vec<String> = self
            .tables()
            .map(|table| match table.size {
                Size::Rows(dim) | Size::Dense(dim) => format!("{} × rows of {}", grouped(dim), table.name),
            })
            .collect();
        let dense = format!("{} dense parameters", grouped(self.dense()));
        if per_row.is_empty() {
            return dense;
        }
        format!("{dense}; tables: {}", per_row.join(", "))
    }

    fn line(&self, node: &OutlineNode) -> [String; 5] {
        let reads: Vec<&str> = node
            .from
            .iter()
            .map(|from| self.nodes[*from].name.as_str())
            .collect();
        let parameters = match node.size {
            Size::Dense(count) => grouped(count),
            Size::Rows(dim) => format!("rows × {dim}"),
        };
        [
            node.name.clone(),
            node.what.clone(),
            node.width.to_string(),
            parameters,
            reads.join(", "),
        ]
    }
}

impl fmt::Display for Outline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<[String; 5]> = std::iter::once(HEAD.map(str::to_owned))
            .chain(self.lines())
            .collect();
        let width = |i: usize| lines.iter().map(|l| l[i].chars().count()).max().unwrap_or(0);
        let [a, b, c, d, _] = [0, 1, 2, 3, 4].map(width);
        for [name, what, output, parameters, reads] in &lines {
            let line = format!("{name:<a$}  {what:<b$}  {output:>c$}  {parameters:>d$}  {reads}");
            writeln!(f, "{}", line.trim_end())?;
        }
        let outputs: Vec<&str> = self.outputs.iter().map(|(name, _)| name.as_str()).collect();
        writeln!(f, "outputs: {}", outputs.join(", "))?;
        write!(f, "{}", self.total())
    }
}

/// A count with commas between thousands.
fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
