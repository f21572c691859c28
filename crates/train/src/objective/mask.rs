//! Which candidates are not held against a positive: its own item, and items that its user likes (accidental hits).

use rankine_kernel::Real;
use rankine_model::config::Hits;
use rustc_hash::FxHashMap;

/// Users and items of a batch, and where each item stands among the candidates.
pub(super) struct Mask {
    users: Vec<u64>,
    /// Items of the samples, then the drawn ones.
    items: Vec<u64>,
    from: usize,
    places: FxHashMap<u64, Vec<usize>>,
    /// The batch's positives by user.
    liked: FxHashMap<u64, Vec<u64>>,
}

impl Mask {
    /// Of samples (user, item, whether positive) and drawn items; `own` says whether the samples' items are candidates.
    pub(super) fn new(
        samples: impl ExactSizeIterator<Item = (u64, u64, bool)>,
        drawn: impl Iterator<Item = u64>,
        own: bool,
    ) -> Mask {
        let from = if own { 0 } else { samples.len() };
        let (mut users, mut items) = (Vec::with_capacity(samples.len()), Vec::new());
        let mut liked: FxHashMap<u64, Vec<u64>> = FxHashMap::default();
        for (user, item, positive) in samples {
            users.push(user);
            items.push(item);
            if positive {
                liked.entry(user).or_default().push(item);
            }
        }
        items.extend(drawn);
        let mut places: FxHashMap<u64, Vec<usize>> = FxHashMap::default();
        for (place, item) in items[from..].iter().enumerate() {
            places.entry(*item).or_default().push(place);
        }
        Mask {
            users,
            items,
            from,
            places,
            liked,
        }
    }

    /// The first candidate among the items.
    pub(super) fn from(&self) -> usize {
        self.from
    }

    /// Items of the samples, then the drawn ones.
    pub(super) fn items(&self) -> &[u64] {
        &self.items
    }

    /// The user of sample `i`.
    pub(super) fn user(&self, i: usize) -> u64 {
        self.users[i]
    }

    /// Sets the scores of what is not held against sample `i` to −∞; `all` are the user's items in all samples.
    pub(super) fn apply<T: Real>(&self, i: usize, all: &[u64], hits: Hits, scores: &mut [T]) {
        self.clear(self.items[i], scores);
        if hits == Hits::None {
            return;
        }
        let batch = self.liked.get(&self.users[i]).into_iter().flatten();
        batch.chain(all).for_each(|item| self.clear(*item, scores));
    }

    fn clear<T: Real>(&self, item: u64, scores: &mut [T]) {
        for place in self.places.get(&item).into_iter().flatten() {
            scores[*place] = T::of(f64::NEG_INFINITY);
        }
    }
}
