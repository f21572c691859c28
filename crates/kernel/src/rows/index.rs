//! `KeyIndex`: u64 key → u32 row, open addressing with linear probing, at most five eighths full. Any key is allowed,
//! zero included; nothing is ever removed. A general map was refused: it hashes twice and cannot prefetch.

use crate::rows::table::fetch;

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: u64,
    row: u32,
}

const EMPTY: u32 = u32::MAX;

/// A growing map from keys to row numbers below 2³² − 1.
#[derive(Debug, Clone)]
pub struct KeyIndex {
    entries: Vec<Entry>,
    length: usize,
}

impl Default for KeyIndex {
    fn default() -> Self {
        KeyIndex::with_capacity(0)
    }
}

impl KeyIndex {
    /// Makes an index that takes `keys` keys without growing.
    #[must_use]
    pub fn with_capacity(keys: usize) -> KeyIndex {
        KeyIndex {
            entries: vec![Entry { key: 0, row: EMPTY }; places(keys)],
            length: 0,
        }
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Returns whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Finds the row of a key.
    #[inline]
    #[must_use]
    pub fn find(&self, key: u64) -> Option<u32> {
        let entry = self.entries[self.probe(key)];
        (entry.row != EMPTY).then_some(entry.row)
    }

    /// Returns the row of a key, assigning `row` if the key is new.
    pub fn insert(&mut self, key: u64, row: u32) -> u32 {
        if self.length * 8 >= self.entries.len() * 5 {
            self.grow();
        }
        let at = self.probe(key);
        let entry = &mut self.entries[at];
        if entry.row == EMPTY {
            *entry = Entry { key, row };
            self.length += 1;
        }
        entry.row
    }

    /// Asks for the memory a later [`KeyIndex::find`] of this key will read.
    #[inline]
    pub fn prefetch(&self, key: u64) {
        fetch(&raw const self.entries[self.home(key)]);
    }

    /// Finds the rows of many keys, `missing` for those without; the bits of [`KeyIndex::find`] one by one.
    #[inline]
    pub(super) fn find_all(&self, keys: &[u64], missing: u32, mut found: impl FnMut(usize, u32)) {
        let entries = &self.entries[..];
        assert!(!entries.is_empty(), "an index without places");
        let mask = entries.len() - 1;
        let shift = 64 - entries.len().trailing_zeros();
        for (i, key) in keys.iter().enumerate() {
            let mut at = mixed(*key, shift);
            let row = loop {
                // SAFETY: there is an entry, and `mask` is one less than there are: what is masked is at most that.
                let entry = unsafe { entries.get_unchecked(at & mask) };
                if entry.row == EMPTY {
                    break missing;
                }
                if entry.key == *key {
                    break entry.row;
                }
                at = at.wrapping_add(1);
            };
            found(i, row);
        }
    }

    /// Asks for the memory in which many keys are found.
    #[inline]
    pub fn prefetch_all(&self, keys: &[u64]) {
        let (entries, shift) = (self.entries.as_ptr(), 64 - self.entries.len().trailing_zeros());
        for key in keys {
            fetch(entries.wrapping_add(mixed(*key, shift)));
        }
    }

    /// The entry of the key, or the empty one where it would go. Ends: the table is never full.
    #[inline]
    fn probe(&self, key: u64) -> usize {
        let mask = self.entries.len() - 1;
        let mut at = self.home(key);
        while self.entries[at].row != EMPTY && self.entries[at].key != key {
            at = (at + 1) & mask;
        }
        at
    }

    #[inline]
    fn home(&self, key: u64) -> usize {
        home(key, self.entries.len())
    }

    fn grow(&mut self) {
        let size = self.entries.len() * 2;
        let old = std::mem::replace(&mut self.entries, vec![Entry { key: 0, row: EMPTY }; size]);
        for entry in old.into_iter().filter(|e| e.row != EMPTY) {
            let at = self.probe(entry.key);
            self.entries[at] = entry;
        }
    }
}

/// Returns the place where a key is looked for first among `places` of them, a power of two above one. Artefacts hold
/// places of this function, so it never changes.
#[inline]
#[must_use]
pub fn home(key: u64, places: usize) -> usize {
    mixed(key, 64 - places.trailing_zeros())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the shift leaves as many bits as there are places"
)]
#[inline(always)]
fn mixed(key: u64, shift: u32) -> usize {
    ((key ^ (key >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> shift) as usize
}

/// Asks for the memory of a value that is read later.
#[inline]
pub fn ask<T>(value: &T) {
    fetch(std::ptr::from_ref(value));
}

/// Returns how many places an index of `keys` keys has: a power of two, at most five eighths of it taken.
#[must_use]
pub fn places(keys: usize) -> usize {
    (keys + keys / 2 + keys / 4 + 8).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn behaves_as_a_map(keys in proptest::collection::vec(prop_oneof![0u64..40, any::<u64>(), Just(u64::MAX)], 0..300)) {
            let (mut index, mut model) = (KeyIndex::default(), BTreeMap::new());
            for (row, key) in (0u32..).zip(&keys) {
                let expected = *model.entry(*key).or_insert(row);
                prop_assert_eq!(index.insert(*key, row), expected);
            }
            prop_assert_eq!(index.len(), model.len());
            for key in keys.iter().chain(&[41, 1 << 40]) {
                index.prefetch(*key);
                prop_assert_eq!(index.find(*key), model.get(key).copied());
            }
            index.prefetch_all(&keys);
            let asked = [keys, vec![41, 1 << 40]].concat();
            let mut together = vec![None; asked.len()];
            index.find_all(&asked, u32::MAX, |i, row| together[i] = Some(row));
            for (key, row) in asked.iter().zip(together) {
                prop_assert_eq!(row, Some(model.get(key).copied().unwrap_or(u32::MAX)));
            }
        }
    }

    #[test]
    fn an_empty_index_finds_nothing() {
        let index = KeyIndex::with_capacity(100);
        assert!(index.is_empty());
        assert_eq!(index.find(0), None);
    }
}
