//! Item parts of one model generation, kept within a byte budget.
//!
//! The decision here: the cache belongs to the generation, so a swap cannot mix parts of two models and frees them
//! together; an entry holds one row version per item, so versions gone by do not pile up. Eviction is the clock
//! algorithm: one bit per entry, no list to keep in order. Refused: a lock across computing a part.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

/// Independent parts of the cache, so that threads seldom wait for each other.
const SHARDS: usize = 16;
/// What an entry costs beside its part: map entry, slot, counters.
const OVERHEAD: usize = 96;

/// Parts by item id and row version.
#[derive(Debug)]
pub(crate) struct ItemCache<P> {
    shards: Vec<Mutex<Shard<P>>>,
    /// Byte budget of one shard.
    budget: usize,
}

#[derive(Debug)]
struct Shard<P> {
    places: FxHashMap<i64, usize>,
    slots: Vec<Slot<P>>,
    hand: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Slot<P> {
    id: i64,
    version: u64,
    part: Arc<P>,
    bytes: usize,
    used: bool,
}

impl<P> ItemCache<P> {
    /// A cache of at most `budget` bytes; 0 keeps nothing.
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            budget: budget / SHARDS,
        }
    }

    /// The part of this row version, if kept.
    pub(crate) fn get(&self, id: i64, version: u64) -> Option<Arc<P>> {
        if self.budget == 0 {
            return None;
        }
        self.shard(id).get(id, version)
    }

    /// Keeps a part of `bytes` bytes, in place of other versions of the item. Parts over a shard's budget are not kept.
    pub(crate) fn put(&self, id: i64, version: u64, part: Arc<P>, bytes: usize) {
        let bytes = bytes.saturating_add(OVERHEAD);
        if bytes <= self.budget {
            self.shard(id).put(
                Slot {
                    id,
                    version,
                    part,
                    bytes,
                    used: false,
                },
                self.budget,
            );
        }
    }

    /// Bytes kept now.
    pub(crate) fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).bytes).sum()
    }

    fn shard(&self, id: i64) -> MutexGuard<'_, Shard<P>> {
        // Multiplicative hashing: neighbouring ids go to different shards.
        let mixed = id.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60;
        lock(&self.shards[usize::try_from(mixed).unwrap_or(0) % SHARDS])
    }
}

impl<P> Default for Shard<P> {
    fn default() -> Self {
        Self {
            places: FxHashMap::default(),
            slots: Vec::new(),
            hand: 0,
            bytes: 0,
        }
    }
}

impl<P> Shard<P> {
    fn get(&mut self, id: i64, version: u64) -> Option<Arc<P>> {
        let slot = self.slots.get_mut(*self.places.get(&id)?)?;
        if slot.version != version {
            return None;
        }
        slot.used = true;
        Some(Arc::clone(&slot.part))
    }

    fn put(&mut self, slot: Slot<P>, budget: usize) {
        if let Some(place) = self.places.get(&slot.id).copied() {
            self.remove(place);
        }
        while self.bytes + slot.bytes > budget && !self.slots.is_empty() {
            self.evict();
        }
        self.bytes += slot.bytes;
        self.places.insert(slot.id, self.slots.len());
        self.slots.push(slot);
    }

    /// Removes the next entry that was not used since the hand last passed it.
    fn evict(&mut self) {
        loop {
            self.hand = if self.hand < self.slots.len() {
                self.hand
            } else {
                0
            };
            let slot = &mut self.slots[self.hand];
            if !slot.used {
                return self.remove(self.hand);
            }
            slot.used = false;
            self.hand += 1;
        }
    }

    fn remove(&mut self, place: usize) {
        let gone = self.slots.swap_remove(place);
        self.places.remove(&gone.id);
        self.bytes -= gone.bytes;
        if let Some(moved) = self.slots.get(place) {
            self.places.insert(moved.id, place);
        }
    }
}

/// A poisoned shard would have lost an entry at worst; none of its steps can panic half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_version_is_found_and_another_is_not() {
        let cache = ItemCache::new(1 << 20);
        cache.put(1, 5, Arc::new("five"), 10);
        assert_eq!(cache.get(1, 5).as_deref(), Some(&"five"));
        assert!(cache.get(1, 6).is_none() && cache.get(2, 5).is_none());
        cache.put(1, 6, Arc::new("six"), 10);
        assert!(cache.get(1, 5).is_none(), "one version per item");
        assert_eq!(cache.bytes(), 10 + OVERHEAD);
    }

    #[test]
    fn no_budget_keeps_nothing() {
        let cache = ItemCache::new(0);
        cache.put(1, 1, Arc::new(()), 0);
        assert!(cache.get(1, 1).is_none());
        assert_eq!(cache.bytes(), 0);
    }

    #[test]
    fn what_is_used_outlives_what_is_not() {
        let cache = ItemCache::new(SHARDS * 10 * (OVERHEAD + 4));
        cache.put(1, 1, Arc::new(()), 4);
        for id in 2..2000 {
            cache.put(id, 1, Arc::new(()), 4);
            assert!(cache.get(1, 1).is_some(), "evicted at {id}");
        }
    }

    proptest! {
        #[test]
        fn the_budget_holds_and_parts_are_never_mixed_up(steps in prop::collection::vec((0i64..50, 1u64..3, 0usize..300), 1..300)) {
            let cache = ItemCache::new(SHARDS * 700);
            for (id, version, bytes) in steps {
                match cache.get(id, version) {
                    Some(part) => prop_assert_eq!(*part, (id, version)),
                    None => cache.put(id, version, Arc::new((id, version)), bytes),
                }
                prop_assert!(cache.bytes() <= SHARDS * 700);
                let counted: usize = cache.shards.iter().map(|s| lock(s).slots.iter().map(|s| s.bytes).sum::<usize>()).sum();
                prop_assert_eq!(cache.bytes(), counted);
            }
        }
    }
}
