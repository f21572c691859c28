//! docs/operators.md is the registry in print: this writes it, and fails when the committed page differs.
//!
//! `RANKINE_BLESS=1 cargo test -p rankine-feature --test docs` writes the page anew.

use rankine_feature::operator::{page, registry};
use std::path::PathBuf;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/operators.md")
}

#[test]
fn the_committed_page_is_the_registry_s() {
    if std::env::var_os("RANKINE_BLESS").is_some() {
        std::fs::write(path(), page()).unwrap();
    }
    let committed = std::fs::read_to_string(path()).unwrap();
    assert!(
        committed == page(),
        "docs/operators.md differs from the code: RANKINE_BLESS=1 cargo test -p rankine-feature --test docs"
    );
}

#[test]
fn every_example_is_true() {
    let wrong: Vec<String> = registry()
        .iter()
        .flat_map(|class| {
            class
                .doc
                .examples
                .iter()
                .filter_map(|example| example.check(class).err())
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
