//! Signs never change: goldens of every rule, and the hash itself against an independent implementation.
//!
//! `RANKINE_BLESS=1 cargo test -p rankine-feature --test signs` writes the goldens anew: only for a new rule.
#![expect(clippy::unwrap_used, reason = "tests")]

use rankine_feature::{FieldType, json, sign};
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use xxhash_rust::xxh3::xxh3_64;

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// The sign that a golden line describes.
fn sign_of(line: &Json) -> u64 {
    let slot = u32::try_from(line["slot"].as_u64().unwrap()).unwrap();
    if let Some(parts) = line["cross"].as_array() {
        return sign::cross(slot, &parts.iter().map(sign_of).collect::<Vec<_>>());
    }
    let ty = FieldType::from_name(line["type"].as_str().unwrap()).unwrap();
    let value = json::parse(ty, &line["value"]).unwrap();
    sign::scalar(slot, &value, &mut Vec::new()).unwrap()
}

fn cases() -> Vec<Json> {
    let mut cases = Vec::new();
    for slot in [0, 1, 7, 65_536, u32::MAX] {
        for value in [json!(0), json!(5), json!(-1), json!(i64::MAX), json!(i64::MIN)] {
            cases.push(json!({"slot": slot, "type": "int", "value": value}));
            cases.push(json!({"slot": slot, "type": "timestamp", "value": value}));
        }
        for value in [json!("5"), json!(5.0)] {
            cases.push(json!({"slot": slot, "type": "int", "value": value}));
            cases.push(json!({"slot": slot, "type": "string", "value": value}));
            cases.push(json!({"slot": slot, "type": "float", "value": value}));
        }
        for value in [json!(0.0), json!(-0.0), json!(0.1), json!(-1e300)] {
            cases.push(json!({"slot": slot, "type": "float", "value": value}));
        }
        for value in ["", "a", "Sci-Fi", "科幻动作", &"x".repeat(300)] {
            cases.push(json!({"slot": slot, "type": "string", "value": value}));
        }
        cases.push(json!({"slot": slot, "type": "bool", "value": false}));
        cases.push(json!({"slot": slot, "type": "bool", "value": true}));
        let (a, b) = (
            json!({"slot": 2, "type": "int", "value": 7}),
            json!({"slot": 0, "type": "string", "value": "é"}),
        );
        cases.push(json!({"slot": slot, "cross": [a, b]}));
        cases.push(json!({"slot": slot, "cross": [b, a]}));
        cases.push(json!({"slot": slot, "cross": [a, a, b, b, a, a, b, b]}));
    }
    cases
}

#[test]
fn signs_equal_the_goldens() {
    if std::env::var_os("RANKINE_BLESS").is_some() {
        let line = |mut case: Json| {
            case["sign"] = json!(sign_of(&case).to_string());
            format!("{case}\n")
        };
        std::fs::write(
            data("golden_signs.jsonl"),
            cases().into_iter().map(line).collect::<String>(),
        )
        .unwrap();
    }
    let text = std::fs::read_to_string(data("golden_signs.jsonl")).unwrap();
    let goldens: Vec<Json> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(goldens.len(), cases().len());
    for (golden, case) in goldens.iter().zip(cases()) {
        assert_eq!(
            sign_of(golden).to_string(),
            golden["sign"].as_str().unwrap(),
            "{golden}"
        );
        assert_eq!(sign_of(golden), sign_of(&case));
    }
}

#[test]
fn one_int_has_one_sign_however_it_is_written() {
    let sign = |value: Json| sign_of(&json!({"slot": 3, "type": "int", "value": value}));
    assert_eq!([sign(json!("5")), sign(json!(5.0))], [sign(json!(5)); 2]);
}

#[test]
fn the_hashes_are_xxh3_and_farmhash() {
    let oracle: Vec<Json> =
        serde_json::from_str(&std::fs::read_to_string(data("golden_hash.json")).unwrap()).unwrap();
    assert!(oracle.len() > 10);
    for case in &oracle {
        let hex = case["hex"].as_str().unwrap();
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
            .collect();
        assert_eq!(
            xxh3_64(&bytes).to_string(),
            case["xxh3_64"].as_str().unwrap(),
            "{hex}"
        );
        assert_eq!(
            rankine_feature::farmhash::fingerprint64(&bytes).to_string(),
            case["farmhash_fingerprint64"].as_str().unwrap(),
            "{hex}"
        );
    }
}
