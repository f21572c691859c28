//! One value of one field: what samples, requests and feature rows are made of.
//!
//! Values are typed by the schema when they are read ([`crate::text`], [`crate::json`]), so extraction never parses.
//! Decision: shared slices (`Arc`) rather than owned vectors, because rows are cached and handed to many requests; a
//! clone costs a counter. Missing is a value of its own and never zero.

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

    /// True for [`Value::Missing`] and for a NaN number.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Value::Missing) || matches!(self, Value::Float(x) if x.is_nan())
    }
}
