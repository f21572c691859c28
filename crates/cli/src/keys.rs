//! The keys of a model's rows as a Parquet file beside its ONNX file: `table`, `key`, `row`.
//!
//! A key is the 64 bits of a sign, as Parquet's signed number. Decision: streamed in batches, tables may hold millions of keys.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use rankine_model::onnx::Keys;
use rankine_table::parquet::{BATCH, Reader, Writer};
use rankine_table::{Column, Table};

/// Where the keys of an ONNX file stand.
pub(crate) fn beside(onnx: &Path) -> PathBuf {
    onnx.with_extension("keys.parquet")
}

/// Writes the keys of all tables.
///
/// # Errors
/// What Parquet or the disk say.
pub(crate) fn write(path: &Path, keys: &Keys) -> anyhow::Result<()> {
    let mut writer = Writer::create(path, &batch("", 0, &[]), &[])?;
    for (table, keys) in keys {
        for (i, part) in keys.chunks(BATCH).enumerate() {
            writer.write(&batch(table, i * BATCH, part))?;
        }
    }
    Ok(writer.commit()?)
}

fn batch(table: &str, first: usize, keys: &[u64]) -> Table {
    let rows = (first..).zip(keys);
    let columns = vec![
        (
            "table",
            Column::Text(keys.iter().map(|_| Some(table.to_owned())).collect()),
        ),
        (
            "key",
            Column::Int(keys.iter().map(|key| Some(key.cast_signed())).collect()),
        ),
        (
            "row",
            Column::Int(rows.map(|(row, _)| i64::try_from(row).ok()).collect()),
        ),
    ];
    let columns = columns
        .into_iter()
        .map(|(name, column)| (name.to_owned(), column));
    Table {
        columns: columns.collect(),
    }
}

/// Reads such a file; rows must stand in order.
///
/// # Errors
/// No such file, other columns, rows that are not numbered from 0.
pub(crate) fn read(path: &Path) -> anyhow::Result<Keys> {
    let mut reader = Reader::open_columns(path, BATCH, &["table", "key", "row"])?;
    let mut all = Keys::new();
    while let Some(batch) = reader.next_batch()? {
        let [table, key, row] = ["table", "key", "row"].map(|name| batch.column(name));
        let (Column::Text(tables), Column::Int(keys), Column::Int(rows)) = (table?, key?, row?) else {
            bail!("{}: expected a table's name, a key and a row", path.display());
        };
        for ((table, key), row) in tables.iter().zip(keys).zip(rows) {
            let table = table.as_deref().context("a row without a table")?;
            let keys = match all.get_mut(table) {
                Some(keys) => keys,
                None => all.entry(table.to_owned()).or_default(),
            };
            let there = row.is_some_and(|row| usize::try_from(row) == Ok(keys.len()));
            ensure!(
                there,
                "{}: rows of table {table} are not numbered from 0",
                path.display()
            );
            keys.push(key.context("a row without a key")?.cast_unsigned());
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_and_other_orders_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = beside(&folder.path().join("m.onnx"));
        assert!(path.ends_with("m.keys.parquet"));
        let keys = Keys::from([("a".to_owned(), vec![1, u64::MAX]), ("b".to_owned(), vec![7])]);
        write(&path, &keys).unwrap();
        assert_eq!(read(&path).unwrap(), keys);
        rankine_table::parquet::write(&path, &batch("a", 1, &[5]), &[]).unwrap();
        let fault = read(&path).unwrap_err().to_string();
        assert!(
            fault.ends_with("rows of table a are not numbered from 0"),
            "{fault}"
        );
    }
}
