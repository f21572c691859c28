//! Sample files as rows of values for a conf: Parquet, CSV, TSV or JSON lines, packed or not.
//!
//! The last step of the offline road before `train`; the binary adapts it to the trainer's source. Decision: a
//! cell that does not fit stops the reading with file, line, field, expected and got, unless the caller has a ledger of
//! what is left out ([`SampleReader::leaving_out`]): a training set with holes of unknown size is worth nothing.

use std::path::{Path, PathBuf};

use rankine_feature::{SampleSpec, Schema, Value};
use rankine_table::delimited::{DelimitedReader, Layout};
use rankine_table::json_lines::JsonLinesReader;
use rankine_table::{Form, Record, RowFault, Step, Table, TableError, Taker, parquet};
use serde_json::{Map, Value as Json};

use super::binding::{Binding, Bound};
pub use super::cells::TimeUnit;
use super::cells::{Cells, Style};
use crate::PipelineError;

/// Rows per Parquet batch.
const BATCH: usize = 8_192;

/// One sample: a row per side in the order of that side's fields, and what is no feature.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SampleRow {
    /// Values of the user fields.
    pub user: Vec<Value>,
    /// Values of the item fields.
    pub item: Vec<Value>,
    /// Values of the context fields.
    pub context: Vec<Value>,
    /// The first label of the conf.
    pub label: f32,
    /// The conf's further labels, in its order.
    pub others: Vec<f32>,
    /// The weight; 1 if the conf names no column.
    pub weight: f32,
    /// µs UTC; 0 if the conf names no column.
    pub time: i64,
    /// The group, usually the user id; 0 if the conf names no column.
    pub group: i64,
    /// The item's id; 0 where the item is a vector and has none.
    pub item_id: i64,
}

/// How to read a file that was not written by Rankine.
#[derive(Debug, Clone, Default)]
pub struct SampleOptions {
    /// Fields that are missing throughout if the file lacks their column.
    pub optional: Vec<String>,
    /// Column with the item's id; by default the first present of `movieId`, `itemId`, `item_id`, `item`.
    pub item: Option<String>,
    /// Unit of times that stand as plain numbers.
    pub time_unit: TimeUnit,
    /// Lowest and highest label that can be learnt; any finite one if not given.
    pub labels: Option<(f32, f32)>,
    /// Names of the columns of delimited text without a header line.
    pub columns: Option<Vec<String>>,
}

/// Reads samples in file order, again and again.
pub struct SampleReader {
    path: PathBuf,
    schema: Schema,
    binding: Binding,
    cells: Cells,
    labels: Option<(f32, f32)>,
    names: Option<Vec<String>>,
    /// Set where broken rows are left out.
    left_out: Option<Taker>,
    source: Source,
}

enum Source {
    Parquet {
        reader: parquet::Reader,
        chosen: Vec<usize>,
        batch: Table,
        row: usize,
        line: u64,
    },
    Text {
        reader: DelimitedReader,
        style: Style,
        chosen: Vec<usize>,
        record: Record,
    },
    Json {
        reader: JsonLinesReader,
        names: Vec<String>,
        record: Record,
        object: Map<String, Json>,
    },
}

impl SampleReader {
    /// Opens a file by its name: `.parquet`, `.csv`, `.tsv`, `.jsonl` or `.ndjson`, but the first also `.gz` or `.zst`.
    ///
    /// # Errors
    /// [`PipelineError::SampleColumn`] for a column that the conf needs and the file lacks,
    /// [`PipelineError::Malformed`] for a name of another form, [`PipelineError::Table`] for damage.
    pub fn open(
        path: &Path,
        schema: &Schema,
        spec: &SampleSpec,
        options: &SampleOptions,
    ) -> Result<SampleReader, PipelineError> {
        let names = options.columns.clone();
        let present = columns(path, names.as_deref())?;
        let binding = Binding::new(path, &present, schema, spec, options)?;
        let source = Source::open(path, &binding.columns, names.as_deref())?;
        let cells = Cells::new(options.time_unit);
        Ok(SampleReader {
            path: path.to_owned(),
            schema: schema.clone(),
            binding,
            cells,
            labels: options.labels,
            names,
            left_out: None,
            source,
        })
    }

