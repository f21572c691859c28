//! The text form of values.
use crate::{FeatureError, FieldType, Value};

/// Reads one cell.
///
/// # Errors
/// `FeatureError::Type`, `FeatureError::Escape`.
pub fn parse(ty: FieldType, cell: &str) -> Result<Value, FeatureError> {
    let _ = (ty, cell);
    todo!()
}

/// Appends the text form of a value.
pub fn print(value: &Value, out: &mut String) {
    let _ = (value, out);
    todo!()
}
