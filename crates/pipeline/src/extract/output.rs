//! Extracted rows in the form of the output, made by the workers.
//!
//! Decision: a packet is bytes ready to be written, or a table for the Parquet encoder; the writing thread formats nothing.

use std::fmt::Write;

use rankine_feature::{Content, Extractor, Plan, SlotKind, Value, json, text};
use rankine_table::{Column, Kind, Table};

use super::OutputForm;
use super::binding::Binding;
use crate::sample::columns::{kind, push_value};

/// Extracted rows.
pub(super) enum Packet {
    /// Framed canonical bytes.
    Bytes(Vec<u8>),
    /// Tab-separated lines.
    Text(String),
    /// JSON lines.
    Json(String),
    /// Columns.
    Table(Table),
}

impl Packet {
    /// A packet without rows.
    pub(super) fn new(form: OutputForm, plan: &Plan, binding: &Binding) -> Packet {
        match form {
            OutputForm::Bytes => Packet::Bytes(Vec::new()),
            OutputForm::Text => Packet::Text(String::new()),
            OutputForm::JsonLines => Packet::Json(String::new()),
            OutputForm::Parquet => Packet::Table(empty(plan, binding)),
        }
    }

    /// Appends one row.
    pub(super) fn push(&mut self, row: &Extractor, (binding, kept): (&Binding, &[Value])) {
        match self {
            Packet::Bytes(out) => frame(row, out),
            Packet::Text(out) => line(row, kept, out),
            Packet::Json(out) => object(row, (binding, kept), out),
            Packet::Table(table) => columns(row, kept, table),
        }
    }
}

/// A table without rows: kept columns, then a column per slot.
pub(super) fn empty(plan: &Plan, binding: &Binding) -> Table {
    let kept = binding
        .kept
        .iter()
        .map(|(name, ty)| (name.to_string(), kind(*ty)));
    let slots = plan.slots().iter().map(|spec| {
        let kind = match spec.kind {
            SlotKind::Sparse => Kind::Signs,
            SlotKind::Dense(width) => Kind::Vector(width),
        };
        (format!("s{}", spec.slot), kind)
    });
    let columns = kept.chain(slots).map(|(name, kind)| (name, Column::new(kind, 0)));
    Table {
        columns: columns.collect(),
    }
}

/// Length, then canonical bytes.
fn frame(row: &Extractor, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    row.encode(out);
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

fn line(row: &Extractor, kept: &[Value], out: &mut String) {
    let start = out.len();
    for value in kept {
        text::print(value, out);
        out.push('\t');
    }
    for (_, content) in row.slots() {
        content.print(out);
        out.push('\t');
    }
    if out.len() > start {
        out.pop();
    }
    out.push('\n');
}

fn object(row: &Extractor, (binding, kept): (&Binding, &[Value]), out: &mut String) {
    let mut mark = '{';
    let mut key = |name: &str, out: &mut String| {
        out.push(std::mem::replace(&mut mark, ','));
        // writing to a text does not fail
        let _ = write!(out, "{}:", serde_json::Value::from(name));
    };
    for ((name, _), value) in binding.kept.iter().zip(kept) {
        key(name, out);
        let _ = write!(out, "{}", json::print(value));
    }
    let mut name = String::new();
    for (spec, content) in row.slots() {
        name.clear();
        let _ = write!(name, "s{}", spec.slot);
        key(&name, out);
        content_json(content, out);
    }
    out.push_str(if out.is_empty() || out.ends_with('\n') {
        "{}\n"
    } else {
        "}\n"
    });
}

/// `[["sign",weight],…]` (JSON's numbers do not hold 64 bits) or `[float,…]`.
fn content_json(content: Content<'_>, out: &mut String) {
    out.push('[');
    match content {
        Content::Signs(signs, weights) => {
            for (i, (sign, weight)) in signs.iter().zip(weights).enumerate() {
                let _ = write!(out, "{}[\"{sign}\",{weight}]", if i > 0 { "," } else { "" });
            }
        }
        Content::Floats(floats) => {
            for (i, x) in floats.iter().enumerate() {
                let _ = write!(out, "{}{x}", if i > 0 { "," } else { "" });
            }
        }
    }
    out.push(']');
}

fn columns(row: &Extractor, kept: &[Value], table: &mut Table) {
    let mut columns = table.columns.iter_mut().map(|(_, column)| column);
    for (value, column) in kept.iter().zip(&mut columns) {
        push_value(column, value);
    }
    for ((_, content), column) in row.slots().zip(columns) {
        push_content(column, content);
    }
}

/// Appends a slot's content to its column.
pub(crate) fn push_content(column: &mut Column, content: Content<'_>) {
    match (column, content) {
        (Column::Signs(rows), Content::Signs(signs, weights)) => {
            rows.push(Some(signs.iter().copied().zip(weights.iter().copied()).collect()));
        }
        (Column::Vector { rows, .. }, Content::Floats(floats)) => rows.push(Some(floats.to_vec())),
        (column, _) => column.push_missing(),
    }
}
