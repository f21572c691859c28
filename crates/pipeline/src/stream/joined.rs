//! A row as the lookup join gives it, and its cells in the forms others want: typed values, text, JSON.
//!
//! Between the join and everything after it. The decision: JSON values, since both databases give them exactly (whole
//! numbers as such, floats in their shortest form), and a conf's schema types them without a second set of rules.

use std::sync::Arc;

use rankine_feature::{FieldType, Value, json, text};
use serde_json::{Map, Value as Json};
use xxhash_rust::xxh3::xxh3_64;

use super::moment;

/// One item's features, before they are typed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JoinedRow {
    /// The item.
    pub id: i64,
    /// The time its time-dependent columns were computed for, microseconds since 1970 UTC.
    pub as_of: i64,
    /// Columns by name.
    pub cells: Map<String, Json>,
}

impl JoinedRow {
    /// A number that is the same for the same cells of these columns; without any, for the same cells.
    #[must_use]
    pub fn hash(&self, columns: &[(Arc<str>, FieldType)]) -> u64 {
        // a map of serde_json is sorted by name
        let whole = columns.is_empty();
        let named = |name: &String| columns.iter().any(|column| *column.0 == **name);
        let read = self.cells.iter().filter(|(name, _)| whole || named(name));
        let read: Map<String, Json> = read.map(|(name, cell)| (name.clone(), cell.clone())).collect();
        xxh3_64(Json::Object(read).to_string().as_bytes())
    }

    /// The value of a field, missing where there is no such column.
    ///
    /// # Errors
    /// The column's name, what was expected and what was there.
    pub fn value(&self, name: &str, ty: FieldType) -> Result<Value, String> {
        let cell = self.cells.get(name).unwrap_or(&Json::Null);
        typed(ty, cell).map_err(|error| format!("column `{name}`: {error}"))
    }
}

/// A cell as a value of the schema's type. Beyond `feature::json`: a list, a map or a vector may come as a text (`1,2`,
/// `a:1,b:2`, or JSON), a time as ISO text.
///
/// # Errors
/// What was expected and what was there.
pub fn typed(ty: FieldType, cell: &Json) -> Result<Value, String> {
    let parsed = match (ty, cell) {
        (FieldType::Timestamp, Json::String(time)) => {
            let micros = moment::parse(time).ok_or_else(|| format!("expected a time, got `{time}`"))?;
            return Ok(Value::Time(micros));
        }
        (
            FieldType::IntList
            | FieldType::FloatList
            | FieldType::StringList
            | FieldType::Weighted
            | FieldType::Vector(_),
            Json::String(list),
        ) => match structured(list) {
            Some(value) => json::parse(ty, &value),
            None => text::parse(ty, list),
        },
        _ => json::parse(ty, cell),
    };
    parsed.map_err(|error| error.to_string())
}

/// The JSON that a text holds, where it holds an array or an object.
fn structured(list: &str) -> Option<Json> {
    let begins = list.starts_with(['[', '{']);
    begins.then(|| serde_json::from_str(list).ok()).flatten()
}

/// A cell in the text form of feature rows; typed where the field is known.
#[must_use]
pub fn print(ty: Option<FieldType>, cell: &Json) -> Option<String> {
    if cell.is_null() {
        return None;
    }
    if let Some(value) = ty.and_then(|ty| typed(ty, cell).ok()) {
        let mut out = String::new();
        text::print(&value, &mut out);
        return Some(out);
    }
    Some(cell.as_str().map_or_else(|| cell.to_string(), str::to_owned))
}

/// The cell that [`print()`] wrote.
#[must_use]
pub fn read(ty: Option<FieldType>, cell: &str) -> Json {
    match ty.and_then(|ty| text::parse(ty, cell).ok()) {
        Some(value) => json::print(&value),
        None => structured(cell).unwrap_or_else(|| Json::from(cell)),
    }
}

/// Fields of a schema by name, for [`print()`] and [`read`].
#[derive(Debug, Clone, Default)]
pub struct Types(Vec<(Arc<str>, FieldType)>);

impl Types {
    /// Of these fields.
    #[must_use]
    pub fn new(fields: Vec<(Arc<str>, FieldType)>) -> Types {
        Types(fields)
    }

    /// The type of a field, where it is known.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<FieldType> {
        self.0
            .iter()
            .find(|field| field.0.as_ref() == name)
            .map(|field| field.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(cells: Json) -> JoinedRow {
        JoinedRow {
            cells: cells.as_object().cloned().unwrap_or_default(),
            ..JoinedRow::default()
        }
    }

    #[test]
    fn lists_come_in_three_forms() {
        let floats = Value::Vector([1.0, 2.5].into());
        for cell in [json!([1, 2.5]), json!("1,2.5"), json!("[1,2.5]")] {
            assert_eq!(typed(FieldType::Vector(2), &cell), Ok(floats.clone()), "{cell}");
        }
        let tags = typed(FieldType::Weighted, &json!("a:1,b:2")).unwrap();
        assert_eq!(
            tags,
            typed(FieldType::Weighted, &json!({"a": 1, "b": 2})).unwrap()
        );
    }

    #[test]
    fn a_cell_that_does_not_fit_names_its_column() {
        let error = row(json!({"width": "wide"}))
            .value("width", FieldType::Int)
            .unwrap_err();
        assert!(error.starts_with("column `width`"), "{error}");
        assert_eq!(row(json!({})).value("width", FieldType::Int), Ok(Value::Missing));
    }

    #[test]
    fn text_form_comes_back() {
        let cases = [
            (Some(FieldType::Int), json!(5)),
            (Some(FieldType::String), json!("a,b:c")),
            (
                Some(FieldType::Vector(2)),
                json!([0.100_000_001_490_116_12, -3.0]),
            ),
            (Some(FieldType::StringList), json!(["a,b", "c"])),
            (None, json!("plain")),
            (None, json!([1, 2])),
        ];
        for (ty, cell) in cases {
            let text = print(ty, &cell).unwrap();
            assert_eq!(read(ty, &text), cell, "{text}");
        }
        assert_eq!(print(Some(FieldType::Int), &Json::Null), None);
    }

    #[test]
    fn equal_cells_have_equal_hashes_in_any_order() {
        let (a, b) = (row(json!({"a": 1, "b": 2})), row(json!({"b": 2, "a": 1})));
        assert_eq!(a.hash(&[]), b.hash(&[]));
        let other = row(json!({"a": 1, "b": 3}));
        assert_ne!(a.hash(&[]), other.hash(&[]));
        assert_eq!(
            a.hash(&[("a".into(), FieldType::Int)]),
            other.hash(&[("a".into(), FieldType::Int)])
        );
    }
}
