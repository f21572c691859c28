//! Values of one side in a conf's order: from the request, from a row, fitted to the declared types.
//!
//! The decision here: what the request names wins, a given `missing` too; a value of another type goes through its text
//! form, as everywhere.

use std::sync::Arc;

use rankine_feature::{Field, Value};

use crate::project::{Misfit, fit};
use crate::row::{Row, RowLayout};

/// Where each field of a side is found among the names that a request gives.
#[derive(Debug, Default)]
pub(super) struct Places {
    given: Vec<Option<usize>>,
}

/// Where each field is found in rows of one layout; looked up anew when the layout changes.
#[derive(Debug, Default)]
pub(super) struct RowPlaces {
    layout: Option<RowLayout>,
    places: Vec<Option<usize>>,
}

impl Places {
    pub(super) fn new(fields: &[Field], names: &[Arc<str>]) -> Self {
        let place = |field: &Field| names.iter().position(|name| *name == field.name);
        Self {
            given: fields.iter().map(place).collect(),
        }
    }

    /// Whether a field's value is given, be it as missing.
    pub(super) fn gives(&self, field: usize, values: &[Option<Value>]) -> bool {
        let place = self.given.get(field).copied().flatten();
        place.and_then(|at| values.get(at)).is_some_and(Option::is_some)
    }
}

impl RowPlaces {
    fn of(&mut self, fields: &[Field], layout: &RowLayout) -> &[Option<usize>] {
        if self.layout.as_ref().is_none_or(|known| !known.is(layout)) {
            self.places.clear();
            self.places
                .extend(fields.iter().map(|field| layout.position(&field.name)));
            self.layout = Some(layout.clone());
        }
        &self.places
    }
}

/// Fills `out`: a value per field, from `given` by place, else from `row`.
///
/// # Errors
/// The first value that does not fit its field.
pub(super) fn fill(
    fields: &[Field],
    (given, values): (&Places, &[Option<Value>]),
    (rows, row): (&mut RowPlaces, Option<&Row>),
    out: &mut Vec<Value>,
) -> Result<(), Misfit> {
    out.clear();
    let places = row.map(|row| (rows.of(fields, row.layout()), row.values()));
    for (i, field) in fields.iter().enumerate() {
        let asked = given.given[i]
            .and_then(|at| values.get(at))
            .and_then(Option::as_ref);
        let known = || places.and_then(|(places, values)| values.get(places[i]?));
        out.push(fit(field, asked.or_else(known).unwrap_or(&Value::Missing))?);
    }
    Ok(())
}

/// Values of a row by the places of its own layout.
pub(super) fn given(row: &Row) -> Vec<Option<Value>> {
    row.values().iter().cloned().map(Some).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_feature::{FieldType, Side};

    fn fields() -> Vec<Field> {
        let field = |name: &str, ty| Field {
            name: name.into(),
            ty,
            side: Side::Item,
        };
        vec![
            field("a", FieldType::Int),
            field("b", FieldType::Float),
            field("c", FieldType::String),
        ]
    }

    #[test]
    fn what_is_given_wins_even_as_missing() {
        let names = ["b".into(), "c".into(), "x".into()];
        let row = Row::of([
            ("a", Value::Int(1)),
            ("b", Value::Float(2.0)),
            ("c", Value::str("row")),
        ]);
        let places = Places::new(&fields(), &names);
        let (mut rows, mut out) = (RowPlaces::default(), vec![Value::Int(9)]);
        let given = [None, Some(Value::Missing)];
        fill(&fields(), (&places, &given), (&mut rows, Some(&row)), &mut out).unwrap();
        assert_eq!(out, [Value::Int(1), Value::Float(2.0), Value::Missing]);
    }

    #[test]
    fn a_misfit_is_named_and_another_layout_looked_up() {
        let places = Places::new(&fields(), &[]);
        let (mut rows, mut out) = (RowPlaces::default(), Vec::new());
        let other = Row::of([("c", Value::str("c")), ("a", Value::str("5"))]);
        fill(&fields(), (&places, &[]), (&mut rows, Some(&other)), &mut out).unwrap();
        assert_eq!(out, [Value::Int(5), Value::Missing, Value::str("c")]);
        let bad = Row::of([("a", Value::str("five"))]);
        let misfit = fill(&fields(), (&places, &[]), (&mut rows, Some(&bad)), &mut out).unwrap_err();
        assert_eq!(&*misfit.field, "a");
    }
}
