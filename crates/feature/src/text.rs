//! The text form of values: one cell of a tab-separated line, one field of a feature row in a store.
//!
//! `\N` is missing. Lists are separated by `,`, map entries are `tag:weight`; a backslash escapes: `\\`, `\t`, `\n`,
//! `\r`, `\,`, `\:`, and `\e` is an empty text inside a list (an empty cell is an empty list or an empty text). Times
//! are microseconds. Decision: cells never hold a raw tab or line break, so lines are split before anything is unescaped.

use crate::{FeatureError, FieldType, Value};
use std::fmt::Write;
use std::str::FromStr;
use std::sync::Arc;

/// Missing.
pub const MISSING: &str = "\\N";

/// Reads one cell.
///
/// # Errors
/// `FeatureError::Type` when the text is not of this type, `FeatureError::Escape` for an unknown escape.
pub fn parse(ty: FieldType, cell: &str) -> Result<Value, FeatureError> {
    if cell == MISSING {
        return Ok(Value::Missing);
    }
    Ok(match ty {
        FieldType::Int => Value::Int(whole(ty, cell)?),
        FieldType::Float => match read::<f64>(ty, cell)? {
            x if x.is_nan() => Value::Missing,
            x => Value::Float(x),
        },
        FieldType::Timestamp => Value::Time(whole(ty, cell)?),
        FieldType::Bool => Value::Bool(truth(cell).ok_or_else(|| type_error(ty, cell))?),
        FieldType::String => Value::Str(unescape(cell)?.into()),
        FieldType::IntList => Value::Ints(list(cell, |x| read(ty, x))?.into()),
        FieldType::FloatList => Value::Floats(list(cell, |x| read(ty, x))?.into()),
        FieldType::StringList => Value::Strs(list(cell, |x| unescape(x).map(Arc::from))?.into()),
        FieldType::Weighted => Value::Weighted(list(cell, weighted)?.into()),
        FieldType::Vector(width) => vector(width, cell)?,
    })
}

fn vector(width: usize, cell: &str) -> Result<Value, FeatureError> {
    let ty = FieldType::Vector(width);
    let items: Vec<f32> = list(cell, |x| read(ty, x))?;
    if items.len() != width || items.iter().any(|x| !x.is_finite()) {
        return Err(type_error(ty, cell));
    }
    Ok(Value::Vector(items.into()))
}

fn weighted(entry: &str) -> Result<(Arc<str>, f32), FeatureError> {
    let error = || type_error(FieldType::Weighted, entry);
    let (tag, weight) = split_once(entry, ':').ok_or_else(error)?;
    let weight: f32 = read(FieldType::Weighted, weight)?;
    weight.is_finite().then_some(()).ok_or_else(error)?;
    Ok((unescape(tag)?.into(), weight))
}

/// `true`, `false`, `1` or `0`.
pub(crate) fn truth(cell: &str) -> Option<bool> {
    match cell {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// An int, also if it is written `5.0`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "checked to be whole and below 2^53"
)]
fn whole(ty: FieldType, cell: &str) -> Result<i64, FeatureError> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let as_float = |_| {
        let x = cell
            .parse()
            .ok()
            .filter(|x: &f64| x.fract() == 0.0 && x.abs() <= EXACT);
        x.map(|x| x as i64).ok_or_else(|| type_error(ty, cell))
    };
    cell.parse().or_else(as_float)
}

fn read<T: FromStr>(ty: FieldType, cell: &str) -> Result<T, FeatureError> {
    cell.parse().map_err(|_| type_error(ty, cell))
}

/// Splits at commas that are not escaped; an empty cell has no elements.
fn list<T>(
    cell: &str,
    mut read: impl FnMut(&str) -> Result<T, FeatureError>,
) -> Result<Vec<T>, FeatureError> {
    let mut items = Vec::new();
    let mut rest = (!cell.is_empty()).then_some(cell);
    while let Some(cell) = rest {
        let (item, after) = split_once(cell, ',').map_or((cell, None), |(item, after)| (item, Some(after)));
        items.push(read(item)?);
        rest = after;
    }
    Ok(items)
}

