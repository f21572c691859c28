//! The kept item parts of all models of a group, as one task sees them.
//!
//! The decision here: locks are taken in the order of their addresses, one per cache. Two tasks that take two locks each
//! in different orders, with a writer waiting between them, would wait for each other for ever.

use std::sync::RwLockReadGuard;

use super::group::Group;
use crate::cache::{ItemCache, Shelf};
use crate::score::KeptPart;

/// See the module. Nothing may be put while it is held.
pub(super) struct Shelves<'a> {
    guards: Vec<RwLockReadGuard<'a, Shelf<KeptPart>>>,
    /// Which of them is a member's.
    of: Vec<usize>,
}

impl<'a> Shelves<'a> {
    pub(super) fn of(group: &Group<'a>) -> Self {
        let cache = |m: usize| -> &'a ItemCache<KeptPart> { &group.members[m].engine.scoring.cache };
        let mut caches: Vec<_> = (0..group.members.len()).map(cache).collect();
        caches.sort_unstable_by_key(|cache| std::ptr::from_ref(*cache).addr());
        caches.dedup_by(|a, b| std::ptr::eq(*a, *b));
        let place = |m| caches.iter().position(|other| std::ptr::eq(*other, cache(m)));
        Self {
            of: (0..group.members.len()).filter_map(place).collect(),
            guards: caches.iter().map(|cache| cache.read()).collect(),
        }
    }

    /// Where a member has kept the part of this row version; never for version 0.
    pub(super) fn find(&self, member: usize, id: i64, version: u64) -> Option<usize> {
        if version == 0 {
            return None;
        }
        self.guards[self.of[member]].find(id, version)
    }

    /// A part that was found.
    pub(super) fn part(&self, member: usize, place: usize) -> &KeptPart {
        self.guards[self.of[member]].part(place)
    }
}
