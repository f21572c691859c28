//! Bounds that hold before anything is allocated: how many parts a message may have, whatever its size.
//!
//! The decision here: two bytes of a message, or three of JSON, can ask for a hundred bytes of memory, so the body's
//! size alone bounds nothing; parts are counted in the raw bytes first.

use std::time::Duration;

/// How long a body may take to arrive.
pub(crate) const ARRIVAL: Duration = Duration::from_secs(10);
/// Most items, fields, values and list elements in one message. A part takes at most about a hundred bytes.
pub(crate) const MOST_PARTS: usize = 500_000;
/// Most models in one request.
pub(crate) const MOST_MODELS: usize = 256;
/// Most field names, and places they take in all items.
pub(crate) const MOST_NAMES: usize = 4096;
/// Most places for values: items times different field names.
pub(crate) const MOST_PLACES: usize = 2_000_000;

/// An upper bound of the values in a JSON text: its commas, opening brackets and colons outside texts.
pub(crate) fn json_parts(text: &[u8]) -> usize {
    let (mut parts, mut inside, mut escaped) = (1, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b',' | b'[' | b'{' if !inside => parts += 1,
            _ => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_do_not_count() {
        assert_eq!(json_parts(br#"{"a,[{\",": [1, 2, {}]}"#), 6);
        assert_eq!(json_parts(b""), 1);
    }

    fn values(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::Array(items) => 1 + items.iter().map(values).sum::<usize>(),
            serde_json::Value::Object(entries) => 1 + entries.values().map(values).sum::<usize>(),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_) => 1,
        }
    }

    proptest! {
        #[test]
        fn never_fewer_than_there_are(keys in prop::collection::vec("\\PC{0,5}", 0..5), lists in prop::collection::vec(prop::collection::vec(any::<i8>(), 0..4), 0..5)) {
            let mut all = serde_json::Map::new();
            for (key, list) in keys.into_iter().zip(lists) {
                all.insert(key, list.into());
            }
            let value = serde_json::Value::Object(all);
            prop_assert!(json_parts(value.to_string().as_bytes()) >= values(&value));
        }
    }
}
