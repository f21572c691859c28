//! One value of one field: what samples, requests and feature rows are made of.
//!
//! Values are typed by the schema when they are read ([`crate::text`], [`crate::json`]), so extraction never parses.
//! Decision: shared slices (`Arc`) rather than owned vectors, because rows are cached and handed to many requests; a
//! clone costs a counter. Missing is a value of its own and never zero.

use crate::FieldType;
use std::sync::Arc;

/// A field's value. `Clone` is cheap: text and lists are shared.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Not known. Different from zero, the empty text and the empty list.
    #[default]
    Missing,
    /// A whole number; ids too.
    Int(i64),
    /// A number; NaN counts as missing wherever it is read.
    Float(f64),
    /// UTF-8 text.
    Str(Arc<str>),
    /// Microseconds since 1970, UTC.
    Time(i64),
    /// A truth value.
    Bool(bool),
    /// Whole numbers, order kept.
    Ints(Arc<[i64]>),
    /// Numbers, order kept.
    Floats(Arc<[f64]>),
    /// Texts, order kept.
    Strs(Arc<[Arc<str>]>),
    /// Weighted tags, order kept.
    Weighted(Arc<[(Arc<str>, f32)]>),
    /// A vector of the width that the schema declares.
    Vector(Arc<[f32]>),
}

impl Value {
    /// Text as a value.
    #[must_use]
    pub fn str(text: &str) -> Value {
        Value::Str(text.into())
    }

    /// Whole numbers as a value.
    #[must_use]
    pub fn ints(items: &[i64]) -> Value {
        Value::Ints(items.into())
    }

    /// Numbers as a value.
    #[must_use]
    pub fn floats(items: &[f64]) -> Value {
        Value::Floats(items.into())
    }

    /// Texts as a value.
    #[must_use]
    pub fn strs<S: AsRef<str>>(items: &[S]) -> Value {
        Value::Strs(items.iter().map(|s| Arc::from(s.as_ref())).collect())
    }

    /// Weighted tags as a value.
    #[must_use]
    pub fn weighted<S: AsRef<str>>(items: &[(S, f32)]) -> Value {
        Value::Weighted(items.iter().map(|(s, w)| (Arc::from(s.as_ref()), *w)).collect())
    }

    /// A vector as a value.
    #[must_use]
    pub fn vector(items: &[f32]) -> Value {
        Value::Vector(items.into())
    }

    /// About how much memory it takes; shared text and lists are counted as if they were its own.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let beyond = match self {
            Value::Missing | Value::Int(_) | Value::Float(_) | Value::Time(_) | Value::Bool(_) => 0,
            Value::Str(text) => text.len(),
            Value::Ints(list) => 8 * list.len(),
            Value::Floats(list) => 8 * list.len(),
            Value::Strs(list) => list.iter().map(|text| 32 + text.len()).sum(),
            Value::Weighted(list) => list.iter().map(|(text, _)| 40 + text.len()).sum(),
            Value::Vector(list) => 4 * list.len(),
        };
        size_of::<Value>() + beyond
    }

    /// True for [`Value::Missing`] and for a NaN number.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Value::Missing) || matches!(self, Value::Float(x) if x.is_nan())
    }

    /// True if the value may stand in a field of this type. Missing may stand anywhere.
    #[must_use]
    pub fn fits(&self, ty: FieldType) -> bool {
        match self {
            Value::Missing => true,
            Value::Int(_) => ty == FieldType::Int,
            Value::Float(_) => ty == FieldType::Float,
            Value::Str(_) => ty == FieldType::String,
            Value::Time(_) => ty == FieldType::Timestamp,
            Value::Bool(_) => ty == FieldType::Bool,
            Value::Ints(_) => ty == FieldType::IntList,
            Value::Floats(_) => ty == FieldType::FloatList,
            Value::Strs(_) => ty == FieldType::StringList,
            Value::Weighted(_) => ty == FieldType::Weighted,
            Value::Vector(x) => ty == FieldType::Vector(x.len()),
        }
    }

    /// The floats of a vector; none for everything else.
    pub(crate) fn as_vector(&self) -> &[f32] {
        if let Value::Vector(items) = self {
            items
        } else {
            &[]
        }
    }

    /// How many elements a list, map or vector has; 0 for everything else.
    pub(crate) fn len(&self) -> usize {
        match self {
            Value::Ints(items) => items.len(),
            Value::Floats(items) => items.len(),
            Value::Strs(items) => items.len(),
            Value::Weighted(items) => items.len(),
            Value::Vector(items) => items.len(),
            Value::Missing
            | Value::Int(_)
            | Value::Float(_)
            | Value::Str(_)
            | Value::Time(_)
            | Value::Bool(_) => 0,
        }
    }

    /// A scalar as a number: whole numbers, numbers, truth values (0 or 1), times in seconds since 1970. None for
    /// everything else and for NaN.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Int(x) => Some(*x as f64),
            Value::Float(x) => (!x.is_nan()).then_some(*x),
            Value::Time(x) => Some(*x as f64 / 1e6),
            Value::Bool(x) => Some(f64::from(u8::from(*x))),
            Value::Missing
            | Value::Str(_)
            | Value::Ints(_)
            | Value::Floats(_)
            | Value::Strs(_)
            | Value::Weighted(_)
            | Value::Vector(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_missing_and_zero_is_not() {
        assert!(Value::Float(f64::NAN).is_missing() && Value::Missing.is_missing());
        assert!(
            !Value::Int(0).is_missing() && !Value::str("").is_missing() && !Value::ints(&[]).is_missing()
        );
    }

    #[test]
    fn values_fit_their_own_type_only() {
        assert!(Value::Int(1).fits(FieldType::Int) && !Value::Int(1).fits(FieldType::Float));
        assert!(Value::vector(&[1.0, 2.0]).fits(FieldType::Vector(2)));
        assert!(!Value::vector(&[1.0]).fits(FieldType::Vector(2)));
        assert!(FieldType::PLAIN.iter().all(|ty| Value::Missing.fits(*ty)));
    }

    #[test]
    fn numbers_of_scalars() {
        assert_eq!(Value::Time(1_500_000).number(), Some(1.5));
        assert_eq!(Value::Bool(true).number(), Some(1.0));
        assert_eq!(
            (Value::Float(f64::NAN).number(), Value::str("1").number()),
            (None, None)
        );
    }
}
