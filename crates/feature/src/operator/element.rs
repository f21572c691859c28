//! The elements of values as texts and as dictionary keys, without allocating.

use crate::{FieldType, Key, Value};
use std::io::Write;

/// Calls `each` with every element of a value as text, and its weight: ints and times (µs) in decimal, truth values as
/// `true` and `false`. Missing values, floats and vectors have none.
pub(super) fn texts(value: &Value, mut each: impl FnMut(&str, f32)) {
    match value {
        Value::Int(x) | Value::Time(x) => decimal(*x, |text| each(text, 1.0)),
        Value::Bool(x) => each(if *x { "true" } else { "false" }, 1.0),
        Value::Str(x) => each(x, 1.0),
        Value::Ints(items) => items.iter().for_each(|x| decimal(*x, |text| each(text, 1.0))),
        Value::Strs(items) => items.iter().for_each(|x| each(x, 1.0)),
        Value::Weighted(items) => items.iter().for_each(|(x, weight)| each(x, *weight)),
        Value::Missing | Value::Float(_) | Value::Floats(_) | Value::Vector(_) => {}
    }
}

/// A whole number in decimal, on the stack.
pub(super) fn decimal(x: i64, with: impl FnOnce(&str)) {
    let mut buffer = [0; 20];
    let mut rest = &mut buffer[..];
    let left = match write!(rest, "{x}") {
        Ok(()) => rest.len(),
        Err(_) => 0,
    };
    let end = buffer.len() - left;
    if let Ok(text) = std::str::from_utf8(&buffer[..end]) {
        with(text);
    }
}

/// Calls `each` with every element as a key of a dictionary whose keys have that type, and its weight.
pub(super) fn keys(value: &Value, ty: FieldType, mut each: impl FnMut(Key<'_>, f32)) {
    let mut typed = |key: Key<'_>, weight| {
        if matches!(key, Key::Int(_)) == (ty == FieldType::Int) {
            each(key, weight);
        }
    };
    match value {
        Value::Int(x) => typed(Key::Int(*x), 1.0),
        Value::Str(x) => typed(Key::Text(x), 1.0),
        Value::Ints(items) => items.iter().for_each(|x| typed(Key::Int(*x), 1.0)),
        Value::Strs(items) => items.iter().for_each(|x| typed(Key::Text(x), 1.0)),
        Value::Weighted(items) => items.iter().for_each(|(x, weight)| typed(Key::Text(x), *weight)),
        Value::Missing
        | Value::Time(_)
        | Value::Bool(_)
        | Value::Float(_)
        | Value::Floats(_)
        | Value::Vector(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        texts(value, |text, weight| found.push(format!("{text}*{weight}")));
        found
    }

    #[test]
    fn elements_as_texts() {
        assert_eq!(
            all(&Value::ints(&[i64::MIN, 0])),
            ["-9223372036854775808*1", "0*1"]
        );
        assert_eq!(all(&Value::Bool(true)), ["true*1"]);
        assert_eq!(all(&Value::weighted(&[("a", 0.5)])), ["a*0.5"]);
        assert!(all(&Value::Missing).is_empty() && all(&Value::Float(1.0)).is_empty());
    }

    #[test]
    fn keys_have_the_dictionary_s_type() {
        let mut found = 0;
        keys(&Value::ints(&[1, 2]), FieldType::Int, |_, _| found += 1);
        keys(&Value::ints(&[1, 2]), FieldType::String, |_, _| found += 100);
        assert_eq!(found, 2);
    }
}
