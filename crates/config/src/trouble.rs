//! The error that travels through serde while a file is read: what is wrong, where, and which entry to leave out of the
//! next attempt.

use crate::{Fault, Source, nearest};
use serde::de::{self, Expected, Unexpected};
use std::{fmt, ops::Range};

/// What serde found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A fault of the value.
    Plain,
    /// A key that the type does not know; stands at the key.
    UnknownKey,
    /// A key that the type needs.
    MissingKey,
    /// A consequence of a fault reported before: not reported again.
    Silent,
}

/// A fault on its way out of serde.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) kind: Kind,
    pub(crate) key: String,
    message: String,
    nearest: Option<String>,
    /// Place, and the id of the entry to leave out.
    pub(crate) at: Option<(Range<usize>, usize)>,
}

impl Trouble {
    fn new(kind: Kind, key: &str, message: String) -> Trouble {
        Trouble {
            kind,
            key: key.to_owned(),
            message,
            nearest: None,
            at: None,
        }
    }

    /// Sets the place unless an inner reader has set a nearer one.
    pub(crate) fn or_at(mut self, span: Range<usize>, entry: usize) -> Trouble {
        self.at.get_or_insert((span, entry));
        self
    }

    /// The fault to report, if this is not a mere consequence.
    pub(crate) fn fault(self, source: &Source<'_>) -> Option<Fault> {
        let span = self.at.map_or(0..0, |(span, _)| span);
        let fault = Fault {
            nearest: self.nearest,
            ..source.fault(span, &self.key, self.message)
        };
        (self.kind != Kind::Silent).then_some(fault)
    }
}

impl de::Error for Trouble {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Trouble::new(Kind::Plain, "", message.to_string())
    }

    fn invalid_type(got: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let (expected, got) = (plain(expected.to_string()), plain(got.to_string()));
        Trouble::new(Kind::Plain, "", format!("expected {expected}, got {got}"))
    }

    fn invalid_value(got: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(got, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let near = nearest(field, expected.iter().copied()).map(str::to_owned);
        Trouble {
            nearest: near,
            ..Trouble::new(Kind::UnknownKey, field, format!("unknown key `{field}`"))
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let near = nearest(variant, expected.iter().copied()).map(str::to_owned);
        let message = format!(
            "unknown value `{variant}`, expected one of: {}",
            expected.join(", ")
        );
        Trouble {
            nearest: near,
            ..Trouble::new(Kind::Plain, variant, message)
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Trouble::new(Kind::MissingKey, field, format!("missing key `{field}`"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Trouble::new(
            Kind::Plain,
            field,
            format!("key `{field}` is given twice (under another name)"),
        )
    }
}

/// A type in the words of a file's author, not of the program's.
fn plain(word: String) -> String {
    let plain = match word.as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" | "sequence" => "a list",
        "a map" | "map" => "a table",
        "a boolean" => "true or false",
        other if other.starts_with("struct ") => "a table",
        _ => return word,
    };
    plain.to_owned()
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Trouble {}
