//! The crate table of ARCHITECTURE.md, enforced: who may depend on whom. A new edge needs a line there and here.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Crate → crates of the workspace it may use, as ARCHITECTURE.md states. The binary may use all.
const MAY_USE: &[(&str, &[&str])] = &[
    ("kernel", &[]),
    ("config", &[]),
    ("chart", &[]),
    ("table", &[]),
    ("feature", &["kernel", "config"]),
    ("dict", &[]),
    ("model", &["kernel", "config", "feature"]),
    (
        "train",
        &["kernel", "config", "chart", "table", "model", "feature"],
    ),
    ("capi", &["table", "feature", "model", "predict"]),
    ("index", &["kernel"]),
    ("store", &["index"]),
    ("predict", &["dict", "config", "table", "feature", "model"]),
    ("pipeline", &["config", "table", "feature", "store"]),
    ("recommend", &["config", "dict", "store", "index"]),
    (
        "server",
        &[
            "config",
            "chart",
            "table",
            "dict",
            "feature",
            "index",
            "store",
            "predict",
            "recommend",
            "pipeline",
        ],
    ),
];

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
    let table: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    for (name, uses) in dependencies() {
        if name == "cli" {
            continue;
        }
        let allowed = table
            .get(name.as_str())
            .unwrap_or_else(|| panic!("crate {name} is not in the table"));
        for used in uses.iter().filter_map(|u| u.strip_prefix("rankine-")) {
            assert!(
                allowed.contains(&used),
                "{name} may not use {used}; allowed: {allowed:?}"
            );
        }
    }
}

#[test]
fn every_crate_of_the_table_exists_and_has_content() {
    let found = dependencies();
    for (name, _) in MAY_USE {
        assert!(
            found.contains_key(*name),
            "the table names {name}, the workspace has no such crate"
        );
        let source = format!("{}/../{name}/src", env!("CARGO_MANIFEST_DIR"));
        assert!(
            std::fs::read_dir(source).expect("src").count() > 1,
            "{name} has no content yet"
        );
    }
}

#[test]
fn async_stays_in_the_server() {
    for (name, uses) in dependencies() {
        if !MAY_USE_TOKIO.contains(&name.as_str()) {
            for heavy in ["tokio", "axum", "tower", "tower-http"] {
                assert!(!uses.contains(heavy), "{name} may not use {heavy}");
            }
        }
    }
}
