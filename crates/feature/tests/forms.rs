//! The text and JSON forms: what is printed reads back the same, and nothing read panics.

mod rows;

use proptest::prelude::*;
use rankine_feature::{FieldType, Value, json, text};
use rows::{field_type, value};

fn typed_value() -> impl Strategy<Value = (FieldType, Value)> {
    field_type().prop_flat_map(|ty| value(ty).prop_map(move |value| (ty, value)))
}

/// Equal, a NaN being equal to a NaN; a NaN alone and missing are one.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Floats(a), Value::Floats(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b.iter())
                    .all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
        }
        _ if a.is_missing() => b.is_missing(),
        _ => a == b,
    }
}

/// What JSON can say: no infinities, every tag once and in order.
fn jsonable(value: &Value) -> bool {
    let finite = |x: &f64| x.is_finite() || x.is_nan();
    match value {
        Value::Float(x) => finite(x),
        Value::Floats(items) => items.iter().all(finite),
        Value::Weighted(items) => items.windows(2).all(|w| w[0].0 < w[1].0),
        Value::Missing | Value::Int(_) | Value::Str(_) | Value::Time(_) | Value::Bool(_) => true,
        Value::Ints(_) | Value::Strs(_) | Value::Vector(_) => true,
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        "-?[0-9]{0,20}(\\.0)?".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn text_reads_back((ty, value) in typed_value()) {
        let mut cell = String::new();
        text::print(&value, &mut cell);
        prop_assert!(!cell.contains(['\t', '\n', '\r']), "{cell:?}");
        let back = text::parse(ty, &cell).unwrap();
        prop_assert!(same(&value, &back), "{value:?} -> {cell:?} -> {back:?}");
        prop_assert!(back.fits(ty));
    }

    #[test]
    fn json_reads_back((ty, value) in typed_value()) {
        prop_assume!(jsonable(&value));
        let written = json::print(&value).to_string();
        let back = json::parse(ty, &serde_json::from_str(&written).unwrap()).unwrap();
        prop_assert!(same(&value, &back), "{value:?} -> {written} -> {back:?}");
    }

    #[test]
    fn no_cell_panics(ty in field_type(), cell in prop_oneof![any::<String>(), "[\\\\,:Nte0-9.-]{0,8}"]) {
        if let Ok(value) = text::parse(ty, &cell) {
            prop_assert!(value.fits(ty));
        }
    }

    #[test]
    fn no_json_panics(ty in field_type(), value in any_json()) {
        if let Ok(value) = json::parse(ty, &value) {
            prop_assert!(value.fits(ty));
        }
    }
}
