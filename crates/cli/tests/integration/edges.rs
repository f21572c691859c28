//! The crate table of ARCHITECTURE.md, enforced: who may depend on whom. A new edge needs a line there and here.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Crate → crates of the workspace it may use, from the table of ARCHITECTURE.md; nothing is said of the binary, which may use all.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let text = include_str!("../../../../ARCHITECTURE.md");
    let start = text
        .find("| crate | what it is | may use |")
        .expect("the table of crates");
    let rows = text[start..]
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| {
        row.trim_matches('|')
            .split('|')
            .map(str::trim)
            .collect::<Vec<_>>()
    });
    let entry = |cells: Vec<&str>| {
        let uses = cells.last().expect("a last cell").split(", ").map(str::to_owned);
        (
            cells[0].trim_matches('`').to_owned(),
            uses.filter(|name| name != "–").collect(),
        )
    };
    let table: BTreeMap<_, _> = cells.map(entry).collect();
    assert!(
        table.len() > 10,
        "the table of ARCHITECTURE.md was read: {table:?}"
    );
    table
}

/// Crates whose own code may open the network or an async runtime.
const MAY_USE_TOKIO: &[&str] = &["server", "cli"];

/// Every workspace crate with the names of its normal dependencies.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .other_options(vec!["--offline".to_owned(), "--locked".to_owned()])
        .no_deps()
        .exec()
        .expect("cargo metadata runs");
    metadata
        .packages
        .into_iter()
        .map(|package| {
            let uses = package
                .dependencies
                .iter()
                .filter(|d| d.kind == DependencyKind::Normal)
                .map(|d| d.name.clone())
                .collect();
            (package.name.trim_start_matches("rankine-").to_owned(), uses)
        })
        .collect()
}

#[test]
fn edges_are_those_of_the_table() {
    let table = table();
    for (name, uses) in dependencies().into_iter().filter(|(name, _)| name != "cli") {
        let allowed = table
            .get(&name)
            .unwrap_or_else(|| panic!("crate {name} is not in the table"));
        for used in uses.iter().filter_map(|u| u.strip_prefix("rankine-")) {
            assert!(
                allowed.contains(used),
                "{name} may not use {used}; allowed: {allowed:?}"
            );
        }
    }
}

#[test]
fn every_crate_of_the_table_exists_and_has_content() {
    let found = dependencies();
    for name in table().keys() {
        assert!(
            found.contains_key(name),
            "the table names {name}, the workspace has no such crate"
        );
        let source = format!("{}/../{name}/src", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(source).expect("src").count();
        let lines = std::fs::read_to_string(format!("{}/../{name}/src/lib.rs", env!("CARGO_MANIFEST_DIR")));
        let lines = lines.map_or(0, |text| text.lines().count());
        assert!(files > 1 || lines > 100, "{name} has no content yet");
    }
}

#[test]
fn async_stays_in_the_server() {
    for (name, uses) in dependencies() {
        if !MAY_USE_TOKIO.contains(&name.as_str()) {
            for heavy in [
                "tokio",
                "axum",
                "tower",
                "tower-http",
                "tonic",
                "hyper",
                "hyper-util",
            ] {
                assert!(!uses.contains(heavy), "{name} may not use {heavy}");
            }
        }
    }
}
