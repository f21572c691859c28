//! Rows in memory: the store of tests, of small servers, and of rows that a log can rebuild.
//!
//! One reader-writer lock per family around a sorted map of shared rows: reads copy out under the read lock,
//! a scan copies the row handles and lets go of the lock before it calls out. A single `ArcSwap` of the whole
//! map was refused: every posted event would copy the map.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::rows::{check_family, check_rows};
use crate::{Cells, RowStore, StoreError};

type Family = Arc<RwLock<BTreeMap<i64, Arc<Cells>>>>;

/// Rows held in memory only; see [`RowStore`] for the contract. Cloning is not offered: share it by `Arc`.
#[derive(Debug, Default)]
pub struct MemoryRows {
    families: RwLock<BTreeMap<String, Family>>,
}

impl MemoryRows {
    /// Makes an empty store.
    pub fn new() -> MemoryRows {
        MemoryRows::default()
    }

    /// Counts the rows of a family.
    pub fn len(&self, family: &str) -> usize {
        self.find(family).map_or(0, |rows| {
            rows.read().unwrap_or_else(PoisonError::into_inner).len()
        })
    }

    /// Whether a family has no rows.
    pub fn is_empty(&self, family: &str) -> bool {
        self.len(family) == 0
    }

    fn find(&self, family: &str) -> Option<Family> {
        self.families
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(family)
            .cloned()
    }

    fn find_or_make(&self, family: &str) -> Family {
        if let Some(found) = self.find(family) {
            return found;
        }
        let mut families = self.families.write().unwrap_or_else(PoisonError::into_inner);
        families.entry(family.to_owned()).or_default().clone()
    }
}

fn put(rows: &mut BTreeMap<i64, Arc<Cells>>, key: i64, cells: Arc<Cells>) {
    if cells.is_empty() {
        rows.remove(&key);
    } else {
        rows.insert(key, cells);
    }
}

impl RowStore for MemoryRows {
    fn get_many(&self, family: &str, keys: &[i64]) -> Result<Vec<Option<Cells>>, StoreError> {
        check_family(family)?;
        let Some(rows) = self.find(family) else {
            return Ok(vec![None; keys.len()]);
        };
        let rows = rows.read().unwrap_or_else(PoisonError::into_inner);
        Ok(keys
            .iter()
            .map(|key| rows.get(key).map(|cells| Cells::clone(cells)))
            .collect())
    }

    fn put_many(&self, family: &str, rows: &[(i64, Cells)]) -> Result<(), StoreError> {
        check_rows(family, rows)?;
        let shared: Vec<_> = rows
            .iter()
            .map(|(key, cells)| (*key, Arc::new(cells.clone())))
            .collect();
        let target = self.find_or_make(family);
        let mut target = target.write().unwrap_or_else(PoisonError::into_inner);
        for (key, cells) in shared {
            put(&mut target, key, cells);
        }
        Ok(())
    }

    fn delete_many(&self, family: &str, keys: &[i64]) -> Result<(), StoreError> {
        check_family(family)?;
        if let Some(rows) = self.find(family) {
            let mut rows = rows.write().unwrap_or_else(PoisonError::into_inner);
            for key in keys {
                rows.remove(key);
            }
        }
        Ok(())
    }

    fn scan(&self, family: &str, visit: &mut dyn FnMut(i64, Cells)) -> Result<(), StoreError> {
        check_family(family)?;
        let Some(rows) = self.find(family) else {
            return Ok(());
        };
        let copy: Vec<_> = {
            let rows = rows.read().unwrap_or_else(PoisonError::into_inner);
            rows.iter()
                .map(|(key, cells)| (*key, Arc::clone(cells)))
                .collect()
        };
        for (key, cells) in copy {
            visit(key, Cells::clone(&cells));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conforms() {
        crate::conformance::check(&MemoryRows::new()).unwrap();
    }

    #[test]
    fn counts_rows() {
        let store = MemoryRows::new();
        assert!(store.is_empty("uf"));
        store
            .put_many(
                "uf",
                &[(1, Cells::from([("a".into(), "b".into())])), (2, Cells::new())],
            )
            .unwrap();
        assert_eq!(store.len("uf"), 1);
    }

    #[test]
    fn a_visitor_may_write() {
        let store = MemoryRows::new();
        let row = Cells::from([("a".into(), "b".into())]);
        store.put_many("uf", &[(1, row.clone()), (2, row)]).unwrap();
        store
            .scan("uf", &mut |key, _| store.delete_many("uf", &[key]).unwrap())
            .unwrap();
        assert!(store.is_empty("uf"));
    }
}
