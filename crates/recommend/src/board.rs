//! An ordered list of item positions that stays ordered while single items move.
//!
//! Part of [`crate::Catalogue`], one per genre and order. The decision: a plain sorted vector with binary search.
//! A rating moves one item, which costs two searches and a `memmove` of a few kilobytes; readers walk it from the
//! front. A heap or a tree would make the reader, who comes a thousand times as often, pay.

use std::cmp::Ordering;

/// What an item is ordered by; compares so that the better key is *less* (comes first).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Key {
    /// First criterion, greater is better.
    pub(crate) first: f64,
    /// Second criterion, greater is better.
    pub(crate) second: f64,
    /// Last criterion: the lower position (lower id) is first.
    pub(crate) position: u32,
}

impl Key {
    /// Total order, best first; no two positions are equal.
    pub(crate) fn compare(&self, other: &Key) -> Ordering {
        let first = other.first.total_cmp(&self.first);
        let second = other.second.total_cmp(&self.second);
        first.then(second).then(self.position.cmp(&other.position))
    }
}

/// Positions, best key first.
#[derive(Debug, Default, Clone)]
pub(crate) struct Board {
    list: Vec<u32>,
}

impl Board {
    /// Sorts `positions` by their keys.
    pub(crate) fn new(mut positions: Vec<u32>, key: impl Fn(u32) -> Key) -> Self {
        positions.sort_by(|&a, &b| key(a).compare(&key(b)));
        Board { list: positions }
    }

    /// Moves one item from where its old key puts it to where its new key does. `key` must still answer the *old*
    /// keys of all items.
    pub(crate) fn shift(&mut self, old: Key, new: Key, key: impl Fn(u32) -> Key) {
        if let Ok(from) = self.list.binary_search_by(|&p| key(p).compare(&old)) {
            self.list.remove(from);
        }
        let to = self
            .list
            .partition_point(|&p| key(p).compare(&new) == Ordering::Less);
        self.list.insert(to, new.position);
    }

    /// All positions, best first.
    pub(crate) fn list(&self) -> &[u32] {
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key_of(scores: &[f64], position: u32) -> Key {
        Key {
            first: scores[position as usize],
            second: 0.0,
            position,
        }
    }

    proptest! {
        #[test]
        fn shifting_equals_sorting_anew(
            mut scores in prop::collection::vec(0i32..6, 1..40),
            moves in prop::collection::vec((any::<prop::sample::Index>(), 0i32..6), 0..40),
        ) {
            let mut now: Vec<f64> = scores.drain(..).map(f64::from).collect();
            let all: Vec<u32> = (0u32..).take(now.len()).collect();
            let mut board = Board::new(all.clone(), |p| key_of(&now, p));
            for (which, score) in moves {
                let position = *which.get(&all);
                let new = Key { first: f64::from(score), second: 0.0, position };
                board.shift(key_of(&now, position), new, |p| key_of(&now, p));
                now[position as usize] = f64::from(score);
                let anew = Board::new(all.clone(), |p| key_of(&now, p));
                prop_assert_eq!(board.list(), anew.list());
            }
        }
    }

    #[test]
    fn ties_go_to_the_lower_position() {
        let board = Board::new(vec![2, 0, 1], |p| key_of(&[1.0, 1.0, 1.0], p));
        assert_eq!(board.list(), [0, 1, 2]);
    }
}
