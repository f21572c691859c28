//! Rows of a Parquet file with their ids, some at a time: for work over more rows than memory should hold.
//!
//! The decision: columns have the types of a dictionary of item rows, so that a row means the same wherever it is read; which column
//! is the id is said by name, and it stays a column.

use std::path::Path;

use rankine_dict::LoadFault;
use rankine_feature::Value;
use rankine_table::parquet::Reader;
use rankine_table::{Kind, Table};

use super::cells;
use crate::row::{Row, RowLayout};

/// A file under way.
#[derive(Debug)]
pub struct RowFile {
    reader: Reader,
    layout: RowLayout,
    key: usize,
    read: u64,
}

impl RowFile {
    /// Opens a file whose column `key` (none: the first) holds the ids, to be read at most `batch` rows at a time.
    ///
    /// # Errors
    /// Of the file; a key that is not there or no whole number.
    pub fn open(path: &Path, key: Option<&str>, batch: usize) -> Result<RowFile, LoadFault> {
        let reader = Reader::open(path, batch)?;
        let columns = reader.columns();
        let names = columns
            .iter()
            .map(|column| cells::typed(column).map(|(name, _)| name));
        let names = names.collect::<Result<Vec<_>, LoadFault>>()?;
        let there = |key: &str| names.iter().position(|name| **name == *key);
        let lacking = |key: &str| format!("no column `{key}`; the file has {}", names.join(", "));
        let key = key.map_or(Ok(0), |key| there(key).ok_or_else(|| lacking(key)))?;
        match columns.get(key) {
            Some((_, Kind::Int)) => {}
            Some((name, kind)) => return Err(format!("key column `{name}`: expected int, got {kind}").into()),
            None => return Err("expected a key column, got none".into()),
        }
        let layout = RowLayout::new(names);
        Ok(RowFile {
            reader,
            layout,
            key,
            read: 0,
        })
    }

    /// Rows in the whole file.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.reader.rows()
    }

    /// The next rows with their ids; none after the last.
    ///
    /// # Errors
    /// Of the file; a row without an id.
    pub fn next_rows(&mut self) -> Result<Option<Vec<(i64, Row)>>, LoadFault> {
        let Some(batch) = self.reader.next_batch()? else {
            return Ok(None);
        };
        let rows = (0..batch.rows()).map(|at| self.row(&batch, at));
        let rows = rows.collect::<Result<_, _>>()?;
        self.read += batch.rows() as u64;
        Ok(Some(rows))
    }

    fn row(&self, batch: &Table, at: usize) -> Result<(i64, Row), LoadFault> {
        let columns = batch.columns.iter();
        let values: Vec<Value> = columns.map(|(_, column)| cells::value(column, at)).collect();
        match values.get(self.key) {
            Some(Value::Int(id)) => Ok((*id, Row::new(&self.layout, values))),
            _ => Err(format!("row {}: the key is missing", self.read + at as u64 + 1).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_table::{Column, parquet};

    #[test]
    fn rows_come_some_at_a_time_under_the_key_that_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("u.parquet");
        let columns = vec![
            ("age".to_owned(), Column::Int(vec![Some(30), Some(40), Some(50)])),
            ("userid".to_owned(), Column::Int(vec![Some(7), Some(8), None])),
        ];
        parquet::write(&path, &Table::new(columns).unwrap(), &[]).unwrap();
        let mut file = RowFile::open(&path, Some("userid"), 2).unwrap();
        assert_eq!(file.rows(), 3);
        let rows = file.next_rows().unwrap().unwrap();
        let told: Vec<_> = rows
            .iter()
            .map(|(id, row)| (*id, row.values()[0].clone()))
            .collect();
        assert_eq!(told, [(7, Value::Int(30)), (8, Value::Int(40))]);
        let fault = file.next_rows().unwrap_err().to_string();
        assert_eq!(fault, "row 3: the key is missing");
        let lacking = RowFile::open(&path, Some("user"), 2).err().unwrap().to_string();
        assert_eq!(lacking, "no column `user`; the file has age, userid");
        let mut first = RowFile::open(&path, None, 9).unwrap();
        assert_eq!(first.next_rows().unwrap().unwrap()[2].0, 50);
        assert!(first.next_rows().unwrap().is_none());
    }
}
