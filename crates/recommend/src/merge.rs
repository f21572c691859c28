//! Merge: the answers of several recall strategies become one list of candidates that remembers who found what.
//!
//! Strategies take turns (first of each, second of each, …) until the limit is reached, so that a cut takes from
//! the tails of all rather than from the last strategy. An item found by several is one candidate with several
//! finders. Who found what is a flat table, one allocation for the whole request, not a list per item.

use crate::recall::{Candidate, Reason};
use rustc_hash::{FxBuildHasher, FxHashMap};

/// One strategy's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Name of the strategy.
    pub source: &'static str,
    /// Its candidates, best first.
    pub candidates: Vec<Candidate>,
}

/// A finder of a candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Name of the strategy.
    pub source: &'static str,
    /// Its reason.
    pub reason: Reason,
    /// Its own score.
    pub score: f32,
}

/// Merged candidates.
pub struct Merged {
    answers: Vec<Answer>,
    items: Vec<i64>,
    /// `items.len()` rows of `answers.len()`: one more than the item's index in that answer, 0 where not found.
    hits: Vec<u32>,
}

impl Merged {
    /// Item ids, each once, in the order of the turns.
    pub fn items(&self) -> &[i64] {
        &self.items
    }

    /// Who found the item at `index` of [`Merged::items`], in the order of the answers; nothing beyond the end.
    pub fn found(&self, index: usize) -> Vec<Found> {
        let width = self.answers.len();
        let row = self
            .hits
            .get(index * width..(index + 1) * width)
            .unwrap_or_default();
        self.answers
            .iter()
            .zip(row)
            .filter_map(|(answer, &hit)| found_in(answer, hit))
            .collect()
    }
}

fn found_in(answer: &Answer, hit: u32) -> Option<Found> {
    let candidate = answer.candidates.get((hit as usize).checked_sub(1)?)?;
    Some(Found {
        source: answer.source,
        reason: candidate.reason,
        score: candidate.score,
    })
}

/// Merges answers into at most `limit` candidates. Items found again after the limit is reached still gain their
/// finders.
pub fn merge(answers: Vec<Answer>, limit: usize) -> Merged {
    let width = answers.len();
    let longest = answers.iter().map(|a| a.candidates.len()).max().unwrap_or(0);
    let most = limit.min(answers.iter().map(|a| a.candidates.len()).sum());
    let mut positions: FxHashMap<i64, usize> = FxHashMap::with_capacity_and_hasher(most, FxBuildHasher);
    let (mut items, mut hits) = (Vec::with_capacity(most), Vec::with_capacity(most * width));
    for (turn, number) in (0..longest).zip(1u32..) {
        for (which, answer) in answers.iter().enumerate() {
            let Some(candidate) = answer.candidates.get(turn) else {
                continue;
            };
            let position = positions.get(&candidate.item).copied().or_else(|| {
                (items.len() < limit).then(|| {
                    items.push(candidate.item);
                    hits.resize(items.len() * width, 0);
                    positions.insert(candidate.item, items.len() - 1);
                    items.len() - 1
                })
            });
            if let Some(position) = position {
                hits[position * width + which] = number;
            }
        }
    }
    Merged { answers, items, hits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const NAMES: [&str; 3] = ["a", "b", "c"];

    fn answer(source: &'static str, items: &[i64]) -> Answer {
        let candidate = |(k, &item): (usize, &i64)| Candidate {
            item,
            score: -(k as f32),
            reason: Reason::New,
        };
        Answer {
            source,
            candidates: items.iter().enumerate().map(candidate).collect(),
        }
    }

    #[test]
    fn strategies_take_turns_and_finders_add_up() {
        let merged = merge(vec![answer("a", &[1, 2, 3]), answer("b", &[9, 1])], 10);
        assert_eq!(merged.items(), [1, 9, 2, 3]);
        let sources: Vec<_> = merged.found(0).iter().map(|f| f.source).collect();
        assert_eq!(sources, ["a", "b"]);
        assert_eq!(merged.found(1).len(), 1);
        assert!(merged.found(99).is_empty());
    }

    #[test]
    fn nothing_merges_into_nothing() {
        assert!(merge(vec![], 10).items().is_empty());
        assert!(merge(vec![answer("a", &[])], 10).items().is_empty());
    }

    proptest! {
        #[test]
        fn each_item_once_within_the_limit_with_exactly_its_finders(
            lists in prop::collection::vec(prop::collection::btree_set(0i64..30, 0..20), 1..4),
            limit in 0usize..40,
        ) {
            let lists: Vec<Vec<i64>> = lists.into_iter().map(|l| l.into_iter().rev().collect()).collect();
            let answers = lists.iter().zip(NAMES).map(|(l, name)| answer(name, l)).collect();
            let merged = merge(answers, limit);
            let distinct: BTreeSet<i64> = lists.iter().flatten().copied().collect();
            let items: BTreeSet<i64> = merged.items().iter().copied().collect();
            prop_assert_eq!(items.len(), merged.items().len());
            prop_assert_eq!(items.len(), distinct.len().min(limit));
            for (index, item) in merged.items().iter().enumerate() {
                let finders: Vec<&str> = merged.found(index).iter().map(|f| f.source).collect();
                let expected: Vec<&str> =
                    lists.iter().zip(NAMES).filter(|(l, _)| l.contains(item)).map(|(_, n)| n).collect();
                prop_assert_eq!(finders, expected);
            }
        }
    }
}
