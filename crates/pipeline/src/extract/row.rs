//! One row's values, typed by the schema, in memory that is reused.

use rankine_feature::{FieldType, Rows, Sample, Schema, Value};
use rankine_table::Column;
use serde_json::{Map, Value as Json};

use super::binding::{Binding, Bound, To};
use crate::sample::cells::{Cells, Style};

/// Values of a row: per side, and those handed through.
pub(super) struct Row {
    sides: [Vec<Value>; 3],
    pub(super) kept: Vec<Value>,
}

/// A cell that does not fit: the field's name and what was expected and got.
pub(super) type Misfit = String;

impl Row {
    pub(super) fn new(binding: &Binding) -> Row {
        Row {
            sides: binding.widths.map(|width| vec![Value::Missing; width]),
            kept: vec![Value::Missing; binding.kept.len()],
        }
    }

    /// The row as extraction takes it.
    pub(super) fn rows(&self) -> Rows<'_> {
        let [user, item, context] = &self.sides;
        Rows { user, item, context }
    }

    /// A copy that stands alone.
    pub(super) fn sample(&self, schema: &Schema) -> Sample {
        let mut sample = Sample::new(schema);
        let value = |name: &str| {
            let (side, at) = schema.find(name)?;
            self.sides[side as usize].get(at).cloned()
        };
        sample.set(|field| value(&field.name).unwrap_or_default());
        sample
    }

    /// Fills the row from cells of text.
    pub(super) fn texts<'a>(
        &mut self,
        binding: &Binding,
        (cells, style): (&mut Cells, Style),
        cell: impl Fn(usize) -> Option<&'a str>,
    ) -> Result<(), Misfit> {
        self.fill(binding, |bound| cells.text(bound.ty, cell(bound.place), style))
    }

    /// Fills the row from a row of typed columns.
    pub(super) fn typed(
        &mut self,
        binding: &Binding,
        cells: &mut Cells,
        (columns, row): (&[(String, Column)], usize),
    ) -> Result<(), Misfit> {
        self.fill(binding, |bound| {
            cells.typed(bound.ty, &columns[bound.place].1, row)
        })
    }

    /// Fills the row from an object.
    pub(super) fn json(
        &mut self,
        binding: &Binding,
        cells: &Cells,
        object: &Map<String, Json>,
    ) -> Result<(), Misfit> {
        self.fill(binding, |bound| {
            let value = object.get(&*bound.name).unwrap_or(&Json::Null);
            let read = |ty| rankine_feature::json::parse(ty, value).map_err(|error| error.to_string());
            if bound.ty == FieldType::Timestamp {
                cells.instant(&read(FieldType::Int)?)
            } else {
                read(bound.ty)
            }
        })
    }

    fn fill(
        &mut self,
        binding: &Binding,
        mut read: impl FnMut(&Bound) -> Result<Value, String>,
    ) -> Result<(), Misfit> {
        for bound in &binding.columns {
            let value = read(bound).map_err(|reason| format!("field `{}`: {reason}", bound.name))?;
            match bound.to {
                To::Field(side, at) => self.sides[side as usize][at] = value,
                To::Kept(at) => self.kept[at] = value,
            }
        }
        Ok(())
    }
}
