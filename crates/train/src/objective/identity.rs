//! Who a sample is of, and which item: a hash of the rows of one slot, or of all sparse slots of the tower, or (where it has
//! none) of its numbers.

use rankine_model::{Network, Tower};
use rustc_hash::FxHasher;
use std::hash::Hasher;
use std::ops::Range;

use crate::encode::{Cache, Stored};

/// What tells the users or the items of samples apart.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    columns: Vec<usize>,
    /// Numbers of a sample's dense block, where there are no columns.
    dense: Range<usize>,
}

impl Identity {
    pub(super) fn new(network: &Network, tower: &Tower, slot: Option<u32>) -> Identity {
        let named = |c: &usize| slot.is_none_or(|slot| network.columns[*c].slot.slot == slot);
        let columns: Vec<usize> = tower.columns.iter().copied().filter(named).collect();
        let from = tower.dense_from(network);
        let dense = match columns.is_empty() {
            true => from..from + tower.dense_width(network),
            false => 0..0,
        };
        Identity { columns, dense }
    }

    /// The identity in sample `i` of `cache`.
    pub(super) fn of(&self, cache: &Cache, i: usize) -> u64 {
        let mut hasher = FxHasher::default();
        for &column in &self.columns {
            match &cache.columns[column] {
                Stored::Single(at) => hasher.write_u32(cache.record(i)[*at]),
                Stored::Lists(lists) => {
                    let rows = lists.of(i).0;
                    hasher.write_usize(rows.len());
                    rows.iter().for_each(|row| hasher.write_u32(*row));
                }
            }
        }
        for number in &cache.dense(i)[self.dense.clone()] {
            hasher.write_u32(number.to_bits());
        }
        hasher.finish()
    }
}
