//! Which input column feeds which field, and which are handed through.
//!
//! Made once per run; every column that is needed and not there is found here, by name. Decision: of Parquet only the
//! columns that somebody needs are read.

use std::path::Path;
use std::sync::Arc;

use rankine_feature::{FieldType, Plan, Side};
use rankine_table::Kind;

use crate::PipelineError;

/// Where a cell goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// A field: its side and its place there.
    Field(Side, usize),
    /// A column that is handed through: its place among those.
    Kept(usize),
}

/// One column to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) name: Arc<str>,
    pub(super) ty: FieldType,
    /// Place among the input's cells; 0 where they are found by name (JSON).
    pub(super) place: usize,
    pub(super) to: To,
}

/// All columns to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) columns: Vec<Bound>,
    /// Fields per side.
    pub(super) widths: [usize; 3],
    /// Columns handed through: name and type.
    pub(super) kept: Vec<(Arc<str>, FieldType)>,
    /// Cells a row of text has.
    pub(super) cells: usize,
}

/// What an input has.
pub(super) enum Present {
    /// Named columns, with kinds where the file is typed.
    Columns(Vec<(String, Option<Kind>)>),
    /// Whatever is asked for (JSON).
    Any,
}

impl Present {
    /// Place and kind of a column.
    fn find(&self, name: &str) -> Option<(usize, Option<Kind>)> {
        match self {
            Present::Any => Some((0, None)),
            Present::Columns(columns) => {
                let at = columns.iter().position(|(other, _)| other == name)?;
                Some((at, columns[at].1))
            }
        }
    }

    fn names(&self) -> String {
        match self {
            Present::Any => String::new(),
            Present::Columns(columns) => {
                let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
                names.join(", ")
            }
        }
    }
}

impl Binding {
    /// Binds a plan's fields, but those that are optional and absent, and the columns to keep.
    pub(super) fn new(
        path: &Path,
        present: &Present,
        plan: &Plan,
        (keep, optional): (&[String], &[String]),
    ) -> Result<Binding, PipelineError> {
        let absent = |column: &str, needed_as| PipelineError::SampleColumn {
            path: path.to_owned(),
            column: column.to_owned(),
            needed_as,
            present: present.names(),
        };
        let mut columns = Vec::new();
        for side in Side::ALL {
            for (i, field) in plan.schema().side(side).iter().enumerate() {
                match present.find(&field.name) {
                    Some((place, _)) => columns.push(Bound {
                        name: field.name.clone(),
                        ty: field.ty,
                        place,
                        to: To::Field(side, i),
                    }),
                    None if optional.iter().any(|name| **name == *field.name) => {}
                    None => return Err(absent(&field.name, "a field of the conf")),
                }
            }
        }
        let mut kept = Vec::new();
        for (i, name) in keep.iter().enumerate() {
            let (place, kind) = present.find(name).ok_or_else(|| absent(name, "to be kept"))?;
            let ty = kept_type(plan, name, kind).ok_or_else(|| absent(name, "to be kept as a value"))?;
            let name: Arc<str> = name.as_str().into();
            let to = To::Kept(i);
            columns.push(Bound {
                name: name.clone(),
                ty,
                place,
                to,
            });
            kept.push((name, ty));
        }
        let cells = if let Present::Columns(columns) = present {
            columns.len()
        } else {
            0
        };
        let widths = Side::ALL.map(|side| plan.schema().side(side).len());
        Ok(Binding {
            columns,
            widths,
            kept,
            cells,
        })
    }

    /// Names of the columns to read, each once.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for bound in &self.columns {
            if !names.contains(&&*bound.name) {
                names.push(&bound.name);
            }
        }
        names
    }

    /// Finds every column's place anew.
    pub(super) fn place(&mut self, place: impl Fn(&str) -> Option<usize>) {
        for bound in &mut self.columns {
            bound.place = place(&bound.name).unwrap_or(bound.place);
        }
    }
}

/// The type a kept column is read with: its field's, the file's, its role's in a sample, or text.
fn kept_type(plan: &Plan, name: &str, kind: Option<Kind>) -> Option<FieldType> {
    let schema = plan.schema();
    if let Some((side, at)) = schema.find(name) {
        return Some(schema.side(side)[at].ty);
    }
    let spec = plan.sample_spec();
    let is = |role: &Option<String>| role.as_deref() == Some(name);
    match kind {
        Some(kind) => natural(kind),
        None if spec.label.iter().any(|label| label == name) || is(&spec.weight) => Some(FieldType::Float),
        None if is(&spec.time) => Some(FieldType::Timestamp),
        None => Some(FieldType::String),
    }
}

/// The field type of a column; none for extracted slots.
fn natural(kind: Kind) -> Option<FieldType> {
    Some(match kind {
        Kind::Int => FieldType::Int,
        Kind::Float => FieldType::Float,
        Kind::Text => FieldType::String,
        Kind::Bool => FieldType::Bool,
        Kind::Time => FieldType::Timestamp,
        Kind::Ints => FieldType::IntList,
        Kind::Floats => FieldType::FloatList,
        Kind::Texts => FieldType::StringList,
        Kind::Weighted => FieldType::Weighted,
        Kind::Vector(width) => FieldType::Vector(width),
        Kind::Signs => return None,
    })
}
