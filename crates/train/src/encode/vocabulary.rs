//! One table's numbering: sign → row, growing while the training samples are read, fixed afterwards.
//!
//! Row 0 is the missing row: what an empty slot, a sign never seen in training, and a sign rarer than `min_count` read. Rows
//! of a version that training begins from come first and stay. Keys and index are shared with the table that is made of them.

use std::sync::Arc;

use rankine_kernel::rows::{KeyIndex, MISSING};

use crate::TrainError;

/// Sign → row of one table.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    table: String,
    rows: Arc<KeyIndex>,
    /// Of row 1 and on.
    keys: Arc<Vec<u64>>,
    counts: Vec<u32>,
    /// Rows of the version that training begins from.
    inherited: usize,
}

impl Vocabulary {
    /// The row of everything without a row of its own.
    pub const MISSING: u32 = MISSING;

    /// An empty numbering for `table`.
    #[must_use]
    pub fn new(table: &str) -> Self {
        Self {
            table: table.into(),
            rows: Arc::default(),
            keys: Arc::default(),
            counts: vec![0],
            inherited: 0,
        }
    }

    /// Signs by row, from row 1.
    #[must_use]
    pub fn signs(&self) -> &[u64] {
        &self.keys
    }

    /// Keys and index, shared.
    #[must_use]
    pub fn shared(&self) -> (Arc<Vec<u64>>, Arc<KeyIndex>) {
        (Arc::clone(&self.keys), Arc::clone(&self.rows))
    }

    /// Rows that were inherited; they are the first.
    #[must_use]
    pub fn inherited(&self) -> usize {
        self.inherited
    }

    /// Gives each of these signs a row before any is read, whatever its count will be.
    ///
    /// # Errors
    /// When the row numbers are used up.
    pub fn inherit(&mut self, signs: &[u64]) -> Result<(), TrainError> {
        for sign in signs {
            self.find_or_add(*sign)?;
        }
        self.counts.fill(0);
        self.inherited = self.keys.len();
        Ok(())
    }

    /// Takes a numbering that was kept: signs by row, and their counts with the missing row's first.
    pub(crate) fn put_back(&mut self, signs: Vec<u64>, counts: Vec<u32>) {
        let mut rows = KeyIndex::with_capacity(signs.len());
        for (sign, row) in signs.iter().zip(1..) {
            rows.insert(*sign, row);
        }
        (self.keys, self.rows, self.counts) = (Arc::new(signs), Arc::new(rows), counts);
    }

    /// Times each row's sign was seen, by row; the missing row has 0.
    #[must_use]
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Rows, the missing row included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len() + 1
    }

    /// Whether only the missing row exists.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The row of `sign`, the missing row where it has none.
    #[must_use]
    pub fn find(&self, sign: u64) -> u32 {
        self.rows.find(sign).unwrap_or(Self::MISSING)
    }

    /// The row of `sign`, a new one where it has none; counts the occurrence.
    ///
    /// # Errors
    /// When the row numbers are used up.
    pub fn find_or_add(&mut self, sign: u64) -> Result<u32, TrainError> {
        let row = match self.rows.find(sign) {
            Some(row) => row,
            None => self.add(sign)?,
        };
        let count = &mut self.counts[row as usize];
        *count = count.saturating_add(1);
        Ok(row)
    }

    fn add(&mut self, sign: u64) -> Result<u32, TrainError> {
        let next = u32::try_from(self.keys.len() + 1)
            .ok()
            .filter(|row| *row < u32::MAX);
        let next = next.ok_or_else(|| TrainError::TooManyRows {
            table: self.table.clone(),
            limit: u64::from(u32::MAX) - 1,
        })?;
        Arc::make_mut(&mut self.rows).insert(sign, next);
        Arc::make_mut(&mut self.keys).push(sign);
        self.counts.push(0);
        Ok(next)
    }

    /// Drops signs seen fewer than `min_count` times; returns the new row of each old one, or nothing if all stay.
    pub fn prune(&mut self, min_count: u32) -> Option<Vec<u32>> {
        let rare = |(row, count): (usize, &u32)| row > self.inherited && *count < min_count;
        if !self.counts.iter().enumerate().skip(1).any(rare) {
            return None;
        }
        let old = std::mem::replace(self, Self::new(&self.table));
        self.inherited = old.inherited;
        let (mut rows, mut keys) = (KeyIndex::default(), Vec::new());
        let mut moved = vec![Self::MISSING; old.len()];
        for (row, (&sign, &count)) in old.keys.iter().zip(&old.counts[1..]).enumerate() {
            if row < old.inherited || count >= min_count {
                keys.push(sign);
                let next = u32::try_from(keys.len()).unwrap_or(u32::MAX);
                rows.insert(sign, next);
                self.counts.push(count);
                moved[row + 1] = next;
            }
        }
        (self.rows, self.keys) = (Arc::new(rows), Arc::new(keys));
        Some(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_given_in_order_of_appearance_and_zero_is_just_a_sign() {
        let mut v = Vocabulary::new("t");
        let rows: Vec<u32> = [0, 77, 0, 5].map(|s| v.find_or_add(s).unwrap()).to_vec();
        assert_eq!(rows, [1, 2, 1, 3]);
        assert_eq!(v.signs(), [0, 77, 5]);
        assert_eq!((v.find(77), v.find(6), v.len()), (2, Vocabulary::MISSING, 4));
    }

    #[test]
    fn pruning_moves_the_rare_to_the_missing_row_and_closes_the_gaps() {
        let mut v = Vocabulary::new("t");
        for sign in [9, 8, 7, 9, 7, 7] {
            v.find_or_add(sign).unwrap();
        }
        assert_eq!(v.prune(1), None);
        assert_eq!(v.prune(2).unwrap(), [0, 1, 0, 2]);
        assert_eq!(
            (v.find(9), v.find(8), v.find(7), v.signs()),
            (1, 0, 2, [9, 7].as_slice())
        );
        assert_eq!(v.find_or_add(8).unwrap(), 3);
    }

    #[test]
    fn inherited_rows_come_first_and_stay_however_rare() {
        let mut v = Vocabulary::new("t");
        v.inherit(&[5, 3]).unwrap();
        for sign in [9, 3, 8, 8] {
            v.find_or_add(sign).unwrap();
        }
        assert_eq!((v.counts(), v.inherited()), ([0, 0, 1, 1, 2].as_slice(), 2));
        assert_eq!(v.prune(2).unwrap(), [0, 1, 2, 0, 3]);
        assert_eq!(
            (v.signs(), v.counts()),
            ([5, 3, 8].as_slice(), [0, 0, 1, 2].as_slice())
        );
        let mut again = Vocabulary::new("t");
        again.put_back(v.signs().to_vec(), v.counts().to_vec());
        assert_eq!((again.find(3), again.find(8), again.find(9)), (2, 3, 0));
    }
}
