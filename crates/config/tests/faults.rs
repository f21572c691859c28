//! What `parse` says about right, wrong and hostile files, read into types such as the workspace uses.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use rankine_config::{Located, parse, parse_partial};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Whole {
    format: u32,
    name: Located<String>,
    #[serde(default)]
    feature: Vec<Entry>,
    #[serde(default)]
    optimizer: BTreeMap<String, Optimizer>,
    activation: Option<Activation>,
    pair: Option<(f32, f32)>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    slot: Option<u32>,
    #[serde(default)]
    args: Vec<f64>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Activation {
    Relu,
    Leaky(f32),
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Optimizer {
    Adam { lr: f64 },
    Sgd { lr: f64, momentum: Option<f64> },
}

fn faults(text: &str) -> String {
    parse::<Whole>(text, "f.toml").unwrap_err().to_string()
}

#[test]
fn reads_what_is_right() {
    let text = "format = 1\nname = \"x\"\nactivation = \"relu\"\npair = [1, 2.5]\n\
                optimizer.embedding = { kind = \"adam\", lr = 1 }\n[[feature]]\nname = \"a\"\nslot = 0x10\nargs = [1, 2.5]\n";
    let whole = parse::<Whole>(text, "f.toml").unwrap();
    assert_eq!(
        (whole.format, whole.name.value.as_str(), whole.name.span),
        (1, "x", 18..21)
    );
    assert_eq!(whole.activation, Some(Activation::Relu));
    assert_eq!(whole.pair, Some((1.0, 2.5)));
    assert_eq!(whole.optimizer["embedding"], Optimizer::Adam { lr: 1.0 });
    assert_eq!(
        whole.feature,
        [Entry {
            name: "a".into(),
            slot: Some(16),
            args: vec![1.0, 2.5]
        }]
    );
    let leaky = parse::<Whole>("format=1\nname=''\nactivation = { leaky = 0.1 }", "f").unwrap();
    assert_eq!(leaky.activation, Some(Activation::Leaky(0.1)));
}

#[test]
fn says_all_unknown_keys_with_the_nearest() {
    let text = "format = 1\nname = \"x\"\nfeatures = 1\nzzz = 2\n[[feature]]\nname = \"a\"\nslott = 1\n[[feature]]\nnam = \"b\"\n";
    assert_eq!(
        faults(text),
        "f.toml:3:1: unknown key `features` (did you mean `feature`?)\n\
         f.toml:4:1: unknown key `zzz`\n\
         f.toml:7:1: unknown key `slott` (did you mean `slot`?)\n\
         f.toml:8:1: missing key `name`\n\
         f.toml:9:1: unknown key `nam` (did you mean `name`?)"
    );
}

#[test]
fn says_all_type_faults() {
    let text = "format = -1\nname = 7\nactivation = \"rellu\"\npair = [1, \"x\"]\n\
                [[feature]]\nname = \"a\"\nslot = \"b\"\nargs = [1, \"2\", true]\n";
    assert_eq!(
        faults(text),
        "f.toml:1:10: expected a whole number, 0 or more, got integer `-1`\n\
         f.toml:2:8: expected a string, got integer `7`\n\
         f.toml:3:14: unknown value `rellu`, expected one of: relu, leaky (did you mean `relu`?)\n\
         f.toml:4:12: expected a number, got string \"x\"\n\
         f.toml:7:8: expected a whole number, 0 or more, got string \"b\"\n\
         f.toml:8:12: expected a number, got string \"2\"\n\
         f.toml:8:17: expected a number, got boolean `true`"
    );
}

#[test]
fn tagged_enums_point_at_the_key() {
    let text = "format = 1\nname = \"x\"\n[optimizer]\na = { kind = \"adam\", lrr = 1, lr = 2 }\nb = { kind = \"sdg\", lr = 1 }\nc = { kind = \"sgd\" }\n";
    assert_eq!(
        faults(text),
        "f.toml:4:22: unknown key `lrr` (did you mean `lr`?)\n\
         f.toml:5:14: unknown value `sdg`, expected one of: adam, sgd (did you mean `sgd`?)\n\
         f.toml:6:5: missing key `lr`"
    );
}

#[test]
fn syntax_faults_come_alone_and_all_at_once() {
    let faults = parse::<Whole>("format = \nname = \"x\nunknown = 1\nb = [1\n", "f.toml").unwrap_err();
    assert!(faults.0.len() >= 2, "{faults}");
    assert_eq!((faults.0[0].line, faults.0[0].file.as_str()), (1, "f.toml"));
}

#[test]
fn a_key_given_twice_is_a_fault() {
    assert!(faults("format = 1\nformat = 2\nname = \"x\"\n").contains("f.toml:2:1: duplicate key"));
}

#[test]
fn partial_keeps_what_is_right() {
    let text = "format = 1\nname = \"x\"\n[[feature]]\nname = \"a\"\nslott = 1\n[[feature]]\nslot = 2\n";
    let (whole, faults) = parse_partial::<Whole>(text, "f");
    let names: Vec<_> = whole.unwrap().feature.into_iter().map(|f| f.name).collect();
    assert_eq!((names, faults.0.len()), (vec!["a".to_owned()], 2));
}

#[test]
fn numbers_out_of_range_are_faults() {
    assert!(
        faults("format = 99999999999999999999\nname = \"x\"")
            .starts_with("f.toml:1:10: expected a whole number, 0 or more")
    );
    assert!(
        faults("format = 1\nname = \"x\"\npair = [1e999, 1]").contains("3:9: number 1e999 is out of range")
    );
}

/// Pieces of TOML, right and wrong, glued at random: reaches deeper than random characters.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("format = 1\n".to_owned()),
        Just("name = \"x\"\n".to_owned()),
        Just("[[feature]]\n".to_owned()),
        Just("[optimizer]\n".to_owned()),
        Just("a = { kind = \"adam\", lr = ".to_owned()),
        Just("slot = ".to_owned()),
        Just("args = [1, [".to_owned()),
        Just("feature.a.b = ".to_owned()),
        Just("1979-05-27T07:32:00Z\n".to_owned()),
        Just("]\n".to_owned()),
        Just("}\n".to_owned()),
        "[ -~\n]{0,12}",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn no_text_panics(pieces in proptest::collection::vec(piece(), 0..12)) {
        let text = pieces.concat();
        if let Err(faults) = parse::<Whole>(&text, "f") {
            prop_assert!(!faults.0.is_empty());
            prop_assert!(faults.0.iter().all(|f| f.line >= 1 && f.line <= text.matches('\n').count() + 1));
            prop_assert!(faults.0.is_sorted());
        }
    }

    #[test]
    fn every_unknown_key_is_reported(keys in proptest::collection::btree_set("u[a-z]{1,8}", 0..20)) {
        let lines: String = keys.iter().map(|k| format!("{k} = 1\n")).collect();
        let text = format!("format = 1\nname = \"x\"\n{lines}");
        let found = parse::<Whole>(&text, "f").map_or_else(|e| e.0.len(), |_| 0);
        prop_assert_eq!(found, keys.len());
    }
}
