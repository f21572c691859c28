//! `rankine model rollback` under a running server.

use crate::artefact::{newest, published, scaled};
use crate::home::{home, rankine, wait_until};
use crate::process::Server;

#[test]
fn a_running_server_obeys_the_pin_and_its_removal() {
    let home = home();
    let server = Server::predictor(home.path());
    published(
        &home.path().join("models"),
        &scaled(&newest(home.path(), "widedeep"), 0.5),
    );
    let serves = |version: u64| {
        wait_until(&format!("version {version}"), || {
            server.model_status("widedeep")["version"] == version
        });
    };
    serves(2);
    let said = rankine(home.path(), &["model", "rollback", "widedeep", "--json"])
        .good()
        .json();
    assert_eq!(
        (&said["before"], &said["version"], &said["pinned"]),
        (&2.into(), &1.into(), &true.into())
    );
    serves(1);
    let said = rankine(home.path(), &["model", "rollback", "widedeep", "--latest"])
        .good()
        .stdout;
    assert_eq!(said, "widedeep: version 2 serves (the newest); before: 1\n");
    serves(2);
    rankine(home.path(), &["model", "rollback", "widedeep", "1"]).good();
    serves(1);
}

#[test]
fn what_cannot_serve_is_not_pinned() {
    let home = home();
    let told = |arguments: &[&str]| rankine(home.path(), arguments).bad(1);
    assert!(told(&["model", "rollback", "widedeep"]).contains("no version before 1; versions there: [1]"));
    assert!(told(&["model", "rollback", "widedeep", "7"]).contains("no version 7"));
    assert!(told(&["model", "rollback", "nosuch"]).contains("no model nosuch"));
    let weights = home.path().join("models/widedeep/1/weights.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    assert!(told(&["model", "rollback", "widedeep", "1"]).contains("weights.safetensors"));
    assert!(!home.path().join("models/widedeep/pin").exists());
}
