//! Cells of sample files to typed values.
//!
//! The conf's schema decides the type; the file only has to hold something that means the same: `5`, `"5"` and
//! `5.0` are the int 5. Anything else is an error that says what was expected and got, never a silently
//! missing value. Repeated texts share one allocation.

use std::sync::Arc;

use rankine_feature::{FieldType, Value, json, text};
use rankine_table::{Column, Kind};
use rustc_hash::FxHashSet;
use serde_json::Value as Json;

/// Unit of times that a file holds as plain numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeUnit {
    /// Seconds since 1970, as MovieLens and SparrowRecSys write them.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Microseconds since 1970, as Rankine writes them.
    #[default]
    Microseconds,
}

impl TimeUnit {
    fn scale(self, number: i64) -> Result<Value, String> {
        let factor = match self {
            TimeUnit::Seconds => 1_000_000,
            TimeUnit::Milliseconds => 1_000,
            TimeUnit::Microseconds => 1,
        };
        number
            .checked_mul(factor)
            .map(Value::Time)
            .ok_or_else(|| format!("instant {number} is too far"))
    }
}

/// How cells of a text file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// An empty cell is missing, a text stands as it is.
    Csv,
    /// Rankine's text form throughout: `\N` is missing, backslash escapes.
    Tsv,
}

/// Converts cells; keeps the texts it has seen.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    unit: TimeUnit,
    texts: FxHashSet<Arc<str>>,
}

/// Texts kept for sharing; beyond that each is its own.
const MAX_TEXTS: usize = 1 << 16;

impl Cells {
    pub(crate) fn new(unit: TimeUnit) -> Cells {
        Cells {
            unit,
            texts: FxHashSet::default(),
        }
    }

    /// An int as an instant in the unit of plain numbers; anything else is missing.
    pub(crate) fn instant(&self, value: &Value) -> Result<Value, String> {
        if let Value::Int(x) = value {
            return self.unit.scale(*x);
        }
        Ok(Value::Missing)
    }

    fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        if self.texts.len() < MAX_TEXTS {
            self.texts.insert(Arc::clone(&new));
        }
        new
    }

    /// Reads a cell of a text file.
    pub(crate) fn text(&mut self, ty: FieldType, cell: Option<&str>, style: Style) -> Result<Value, String> {
        let Some(cell) = cell.filter(|cell| *cell != text::MISSING) else {
            return Ok(Value::Missing);
        };
        if style == Style::Csv && cell.is_empty() {
            return Ok(Value::Missing);
        }
        match ty {
            FieldType::String if style == Style::Csv => Ok(Value::Str(self.share(cell))),
            FieldType::Int => whole(cell).map(Value::Int).ok_or_else(|| expected(ty, cell)),
            FieldType::Timestamp => whole(cell)
                .ok_or_else(|| expected(ty, cell))
                .and_then(|number| self.unit.scale(number)),
            FieldType::Float
            | FieldType::String
            | FieldType::Bool
            | FieldType::IntList
            | FieldType::FloatList
            | FieldType::StringList
            | FieldType::Weighted
            | FieldType::Vector(_) => text::parse(ty, cell).map_err(|error| error.to_string()),
        }
    }

    /// Reads a value of a JSON object.
    pub(crate) fn json(&mut self, ty: FieldType, value: Option<&Json>) -> Result<Value, String> {
        match (ty, value) {
            (_, None | Some(Json::Null)) => Ok(Value::Missing),
            (FieldType::Timestamp, Some(Json::Number(number))) => number
                .as_i64()
                .ok_or_else(|| expected(ty, &number.to_string()))
                .and_then(|number| self.unit.scale(number)),
            (FieldType::Float, Some(Json::Bool(value))) => Ok(Value::Float(f64::from(u8::from(*value)))),
            (FieldType::String, Some(Json::String(text))) => Ok(Value::Str(self.share(text))),
            (_, Some(value)) => json::parse(ty, value).map_err(|error| error.to_string()),
        }
    }

    /// Reads a cell of a typed column.
    pub(crate) fn typed(&mut self, ty: FieldType, column: &Column, row: usize) -> Result<Value, String> {
        if column.is_missing(row) {
            return Ok(Value::Missing);
        }
        if column.kind() == Kind::Signs {
            return Err(format!("expected {ty}, got {}", column.kind()));
        }
        let found = self.natural(column, row);
        self.cast(ty, found, column.kind())
    }

    /// The value in the column's own type. The row exists and is not missing.
    pub(crate) fn natural(&mut self, column: &Column, row: usize) -> Value {
        match column {
            Column::Int(rows) => rows[row].map(Value::Int),
            Column::Time(rows) => rows[row].map(Value::Time),
            Column::Float(rows) => rows[row].map(Value::Float),
            Column::Bool(rows) => rows[row].map(Value::Bool),
            Column::Text(rows) => rows[row].as_deref().map(|text| Value::Str(self.share(text))),
            Column::Ints(rows) => rows[row].as_deref().map(Value::ints),
            Column::Floats(rows) => rows[row].as_deref().map(Value::floats),
            Column::Vector { rows, .. } => rows[row].as_deref().map(Value::vector),
            Column::Texts(rows) => rows[row].as_deref().map(|texts| {
                let shared: Vec<Arc<str>> = texts.iter().map(|text| self.share(text)).collect();
                Value::Strs(shared.into())
            }),
            Column::Weighted(rows) => rows[row].as_deref().map(Value::weighted),
            // extracted already: fits no field
            Column::Signs(_) => None,
        }
        .unwrap_or_default()
    }

    /// Casts a value to the field's type where that loses nothing.
    #[expect(
        clippy::cast_precision_loss,
        reason = "an int in a float field becomes the nearest float"
    )]
    fn cast(&mut self, ty: FieldType, found: Value, kind: Kind) -> Result<Value, String> {
        let fault = || format!("expected {ty}, got {kind}");
        match (ty, found) {
            (FieldType::Float, Value::Int(x)) => Ok(Value::Float(x as f64)),
            (FieldType::Int, Value::Float(x)) => exact(x)
                .map(Value::Int)
                .ok_or_else(|| expected(ty, &x.to_string())),
            (FieldType::Timestamp, Value::Int(x)) => self.unit.scale(x),
            (FieldType::Int, Value::Bool(x)) => Ok(Value::Int(i64::from(x))),
            (FieldType::Float, Value::Bool(x)) => Ok(Value::Float(f64::from(u8::from(x)))),
            (FieldType::String, Value::Int(x)) => Ok(Value::Str(self.share(&x.to_string()))),
            (FieldType::String, Value::Str(x)) => Ok(Value::Str(x)),
            (_, Value::Str(cell)) => self.text(ty, Some(&cell), Style::Csv),
            (FieldType::FloatList, Value::Ints(items)) => {
                Ok(Value::Floats(items.iter().map(|x| *x as f64).collect()))
            }
            (FieldType::FloatList, Value::Vector(items)) => {
                Ok(Value::Floats(items.iter().map(|x| f64::from(*x)).collect()))
            }
            (FieldType::Vector(width), Value::Floats(items)) => narrow(width, &items).ok_or_else(fault),
            (ty, found) => found.fits(ty).then_some(found).ok_or_else(fault),
        }
    }
}

fn expected(ty: FieldType, got: &str) -> String {
    let short: String = got.chars().take(40).collect();
    format!("expected {ty}, got `{short}`")
}

/// An int, also if it is written `5.0`.
fn whole(cell: &str) -> Option<i64> {
    cell.parse().ok().or_else(|| exact(cell.parse().ok()?))
}

/// The int that a float is exactly.
#[expect(
    clippy::cast_possible_truncation,
    reason = "whole and within 2^53, so the cast is exact"
)]
fn exact(x: f64) -> Option<i64> {
    (x.fract() == 0.0 && x.abs() <= 9_007_199_254_740_992.0).then_some(x as i64)
}

