//! From named values to a plan's order: which place of a row feeds which field, and whether its type fits.
//!
//! The decision here: a value of another type than declared goes through its text form, as it would on its way through
//! a sample file, so that online and offline read it alike; what does not read as the declared type is a fault.

use std::sync::{Arc, PoisonError, RwLock};

use rankine_feature::{Field, FieldType, Value, text};

use crate::row::{Row, RowLayout};

/// Layouts remembered per side; protocols that make layouts per request go around.
const REMEMBERED: usize = 16;

/// Where each field of a side stands in rows of one layout.
type Places = Arc<[Option<usize>]>;

/// One side of a plan.
#[derive(Debug)]
pub(crate) struct Projector {
    fields: Vec<Field>,
    known: RwLock<Vec<(RowLayout, Places)>>,
}

/// A value that does not fit its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// The field.
    pub(crate) field: Arc<str>,
    /// Its declared type.
    pub(crate) expected: FieldType,
    /// The value, shortened.
    pub(crate) got: String,
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "field {}: expected {}, got {}",
            self.field, self.expected, self.got
        )
    }
}

impl Projector {
    /// A projector onto these fields, in their order.
    pub(crate) fn new(fields: &[Field]) -> Self {
        Self {
            fields: fields.to_vec(),
            known: RwLock::default(),
        }
    }

    /// Fills `out` with one value per field; fields that the row does not name are missing.
    ///
    /// # Errors
    /// The first value that does not fit its field.
    pub(crate) fn project(&self, row: &Row, out: &mut Vec<Value>) -> Result<(), Misfit> {
        out.clear();
        let places = self.places(row.layout());
        for (field, place) in self.fields.iter().zip(places.iter()) {
            let value = place
                .and_then(|at| row.values().get(at))
                .unwrap_or(&Value::Missing);
            out.push(fit(field, value)?);
        }
        Ok(())
    }

    fn places(&self, layout: &RowLayout) -> Places {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, places)) = known.iter().find(|(l, _)| l.is(layout)) {
            return Arc::clone(places);
        }
        drop(known);
        let places: Places = self
            .fields
            .iter()
            .map(|field| layout.position(&field.name))
            .collect();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() == REMEMBERED {
            known.remove(0);
        }
        known.push((layout.clone(), Arc::clone(&places)));
        places
    }
}

/// The value as its field's type.
pub(crate) fn fit(field: &Field, value: &Value) -> Result<Value, Misfit> {
    if value.fits(field.ty) {
        return Ok(value.clone());
    }
    let mut form = String::new();
    text::print(value, &mut form);
    text::parse(field.ty, &form).map_err(|_| Misfit {
        field: Arc::clone(&field.name),
        expected: field.ty,
        got: shortened(value, &form),
    })
}

/// Type and text of a value, at most 60 characters of the latter.
fn shortened(value: &Value, form: &str) -> String {
    let kind = match value {
        Value::Missing => "missing",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Str(_) => "string",
        Value::Time(_) => "timestamp",
        Value::Bool(_) => "bool",
        Value::Ints(_) => "list<int>",
        Value::Floats(_) => "list<float>",
        Value::Strs(_) => "list<string>",
        Value::Weighted(_) => "map<string,float>",
        Value::Vector(_) => "vector",
    };
    let shown: String = form.chars().take(60).collect();
    format!("{kind} `{shown}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_feature::Side;

    fn field(name: &str, ty: FieldType) -> Field {
        Field {
            name: name.into(),
            ty,
            side: Side::Item,
        }
    }

    fn projected(fields: &[Field], row: &Row) -> Result<Vec<Value>, Misfit> {
        let mut out = vec![Value::Int(99)];
        Projector::new(fields).project(row, &mut out).map(|()| out)
    }

    #[test]
    fn values_stand_in_field_order_whatever_the_layout() {
        let fields = [
            field("a", FieldType::Int),
            field("b", FieldType::String),
            field("c", FieldType::Int),
        ];
        let row = Row::of([("x", Value::Int(0)), ("c", Value::Int(3)), ("a", Value::Int(1))]);
        assert_eq!(
            projected(&fields, &row).unwrap(),
            [Value::Int(1), Value::Missing, Value::Int(3)]
        );
    }

    #[test]
    fn a_number_reads_as_the_declared_type() {
        let fields = [field("a", FieldType::Int), field("b", FieldType::Float)];
        let row = Row::of([("a", Value::str("5")), ("b", Value::Int(2))]);
        assert_eq!(
            projected(&fields, &row).unwrap(),
            [Value::Int(5), Value::Float(2.0)]
        );
    }

    #[test]
    fn what_does_not_read_says_field_expected_and_got() {
        let row = Row::of([("year", Value::str("next"))]);
        let misfit = projected(&[field("year", FieldType::Int)], &row).unwrap_err();
        assert_eq!(misfit.to_string(), "field year: expected int, got string `next`");
    }

    #[test]
    fn layouts_made_per_request_do_not_pile_up() {
        let projector = Projector::new(&[field("a", FieldType::Int)]);
        let mut out = Vec::new();
        for i in 0..100 {
            projector
                .project(&Row::of([("a", Value::Int(i))]), &mut out)
                .unwrap();
            assert_eq!(out, [Value::Int(i)]);
        }
        assert_eq!(projector.known.read().unwrap().len(), REMEMBERED);
    }
}