    /// The same leaving out rows that cannot be read or do not fit; each goes to `taker`.
    #[must_use]
    pub fn leaving_out(self, taker: Taker) -> SampleReader {
        SampleReader {
            left_out: Some(taker),
            ..self
        }
    }

    /// The conf's schema: the order of the rows' values.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Samples in the file, where its form tells.
    pub fn len_hint(&self) -> Option<u64> {
        match &self.source {
            Source::Parquet { reader, .. } => Some(reader.rows()),
            Source::Text { .. } | Source::Json { .. } => None,
        }
    }

    /// Goes back to the first sample.
    ///
    /// # Errors
    /// As [`SampleReader::open`].
    pub fn rewind(&mut self) -> Result<(), PipelineError> {
        self.source = Source::open(&self.path, &self.binding.columns, self.names.as_deref())?;
        if let Some(taker) = &mut self.left_out {
            taker.begin();
        }
        Ok(())
    }

    /// Appends up to `max` samples to `out` and returns how many; 0 at the end.
    ///
    /// # Errors
    /// [`PipelineError::SampleCell`] for a cell that does not fit, [`PipelineError::Table`] for damage, and where rows are
    /// left out for a file without any other.
    pub fn next(&mut self, out: &mut Vec<SampleRow>, max: usize) -> Result<usize, PipelineError> {
        let (before, mut ended) = (out.len(), false);
        while !ended && out.len() < before + max {
            match self.source.advance()? {
                Step::End => ended = true,
                Step::Row => match self.row() {
                    Ok(row) => out.push(row),
                    Err(error) => self.leave_out(error)?,
                },
                Step::Fault(fault) => self.leave_out_unread(fault)?,
            }
        }
        let read = out.len() - before;
        if let Some(taker) = &mut self.left_out {
            taker.good(read as u64);
            ended.then(|| taker.end()).transpose()?;
        }
        Ok(read)
    }

    /// A row that does not fit.
    fn leave_out(&mut self, error: PipelineError) -> Result<(), PipelineError> {
        let (
            Some(taker),
            PipelineError::SampleCell {
                line, field, reason, ..
            },
        ) = (&mut self.left_out, &error)
        else {
            return Err(error);
        };
        let raw = match &self.source {
            Source::Parquet { .. } => String::new(),
            Source::Text { record, .. } | Source::Json { record, .. } => record.raw().to_owned(),
        };
        taker.broken(&RowFault {
            line: *line,
            rule: "cell",
            reason: format!("field {field}: {reason}"),
            raw,
        });
        Ok(())
    }

    /// A row that cannot be read.
    fn leave_out_unread(&mut self, fault: RowFault) -> Result<(), PipelineError> {
        if let Some(taker) = &mut self.left_out {
            taker.broken(&fault);
            return Ok(());
        }
        Err(PipelineError::Table(TableError::Rejected {
            path: self.path.clone(),
            line: fault.line,
            rule: fault.rule,
            reason: fault.reason,
        }))
    }

    /// The sample at the source's place.
    fn row(&mut self) -> Result<SampleRow, PipelineError> {
        let binding = &self.binding;
        let mut at = Place {
            path: &self.path,
            binding,
            source: &self.source,
            cells: &mut self.cells,
        };
        let [user, item, context] = [0, 1, 2].map(|side| at.side(side));
        Ok(SampleRow {
            user: user?,
            item: item?,
            context: context?,
            label: at.label(binding.label, self.labels)?,
            others: at.others(self.labels)?,
            weight: binding.weight.map_or(Ok(1.0), |bound| at.weight(bound))?,
            time: binding.time.map_or(Ok(0), |bound| at.whole(bound))?,
            group: binding.group.map_or(Ok(0), |bound| at.whole(bound))?,
            item_id: binding.item.map_or(Ok(0), |bound| at.whole(bound))?,
        })
    }
}

