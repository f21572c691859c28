//! The JSON form of values: requests, responses and debug output.
//!
//! Reading is kind where the schema leaves no doubt: `5`, `"5"` and `5.0` are the int 5, a scalar may come in an array
//! of one (as TensorFlow Serving's clients send it), a list may come as a scalar. Numbers outside the type, fractions
//! for ints and nested arrays are errors. `null` is missing. Objects have no order: the tags of a map are sorted.

use crate::text::shorten;
use crate::{FeatureError, FieldType, Value, text};
use serde_json::{Map, Number, Value as Json};
use std::sync::Arc;

/// Reads one JSON value.
///
/// # Errors
/// `FeatureError::Type` when it is not of this type.
pub fn parse(ty: FieldType, value: &Json) -> Result<Value, FeatureError> {
    if value.is_null() {
        return Ok(Value::Missing);
    }
    let read = match ty {
        FieldType::Int | FieldType::Float | FieldType::String | FieldType::Timestamp | FieldType::Bool => {
            scalar(ty, only(value))
        }
        FieldType::IntList => items(value, int).map(|x| Value::Ints(x.into())),
        FieldType::FloatList => items(value, float_or_nan).map(|x| Value::Floats(x.into())),
        FieldType::StringList => items(value, string).map(|x| Value::Strs(x.into())),
        FieldType::Weighted => weighted(value),
        FieldType::Vector(width) => vector(value, width),
    };
    read.ok_or_else(|| FeatureError::Type {
        expected: ty.to_string(),
        got: shorten(&value.to_string()),
    })
}

/// The element of an array of one; anything else is itself.
fn only(value: &Json) -> &Json {
    match value.as_array().map(Vec::as_slice) {
        Some([one]) => one,
        _ => value,
    }
}

fn scalar(ty: FieldType, value: &Json) -> Option<Value> {
    match ty {
        _ if value.is_null() => Some(Value::Missing),
        FieldType::Int => int(value).map(Value::Int),
        FieldType::Float => float(value).map(|x| {
            if x.is_nan() {
                Value::Missing
            } else {
                Value::Float(x)
            }
        }),
        FieldType::String => string(value).map(Value::Str),
        FieldType::Timestamp => int(value).map(Value::Time),
        FieldType::Bool => truth(value).map(Value::Bool),
        FieldType::IntList
        | FieldType::FloatList
        | FieldType::StringList
        | FieldType::Weighted
        | FieldType::Vector(_) => None,
    }
}

fn int(value: &Json) -> Option<i64> {
    match value {
        Json::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Json::String(text) => text.parse().ok().or_else(|| whole(text.parse().ok()?)),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// A float that is a whole number which f64 holds exactly.
#[expect(
    clippy::cast_possible_truncation,
    reason = "checked to be whole and below 2^53"
)]
fn whole(x: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (x.fract() == 0.0 && x.abs() <= EXACT).then_some(x as i64)
}

