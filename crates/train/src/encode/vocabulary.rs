//! One table's numbering: sign → row, growing while the training samples are read, fixed afterwards.
//!
//! Row 0 is the missing row: what an empty slot, a sign never seen in training, and a sign rarer than `min_count` read.

use rankine_kernel::rows::{KeyIndex, MISSING};

use crate::TrainError;

/// Sign → row of one table.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    table: String,
    rows: KeyIndex,
    keys: Vec<u64>,
    counts: Vec<u32>,
}

impl Vocabulary {
    /// The row of everything without a row of its own.
    pub const MISSING: u32 = MISSING;

    /// An empty numbering for `table`.
    #[must_use]
    pub fn new(table: &str) -> Self {
        Self {
            table: table.into(),
            rows: KeyIndex::default(),
            keys: vec![0],
            counts: vec![0],
        }
    }

    /// Signs by row, from row 1.
    #[must_use]
    pub fn signs(&self) -> &[u64] {
        &self.keys[1..]
    }

    /// Times each row's sign was seen, by row; the missing row has 0.
    #[must_use]
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Rows, the missing row included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether only the missing row exists.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.len() == 1
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
        let next = u32::try_from(self.keys.len()).ok().filter(|row| *row < u32::MAX);
        let next = next.ok_or_else(|| TrainError::TooManyRows {
            table: self.table.clone(),
            limit: u64::from(u32::MAX) - 1,
        })?;
        let row = self.rows.insert(sign, next);
        if row == next {
            self.keys.push(sign);
            self.counts.push(0);
        }
        let count = &mut self.counts[row as usize];
        *count = count.saturating_add(1);
        Ok(row)
    }

    /// Drops signs seen fewer than `min_count` times; returns the new row of each old one, or nothing if all stay.
    pub fn prune(&mut self, min_count: u32) -> Option<Vec<u32>> {
        if self.counts[1..].iter().all(|&n| n >= min_count) {
            return None;
        }
        let old = std::mem::replace(self, Self::new(&self.table));
        let mut moved = vec![Self::MISSING; old.keys.len()];
        for (row, (&sign, &count)) in old.keys.iter().zip(&old.counts).enumerate().skip(1) {
            if count >= min_count {
                let next = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
                self.rows.insert(sign, next);
                self.keys.push(sign);
                self.counts.push(count);
                moved[row] = next;
            }
        }
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
}
