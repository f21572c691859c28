//! Exploration: a share of the places kept for what one strategy finds, so that what nobody has met yet is met.
//!
//! After the ranking, before the answer. The decision: a quota of places, filled in the strategy's own order and only where
//! the ranking left it unfilled: a ranker that has learnt nothing of new items cannot say which of them is best, and one that
//! has shows them without help. The places are spread evenly and nothing is drawn, so equal requests have equal answers.

use crate::merge::Merged;

/// Places kept for a strategy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Explore {
    /// Its name.
    pub source: &'static str,
    /// Its share of the places, 0 to 1.
    pub share: f64,
}

impl Explore {
    /// How many of `n` places are kept, rounded down.
    #[must_use]
    pub fn quota(&self, n: usize) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share between 0 and 1 of a count"
        )]
        let quota = (n as f64 * self.share.clamp(0.0, 1.0) + 1e-9).floor() as usize;
        quota
    }

    /// Indices of the strategy's candidates, best first by its own scores.
    pub(crate) fn of(&self, merged: &Merged) -> Vec<usize> {
        let own = |index: usize| {
            let found = merged.found(index);
            let own = found.iter().find(|found| found.source == self.source)?;
            Some((index, own.score))
        };
        let mut found: Vec<(usize, f32)> = (0..merged.items().len()).filter_map(own).collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.into_iter().map(|(index, _)| index).collect()
    }
}

/// The list with at least `quota` of the explored in it, as far as there are so many, and whether each was put there for
/// that. As long as before: what makes room are the last of the others.
pub(crate) fn placed(ranked: Vec<usize>, explored: &[usize], quota: usize) -> Vec<(usize, bool)> {
    let there = ranked.iter().filter(|index| explored.contains(index)).count();
    let absent = explored.iter().filter(|index| !ranked.contains(index));
    let n = ranked.len();
    let wanted = quota.saturating_sub(there).min(n - there);
    let put: Vec<usize> = absent.copied().take(wanted).collect();
    let mut leaving = put.len();
    let mut stay: Vec<usize> = ranked.into_iter().rev().collect();
    stay.retain(|index| {
        let leaves = leaving > 0 && !explored.contains(index);
        leaving -= usize::from(leaves);
        !leaves
    });
    let mut placed = Vec::with_capacity(n);
    let mut put = put.into_iter().enumerate().peekable();
    let count = put.len();
    while placed.len() < n {
        let due = |at: usize| (at + 1) * n / count.max(1) - 1;
        match put.next_if(|(at, _)| placed.len() >= due(*at) || stay.is_empty()) {
            Some((_, index)) => placed.push((index, true)),
            None => match stay.pop() {
                Some(index) => placed.push((index, false)),
                None => break,
            },
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn explore(share: f64) -> Explore {
        Explore {
            source: "arrivals",
            share,
        }
    }

    #[test]
    fn the_quota_is_a_share_rounded_down() {
        assert_eq!([5, 10, 32].map(|n| explore(0.1).quota(n)), [0, 1, 3]);
        assert_eq!(
            (
                explore(0.3).quota(10),
                explore(1.0).quota(7),
                explore(2.0).quota(7)
            ),
            (3, 7, 7)
        );
        assert_eq!((explore(0.0).quota(10), explore(-1.0).quota(10)), (0, 0));
    }

    #[test]
    fn the_places_are_spread_and_the_last_of_the_others_make_room() {
        let placed = placed((0..8).collect(), &[20, 21, 22], 2);
        let (items, put): (Vec<usize>, Vec<bool>) = placed.into_iter().unzip();
        assert_eq!(items, [0, 1, 2, 20, 3, 4, 5, 21]);
        assert_eq!(put.iter().filter(|put| **put).count(), 2);
    }

    #[test]
    fn what_the_ranking_shows_anyway_counts() {
        assert_eq!(
            placed(vec![0, 20, 1, 2], &[20, 21], 1),
            [(0, false), (20, false), (1, false), (2, false)]
        );
        let one_more = placed(vec![0, 20, 1, 2], &[20, 21], 2);
        assert_eq!(one_more, [(0, false), (20, false), (1, false), (21, true)]);
    }

    proptest! {
        #[test]
        fn nothing_comes_twice_and_the_quota_is_met_as_far_as_it_goes(
            n in 0_usize..40, new in 0_usize..30, overlap in 0_usize..10, quota in 0_usize..50,
        ) {
            let ranked: Vec<usize> = (0..n).collect();
            // the first of the explored stand in the list already
            let explored: Vec<usize> = (n.saturating_sub(overlap.min(n))..n + new).collect();
            let list = placed(ranked, &explored, quota);
            prop_assert_eq!(list.len(), n);
            let mut items: Vec<usize> = list.iter().map(|(index, _)| *index).collect();
            let shown = items.iter().filter(|index| explored.contains(index)).count();
            prop_assert!(shown >= quota.min(explored.len()).min(n));
            let others: Vec<usize> = items.iter().copied().filter(|index| !explored.contains(index)).collect();
            prop_assert!(others.is_sorted());
            items.sort_unstable();
            items.dedup();
            prop_assert_eq!(items.len(), n);
        }
    }
}
