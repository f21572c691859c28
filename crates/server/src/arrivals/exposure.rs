//! What was served of what is new, and what came of it: the share of new items, and how often they are acted upon.
//!
//! Told by recommendations and events, read by `/metrics` and the stream's page. The decision: a rate is of pairs of user and
//! item, each counted once however often a page is loaded, acted upon when the user rates or clicks the item afterwards; the
//! newest hundred thousand pairs are remembered, so memory is bounded and what is acted upon much later does not count.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;
use serde::Serialize;

/// Pairs remembered.
const PAIRS: usize = 100_000;

/// Counts of one kind of items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Served {
    /// Places of lists they stood in.
    pub places: u64,
    /// Of these, places kept for exploration.
    pub explored: u64,
    /// Pairs of user and item that were shown, each once.
    pub pairs: u64,
    /// Of these, rated or clicked by the user afterwards.
    pub acted: u64,
}

/// Counts of new items and of all others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Exposures {
    /// New ones.
    pub new: Served,
    /// All others.
    pub others: Served,
}

impl Served {
    /// Share of the pairs that were acted upon; none where nothing was shown.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        (self.pairs > 0).then(|| self.acted as f64 / self.pairs as f64)
    }
}

impl Exposures {
    /// Share of the places that new items had; none where nothing was served.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let all = self.new.places + self.others.places;
        (all > 0).then(|| self.new.places as f64 / all as f64)
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Exposure(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    counts: Exposures,
    /// Whether the item was new, per pair that was shown and not acted upon yet.
    pairs: FxHashMap<(i64, i64), Pair>,
    order: VecDeque<(i64, i64)>,
}

struct Pair {
    new: bool,
    acted: bool,
}

impl Remembered {
    fn of(&mut self, new: bool) -> &mut Served {
        match new {
            true => &mut self.counts.new,
            false => &mut self.counts.others,
        }
    }
}

impl Exposure {
    /// Counts a list as a user is shown it: items, whether each is new, and whether it was put there to be explored.
    pub(crate) fn shown(&self, user: i64, list: impl IntoIterator<Item = (i64, bool, bool)>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (item, new, explored) in list {
            let counts = all.of(new);
            counts.places += 1;
            counts.explored += u64::from(explored);
            if all.pairs.contains_key(&(user, item)) {
                continue;
            }
            all.of(new).pairs += 1;
            all.pairs.insert((user, item), Pair { new, acted: false });
            all.order.push_back((user, item));
            if all.order.len() > PAIRS
                && let Some(oldest) = all.order.pop_front()
            {
                all.pairs.remove(&oldest);
            }
        }
    }

    /// Counts a rating or click of something that was shown.
    pub(crate) fn acted(&self, user: i64, item: i64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pair) = all.pairs.get_mut(&(user, item)).filter(|pair| !pair.acted) else {
            return;
        };
        pair.acted = true;
        let new = pair.new;
        all.of(new).acted += 1;
    }

    pub(crate) fn counts(&self) -> Exposures {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_counts_once_and_a_place_every_time() {
        let exposure = Exposure::default();
        for _ in 0..3 {
            exposure.shown(6, [(1, true, true), (2, false, false)]);
        }
        exposure.shown(7, [(1, true, false)]);
        exposure.acted(6, 1);
        exposure.acted(6, 1);
        exposure.acted(9, 1);
        exposure.acted(7, 2);
        let counts = exposure.counts();
        assert_eq!(
            (
                counts.new.places,
                counts.new.explored,
                counts.new.pairs,
                counts.new.acted
            ),
            (4, 3, 2, 1)
        );
        assert_eq!(
            (counts.others.places, counts.others.pairs, counts.others.acted),
            (3, 1, 0)
        );
        assert_eq!((counts.new.rate(), counts.others.rate()), (Some(0.5), Some(0.0)));
        assert_eq!(counts.share(), Some(4.0 / 7.0));
        assert_eq!(
            (Exposures::default().share(), Served::default().rate()),
            (None, None)
        );
    }

    #[test]
    fn memory_is_bounded() {
        let exposure = Exposure::default();
        exposure.shown(1, (0..150_000).map(|item| (item, false, false)));
        exposure.acted(1, 0);
        exposure.acted(1, 149_999);
        assert_eq!(exposure.counts().others.acted, 1);
        let all = exposure.0.lock().unwrap();
        assert_eq!((all.pairs.len(), all.order.len()), (PAIRS, PAIRS));
    }
}
