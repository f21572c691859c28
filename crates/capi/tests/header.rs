//! The header and the code name the same functions, with as many arguments.
#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::collections::BTreeMap;

/// Name and number of arguments of every function that `opens` begins.
fn functions(text: &str, opens: impl Fn(&str) -> bool) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let parts: Vec<&str> = text.split('(').collect();
    for (before, after) in parts.iter().zip(&parts[1..]) {
        let name = before
            .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .unwrap();
        if !name.starts_with("rankine_") || !opens(before) {
            continue;
        }
        let arguments = after.split(')').next().unwrap().trim().trim_end_matches(',');
        let none = arguments.is_empty() || arguments == "void";
        found.insert(
            name.to_owned(),
            if none {
                0
            } else {
                arguments.matches(',').count() + 1
            },
        );
    }
    found
}

#[test]
fn the_header_declares_what_the_code_defines() {
    let header = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/include/rankine.h")).unwrap();
    let mut bare = String::new();
    for (i, part) in header.split("/*").enumerate() {
        bare.push_str(if i == 0 {
            part
        } else {
            part.split_once("*/").unwrap().1
        });
    }
    let declared = functions(&bare, |_| true);
    let mut defined = BTreeMap::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        defined.extend(functions(&text, |before| {
            before
                .rsplit_once("extern \"C\" fn ")
                .is_some_and(|(_, name)| name.starts_with("rankine_") && !name.contains(' '))
        }));
    }
    assert_eq!(declared, defined);
    assert!(declared.len() > 10, "{declared:?}");
}
