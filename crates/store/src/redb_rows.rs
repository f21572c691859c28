//! Rows in one embedded redb file: the durable store of a single machine.
//!
//! One table per family, key `i64`, value as `codec` writes it. A `put_many` is one transaction: all of the
//! batch or nothing survives a crash, and it is on disk when the call returns. So callers batch; a transaction
//! per row would cost an fsync each.

use std::path::{Path, PathBuf};

use redb::{Database, ReadableDatabase, TableDefinition, TableError};

use crate::codec;
use crate::rows::{check_family, check_rows};
use crate::{Cells, RowStore, StoreError};

type Definition<'a> = TableDefinition<'a, i64, &'static [u8]>;

/// Rows visited per read transaction of a scan.
const SCAN_CHUNK: usize = 1024;

/// Rows in a redb file; see [`RowStore`] for the contract. Durable and atomic per call.
#[derive(Debug)]
pub struct RedbRows {
    path: PathBuf,
    database: Database,
}

impl RedbRows {
    /// Opens the file, making it (and its folder) if there is none. `cache_bytes` bounds redb's page cache.
    ///
    /// # Errors
    /// [`StoreError::Io`] or [`StoreError::Redb`]: not a redb file, open in another process, no permission.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<RedbRows, StoreError> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|source| StoreError::Io {
                action: "make the folder",
                path: parent.to_owned(),
                source,
            })?;
        }
        let database = Database::builder()
            .set_cache_size(cache_bytes)
            .create(path)
            .map_err(|error| fail(path, "open", error))?;
        Ok(RedbRows {
            path: path.to_owned(),
            database,
        })
    }

    fn fail<E: Into<redb::Error>>(&self, action: &'static str) -> impl Fn(E) -> StoreError + '_ {
        move |error| fail(&self.path, action, error)
    }

    /// Runs `edit` on the family's table in one durable transaction.
    fn write(
        &self,
        family: &str,
        edit: impl FnOnce(&mut redb::Table<'_, i64, &'static [u8]>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(self.fail("begin a write"))?;
        {
            let mut table = transaction
                .open_table(Definition::new(family))
                .map_err(self.fail("open a table"))?;
            edit(&mut table)?;
        }
        transaction.commit().map_err(self.fail("commit"))
    }

    /// Opens the family's table for reading; `None` if it was never written.
    fn read(&self, family: &str) -> Result<Option<redb::ReadOnlyTable<i64, &'static [u8]>>, StoreError> {
        let transaction = self.database.begin_read().map_err(self.fail("begin a read"))?;
        match transaction.open_table(Definition::new(family)) {
            Ok(table) => Ok(Some(table)),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(fail(&self.path, "open a table", error)),
        }
    }

    fn chunk(&self, family: &str, after: Option<i64>) -> Result<Vec<(i64, Cells)>, StoreError> {
        let Some(table) = self.read(family)? else {
            return Ok(Vec::new());
        };
        let first = match after.map(|key| key.checked_add(1)) {
            None => i64::MIN,
            Some(Some(next)) => next,
            Some(None) => return Ok(Vec::new()),
        };
        let range = table.range(first..).map_err(self.fail("scan"))?;
        range
            .take(SCAN_CHUNK)
            .map(|entry| {
                let (key, value) = entry.map_err(self.fail("scan"))?;
                Ok((key.value(), decode(family, key.value(), value.value())?))
            })
            .collect()
    }
}

fn fail(path: &Path, action: &'static str, error: impl Into<redb::Error>) -> StoreError {
    StoreError::Redb {
        action,
        path: path.to_owned(),
        source: Box::new(error.into()),
    }
}

fn decode(family: &str, key: i64, bytes: &[u8]) -> Result<Cells, StoreError> {
    codec::decode(bytes).map_err(|reason| StoreError::RowDamaged {
        family: family.to_owned(),
        key,
        reason,
    })
}

fn encode(family: &str, key: i64, cells: &Cells) -> Result<Vec<u8>, StoreError> {
    codec::encode(cells).ok_or_else(|| StoreError::RowDamaged {
        family: family.to_owned(),
        key,
        reason: "a text is longer than 4 GiB",
    })
}

