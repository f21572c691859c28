//! Where the rows of a table lie, as a tensor of the weights file: `emb.NAME.index`, u32, a power of two of places.
//!
//! A key is looked for from [`home`] on; a place holds its row in the order of `emb.NAME.keys` plus one, 0 ends the search.
//! The decision: the index is in the file and mapped with it, so a reload neither builds nor holds another one. Files of
//! before, or by other writers, may lack it; then one is built in memory.

use rankine_kernel::map::Mapped;
use rankine_kernel::rows::{KeyIndex, ask, home, places};

/// Keys to rows.
pub(super) enum RowIndex {
    /// In the file.
    Mapped {
        /// Row plus one, or 0.
        places: Mapped<u32>,
        /// Ascending.
        keys: Mapped<u64>,
    },
    /// In memory.
    Built(KeyIndex),
}

/// The places of ascending keys.
pub(super) fn build(keys: &[u64]) -> Vec<u32> {
    let mut index = vec![0; places(keys.len())];
    let mask = index.len() - 1;
    for (row, key) in (1u32..).zip(keys) {
        let mut at = home(*key, index.len());
        while index[at] != 0 {
            at = (at + 1) & mask;
        }
        index[at] = row;
    }
    index
}

/// Whether a search among these places ends and finds rows that exist: every row once and one place left free.
pub(super) fn sound(index: &[u32], keys: usize) -> bool {
    let taken = index.iter().filter(|row| **row != 0).count();
    let highest = index.iter().max().copied().unwrap_or(0);
    index.len().is_power_of_two()
        && index.len() > 1
        && taken == keys
        && keys < index.len()
        && highest as usize <= keys
}

impl RowIndex {
    /// An index in memory.
    pub(super) fn built(keys: &[u64]) -> RowIndex {
        let mut index = KeyIndex::with_capacity(keys.len());
        for (row, key) in (0u32..).zip(keys) {
            index.insert(*key, row);
        }
        RowIndex::Built(index)
    }

    /// Finds the row of a key.
    #[inline]
    pub(super) fn find(&self, key: u64) -> Option<u32> {
        match self {
            RowIndex::Mapped { places, keys } => search(places, keys, key),
            RowIndex::Built(index) => index.find(key),
        }
    }

    /// Asks for the memory a later search of this key begins with.
    #[inline]
    pub(super) fn prefetch(&self, key: u64) {
        match self {
            RowIndex::Mapped { places, .. } => {
                if let Some(place) = places.get(home(key, places.len())) {
                    ask(place);
                }
            }
            RowIndex::Built(index) => index.prefetch(key),
        }
    }

    /// Asks for the key that a search compares first, whose place [`RowIndex::prefetch`] has asked for.
    #[inline]
    pub(super) fn prefetch_key(&self, key: u64) {
        if let RowIndex::Mapped { places, keys } = self {
            let row = places
                .get(home(key, places.len()))
                .and_then(|row| row.checked_sub(1));
            if let Some(key) = row.and_then(|row| keys.get(row as usize)) {
                ask(key);
            }
        }
    }
}

#[inline]
fn search(places: &[u32], keys: &[u64], key: u64) -> Option<u32> {
    let mask = places.len() - 1;
    let mut at = home(key, places.len());
    loop {
        let row = places[at].checked_sub(1)?;
        if keys[row as usize] == key {
            return Some(row);
        }
        at = (at + 1) & mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_key_is_found_and_no_other(keys in prop::collection::btree_set(prop_oneof![0u64..60, any::<u64>()], 0..200)) {
            let keys: Vec<u64> = keys.into_iter().collect();
            let index = build(&keys);
            prop_assert!(sound(&index, keys.len()));
            for key in keys.iter().copied().chain(0..70).chain([u64::MAX]) {
                let row = keys.binary_search(&key).ok();
                prop_assert_eq!(search(&index, &keys, key).map(|row| row as usize), row);
            }
        }

        #[test]
        fn of_any_places_a_search_ends_or_they_are_refused(index in prop::collection::vec(0u32..6, 0..20), key in any::<u64>()) {
            let keys = [3, 7, 9, 12];
            if sound(&index, keys.len()) {
                search(&index, &keys, key);
            }
        }
    }

    #[test]
    fn places_never_change() {
        // artefacts hold them
        assert_eq!(
            build(&[1, 2, 3, 1 << 40]),
            [0, 0, 0, 2, 0, 0, 0, 0, 4, 1, 0, 0, 0, 3, 0, 0]
        );
    }
}
