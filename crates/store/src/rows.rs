//! The row store's contract.
//!
//! A row is a set of named text cells under a family and an integer key. One decision: stores know text only
//! and replace whole rows, so that a reader never sees half of an update, on any of the implementations.

use std::collections::BTreeMap;

use crate::StoreError;

/// One feature row: field name to its text form. A missing field has no cell.
pub type Cells = BTreeMap<String, String>;

/// The only cell of a row in a vector family.
pub const VECTOR_CELL: &str = "vector";

/// Longest accepted family name.
const MAX_FAMILY: usize = 32;

/// Rows by family and key.
///
/// Families in use: `uf` (user features), `mf` (item features), `i2vEmb` (item vectors). A family whose name
/// ends in `Emb` is a *vector family*: its rows have the one cell [`VECTOR_CELL`].
///
/// # Contract
/// - A put replaces the whole row; a reader sees the old row or the new one, never a mixture.
/// - `put_many` applies its rows in order: of two rows with one key the last wins. When it returns, the rows
///   are visible to every later read of any thread, and durable if the store is durable at all.
/// - A row without cells does not exist: putting it deletes the row.
/// - Cell names and texts are any UTF-8, the empty text included, and come back unchanged.
/// - Calls are safe from any thread. They block; call them from a worker, not from an async task.
/// - A failed call leaves each row either old or new; repeating the call is always safe.
///
/// [`crate::conformance::check`] holds an implementation to this.
pub trait RowStore: Send + Sync {
    /// Returns one entry per key, in the order of `keys` (repeats allowed); `None` where there is no row.
    ///
    /// # Errors
    /// [`StoreError::Family`], or the store's own failure.
    fn get_many(&self, family: &str, keys: &[i64]) -> Result<Vec<Option<Cells>>, StoreError>;

    /// Writes whole rows.
    ///
    /// # Errors
    /// [`StoreError::Family`], [`StoreError::VectorRow`] (then nothing was written), or the store's own failure.
    fn put_many(&self, family: &str, rows: &[(i64, Cells)]) -> Result<(), StoreError>;

    /// Deletes rows; keys without a row are ignored.
    ///
    /// # Errors
    /// [`StoreError::Family`], or the store's own failure.
    fn delete_many(&self, family: &str, keys: &[i64]) -> Result<(), StoreError>;

    /// Calls `visit` once per row of the family, keys ascending.
    ///
    /// Rows changed while scanning are seen old or new. `visit` may call the store.
    ///
    /// # Errors
    /// [`StoreError::Family`], or the store's own failure; rows visited before it stay visited.
    fn scan(&self, family: &str, visit: &mut dyn FnMut(i64, Cells)) -> Result<(), StoreError>;
}

/// Whether rows of this family are vectors (its name ends in `Emb`, as SparrowRecSys names them).
pub fn is_vector_family(family: &str) -> bool {
    family.ends_with("Emb")
}

/// Refuses a family name that could not be a Redis key prefix, a table name and a glob at once.
pub(crate) fn check_family(family: &str) -> Result<(), StoreError> {
    let fits = (1..=MAX_FAMILY).contains(&family.len());
    if fits && family.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Ok(());
    }
    Err(StoreError::Family {
        family: family.to_owned(),
    })
}

/// Checks a whole batch before anything is written.
pub(crate) fn check_rows(family: &str, rows: &[(i64, Cells)]) -> Result<(), StoreError> {
    check_family(family)?;
    if !is_vector_family(family) {
        return Ok(());
    }
    for (key, cells) in rows {
        let proper = cells.is_empty() || (cells.len() == 1 && cells.contains_key(VECTOR_CELL));
        if !proper {
            let got = cells.keys().cloned().collect();
            return Err(StoreError::VectorRow {
                family: family.to_owned(),
                key: *key,
                got,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn family_names_are_checked() {
        for good in ["uf", "mf", "i2vEmb", "a_1"] {
            assert!(check_family(good).is_ok(), "{good}");
        }
        for bad in ["", "u:f", "u*", "ü", "a b", &"x".repeat(33)] {
            assert!(
                matches!(check_family(bad), Err(StoreError::Family { .. })),
                "{bad}"
            );
        }
    }

    #[test]
    fn vector_rows_have_one_cell() {
        let good = (1, Cells::from([(VECTOR_CELL.to_owned(), "1 2".to_owned())]));
        assert!(check_rows("i2vEmb", &[good.clone(), (2, Cells::new())]).is_ok());
        let bad = (7, Cells::from([("x".to_owned(), "1".to_owned())]));
        let error = check_rows("i2vEmb", &[good, bad.clone()]).unwrap_err();
        assert!(error.to_string().contains("i2vEmb:7"), "{error}");
        assert!(check_rows("uf", &[bad]).is_ok());
    }
}
