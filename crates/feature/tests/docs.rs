//! docs/features.md says of every operator exactly what the registry says, so that the page cannot drift from the code.
//!
//! When this fails, the message is the section to paste.

use rankine_feature::operator::{Class, registry};

const PAGE: &str = include_str!("../../../docs/features.md");

/// Text in a cell of a Markdown table: no bar ends it, no `list<int>` is taken for a tag.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

/// The section of an operator as the page must have it.
fn section(class: &Class) -> String {
    let doc = class.doc;
    let rows = [
        ("inputs", doc.inputs),
        ("settings", doc.args),
        ("output", doc.output),
        ("formula", doc.formula),
        ("missing", doc.missing),
        ("example", doc.example),
    ];
    let rows: Vec<String> = rows
        .iter()
        .map(|(name, text)| format!("| {name} | {} |\n", cell(text)))
        .collect();
    let (name, version) = (class.name, class.version);
    format!(
        "### `{name}`\n\nVersion {version}: {}.\n\n| | |\n|---|---|\n{}",
        doc.what,
        rows.concat()
    )
}

#[test]
fn the_page_has_the_section_of_every_operator() {
    let absent: Vec<String> = registry()
        .iter()
        .map(section)
        .filter(|text| !PAGE.contains(text))
        .collect();
    assert!(
        absent.is_empty(),
        "docs/features.md lacks:\n\n{}",
        absent.join("\n")
    );
}

#[test]
fn the_page_has_no_operator_that_is_gone() {
    let headings = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    for name in headings {
        assert!(
            registry().iter().any(|class| class.name == name),
            "docs/features.md describes `{name}`, the registry has no such operator"
        );
    }
}