/// The current row and what it takes to read it.
struct Place<'a> {
    path: &'a Path,
    binding: &'a Binding,
    source: &'a Source,
    cells: &'a mut Cells,
}

impl Place<'_> {
    fn side(&mut self, side: usize) -> Result<Vec<Value>, PipelineError> {
        let bound = &self.binding.sides[side];
        bound
            .iter()
            .map(|bound| bound.map_or(Ok(Value::Missing), |bound| self.field(bound)))
            .collect()
    }

    /// The value of a feature's field: NaN is missing, but no feature is made of what is infinite as f32.
    fn field(&mut self, bound: Bound) -> Result<Value, PipelineError> {
        let value = self.value(bound)?;
        match infinite(&value) {
            Some(x) => Err(self.fault(bound, format!("expected finite numbers, got {x:?}"))),
            None => Ok(value),
        }
    }

    fn value(&mut self, bound: Bound) -> Result<Value, PipelineError> {
        let value = match self.source {
            Source::Parquet {
                chosen, batch, row, ..
            } => {
                let (_, column) = &batch.columns[chosen[bound.column]];
                self.cells.typed(bound.ty, column, *row)
            }
            Source::Text {
                style,
                chosen,
                record,
                ..
            } => self
                .cells
                .text(bound.ty, record.get(chosen[bound.column]), *style),
            Source::Json { names, object, .. } => self.cells.json(bound.ty, object.get(&names[bound.column])),
        };
        value.map_err(|reason| self.fault(bound, reason))
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "labels and weights are f32 by definition"
    )]
    fn number(&mut self, bound: Bound) -> Result<f32, PipelineError> {
        let mut got = "a missing value".to_owned();
        if let Value::Float(x) = self.value(bound)? {
            if (x as f32).is_finite() {
                return Ok(x as f32);
            }
            got = format!("{x:?}");
        }
        Err(self.fault(bound, format!("expected a finite number, got {got}")))
    }

    fn weight(&mut self, bound: Bound) -> Result<f32, PipelineError> {
        let weight = self.number(bound)?;
        if weight >= 0.0 {
            return Ok(weight);
        }
        Err(self.fault(
            bound,
            format!("expected a weight that is not negative, got {weight}"),
        ))
    }

    fn others(&mut self, range: Option<(f32, f32)>) -> Result<Vec<f32>, PipelineError> {
        let bounds = self.binding.others.iter();
        bounds.map(|bound| self.label(*bound, range)).collect()
    }

    fn label(&mut self, bound: Bound, range: Option<(f32, f32)>) -> Result<f32, PipelineError> {
        let label = self.number(bound)?;
        match range {
            Some((low, high)) if !(low..=high).contains(&label) => {
                let reason = format!("expected a label from {low} to {high}, got {label}");
                Err(self.fault(bound, reason))
            }
            _ => Ok(label),
        }
    }

    fn whole(&mut self, bound: Bound) -> Result<i64, PipelineError> {
        if let Value::Int(x) | Value::Time(x) = self.value(bound)? {
            return Ok(x);
        }
        Err(self.fault(bound, format!("expected {}, got a missing value", bound.ty)))
    }

    fn fault(&self, bound: Bound, reason: String) -> PipelineError {
        let line = match self.source {
            Source::Parquet { line, .. } => *line,
            Source::Text { record, .. } | Source::Json { record, .. } => record.line(),
        };
        let field = self.binding.columns[bound.column].clone();
        PipelineError::SampleCell {
            path: self.path.to_owned(),
            line,
            field,
            reason,
        }
    }
}

/// The first number that is infinite as f32, where a value has any.
fn infinite(value: &Value) -> Option<f64> {
    let bad = |x: &f64| x.abs() > f64::from(f32::MAX);
    match value {
        Value::Float(x) => Some(*x).filter(bad),
        Value::Floats(items) => items.iter().copied().find(bad),
        Value::Vector(items) => items.iter().map(|x| f64::from(*x)).find(bad),
        Value::Weighted(items) => items.iter().map(|(_, x)| f64::from(*x)).find(bad),
        Value::Missing
        | Value::Int(_)
        | Value::Str(_)
        | Value::Time(_)
        | Value::Bool(_)
        | Value::Ints(_)
        | Value::Strs(_) => None,
    }
}

