//! Where a request's items come from: rows that came with the request, or ids whose rows are looked up where needed.
//!
//! The decision here: scoring asks for an item's row only when its part is not kept. Handing over a row per candidate
//! cost two shared counters each, and nearly all of those rows were never read.

use std::borrow::Cow;

use crate::request::ItemInput;
use crate::row::Row;
use crate::rows::FeatureRows;

/// An item whose row the feature rows know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemKey {
    /// The item's id.
    pub id: i64,
    /// Its row's version when the request was made; 0 = do not cache.
    pub version: u64,
}

/// Items by key, with the rows to look them up in.
#[derive(Clone, Copy)]
pub struct KnownItems<'a> {
    /// What to score.
    pub keys: &'a [ItemKey],
    /// Asked for the rows of items whose parts are not kept; a row newer than the key's version is taken as it is.
    pub rows: &'a dyn FeatureRows,
}

/// Items as scoring reads them.
pub(crate) trait Items: Sync {
    /// How many there are.
    fn len(&self) -> usize;
    /// One item's id and row version.
    fn key(&self, index: usize) -> ItemKey;
    /// Whether the request overrides fields of the item, so that nothing made ahead may stand for them.
    fn overridden(&self, index: usize) -> bool;
    /// One item's row and that row's version.
    fn row(&self, index: usize) -> (Cow<'_, Row>, u64);
}

impl Items for Vec<ItemInput> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn key(&self, index: usize) -> ItemKey {
        let ItemInput { id, version, .. } = self[index];
        ItemKey { id, version }
    }

    fn overridden(&self, index: usize) -> bool {
        self[index].version == 0
    }

    fn row(&self, index: usize) -> (Cow<'_, Row>, u64) {
        (Cow::Borrowed(&self[index].row), self[index].version)
    }
}

impl Items for KnownItems<'_> {
    fn len(&self) -> usize {
        self.keys.len()
    }

    fn key(&self, index: usize) -> ItemKey {
        self.keys[index]
    }

    fn overridden(&self, _index: usize) -> bool {
        false
    }

    fn row(&self, index: usize) -> (Cow<'_, Row>, u64) {
        let (row, version) = self.rows.item(self.keys[index].id).unwrap_or_default();
        (Cow::Owned(row), version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::NoRows;

    #[test]
    fn what_nobody_knows_has_an_empty_row_that_is_not_kept() {
        let keys = [ItemKey { id: 5, version: 9 }];
        let items = KnownItems {
            keys: &keys,
            rows: &NoRows,
        };
        assert_eq!((items.len(), items.key(0)), (1, keys[0]));
        let (row, version) = items.row(0);
        assert_eq!((row.values().len(), version), (0, 0));
    }
}
