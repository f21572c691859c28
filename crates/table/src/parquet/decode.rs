//! Arrow arrays to columns: what the Parquet codec gives, widened to the kinds we keep.
//!
//! The decision: foreign files are welcome (any integer, float, text, timestamp, date, decimal
//! or dictionary type), but a type without counterpart is an error that names the column, never
//! a silently missing value.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "Arrow's list of types is foreign and open: what is not named has no counterpart here"
)]

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType, OffsetSizeTrait, StructArray};
use arrow_schema::{DataType, Fields, TimeUnit};

use crate::{Column, Kind, Signs, WeightedTags};

/// Tells which kind of column a type becomes; `None` if it has no counterpart.
pub(super) fn kind(ty: &DataType) -> Option<Kind> {
    match ty {
        DataType::Boolean => Some(Kind::Bool),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => Some(Kind::Text),
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Some(Kind::Time),
        DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) => Some(Kind::Float),
        DataType::Dictionary(_, values) => kind(values),
        DataType::FixedSizeList(item, width) if *item.data_type() == DataType::Float32 => {
            usize::try_from(*width).ok().map(Kind::Vector)
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            list_kind(item.data_type())
        }
        DataType::Map(entries, _) => map_kind(entries.data_type()),
        other if other.is_integer() => Some(Kind::Int),
        _ => None,
    }
}

fn list_kind(item: &DataType) -> Option<Kind> {
    match item {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(Kind::Texts),
        DataType::Float32 | DataType::Float64 => Some(Kind::Floats),
        DataType::Struct(fields) => is_sign(fields).then_some(Kind::Signs),
        other if other.is_integer() => Some(Kind::Ints),
        _ => None,
    }
}

/// A sign and its weight, as extraction writes them.
fn is_sign(fields: &Fields) -> bool {
    let types: Vec<_> = fields.iter().map(|field| field.data_type()).collect();
    matches!(types[..], [DataType::UInt64, DataType::Float32])
}

fn map_kind(entries: &DataType) -> Option<Kind> {
    let DataType::Struct(fields) = entries else {
        return None;
    };
    let kinds: Vec<_> = fields.iter().map(|field| kind(field.data_type())).collect();
    matches!(kinds[..], [Some(Kind::Text), Some(Kind::Float | Kind::Int)]).then_some(Kind::Weighted)
}

/// Turns an array into a column of the kind that [`kind`] tells; `Err` says what stood there instead.
pub(super) fn column(array: &dyn Array) -> Result<Column, String> {
    match array.data_type() {
        DataType::Boolean => Ok(Column::Bool(array.as_boolean().iter().collect())),
        DataType::Null => Ok(Column::Text(vec![None; array.len()])),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(Column::Text(texts(array))),
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => times(array).map(Column::Time),
        DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) => floats(array).map(Column::Float),
        DataType::Dictionary(..) => dictionary(array),
        DataType::List(_) => list::<i32>(array),
        DataType::LargeList(_) => list::<i64>(array),
        DataType::FixedSizeList(..) => fixed(array),
        DataType::Map(..) => weighted(array),
        _ => ints(array).map(Column::Int),
    }
}

fn widened<T: ArrowPrimitiveType, R>(array: &dyn Array, widen: impl Fn(T::Native) -> R) -> Vec<Option<R>> {
    array
        .as_primitive::<T>()
        .iter()
        .map(|value| value.map(&widen))
        .collect()
}

fn ints(array: &dyn Array) -> Result<Vec<Option<i64>>, String> {
    Ok(match array.data_type() {
        DataType::Int8 => widened::<Int8Type, _>(array, i64::from),
        DataType::Int16 => widened::<Int16Type, _>(array, i64::from),
        DataType::Int32 => widened::<Int32Type, _>(array, i64::from),
        DataType::Int64 => widened::<Int64Type, _>(array, |value| value),
        DataType::UInt8 => widened::<UInt8Type, _>(array, i64::from),
        DataType::UInt16 => widened::<UInt16Type, _>(array, i64::from),
        DataType::UInt32 => widened::<UInt32Type, _>(array, i64::from),
        DataType::UInt64 => return unsigned(array),
        other => return Err(other.to_string()),
    })
}

