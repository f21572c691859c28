//! Columns to Arrow arrays, the form the Parquet codec takes.
//!
//! The decision: every column may hold missing values, so every field is nullable; map keys and
//! list elements never are missing.

use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, FixedSizeListBuilder, Float32Builder, Float64Builder, Int64Builder, ListBuilder,
    MapBuilder, StringBuilder,
};
use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema};

use crate::{Column, Signs, Table, WeightedTags};

/// Turns a table into one record batch.
pub(super) fn batch(table: &Table) -> Result<RecordBatch, ArrowError> {
    let arrays: Vec<ArrayRef> = table
        .columns
        .iter()
        .map(|(_, column)| array(column))
        .collect::<Result<_, _>>()?;
    let fields: Vec<Field> = table
        .columns
        .iter()
        .zip(&arrays)
        .map(|((name, _), array)| Field::new(name, array.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

fn array(column: &Column) -> Result<ArrayRef, ArrowError> {
    Ok(match column {
        Column::Int(rows) => Arc::new(Int64Array::from_iter(rows.iter().copied())),
        Column::Float(rows) => Arc::new(Float64Array::from_iter(rows.iter().copied())),
        Column::Text(rows) => Arc::new(StringArray::from_iter(rows.iter().map(Option::as_deref))),
        Column::Bool(rows) => Arc::new(BooleanArray::from_iter(rows.iter().copied())),
        Column::Time(rows) => {
            Arc::new(TimestampMicrosecondArray::from_iter(rows.iter().copied()).with_timezone("UTC"))
        }
        Column::Ints(rows) => list(rows, Int64Builder::new(), |to, values| to.append_slice(values)),
        Column::Floats(rows) => list(rows, Float64Builder::new(), |to, values| to.append_slice(values)),
        Column::Texts(rows) => list(rows, StringBuilder::new(), |to, values| {
            values.iter().for_each(|text| to.append_value(text));
        }),
        Column::Weighted(rows) => map(rows)?,
        Column::Signs(rows) => signs(rows)?,
        Column::Vector { width, rows } => vectors(*width, rows)?,
    })
}

fn list<T, B: ArrayBuilder>(rows: &[Option<Vec<T>>], values: B, append: impl Fn(&mut B, &[T])) -> ArrayRef {
    let mut builder = ListBuilder::with_capacity(values, rows.len());
    for row in rows {
        if let Some(values) = row {
            append(builder.values(), values);
        }
        builder.append(row.is_some());
    }
    Arc::new(builder.finish())
}

fn map(rows: &[Option<WeightedTags>]) -> Result<ArrayRef, ArrowError> {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), Float32Builder::new());
    for row in rows {
        for (tag, weight) in row.iter().flatten() {
            builder.keys().append_value(tag);
            builder.values().append_value(*weight);
        }
        builder.append(row.is_some())?;
    }
    Ok(Arc::new(builder.finish()))
}

fn signs(rows: &[Option<Signs>]) -> Result<ArrayRef, ArrowError> {
    let fields: Fields = vec![
        Field::new("sign", DataType::UInt64, false),
        Field::new("weight", DataType::Float32, false),
    ]
    .into();
    let all = || rows.iter().flatten().flatten();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(all().map(|(sign, _)| *sign))),
        Arc::new(Float32Array::from_iter_values(all().map(|(_, weight)| *weight))),
    ];
    let pairs = StructArray::try_new(fields.clone(), columns, None)?;
    let ends = OffsetBuffer::from_lengths(rows.iter().map(|row| row.as_ref().map_or(0, Vec::len)));
    let present = NullBuffer::from_iter(rows.iter().map(Option::is_some));
    let item = Arc::new(Field::new("item", DataType::Struct(fields), false));
    Ok(Arc::new(ListArray::try_new(
        item,
        ends,
        Arc::new(pairs),
        Some(present),
    )?))
}

fn vectors(width: usize, rows: &[Option<Vec<f32>>]) -> Result<ArrayRef, ArrowError> {
    let length = i32::try_from(width).map_err(|_| too_wide(width))?;
    let mut builder = FixedSizeListBuilder::with_capacity(Float32Builder::new(), length, rows.len());
    for row in rows {
        match row {
            Some(values) => builder.values().append_slice(values),
            None => builder.values().append_nulls(width),
        }
        builder.append(row.is_some());
    }
    Ok(Arc::new(builder.finish()))
}

fn too_wide(width: usize) -> ArrowError {
    ArrowError::InvalidArgumentError(format!("a vector of {width} floats is too wide"))
}
