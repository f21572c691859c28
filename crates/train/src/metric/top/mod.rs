//! How good the first k of a ranked list are: hit rate, recall, precision, NDCG, MAP, MRR of one user's list, and coverage,
//! diversity and novelty of what all lists show.
//!
//! Decision: a list is numbers of items, best first, already cut to k, and what is relevant is a set; which items were ranked
//! (all that are known, or one true item among sampled others) is the business of who makes the lists
//! ([`crate::ranking`]). A user without anything relevant has no figures.

mod coverage;
mod diversity;
mod hit_rate;
mod map;
mod mrr;
mod ndcg;
mod novelty;
mod precision;
mod recall;

pub use coverage::coverage;
pub use diversity::diversity;
pub use hit_rate::hit_rate;
pub use map::average_precision;
pub use mrr::reciprocal_rank;
pub use ndcg::ndcg;
pub use novelty::novelty;
pub use precision::precision;
pub use recall::recall;

/// How many of the list are relevant; `relevant` ascends.
fn hits(list: &[u32], relevant: &[u32]) -> usize {
    list.iter().filter(|item| is(relevant, **item)).count()
}

/// Whether an item is relevant.
fn is(relevant: &[u32], item: u32) -> bool {
    relevant.binary_search(&item).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_are_shares_and_agree_on_nothing_and_everything(
            list in Just((0..30_u32).collect::<Vec<_>>()).prop_shuffle(), relevant in prop::collection::btree_set(0..30_u32, 1..12), k in 1..15_usize,
        ) {
            let relevant: Vec<u32> = relevant.into_iter().collect();
            let list = &list[..k];
            let all = [
                hit_rate(list, &relevant), recall(list, &relevant), precision(list, &relevant, k), ndcg(list, &relevant, k),
                average_precision(list, &relevant, k), reciprocal_rank(list, &relevant),
            ];
            let found = hits(list, &relevant) > 0;
            for figure in all {
                prop_assert!((0.0..=1.0 + 1e-12).contains(&figure) && (figure > 0.0) == found, "{all:?}");
            }
            prop_assert!(all[1] <= all[0] && all[4] <= all[0]);
        }

        #[test]
        fn the_best_order_is_one(relevant in prop::collection::btree_set(0..30_u32, 1..8)) {
            let relevant: Vec<u32> = relevant.into_iter().collect();
            let k = relevant.len();
            prop_assert!((ndcg(&relevant, &relevant, k) - 1.0).abs() < 1e-12);
            prop_assert!((average_precision(&relevant, &relevant, k) - 1.0).abs() < 1e-12);
        }
    }
}