fn unsigned(array: &dyn Array) -> Result<Vec<Option<i64>>, String> {
    let narrow =
        |value: u64| i64::try_from(value).map_err(|_| format!("{value}, which exceeds {}", i64::MAX));
    array
        .as_primitive::<UInt64Type>()
        .iter()
        .map(|value| value.map(narrow).transpose())
        .collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a decimal becomes the nearest float by intention"
)]
fn floats(array: &dyn Array) -> Result<Vec<Option<f64>>, String> {
    Ok(match array.data_type() {
        DataType::Float32 => widened::<Float32Type, _>(array, f64::from),
        DataType::Float64 => widened::<Float64Type, _>(array, |value| value),
        DataType::Decimal128(_, scale) => {
            let divisor = 10f64.powi(i32::from(*scale));
            widened::<Decimal128Type, _>(array, |value| value as f64 / divisor)
        }
        _ => ints(array)?
            .into_iter()
            .map(|value| value.map(|value| value as f64))
            .collect(),
    })
}

fn times(array: &dyn Array) -> Result<Vec<Option<i64>>, String> {
    const DAY: i64 = 86_400_000_000;
    let widen = |values: Vec<Option<i64>>, factor: i64| {
        let scaled = |value: i64| {
            value
                .checked_mul(factor)
                .ok_or_else(|| format!("an instant of {value}, too far"))
        };
        values
            .into_iter()
            .map(|value| value.map(scaled).transpose())
            .collect()
    };
    match array.data_type() {
        DataType::Date32 => widen(widened::<Date32Type, _>(array, i64::from), DAY),
        DataType::Date64 => widen(widened::<Date64Type, _>(array, |value| value), 1_000),
        DataType::Timestamp(TimeUnit::Second, _) => {
            widen(widened::<TimestampSecondType, _>(array, |value| value), 1_000_000)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => widen(
            widened::<TimestampMillisecondType, _>(array, |value| value),
            1_000,
        ),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Ok(widened::<TimestampMicrosecondType, _>(array, |value| value))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            Ok(widened::<TimestampNanosecondType, _>(array, |value| {
                value.div_euclid(1_000)
            }))
        }
        other => Err(other.to_string()),
    }
}

fn texts(array: &dyn Array) -> Vec<Option<String>> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    if let Some(array) = array.as_string_opt::<i32>() {
        array.iter().map(owned).collect()
    } else if let Some(array) = array.as_string_opt::<i64>() {
        array.iter().map(owned).collect()
    } else {
        array.as_string_view().iter().map(owned).collect()
    }
}

fn dictionary(array: &dyn Array) -> Result<Column, String> {
    let dictionary = array.as_any_dictionary();
    let values = column(dictionary.values().as_ref())?;
    let empty = dictionary.values().is_empty();
    let keys = if empty {
        vec![0; array.len()]
    } else {
        dictionary.normalized_keys()
    };
    let rows = keys
        .into_iter()
        .enumerate()
        .map(|(row, key)| (!empty && array.is_valid(row)).then_some(key));
    fn pick<T: Clone>(values: &[Option<T>], rows: impl Iterator<Item = Option<usize>>) -> Vec<Option<T>> {
        rows.map(|key| values.get(key?).cloned().flatten()).collect()
    }
    match values {
        Column::Text(values) => Ok(Column::Text(pick(&values, rows))),
        Column::Int(values) => Ok(Column::Int(pick(&values, rows))),
        Column::Float(values) => Ok(Column::Float(pick(&values, rows))),
        Column::Time(values) => Ok(Column::Time(pick(&values, rows))),
        Column::Bool(values) => Ok(Column::Bool(pick(&values, rows))),
        other => Err(format!("a dictionary of {}", other.kind())),
    }
}