#[expect(clippy::cast_possible_truncation, reason = "vectors are f32 by definition")]
fn narrow(width: usize, items: &[f64]) -> Option<Value> {
    let proper = items.len() == width && items.iter().all(|x| x.is_finite());
    proper.then(|| Value::Vector(items.iter().map(|x| *x as f32).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_cell(ty: FieldType, cell: &str, style: Style) -> Result<Value, String> {
        Cells::new(TimeUnit::Seconds).text(ty, Some(cell), style)
    }

    fn typed_cell(ty: FieldType, column: &Column) -> Result<Value, String> {
        Cells::new(TimeUnit::Seconds).typed(ty, column, 0)
    }

    #[test]
    fn csv_cells_are_plain_and_tsv_cells_are_escaped() {
        assert_eq!(
            text_cell(FieldType::String, r"AC\DC", Style::Csv),
            Ok(Value::str(r"AC\DC"))
        );
        assert!(text_cell(FieldType::String, r"AC\DC", Style::Tsv).is_err());
        assert_eq!(text_cell(FieldType::String, "", Style::Csv), Ok(Value::Missing));
        assert_eq!(text_cell(FieldType::String, "", Style::Tsv), Ok(Value::str("")));
        assert_eq!(text_cell(FieldType::Float, r"\N", Style::Csv), Ok(Value::Missing));
        assert_eq!(
            text_cell(FieldType::IntList, "3,1", Style::Csv),
            Ok(Value::ints(&[3, 1]))
        );
    }

    #[test]
    fn five_is_five_however_it_is_written() {
        for cell in ["5", "5.0", "5e0"] {
            assert_eq!(
                text_cell(FieldType::Int, cell, Style::Csv),
                Ok(Value::Int(5)),
                "{cell}"
            );
        }
        for column in [
            Column::Int(vec![Some(5)]),
            Column::Float(vec![Some(5.0)]),
            Column::Text(vec![Some("5".into())]),
        ] {
            assert_eq!(
                typed_cell(FieldType::Int, &column),
                Ok(Value::Int(5)),
                "{column:?}"
            );
        }
    }

    #[test]
    fn numbers_that_are_no_ints_are_errors_that_say_so() {
        for cell in ["5.5", "x", "1e300", "NaN", "9223372036854775808"] {
            let error = text_cell(FieldType::Int, cell, Style::Csv).unwrap_err();
            assert_eq!(error, format!("expected int, got `{cell}`"));
        }
        let error = typed_cell(FieldType::Int, &Column::Float(vec![Some(0.5)])).unwrap_err();
        assert_eq!(error, "expected int, got `0.5`");
    }

    #[test]
    fn plain_numbers_are_times_in_the_given_unit() {
        let second = Ok(Value::Time(1_000_000));
        assert_eq!(text_cell(FieldType::Timestamp, "1", Style::Csv), second);
        assert_eq!(
            typed_cell(FieldType::Timestamp, &Column::Int(vec![Some(1)])),
            second
        );
        assert_eq!(
            typed_cell(FieldType::Timestamp, &Column::Time(vec![Some(1_000_000)])),
            second
        );
        assert!(text_cell(FieldType::Timestamp, "9223372036854775807", Style::Csv).is_err());
    }

    #[test]
    fn columns_are_cast_only_where_nothing_is_lost() {
        let floats = Column::Floats(vec![Some(vec![0.5, 2.0])]);
        assert_eq!(
            typed_cell(FieldType::Vector(2), &floats),
            Ok(Value::vector(&[0.5, 2.0]))
        );
        assert!(typed_cell(FieldType::Vector(3), &floats).is_err());
        let ints = Column::Ints(vec![Some(vec![1])]);
        assert_eq!(typed_cell(FieldType::FloatList, &ints), Ok(Value::floats(&[1.0])));
        let error = typed_cell(FieldType::Int, &ints).unwrap_err();
        assert!(error.starts_with("expected int, got "), "{error}");
        assert_eq!(
            typed_cell(FieldType::Int, &Column::Ints(vec![None])),
            Ok(Value::Missing)
        );
    }
}
