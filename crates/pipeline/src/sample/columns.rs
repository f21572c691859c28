//! Rows of values to typed columns.
//!
//! The column's type is the field's, so a column of missing values only is still typed.

use rankine_feature::{FieldType, Value};
use rankine_table::{Column, Kind, Table};

use crate::aggregate::FieldSpec;

/// The column type of a field type.
pub(crate) fn kind(ty: FieldType) -> Kind {
    match ty {
        FieldType::Int => Kind::Int,
        FieldType::Float => Kind::Float,
        FieldType::String => Kind::Text,
        FieldType::Timestamp => Kind::Time,
        FieldType::Bool => Kind::Bool,
        FieldType::IntList => Kind::Ints,
        FieldType::FloatList => Kind::Floats,
        FieldType::StringList => Kind::Texts,
        FieldType::Weighted => Kind::Weighted,
        FieldType::Vector(width) => Kind::Vector(width),
    }
}

/// An empty table with a column per field.
pub(super) fn table<'a>(fields: impl Iterator<Item = &'a FieldSpec>) -> Table {
    let columns = fields.map(|(name, ty)| ((*name).to_owned(), Column::new(kind(*ty), 0)));
    Table {
        columns: columns.collect(),
    }
}

/// Appends a row, one value per column.
pub(super) fn push(table: &mut Table, row: impl Iterator<Item = Value>) {
    for ((_, column), value) in table.columns.iter_mut().zip(row) {
        push_value(column, &value);
    }
}

/// Appends a value; one of another type than the column counts as missing (no field of ours has one).
pub(crate) fn push_value(column: &mut Column, value: &Value) {
    match (column, value) {
        (Column::Int(rows), Value::Int(x)) | (Column::Time(rows), Value::Time(x)) => rows.push(Some(*x)),
        (Column::Float(rows), Value::Float(x)) => rows.push(Some(*x)),
        (Column::Text(rows), Value::Str(x)) => rows.push(Some(x.to_string())),
        (Column::Bool(rows), Value::Bool(x)) => rows.push(Some(*x)),
        (Column::Ints(rows), Value::Ints(x)) => rows.push(Some(x.to_vec())),
        (Column::Floats(rows), Value::Floats(x)) => rows.push(Some(x.to_vec())),
        (Column::Texts(rows), Value::Strs(x)) => rows.push(Some(x.iter().map(ToString::to_string).collect())),
        (Column::Weighted(rows), Value::Weighted(x)) => {
            rows.push(Some(
                x.iter().map(|(tag, weight)| (tag.to_string(), *weight)).collect(),
            ));
        }
        (Column::Vector { rows, .. }, Value::Vector(x)) => rows.push(Some(x.to_vec())),
        (column, _) => column.push_missing(),
    }
}
