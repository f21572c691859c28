//! Item parts of one model generation, kept within a byte budget.
//!
//! The decision here: the cache belongs to the generation, so a swap cannot mix parts of two models and frees them
//! together; an entry holds one row version per item, so versions gone by do not pile up. A task reads under one hold
//! of a shared lock and borrows the parts: a counter per candidate, shared between cores, cost more than the look-up.
//! Eviction is the clock algorithm: one bit per entry, no list to keep in order. Refused: computing a part under the
//! exclusive lock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use rustc_hash::FxHashMap;

/// What an entry costs beside its part: map entry, slot, counters.
const OVERHEAD: usize = 96;

/// Parts by item id and row version.
#[derive(Debug)]
pub(crate) struct ItemCache<P> {
    shelf: RwLock<Shelf<P>>,
    budget: usize,
}

/// The parts as one reader sees them while it holds the lock.
#[derive(Debug)]
pub(crate) struct Shelf<P> {
    places: FxHashMap<i64, usize>,
    slots: Vec<Slot>,
    /// The parts of the slots, apart from them: what is searched stays small.
    parts: Vec<P>,
    hand: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Slot {
    id: i64,
    version: u64,
    bytes: usize,
    used: AtomicBool,
}

/// A part to keep.
#[derive(Debug)]
pub(crate) struct Fresh<P> {
    /// The item.
    pub(crate) id: i64,
    /// Its row's version.
    pub(crate) version: u64,
    /// What is kept.
    pub(crate) part: P,
    /// What it costs.
    pub(crate) bytes: usize,
}

impl<P> ItemCache<P> {
    /// A cache of at most `budget` bytes; 0 keeps nothing.
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            shelf: RwLock::default(),
            budget,
        }
    }

    /// Whether it keeps anything at all.
    pub(crate) fn keeps(&self) -> bool {
        self.budget > 0
    }

    /// The parts kept now; nothing is put while this is held.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Shelf<P>> {
        // No step of a writer can panic half-way: a poisoned shelf would have lost an entry at worst.
        self.shelf.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps parts, each in place of other versions of its item; those over the budget are not kept. One hold of the
    /// lock; do not call it while holding [`ItemCache::read`].
    pub(crate) fn put(&self, parts: impl ExactSizeIterator<Item = Fresh<P>>) {
        if parts.len() == 0 {
            return;
        }
        let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
        for fresh in parts {
            shelf.put(fresh, self.budget);
        }
    }

    /// Bytes kept now.
    pub(crate) fn bytes(&self) -> usize {
        self.read().bytes
    }
}

impl<P> Default for Shelf<P> {
    fn default() -> Self {
        Self {
            places: FxHashMap::default(),
            slots: Vec::new(),
            parts: Vec::new(),
            hand: 0,
            bytes: 0,
        }
    }
}

impl<P> Shelf<P> {
    /// Where the part of this row version stands, if kept.
    pub(crate) fn find(&self, id: i64, version: u64) -> Option<usize> {
        let place = *self.places.get(&id)?;
        let slot = &self.slots[place];
        if slot.version != version {
            return None;
        }
        // Written only where it changes: a line that all readers write to would travel between the cores.
        if !slot.used.load(Ordering::Relaxed) {
            slot.used.store(true, Ordering::Relaxed);
        }
        Some(place)
    }

    /// The part at a place that [`Shelf::find`] gave under the same hold of the lock.
    pub(crate) fn part(&self, place: usize) -> &P {
        &self.parts[place]
    }

    /// Every part with its id and row version.
    pub(crate) fn all(&self) -> impl ExactSizeIterator<Item = (i64, u64, &P)> {
        let slots = self.slots.iter().zip(&self.parts);
        slots.map(|(slot, part)| (slot.id, slot.version, part))
    }

    fn put(&mut self, fresh: Fresh<P>, budget: usize) {
        let bytes = fresh.bytes.saturating_add(OVERHEAD);
        if bytes > budget {
            return;
        }
        if let Some(place) = self.places.get(&fresh.id).copied() {
            self.remove(place);
        }
        while self.bytes + bytes > budget && !self.slots.is_empty() {
            self.evict();
        }
        self.bytes += bytes;
        self.places.insert(fresh.id, self.slots.len());
        self.slots.push(Slot {
            id: fresh.id,
            version: fresh.version,
            bytes,
            used: AtomicBool::new(false),
        });
        self.parts.push(fresh.part);
    }

    /// Removes the next entry that was not used since the hand last passed it.
    fn evict(&mut self) {
        loop {
            self.hand = if self.hand < self.slots.len() {
                self.hand
            } else {
                0
            };
            let used = self.slots[self.hand].used.get_mut();
            if !*used {
                return self.remove(self.hand);
            }
            *used = false;
            self.hand += 1;
        }
    }

    fn remove(&mut self, place: usize) {
        let gone = self.slots.swap_remove(place);
        self.parts.swap_remove(place);
        self.places.remove(&gone.id);
        self.bytes -= gone.bytes;
        if let Some(moved) = self.slots.get(place) {
            self.places.insert(moved.id, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put<P>(cache: &ItemCache<P>, id: i64, version: u64, part: P, bytes: usize) {
        let fresh = Fresh {
            id,
            version,
            part,
            bytes,
        };
        cache.put(std::iter::once(fresh));
    }

    fn get<P: Clone>(cache: &ItemCache<P>, id: i64, version: u64) -> Option<P> {
        let shelf = cache.read();
        shelf.find(id, version).map(|place| shelf.part(place).clone())
    }

    #[test]
    fn a_version_is_found_and_another_is_not() {
        let cache = ItemCache::new(1 << 20);
        put(&cache, 1, 5, "five", 10);
        assert_eq!(get(&cache, 1, 5), Some("five"));
        assert!(get(&cache, 1, 6).is_none() && get(&cache, 2, 5).is_none());
        put(&cache, 1, 6, "six", 10);
        assert!(get(&cache, 1, 5).is_none(), "one version per item");
        assert_eq!(cache.bytes(), 10 + OVERHEAD);
    }

    #[test]
    fn no_budget_keeps_nothing() {
        let cache = ItemCache::new(0);
        put(&cache, 1, 1, (), 0);
        assert!(get(&cache, 1, 1).is_none() && !cache.keeps());
        assert_eq!(cache.bytes(), 0);
    }

    #[test]
    fn what_is_used_outlives_what_is_not() {
        let cache = ItemCache::new(160 * (OVERHEAD + 4));
        put(&cache, 1, 1, (), 4);
        for id in 2..2000 {
            put(&cache, id, 1, (), 4);
            assert!(get(&cache, 1, 1).is_some(), "evicted at {id}");
        }
    }

    proptest! {
        #[test]
        fn the_budget_holds_and_parts_are_never_mixed_up(steps in prop::collection::vec((0i64..50, 1u64..3, 0usize..300), 1..300)) {
            let cache = ItemCache::new(9000);
            for (id, version, bytes) in steps {
                match get(&cache, id, version) {
                    Some(part) => prop_assert_eq!(part, (id, version)),
                    None => put(&cache, id, version, (id, version), bytes),
                }
                prop_assert!(cache.bytes() <= 9000);
                let counted: usize = cache.read().slots.iter().map(|slot| slot.bytes).sum();
                prop_assert_eq!(cache.bytes(), counted);
            }
        }
    }
}
