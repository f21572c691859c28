//! Writes a Parquet file batch by batch.
//!
//! The decision: zstd at level 1, row groups of about a million rows, a fixed "created by" text and
//! no clock, so that the same rows give the same bytes.

use std::path::Path;

use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::encode;
use crate::{AtomicFile, Table, TableError};

const ROW_GROUP: usize = 1 << 20;

/// Writes batches of one schema into a file that appears at [`Writer::commit`].
#[derive(Debug)]
pub struct Writer {
    inner: ArrowWriter<AtomicFile>,
    schema: SchemaRef,
}

impl Writer {
    /// Starts a file with the columns of `like`, whose rows do not matter.
    ///
    /// # Errors
    /// [`TableError::Write`] or [`TableError::Parquet`].
    pub fn create(path: &Path, like: &Table, metadata: &[(String, String)]) -> Result<Self, TableError> {
        let fail = |error: &dyn std::fmt::Display| fault(path, error);
        let schema = encode::batch(&without_rows(like))
            .map_err(|error| fail(&error))?
            .schema();
        let file = AtomicFile::create(path)?;
        let properties = properties(metadata).map_err(|error| fail(&error))?;
        let inner =
            ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(|error| fail(&error))?;
        Ok(Self { inner, schema })
    }

    /// Appends the rows of a table that has the same columns.
    ///
    /// # Errors
    /// What [`Table::check`] says, or [`TableError::Parquet`], also when the columns differ.
    pub fn write(&mut self, table: &Table) -> Result<(), TableError> {
        table.check()?;
        let batch = encode::batch(table).map_err(|error| self.fault(&error))?;
        if batch.schema() != self.schema {
            let reason = format!("columns differ: expected {}, got {}", self.schema, batch.schema());
            return Err(self.fault(&reason));
        }
        self.inner.write(&batch).map_err(|error| self.fault(&error))
    }

    /// Finishes the file and makes it visible and durable.
    ///
    /// # Errors
    /// [`TableError::Write`] or [`TableError::Parquet`]; then no file appears.
    pub fn commit(self) -> Result<(), TableError> {
        let path = self.inner.inner().path().to_owned();
        let file = self.inner.into_inner().map_err(|error| fault(&path, &error))?;
        file.commit()
    }

    fn fault(&self, error: &dyn std::fmt::Display) -> TableError {
        fault(self.inner.inner().path(), error)
    }
}

fn without_rows(like: &Table) -> Table {
    let empty =
        |(name, column): &(String, crate::Column)| (name.clone(), crate::Column::new(column.kind(), 0));
    Table {
        columns: like.columns.iter().map(empty).collect(),
    }
}

fn properties(metadata: &[(String, String)]) -> Result<WriterProperties, parquet::errors::ParquetError> {
    let pairs = metadata
        .iter()
        .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
        .collect();
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_created_by("rankine".to_owned())
        .set_key_value_metadata(Some(pairs))
        .build())
}

fn fault(path: &Path, error: &dyn std::fmt::Display) -> TableError {
    TableError::Parquet {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}
