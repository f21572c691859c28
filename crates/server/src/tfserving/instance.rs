//! One instance of a predict call: a typed value for each field it gives, nothing for those it leaves out.
//!
//! The decision here: giving `null` is not leaving out; it says "missing" and wins over the feature row.

use rankine_feature::{Field, FieldType, Value as Cell, json};
use rankine_predict::Metadata;
use rustc_hash::FxHashMap;
use serde_json::Value;

/// Longest piece of a client's JSON that an error repeats, characters.
const SHOWN: usize = 80;

/// Values by place of the field in [`Metadata::inputs`].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Instance(Vec<Option<Cell>>);

impl Instance {
    /// Gives nothing yet, of `fields` fields.
    pub(super) fn empty(fields: usize) -> Self {
        Self(vec![None; fields])
    }

    /// Gives a field's value.
    pub(super) fn set(&mut self, place: usize, value: Cell) {
        if let Some(slot) = self.0.get_mut(place) {
            *slot = Some(value);
        }
    }

    /// The value given for a field.
    pub(super) fn get(&self, place: usize) -> Option<&Cell> {
        self.0.get(place)?.as_ref()
    }
}

/// Fields by name.
pub(super) struct Places<'a> {
    fields: &'a [Field],
    by_name: FxHashMap<&'a str, usize>,
}

impl<'a> Places<'a> {
    /// The fields of a model.
    pub(super) fn of(known: &'a Metadata) -> Self {
        let by_name = known
            .inputs
            .iter()
            .enumerate()
            .map(|(place, field)| (&*field.name, place))
            .collect();
        Self {
            fields: &known.inputs,
            by_name,
        }
    }

    /// How many fields there are.
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// A field and its place.
    ///
    /// # Errors
    /// TensorFlow Serving's text for an unknown name, with the nearest known ones.
    pub(super) fn find(&self, name: &str) -> Result<(usize, &'a Field), String> {
        let place = self.by_name.get(name).copied();
        place.map(|place| (place, &self.fields[place])).ok_or_else(|| {
            let names: Vec<&str> = self.fields.iter().map(|f| &*f.name).collect();
            format!(
                "JSON object: does not have named input: {name} (inputs: {})",
                names.join(",")
            )
        })
    }

    /// A JSON value as the field's type; scalars may come as lists of one.
    ///
    /// # Errors
    /// TensorFlow Serving's text: the value, its JSON type, the expected type.
    pub(super) fn read(&self, field: &Field, value: &Value) -> Result<Cell, String> {
        json::parse(field.ty, value).map_err(|_| {
            format!(
                "JSON Value: {} Type: {} is not of expected type: {}",
                shown(value),
                type_name(value),
                expected(field.ty)
            )
        })
    }
}

/// The schema's word for a type, as TensorFlow Serving would say it where it has one.
fn expected(ty: FieldType) -> String {
    match ty {
        FieldType::Int | FieldType::Timestamp => "int64".to_owned(),
        FieldType::Float => "double".to_owned(),
        FieldType::String
        | FieldType::Bool
        | FieldType::IntList
        | FieldType::FloatList
        | FieldType::StringList
        | FieldType::Weighted
        | FieldType::Vector(_) => ty.to_string(),
    }
}

/// The JSON type's name as TensorFlow Serving writes it.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "Null",
        Value::Bool(true) => "True",
        Value::Bool(false) => "False",
        Value::Number(_) => "Number",
        Value::String(_) => "String",
        Value::Array(_) => "Array",
        Value::Object(_) => "Object",
    }
}

/// A client's JSON, cut to a bounded length.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}
