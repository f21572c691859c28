//! The order of items that a list scores alike: by lot.
//!
//! Decision: an item's lot is a hash of the seed, the item's id and the request's group, so the order of the samples' rows means nothing,
//! and each request draws anew: what knows nothing of the items has what chance has in the mean over users, and no ten items stand for
//! all. Two models of one seed draw the same lots.

/// The lots of one request.
pub(super) struct Ties<'a> {
    ids: &'a [i64],
    drawn: u64,
}

impl<'a> Ties<'a> {
    /// Those of the request of `group` for the items of these ids.
    pub(super) fn of(seed: u64, group: i64, ids: &'a [i64]) -> Ties<'a> {
        Ties {
            ids,
            drawn: mixed(seed, group),
        }
    }

    /// An item's; of equal scores the lower one stands first.
    pub(super) fn lot(&self, item: u32) -> u64 {
        mixed(self.drawn, self.ids[item as usize])
    }
}

/// The places of the k best scores, best first, of equal ones the lower lot; NaN is none.
pub(super) fn first(scores: &[f32], k: usize, lot: impl Fn(usize) -> u64) -> Vec<usize> {
    let order = |a: &usize, b: &usize| {
        let by_score = scores[*b].partial_cmp(&scores[*a]);
        let by_score = by_score.unwrap_or(std::cmp::Ordering::Equal);
        by_score.then_with(|| lot(*a).cmp(&lot(*b))).then(a.cmp(b))
    };
    let mut best: Vec<usize> = (0..scores.len()).filter(|at| !scores[*at].is_nan()).collect();
    if 0 < k && k < best.len() {
        best.select_nth_unstable_by(k - 1, order);
    }
    best.truncate(k);
    best.sort_unstable_by(order);
    best
}

/// SplitMix64 of two numbers (Steele, Lea and Flood 2014).
fn mixed(seed: u64, of: i64) -> u64 {
    let step = of
        .cast_unsigned()
        .wrapping_add(1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut z = seed.wrapping_add(step);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_stand_in_the_order_of_their_lots_and_nan_nowhere() {
        let scores = [1.0, f32::NAN, 3.0, 3.0, -0.0, 0.0, f32::NEG_INFINITY];
        let lot = |at: usize| [0, 0, 9, 4, 7, 6, 5][at];
        assert_eq!(first(&scores, 9, lot), [3, 2, 0, 5, 4, 6]);
        assert_eq!(first(&scores, 1, lot), [3]);
        assert_eq!(first(&scores, 4, lot), [3, 2, 0, 5]);
        assert!(first(&scores, 0, lot).is_empty() && first(&[], 3, lot).is_empty());
    }

    #[test]
    fn lots_are_of_seed_group_and_id() {
        let (ids, other) = ([10, 20, 30], [30, 10]);
        let lots = Ties::of(1, 7, &ids);
        assert_eq!(lots.lot(2), Ties::of(1, 7, &other).lot(0));
        assert_ne!(lots.lot(2), Ties::of(2, 7, &ids).lot(2));
        assert_ne!(lots.lot(2), Ties::of(1, 8, &ids).lot(2));
    }
}
