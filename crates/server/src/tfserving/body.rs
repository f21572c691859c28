//! The body of a predict call: `instances` (a list of rows) or `inputs` (a column per field), never both.

use rankine_predict::Metadata;
use serde_json::{Map, Value};

use super::error::Refusal;
use super::instance::{Instance, Places, shown, type_name};

/// Which form was asked, and so which answer is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `instances`, answered with `predictions`.
    Row,
    /// `inputs`, answered with `outputs`.
    Column,
}

/// Reads the JSON object.
///
/// # Errors
/// 400 with the place in the text.
pub(super) fn parse(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::invalid(
            "JSON Parse error: The document is empty".to_owned(),
        ));
    }
    let parsed = serde_json::from_slice(bytes);
    let value: Value = parsed.map_err(|fault| Refusal::invalid(format!("JSON Parse error: {fault}")))?;
    let Value::Object(object) = value else {
        return Err(Refusal::invalid(format!(
            "JSON Value: {} Is not object",
            shown(&value)
        )));
    };
    Ok(object)
}

/// Reads all instances of either form, typed by the model's schema.
///
/// # Errors
/// 400 that names instance, field, expected and got.
pub(super) fn instances(
    body: &Map<String, Value>,
    known: &Metadata,
    limit: usize,
) -> Result<(Form, Vec<Instance>), Refusal> {
    signature(body)?;
    let places = Places::of(known);
    match (body.get("instances"), body.get("inputs")) {
        (Some(_), Some(_)) => {
            let text = "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist";
            Err(Refusal::invalid(text.to_owned()))
        }
        (Some(rows), None) => Ok((Form::Row, from_rows(rows, &places, limit)?)),
        (None, Some(columns)) => Ok((Form::Column, from_columns(columns, &places, limit)?)),
        (None, None) => Err(Refusal::invalid("Missing 'inputs' or 'instances' key".to_owned())),
    }
}

/// Models here have one signature.
fn signature(body: &Map<String, Value>) -> Result<(), Refusal> {
    match body.get("signature_name") {
        None => Ok(()),
        Some(Value::String(name)) if name.is_empty() || name == "serving_default" => Ok(()),
        Some(Value::String(name)) => Err(Refusal::invalid(format!(
            "Serving signature name: \"{name}\" not found in signature def"
        ))),
        Some(other) => Err(Refusal::invalid(format!(
            "JSON Value: {} not formatted correctly. 'signature_name' key must be a string value.",
            shown(other)
        ))),
    }
}

fn from_rows(rows: &Value, places: &Places<'_>, limit: usize) -> Result<Vec<Instance>, Refusal> {
    let Value::Array(rows) = rows else {
        return Err(Refusal::invalid(
            "Excepting 'instances' to be an list/array".to_owned(),
        ));
    };
    if rows.is_empty() {
        return Err(Refusal::invalid("No values in 'instances' array".to_owned()));
    }
    bounded("instances", rows.len(), limit)?;
    rows.iter()
        .enumerate()
        .map(|(index, row)| from_row(index, row, places))
        .collect()
}

fn from_row(index: usize, row: &Value, places: &Places<'_>) -> Result<Instance, Refusal> {
    let Value::Object(row) = row else {
        return Err(Refusal::invalid(format!(
            "Expecting object but got {} at item {index} of input list",
            type_name(row)
        )));
    };
    let mut instance = Instance::empty(places.len());
    for (name, value) in row {
        let read = places
            .find(name)
            .and_then(|(place, field)| Ok((place, places.read(field, value)?)));
        let (place, value) = read.map_err(|fault| {
            Refusal::invalid(format!(
                "Failed to process element: {index} key: {name} of 'instances' list. Error: INVALID_ARGUMENT: {fault}"
            ))
        })?;
        instance.set(place, value);
    }
    Ok(instance)
}

fn from_columns(columns: &Value, places: &Places<'_>, limit: usize) -> Result<Vec<Instance>, Refusal> {
    let Value::Object(columns) = columns else {
        let text = "inputs is a plain value/list, but expecting an object as multiple input tensors required as per \
                    tensorinfo_map";
        return Err(Refusal::invalid(text.to_owned()));
    };
    let mut instances: Option<(&str, Vec<Instance>)> = None;
    for (name, column) in columns {
        let (place, field) = places
            .find(name)
            .map_err(|fault| Refusal::invalid(format!("inputs: {fault}")))?;
        let cells = column
            .as_array()
            .map_or(std::slice::from_ref(column), Vec::as_slice);
        bounded("inputs", cells.len(), limit)?;
        let (first, rows) =
            instances.get_or_insert_with(|| (name, vec![Instance::empty(places.len()); cells.len()]));
        same_length((first, rows.len()), (name, cells.len()))?;
        for (index, (cell, row)) in cells.iter().zip(rows).enumerate() {
            let read = places.read(field, cell);
            let value = read.map_err(|fault| {
                Refusal::invalid(format!(
                    "Failed to process element: {index} of input '{name}'. Error: {fault}"
                ))
            })?;
            row.set(place, value);
        }
    }
    let rows = instances.map(|(_, rows)| rows).filter(|rows| !rows.is_empty());
    rows.ok_or_else(|| Refusal::invalid("No values in 'inputs' object".to_owned()))
}

fn same_length(first: (&str, usize), next: (&str, usize)) -> Result<(), Refusal> {
    if first.1 == next.1 {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "Expecting tensor size: {} (of input '{}') but got: {} for input '{}'",
        first.1, first.0, next.1, next.0
    )))
}

fn bounded(what: &str, count: usize, limit: usize) -> Result<(), Refusal> {
    if count <= limit {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "'{what}' holds {count} instances, at most {limit} are taken at once"
    )))
}
