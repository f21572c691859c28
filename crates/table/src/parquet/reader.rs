//! Reads a Parquet file batch by batch.
//!
//! The decision: the codec is called behind `catch_unwind`, because it indexes into what a damaged
//! file says; a damaged file must be an error of ours.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arrow_schema::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::{Metadata, decode};
use crate::{Column, Kind, Table, TableError};

/// Reads batches of rows; columns are those of the file, or those that were asked for.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    kinds: Vec<(String, Kind)>,
    metadata: Metadata,
    rows: u64,
}

impl Reader {
    /// Opens a file to read all columns, at most `batch` rows at a time.
    ///
    /// # Errors
    /// [`TableError::Open`], [`TableError::Parquet`] for damage, [`TableError::ColumnType`] for a
    /// column whose type has no counterpart.
    pub fn open(path: &Path, batch: usize) -> Result<Self, TableError> {
        guard(path, || Self::build(path, batch, None))
    }

    /// Opens a file to read only the named columns, in the order of the file.
    ///
    /// # Errors
    /// As [`Reader::open`], and [`TableError::NoColumn`] for a name that is not there.
    pub fn open_columns(path: &Path, batch: usize, columns: &[&str]) -> Result<Self, TableError> {
        guard(path, || Self::build(path, batch, Some(columns)))
    }

    /// Names and kinds of the columns that are read, in file order.
    pub fn columns(&self) -> &[(String, Kind)] {
        &self.kinds
    }

    /// Key and value texts of the footer.
    pub fn metadata(&self) -> &[(String, String)] {
        &self.metadata
    }

    /// Rows in the whole file, as its footer says.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// A table with these columns and no row.
    pub fn empty(&self) -> Table {
        let columns = self
            .kinds
            .iter()
            .map(|(name, kind)| (name.clone(), Column::new(*kind, 0)));
        Table {
            columns: columns.collect(),
        }
    }

    /// Reads the next rows; `None` after the last.
    ///
    /// # Errors
    /// [`TableError::Parquet`] for damage, [`TableError::ColumnType`] for values out of range.
    pub fn next_batch(&mut self) -> Result<Option<Table>, TableError> {
        let (path, batches) = (&self.path, &mut self.batches);
        guard(path, || {
            let Some(batch) = batches.next() else {
                return Ok(None);
            };
            let batch = batch.map_err(|error| damaged(path, &error))?;
            let names = self.kinds.iter().map(|(name, kind)| (name, *kind));
            let columns = names.zip(batch.columns()).map(|((name, kind), array)| {
                let wrong = |got| type_error(path, name, kind.to_string(), got);
                Ok((name.clone(), decode::column(array.as_ref()).map_err(wrong)?))
            });
            Table::new(columns.collect::<Result<_, _>>()?).map(Some)
        })
    }

    fn build(path: &Path, batch: usize, wanted: Option<&[&str]>) -> Result<Self, TableError> {
        let file = File::open(path).map_err(|source| TableError::Open {
            path: path.to_owned(),
            source,
        })?;
        let mut builder =
            ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| damaged(path, &error))?;
        let footer = builder.metadata().file_metadata();
        let rows = u64::try_from(footer.num_rows()).unwrap_or(0);
        let pairs = footer.key_value_metadata().into_iter().flatten();
        let metadata = pairs.filter(|pair| pair.key != "ARROW:schema");
        let metadata = metadata
            .map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default()))
            .collect();
        let schema = builder.schema().clone();
        let chosen = choose(&schema, wanted)?;
        let kinds = kinds(path, &schema, &chosen)?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), chosen);
        builder = builder.with_projection(mask).with_batch_size(batch.max(1));
        let batches = builder.build().map_err(|error| damaged(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            batches,
            kinds,
            metadata,
            rows,
        })
    }
}

fn choose(schema: &SchemaRef, wanted: Option<&[&str]>) -> Result<Vec<usize>, TableError> {
    let Some(wanted) = wanted else {
        return Ok((0..schema.fields().len()).collect());
    };
    let names: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    if let Some(absent) = wanted.iter().find(|name| !names.contains(name)) {
        return Err(TableError::NoColumn {
            column: (*absent).to_owned(),
            present: names.join(", "),
        });
    }
    Ok((0..names.len())
        .filter(|&at| wanted.contains(&names[at]))
        .collect())
}

fn kinds(path: &Path, schema: &SchemaRef, chosen: &[usize]) -> Result<Vec<(String, Kind)>, TableError> {
    let kind = |&at: &usize| {
        let field = schema.field(at);
        let expected = "a number, text, time, truth value, list, map to float or vector";
        let got = || {
            type_error(
                path,
                field.name(),
                expected.to_owned(),
                field.data_type().to_string(),
            )
        };
        Ok((
            field.name().clone(),
            decode::kind(field.data_type()).ok_or_else(got)?,
        ))
    };
    chosen.iter().map(kind).collect()
}

fn type_error(path: &Path, column: &str, expected: String, got: String) -> TableError {
    TableError::ColumnType {
        path: path.to_owned(),
        column: column.to_owned(),
        expected,
        got,
    }
}

fn damaged(path: &Path, error: &dyn std::fmt::Display) -> TableError {
    TableError::Parquet {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

/// Runs the codec; what it panics with becomes an error about the file.
fn guard<T>(path: &Path, read: impl FnOnce() -> Result<T, TableError>) -> Result<T, TableError> {
    let outcome = catch_unwind(AssertUnwindSafe(read));
    outcome.unwrap_or_else(|_| Err(damaged(path, &"the file is damaged (the decoder gave up)")))
}