fn list<O: OffsetSizeTrait>(array: &dyn Array) -> Result<Column, String> {
    let list = array.as_list::<O>();
    let ends = list.value_offsets();
    let spans = (0..list.len()).map(|row| {
        let bounds = (ends.get(row).copied()?, ends.get(row + 1).copied()?);
        list.is_valid(row)
            .then_some((bounds.0.as_usize(), bounds.1.as_usize()))
    });
    elements(list.values().as_ref(), spans)
}

fn fixed(array: &dyn Array) -> Result<Column, String> {
    let list = array.as_fixed_size_list();
    let width = usize::try_from(list.value_length()).map_err(|error| error.to_string())?;
    let spans = (0..list.len()).map(|row| list.is_valid(row).then_some((row * width, (row + 1) * width)));
    match list.values().as_primitive_opt::<Float32Type>() {
        Some(values) => Ok(Column::Vector {
            width,
            rows: split(values.values(), spans),
        }),
        None => elements(list.values().as_ref(), spans),
    }
}

type Span = Option<(usize, usize)>;

fn elements(values: &dyn Array, spans: impl Iterator<Item = Span>) -> Result<Column, String> {
    if let Some(pairs) = values.as_struct_opt() {
        return Ok(Column::Signs(split(&signs(pairs)?, spans)));
    }
    match column(values)? {
        Column::Float(values) => {
            let values: Vec<f64> = values
                .into_iter()
                .map(|value| value.unwrap_or(f64::NAN))
                .collect();
            Ok(Column::Floats(split(&values, spans)))
        }
        Column::Int(values) => Ok(Column::Ints(split(&present(values)?, spans))),
        Column::Text(values) => Ok(Column::Texts(split(&present(values)?, spans))),
        other => Err(format!("a list of {}", other.kind())),
    }
}

fn signs(pairs: &StructArray) -> Result<Signs, String> {
    let [signs, weights] = pairs.columns() else {
        return Err(pairs.data_type().to_string());
    };
    let found = signs
        .as_primitive_opt::<UInt64Type>()
        .zip(weights.as_primitive_opt::<Float32Type>());
    let (signs, weights) = found.ok_or_else(|| pairs.data_type().to_string())?;
    Ok(signs
        .values()
        .iter()
        .copied()
        .zip(weights.values().iter().copied())
        .collect())
}

fn present<T>(values: Vec<Option<T>>) -> Result<Vec<T>, String> {
    values
        .into_iter()
        .collect::<Option<_>>()
        .ok_or_else(|| "a list with a missing element".to_owned())
}

fn split<T: Clone>(values: &[T], spans: impl Iterator<Item = Span>) -> Vec<Option<Vec<T>>> {
    spans
        .map(|span| {
            span.and_then(|(from, to)| values.get(from..to))
                .map(<[T]>::to_vec)
        })
        .collect()
}

fn weighted(array: &dyn Array) -> Result<Column, String> {
    let map = array.as_map();
    let tags = present(texts_of(map.keys().as_ref())?)?;
    let weights = floats(map.values().as_ref())?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "weights are single precision everywhere"
    )]
    let narrow = |weight: &Option<f64>| weight.map_or(f32::NAN, |weight| weight as f32);
    let pairs: Vec<(String, f32)> = tags.into_iter().zip(weights.iter().map(narrow)).collect();
    let ends = map.value_offsets();
    let row_of = |row: usize| -> Option<WeightedTags> {
        let from = usize::try_from(*ends.get(row)?).ok()?;
        let to = usize::try_from(*ends.get(row + 1)?).ok()?;
        map.is_valid(row)
            .then(|| pairs.get(from..to).map(<[_]>::to_vec))
            .flatten()
    };
    Ok(Column::Weighted((0..map.len()).map(row_of).collect()))
}

fn texts_of(array: &dyn Array) -> Result<Vec<Option<String>>, String> {
    match column(array)? {
        Column::Text(texts) => Ok(texts),
        other => Err(format!("map keys of {}", other.kind())),
    }
}