impl RowStore for RedbRows {
    fn get_many(&self, family: &str, keys: &[i64]) -> Result<Vec<Option<Cells>>, StoreError> {
        check_family(family)?;
        let Some(table) = self.read(family)? else {
            return Ok(vec![None; keys.len()]);
        };
        keys.iter()
            .map(|key| {
                let found = table.get(key).map_err(self.fail("read a row"))?;
                found.map(|bytes| decode(family, *key, bytes.value())).transpose()
            })
            .collect()
    }

    fn put_many(&self, family: &str, rows: &[(i64, Cells)]) -> Result<(), StoreError> {
        check_rows(family, rows)?;
        if rows.is_empty() {
            return Ok(());
        }
        self.write(family, |table| {
            for (key, cells) in rows {
                if cells.is_empty() {
                    table.remove(key).map_err(self.fail("delete a row"))?;
                } else {
                    let bytes = encode(family, *key, cells)?;
                    table
                        .insert(key, bytes.as_slice())
                        .map_err(self.fail("write a row"))?;
                }
            }
            Ok(())
        })
    }

    fn delete_many(&self, family: &str, keys: &[i64]) -> Result<(), StoreError> {
        check_family(family)?;
        if keys.is_empty() {
            return Ok(());
        }
        self.write(family, |table| {
            for key in keys {
                table.remove(key).map_err(self.fail("delete a row"))?;
            }
            Ok(())
        })
    }

    fn scan(&self, family: &str, visit: &mut dyn FnMut(i64, Cells)) -> Result<(), StoreError> {
        check_family(family)?;
        let mut last = None;
        loop {
            let chunk = self.chunk(family, last)?;
            let Some((key, _)) = chunk.last() else {
                return Ok(());
            };
            last = Some(*key);
            for (key, cells) in chunk {
                visit(key, cells);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Cells {
        Cells::from([("a".to_owned(), text.to_owned())])
    }

    #[test]
    fn conforms() {
        let folder = tempfile::tempdir().unwrap();
        let store = RedbRows::open(&folder.path().join("deep/rows.redb"), 1 << 20).unwrap();
        crate::conformance::check(&store).unwrap();
    }

    #[test]
    fn rows_survive_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.redb");
        let rows: Vec<_> = (0..3000).map(|key| (key - 1500, row(&key.to_string()))).collect();
        RedbRows::open(&path, 1 << 20)
            .unwrap()
            .put_many("uf", &rows)
            .unwrap();
        let store = RedbRows::open(&path, 1 << 20).unwrap();
        let mut seen = Vec::new();
        store
            .scan("uf", &mut |key, cells| seen.push((key, cells)))
            .unwrap();
        assert_eq!(seen, rows);
    }

    #[test]
    fn a_copy_taken_without_closing_holds_every_acknowledged_batch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.redb");
        let store = RedbRows::open(&path, 1 << 20).unwrap();
        store.put_many("uf", &[(1, row("x")), (2, row("y"))]).unwrap();
        let copy = folder.path().join("copy.redb");
        std::fs::copy(&path, &copy).unwrap();
        let crashed = RedbRows::open(&copy, 1 << 20).unwrap();
        assert_eq!(
            crashed.get_many("uf", &[1, 2]).unwrap(),
            [Some(row("x")), Some(row("y"))]
        );
    }

    #[test]
    fn a_foreign_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.redb");
        std::fs::write(&path, b"userId,movieId\n1,2\n".repeat(500)).unwrap();
        let error = RedbRows::open(&path, 1 << 20).unwrap_err();
        assert!(error.to_string().contains("rows.redb: cannot open"), "{error}");
    }

    #[test]
    fn damaged_bytes_name_the_row() {
        let folder = tempfile::tempdir().unwrap();
        let store = RedbRows::open(&folder.path().join("rows.redb"), 1 << 20).unwrap();
        store
            .write("uf", |table| {
                table
                    .insert(5, b"junk!".as_slice())
                    .map_err(store.fail("write a row"))?;
                Ok(())
            })
            .unwrap();
        let error = store.get_many("uf", &[5]).unwrap_err();
        assert!(error.to_string().contains("row uf:5"), "{error}");
    }
}
