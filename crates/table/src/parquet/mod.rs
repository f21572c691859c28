//! Parquet files as typed tables: whole, or batch by batch.
//!
//! The decision: one row of the type table in `encode` and `decode` per [`crate::Kind`]; foreign
//! files may use any width of integer, float, text or timestamp and are widened on reading.
//! Damaged files are errors, never panics: the codec is called behind a guard.

mod decode;
mod encode;
mod reader;
mod writer;

use std::path::Path;

pub use reader::Reader;
pub use writer::Writer;

use crate::{Table, TableError};

/// Key and value texts in a file's footer, in file order.
pub type Metadata = Vec<(String, String)>;

/// Rows per batch where the caller does not say.
pub const BATCH: usize = 65_536;

/// Writes a whole table; the file appears complete or not at all.
///
/// # Errors
/// [`TableError::Write`], [`TableError::Parquet`], or what [`Table::check`] says.
pub fn write(path: &Path, table: &Table, metadata: &[(String, String)]) -> Result<(), TableError> {
    let mut writer = Writer::create(path, table, metadata)?;
    writer.write(table)?;
    writer.commit()
}

/// Reads a whole file.
///
/// # Errors
/// [`TableError::Open`], [`TableError::Parquet`] for damage, [`TableError::ColumnType`] for a type
/// without counterpart.
pub fn read(path: &Path) -> Result<(Table, Metadata), TableError> {
    let mut reader = Reader::open(path, BATCH)?;
    let metadata = reader.metadata().to_vec();
    let mut table = reader.empty();
    while let Some(mut batch) = reader.next_batch()? {
        for ((_, column), (_, more)) in table.columns.iter_mut().zip(&mut batch.columns) {
            column.append(more);
        }
    }
    Ok((table, metadata))
}

#[cfg(test)]
mod tests;