/// Splits at the first `mark` that is not escaped.
fn split_once(text: &str, mark: char) -> Option<(&str, &str)> {
    let mut escaped = false;
    let at = text.char_indices().find(|(_, c)| {
        let found = !escaped && *c == mark;
        escaped = !escaped && *c == '\\';
        found
    })?;
    Some((&text[..at.0], &text[at.0 + mark.len_utf8()..]))
}

fn unescape(text: &str) -> Result<String, FeatureError> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('e') => {}
            Some(c @ ('\\' | ',' | ':')) => out.push(c),
            _ => return Err(FeatureError::Escape { got: shorten(text) }),
        }
    }
    Ok(out)
}

/// Appends the text form of a value. [`parse`] with the value's type gives an equal value back; NaN becomes missing.
pub fn print(value: &Value, out: &mut String) {
    if value.is_missing() {
        return out.push_str(MISSING);
    }
    match value {
        Value::Missing => {}
        Value::Int(x) | Value::Time(x) => show(x, out),
        Value::Float(x) => show(x, out),
        Value::Bool(x) => show(x, out),
        Value::Str(x) => escape(x, false, out),
        Value::Ints(items) => join(items, out, show),
        Value::Floats(items) => join(items, out, show),
        Value::Vector(items) => join(items, out, show),
        Value::Strs(items) => join(items, out, element),
        Value::Weighted(items) => join(items, out, |(tag, weight), out| {
            element(tag, out);
            out.push(':');
            show(weight, out);
        }),
    }
}

fn show<T: std::fmt::Display>(x: &T, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{x}");
}

fn join<T>(items: &[T], out: &mut String, each: impl Fn(&T, &mut String)) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        each(item, out);
    }
}

fn element(text: &Arc<str>, out: &mut String) {
    if text.is_empty() {
        out.push_str("\\e");
    }
    escape(text, true, out);
}

fn escape(text: &str, inside: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            ',' | ':' if inside => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
}

fn type_error(ty: FieldType, got: &str) -> FeatureError {
    FeatureError::Type {
        expected: ty.to_string(),
        got: format!("`{}`", shorten(got)),
    }
}

/// At most 60 characters, for messages.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(value: &Value) -> String {
        let mut out = String::new();
        print(value, &mut out);
        out
    }

    #[test]
    fn forms_by_hand() {
        assert_eq!(printed(&Value::Missing), "\\N");
        assert_eq!(printed(&Value::str("a\tb\\N,c")), "a\\tb\\\\N,c");
        assert_eq!(printed(&Value::strs(&["a,b", "", "c:d"])), "a\\,b,\\e,c\\:d");
        assert_eq!(
            printed(&Value::weighted(&[("War", 0.5), ("a:b", 2.0)])),
            "War:0.5,a\\:b:2"
        );
        assert_eq!(printed(&Value::ints(&[])), "");
        assert_eq!(printed(&Value::Float(f64::NAN)), "\\N");
        assert_eq!(printed(&Value::Float(0.1)), "0.1");
    }

    #[test]
    fn empty_cells() {
        assert_eq!(parse(FieldType::String, "").unwrap(), Value::str(""));
        assert_eq!(
            parse(FieldType::StringList, "").unwrap(),
            Value::strs::<&str>(&[])
        );
        assert_eq!(parse(FieldType::StringList, "\\e").unwrap(), Value::strs(&[""]));
        assert_eq!(
            parse(FieldType::Weighted, ":1").unwrap(),
            Value::weighted(&[("", 1.0)])
        );
        assert!(parse(FieldType::Int, "").is_err());
        assert_eq!(parse(FieldType::Int, "5.0").unwrap(), Value::Int(5));
    }

    #[test]
    fn errors_name_type_and_text() {
        let error = |ty, cell| parse(ty, cell).unwrap_err().to_string();
        assert_eq!(error(FieldType::Int, "5.5"), "expected int, got `5.5`");
        assert_eq!(error(FieldType::IntList, "1,x"), "expected list<int>, got `x`");
        assert_eq!(error(FieldType::Vector(2), "1"), "expected vector<2>, got `1`");
        assert_eq!(
            error(FieldType::Weighted, "a"),
            "expected map<string,float>, got `a`"
        );
        assert!(error(FieldType::String, "a\\x").starts_with("unknown escape in a\\x"));
    }
}