fn float(value: &Json) -> Option<f64> {
    match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.parse().ok(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// An element of a list of numbers; `null` is NaN there, as [`print`] writes it.
fn float_or_nan(value: &Json) -> Option<f64> {
    if value.is_null() {
        Some(f64::NAN)
    } else {
        float(value)
    }
}

fn string(value: &Json) -> Option<Arc<str>> {
    match value {
        Json::String(text) => Some(text.as_str().into()),
        Json::Number(number) => Some(number.to_string().into()),
        Json::Bool(truth) => Some(truth.to_string().into()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn truth(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(truth) => Some(*truth),
        Json::Number(number) => match number.as_i64()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        Json::String(cell) => text::truth(cell),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn items<T>(value: &Json, read: impl Fn(&Json) -> Option<T>) -> Option<Vec<T>> {
    match value.as_array() {
        Some(items) => items.iter().map(read).collect(),
        None => Some(vec![read(value)?]),
    }
}

fn weighted(value: &Json) -> Option<Value> {
    let object = only(value).as_object()?;
    let entries = object
        .iter()
        .map(|(tag, weight)| Some((Arc::from(tag.as_str()), finite(weight)?)));
    let mut entries: Vec<(Arc<str>, f32)> = entries.collect::<Option<_>>()?;
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Some(Value::Weighted(entries.into()))
}

fn vector(value: &Json, width: usize) -> Option<Value> {
    let items = items(value, finite)?;
    (items.len() == width).then(|| Value::Vector(items.into()))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "weights and vectors are f32; what does not fit is refused"
)]
fn finite(value: &Json) -> Option<f32> {
    float(value).map(|x| x as f32).filter(|x| x.is_finite())
}

/// The JSON form of a value. [`parse`] with the value's type gives an equal value back, but for two things that JSON
/// has no form for: numbers that are not finite become `null` (missing; NaN in lists), and tags of a map are sorted and
/// kept once, the last weight winning.
#[must_use]
pub fn print(value: &Value) -> Json {
    match value {
        Value::Missing => Json::Null,
        Value::Int(x) | Value::Time(x) => Json::from(*x),
        Value::Float(x) => number(*x),
        Value::Str(x) => Json::from(x.as_ref()),
        Value::Bool(x) => Json::from(*x),
        Value::Ints(items) => items.iter().copied().collect(),
        Value::Floats(items) => items.iter().map(|x| number(*x)).collect(),
        Value::Strs(items) => items.iter().map(|x| Json::from(x.as_ref())).collect(),
        Value::Vector(items) => items.iter().map(|x| number(f64::from(*x))).collect(),
        Value::Weighted(items) => {
            let entries = items
                .iter()
                .map(|(tag, weight)| (tag.to_string(), number(f64::from(*weight))));
            Json::Object(entries.collect::<Map<_, _>>())
        }
    }
}

fn number(x: f64) -> Json {
    Number::from_f64(x).map_or(Json::Null, Json::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ints_come_in_many_shapes() {
        for value in [json!(5), json!("5"), json!(5.0), json!([5]), json!(["5.0"])] {
            assert_eq!(parse(FieldType::Int, &value).unwrap(), Value::Int(5), "{value}");
        }
        for value in [
            json!(5.5),
            json!(1e300),
            json!([5, 6]),
            json!([[5]]),
            json!({}),
            json!(true),
            json!(""),
        ] {
            assert!(parse(FieldType::Int, &value).is_err(), "{value}");
        }
    }

    #[test]
    fn null_is_missing_also_in_an_array_of_one() {
        assert_eq!(parse(FieldType::Int, &json!(null)).unwrap(), Value::Missing);
        assert_eq!(parse(FieldType::String, &json!([null])).unwrap(), Value::Missing);
    }

    #[test]
    fn lists_maps_and_vectors() {
        assert_eq!(
            parse(FieldType::StringList, &json!("a")).unwrap(),
            Value::strs(&["a"])
        );
        assert_eq!(
            parse(FieldType::IntList, &json!([1, "2"])).unwrap(),
            Value::ints(&[1, 2])
        );
        assert_eq!(
            parse(FieldType::Weighted, &json!({"a": 1})).unwrap(),
            Value::weighted(&[("a", 1.0)])
        );
        assert_eq!(
            parse(FieldType::Vector(2), &json!([1, 2])).unwrap(),
            Value::vector(&[1.0, 2.0])
        );
        assert!(parse(FieldType::Vector(3), &json!([1, 2])).is_err());
        assert!(parse(FieldType::Weighted, &json!({"a": 1e300})).is_err());
    }

    #[test]
    fn errors_name_type_and_value() {
        let error = parse(FieldType::Int, &json!({"a": 1})).unwrap_err();
        assert_eq!(error.to_string(), "expected int, got {\"a\":1}");
    }

    #[test]
    fn printing_what_json_cannot_say() {
        assert_eq!(print(&Value::Float(f64::INFINITY)), Json::Null);
        assert_eq!(print(&Value::Time(5)), json!(5));
    }
}
