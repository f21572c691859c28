//! `deny.toml`, enforced without cargo-deny: every crate that is built here has a licence of its list, comes from the
//! registry, and is not banned.
//!
//! The decision: the file itself is read, so that it stays the one place where licences are allowed; of cargo-deny's
//! rules those are checked that the file states as refusals. Warnings (`multiple-versions`) are left to cargo-deny.

use std::collections::BTreeSet;

use cargo_metadata::{Metadata, MetadataCommand, Package};
use toml::{Table, Value};

use crate::home::REPOSITORY;

/// The one registry.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn policy() -> Table {
    let text = std::fs::read_to_string(format!("{REPOSITORY}/deny.toml")).unwrap();
    text.parse().unwrap()
}

/// The strings of a list.
fn strings(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().unwrap();
    list.iter()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

/// The graph for the policy's target with all features, as `Cargo.lock` has it.
fn graph(policy: &Table) -> Metadata {
    let target = policy["graph"]["targets"][0].as_str().unwrap();
    let mut options: Vec<String> = ["--offline", "--locked", "--filter-platform", target]
        .map(str::to_owned)
        .to_vec();
    if policy["graph"]["all-features"].as_bool().unwrap() {
        options.push("--all-features".to_owned());
    }
    MetadataCommand::new()
        .manifest_path(format!("{REPOSITORY}/Cargo.toml"))
        .other_options(options)
        .exec()
        .expect("cargo metadata runs")
}

/// The crates that are built: those of the resolved graph.
fn built(metadata: &Metadata) -> Vec<&Package> {
    let nodes = &metadata.resolve.as_ref().unwrap().nodes;
    nodes.iter().map(|node| &metadata[&node.id]).collect()
}

/// Whether an SPDX expression is met with the licences of `allowed`: `AND` binds tighter than `OR` (or `/`), both
/// weaker than parentheses; `X WITH Y` is a licence of its own.
fn allows(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    either(&words, &mut at, allowed) && at == words.len()
}

fn either(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = both(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(words, at, allowed);
    }
    met
}

fn both(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.get(*at) else {
        return false;
    };
    *at += 1;
    if *word == "(" {
        let met = either(words, at, allowed);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return met && closed;
    }
    if words.get(*at) == Some(&"WITH") {
        let exception = words.get(*at + 1).copied().unwrap_or_default();
        *at += 2;
        return allowed.contains(&format!("{word} WITH {exception}"));
    }
    allowed.contains(*word)
}

#[test]
fn every_crate_has_a_licence_of_the_list() {
    let policy = policy();
    let allowed = strings(&policy["licenses"]["allow"]);
    let metadata = graph(&policy);
    let crates = built(&metadata);
    assert!(
        crates.len() > 100,
        "only {} crates: is the graph whole?",
        crates.len()
    );
    let refused: Vec<String> = crates
        .iter()
        .filter(|package| {
            !package
                .license
                .as_deref()
                .is_some_and(|text| allows(text, &allowed))
        })
        .map(|package| format!("{} {}: {:?}", package.name, package.version, package.license))
        .collect();
    assert!(refused.is_empty(), "not allowed by deny.toml: {refused:#?}");
}

#[test]
fn no_crate_is_banned_nor_from_elsewhere_nor_of_any_version() {
    let policy = policy();
    let bans = &policy["bans"];
    let banned: Vec<&str> = bans["deny"]
        .as_array()
        .unwrap()
        .iter()
        .map(|ban| ban["crate"].as_str().unwrap())
        .collect();
    assert!(!banned.is_empty());
    let refusals = [
        &bans["wildcards"],
        &policy["sources"]["unknown-registry"],
        &policy["sources"]["unknown-git"],
    ];
    assert!(
        refusals.iter().all(|rule| rule.as_str() == Some("deny")),
        "{refusals:?}"
    );
    for package in built(&graph(&policy)) {
        let name = package.name.as_str();
        assert!(!banned.contains(&name), "{name} is banned by deny.toml");
        let Some(source) = &package.source else {
            let wild = |d: &&cargo_metadata::Dependency| d.path.is_none() && d.req.to_string() == "*";
            let wild = package.dependencies.iter().find(wild);
            assert!(
                wild.is_none(),
                "{name}: any version of {:?}",
                wild.map(|d| &d.name)
            );
            continue;
        };
        assert_eq!(source.repr, CRATES_IO, "{name}");
    }
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    let allowed: BTreeSet<String> = ["MIT", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"]
        .map(str::to_owned)
        .into();
    for good in [
        "MIT",
        "GPL-3.0 OR MIT",
        "Unlicense/MIT",
        "(MIT OR GPL-3.0) AND Unicode-3.0",
        "GPL-3.0 AND X OR MIT",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(allows(good, &allowed), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "MIT AND (GPL-3.0 OR X)",
        "Apache-2.0",
        "MIT WITH LLVM-exception",
        "(MIT",
        "MIT MIT",
    ] {
        assert!(!allows(bad, &allowed), "{bad}");
    }
}
