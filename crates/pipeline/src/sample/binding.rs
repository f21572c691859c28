//! Which column of a sample file feeds which field.
//!
//! Made once when a file is opened; every column that a conf needs and the file lacks is found here, by name.
//! Decision: only needed columns are read, each once, whatever number of fields and roles use it.

use std::path::Path;

use rankine_feature::{Field, FieldType, SampleSpec, Schema, Side};

use super::LABEL;
use super::reader::SampleOptions;
use crate::PipelineError;

/// Item id columns that are looked for if none is named.
const ITEM_NAMES: [&str; 4] = ["movieId", "itemId", "item_id", "item"];

/// A column's place among the columns that are read, and the type its cells are read as.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    pub(super) column: usize,
    pub(super) ty: FieldType,
}

/// All columns a conf reads of a file.
#[derive(Debug)]
pub(super) struct Binding {
    /// Names of the columns to read, without repeats.
    pub(super) columns: Vec<String>,
    /// Per side, per field; none for an optional field that the file lacks.
    pub(super) sides: [Vec<Option<Bound>>; 3],
    pub(super) label: Bound,
    /// Further labels, in the order they were asked for.
    pub(super) others: Vec<Bound>,
    pub(super) weight: Option<Bound>,
    pub(super) time: Option<Bound>,
    pub(super) group: Option<Bound>,
    /// None where the item is a vector: nothing names it.
    pub(super) item: Option<Bound>,
}

struct Binder<'a> {
    path: &'a Path,
    present: &'a [String],
    columns: Vec<String>,
}

impl Binding {
    /// Binds a conf to the columns of a file.
    pub(super) fn new(
        path: &Path,
        present: &[String],
        schema: &Schema,
        spec: &SampleSpec,
        options: &SampleOptions,
    ) -> Result<Binding, PipelineError> {
        let mut binder = Binder {
            path,
            present,
            columns: Vec::new(),
        };
        let mut sides = [const { Vec::new() }; 3];
        for (bound, side) in sides.iter_mut().zip(Side::ALL) {
            *bound = binder.fields(schema.side(side), options)?;
        }
        let label = spec.label.first().map_or(LABEL, String::as_str);
        let item = options.item.as_deref().unwrap_or_else(|| binder.guess_item());
        let named = !is_vector(schema, item);
        Ok(Binding {
            sides,
            label: binder.bind(label, FieldType::Float, "the label")?,
            others: binder.others(&spec.label)?,
            weight: binder.role(spec.weight.as_deref(), FieldType::Float, "the weight")?,
            time: binder.role(spec.time.as_deref(), FieldType::Timestamp, "the time")?,
            group: binder.role(spec.group.as_deref(), FieldType::Int, "the group")?,
            item: binder.role(named.then_some(item), FieldType::Int, "the item's id")?,
            columns: binder.columns,
        })
    }
}

/// Whether a column is a field of numbers, which is nobody's id.
fn is_vector(schema: &Schema, name: &str) -> bool {
    let field = schema.find(name);
    let field = field.and_then(|(side, at)| schema.side(side).get(at));
    field.is_some_and(|field| matches!(field.ty, FieldType::Vector(_)))
}

impl Binder<'_> {
    fn fields(
        &mut self,
        fields: &[Field],
        options: &SampleOptions,
    ) -> Result<Vec<Option<Bound>>, PipelineError> {
        let mut one = |field: &Field| {
            let optional = options.optional.iter().any(|name| **name == *field.name);
            if optional && !self.has(&field.name) {
                return Ok(None);
            }
            self.bind(&field.name, field.ty, "a field of the conf").map(Some)
        };
        fields.iter().map(&mut one).collect()
    }

    fn has(&self, name: &str) -> bool {
        self.present.iter().any(|other| other == name)
    }

    fn guess_item(&self) -> &'static str {
        ITEM_NAMES
            .into_iter()
            .find(|name| self.has(name))
            .unwrap_or(ITEM_NAMES[0])
    }

    /// Every label but the first.
    fn others(&mut self, labels: &[String]) -> Result<Vec<Bound>, PipelineError> {
        let others = labels.iter().skip(1);
        others
            .map(|name| self.bind(name, FieldType::Float, "a label"))
            .collect()
    }

    fn role(
        &mut self,
        name: Option<&str>,
        ty: FieldType,
        needed_as: &'static str,
    ) -> Result<Option<Bound>, PipelineError> {
        name.map(|name| self.bind(name, ty, needed_as)).transpose()
    }

    fn bind(&mut self, name: &str, ty: FieldType, needed_as: &'static str) -> Result<Bound, PipelineError> {
        if !self.has(name) {
            return Err(PipelineError::SampleColumn {
                path: self.path.to_owned(),
                column: name.to_owned(),
                needed_as,
                present: self.present.join(", "),
            });
        }
        let known = self.columns.iter().position(|other| other == name);
        let column = known.unwrap_or_else(|| {
            self.columns.push(name.to_owned());
            self.columns.len() - 1
        });
        Ok(Bound { column, ty })
    }
}
