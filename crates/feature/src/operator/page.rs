//! docs/operators.md from the registry: what the code says of itself, in print.

use super::{Class, Example, registry};
use std::fmt::Write;

/// The whole page, Markdown.
#[must_use]
pub fn page() -> String {
    let mut out = String::from(include_str!("page_head.md"));
    for class in registry() {
        let what = class.doc.what;
        let _ = writeln!(out, "| [`{0}`](#{0}) | {what} |", class.name);
    }
    registry().iter().for_each(|class| section(class, &mut out));
    out.push_str(include_str!("page_tail.md"));
    out
}

/// Text in a cell of a Markdown table: no bar ends it, no `list<int>` is taken for a tag.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

fn section(class: &Class, out: &mut String) {
    let doc = class.doc;
    let (name, version) = (class.name, class.version);
    let _ = write!(
        out,
        "\n## {name}\n\nVersion {version}: {}.\n\n| | |\n|---|---|\n",
        doc.what
    );
    let rows = [
        ("inputs", doc.inputs),
        ("settings", doc.args),
        ("output", doc.output),
        ("formula", doc.formula),
        ("missing", doc.missing),
    ];
    for (head, text) in rows {
        let _ = writeln!(out, "| {head} | {} |", cell(text));
    }
    out.push_str("\n```text\n");
    doc.examples.iter().for_each(|example| show(example, out));
    out.push_str("```\n");
}

/// One example, one line.
fn show(example: &Example, out: &mut String) {
    let with: Vec<&str> = example
        .with
        .lines()
        .filter(|line| *line != "depend = []")
        .collect();
    let mut parts = vec![example.fields.to_owned(), with.join("  ")];
    if !example.dictionary.is_empty() {
        parts.push(format!("dictionary {}", example.dictionary));
    }
    if !example.before.is_empty() {
        let before: Vec<&str> = example
            .before
            .lines()
            .filter(|line| !line.starts_with("[["))
            .collect();
        parts.push(format!("with the feature {}", before.join("  ")));
    }
    if !example.rows.is_empty() {
        parts.push(format!("fitted on {}", example.rows.join(" | ")));
    }
    parts.retain(|part| !part.is_empty());
    let _ = writeln!(out, "{}  ->  {}", parts.join("  |  "), example.out);
}
