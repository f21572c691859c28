//! From a table's columns to values.

use std::sync::Arc;

use rankine_dict::LoadFault;
use rankine_feature::{FieldType, Key, Value};
use rankine_table::{Column, Kind};

/// A column with its field type.
///
/// # Errors
/// For extracted features, which are no values.
pub(super) fn typed((name, kind): &(String, Kind)) -> Result<(Arc<str>, FieldType), LoadFault> {
    let ty = match kind {
        Kind::Int => FieldType::Int,
        Kind::Float => FieldType::Float,
        Kind::Text => FieldType::String,
        Kind::Bool => FieldType::Bool,
        Kind::Time => FieldType::Timestamp,
        Kind::Ints => FieldType::IntList,
        Kind::Floats => FieldType::FloatList,
        Kind::Texts => FieldType::StringList,
        Kind::Weighted => FieldType::Weighted,
        Kind::Vector(width) => FieldType::Vector(*width),
        Kind::Signs => return Err(format!("column `{name}`: expected values, got {kind}").into()),
    };
    Ok((Arc::from(name.as_str()), ty))
}

/// One cell; a float that is no number is missing, as everywhere.
pub(super) fn value(column: &Column, row: usize) -> Value {
    let found = match column {
        Column::Int(rows) => rows[row].map(Value::Int),
        Column::Float(rows) => rows[row].filter(|x| !x.is_nan()).map(Value::Float),
        Column::Text(rows) => rows[row].as_deref().map(Value::str),
        Column::Bool(rows) => rows[row].map(Value::Bool),
        Column::Time(rows) => rows[row].map(Value::Time),
        Column::Ints(rows) => rows[row].as_deref().map(Value::ints),
        Column::Floats(rows) => rows[row].as_deref().map(Value::floats),
        Column::Texts(rows) => rows[row].as_deref().map(Value::strs),
        Column::Weighted(rows) => rows[row].as_deref().map(Value::weighted),
        Column::Vector { rows, .. } => rows[row].as_deref().map(Value::vector),
        Column::Signs(_) => None,
    };
    found.unwrap_or_default()
}

/// A key with its owner; keys are whole numbers or text.
pub(super) enum OwnedKey {
    /// A whole number.
    Int(i64),
    /// A text.
    Text(Arc<str>),
}

impl OwnedKey {
    /// The key in a cell; `None` where it is missing or of another type.
    pub(super) fn of(value: &Value) -> Option<Self> {
        Key::of(value).map(|key| match key {
            Key::Int(key) => Self::Int(key),
            Key::Text(key) => Self::Text(key.into()),
        })
    }

    pub(super) fn borrow(&self) -> Key<'_> {
        match self {
            Self::Int(key) => Key::Int(*key),
            Self::Text(key) => Key::Text(key),
        }
    }
}

impl std::fmt::Display for OwnedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(key) => write!(f, "{key}"),
            Self::Text(key) => write!(f, "`{}`", key.chars().take(60).collect::<String>()),
        }
    }
}