impl Source {
    fn open(path: &Path, columns: &[String], given: Option<&[String]>) -> Result<Source, PipelineError> {
        let names: Vec<&str> = columns.iter().map(String::as_str).collect();
        match form(path, given)? {
            Form::Parquet => {
                let reader = parquet::Reader::open_columns(path, BATCH, &names)?;
                let place = |name: &&str| reader.columns().iter().position(|(other, _)| other == name);
                let chosen = names.iter().filter_map(place).collect();
                Ok(Source::Parquet {
                    batch: reader.empty(),
                    reader,
                    chosen,
                    row: 0,
                    line: 0,
                })
            }
            Form::Delimited(layout) => {
                let style = if layout.quotes { Style::Csv } else { Style::Tsv };
                let reader = DelimitedReader::open(path, layout)?;
                let chosen = names
                    .iter()
                    .map(|name| reader.column(name))
                    .collect::<Result<_, _>>()?;
                Ok(Source::Text {
                    reader,
                    style,
                    chosen,
                    record: Record::default(),
                })
            }
            Form::JsonLines => Ok(Source::Json {
                reader: JsonLinesReader::open(path, &[])?,
                names: columns.to_vec(),
                record: Record::default(),
                object: Map::new(),
            }),
        }
    }

    /// Moves to the next row.
    fn advance(&mut self) -> Result<Step, PipelineError> {
        match self {
            Source::Parquet {
                reader,
                batch,
                row,
                line,
                ..
            } => {
                *row += usize::from(*line > 0);
                while *row >= batch.rows() {
                    let Some(next) = reader.next_batch()? else {
                        return Ok(Step::End);
                    };
                    (*batch, *row) = (next, 0);
                }
                *line += 1;
                Ok(Step::Row)
            }
            Source::Text { reader, record, .. } => Ok(reader.next(record)?),
            Source::Json {
                reader,
                record,
                object,
                ..
            } => Ok(reader.next_object(record, object)?),
        }
    }
}

/// Names of the file's columns.
fn columns(path: &Path, given: Option<&[String]>) -> Result<Vec<String>, PipelineError> {
    match form(path, given)? {
        Form::Parquet => {
            let reader = parquet::Reader::open(path, BATCH)?;
            Ok(reader.columns().iter().map(|(name, _)| name.clone()).collect())
        }
        Form::Delimited(layout) => Ok(DelimitedReader::open(path, layout)?.names().to_vec()),
        Form::JsonLines => keys(path),
    }
}

/// Objects whose keys are looked at for the names of the columns.
const OBJECTS: usize = 1000;

/// The keys of the first objects of a file.
fn keys(path: &Path) -> Result<Vec<String>, PipelineError> {
    let mut reader = JsonLinesReader::open(path, &[])?;
    let (mut record, mut object, mut names) = (Record::default(), Map::new(), Vec::new());
    for _ in 0..OBJECTS {
        if reader.next_object(&mut record, &mut object)? == Step::End {
            break;
        }
        let new: Vec<String> = object
            .keys()
            .filter(|key| !names.contains(*key))
            .cloned()
            .collect();
        names.extend(new);
    }
    Ok(names)
}

/// The form that a file's name tells; `given` names the columns of text without a header line.
fn form(path: &Path, given: Option<&[String]>) -> Result<Form, PipelineError> {
    match (Form::of(path).ok_or_else(|| unknown_form(path))?, given) {
        (Form::Delimited(layout), Some(names)) => {
            let columns = Some(names.to_vec());
            Ok(Form::Delimited(Layout { columns, ..layout }))
        }
        (form, _) => Ok(form),
    }
}

fn unknown_form(path: &Path) -> PipelineError {
    let reason = "expected a sample file named .parquet, or .csv, .tsv or .jsonl, each also .gz or .zst";
    PipelineError::Malformed {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}
