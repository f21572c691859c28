//! Which items get a vector: those that occur often enough, in ascending id order.
//!
//! Ascending order makes the result independent of the order in which items were first met.

use std::collections::BTreeMap;

/// The items with vectors and how often each occurs.
pub(super) struct Vocabulary {
    /// Ids, ascending; the position is the token.
    pub(super) ids: Vec<i64>,
    /// Occurrences by token.
    pub(super) counts: Vec<u64>,
}

impl Vocabulary {
    /// Counts `sentences` and keeps what occurs at least `min_count` times.
    pub(super) fn count(sentences: &[Vec<i64>], min_count: u64) -> Self {
        let mut counts = BTreeMap::<i64, u64>::new();
        sentences
            .iter()
            .flatten()
            .for_each(|&id| *counts.entry(id).or_default() += 1);
        let (ids, counts) = counts.into_iter().filter(|&(_, n)| n >= min_count).unzip();
        Self { ids, counts }
    }

    /// Sentences as tokens, rare items left out, those with fewer than two tokens dropped.
    pub(super) fn encode(&self, sentences: &[Vec<i64>]) -> Vec<Vec<u32>> {
        let token = |id: &i64| {
            self.ids
                .binary_search(id)
                .ok()
                .and_then(|at| u32::try_from(at).ok())
        };
        sentences
            .iter()
            .map(|s| s.iter().filter_map(token).collect::<Vec<_>>())
            .filter(|s| s.len() > 1)
            .collect()
    }

    /// The probability with which an occurrence of each token is kept; all 1 for threshold 0.
    pub(super) fn keep(&self, threshold: f64) -> Vec<f64> {
        let total = self.counts.iter().sum::<u64>() as f64;
        let keep = |&count: &u64| {
            let ratio = threshold * total / count as f64;
            if threshold > 0.0 {
                (ratio.sqrt() + ratio).min(1.0)
            } else {
                1.0
            }
        };
        self.counts.iter().map(keep).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_encodes_and_drops_the_rare() {
        let sentences = vec![vec![9, 3, 9, 5], vec![3, 5], vec![5, 8]];
        let v = Vocabulary::count(&sentences, 2);
        assert_eq!(
            (v.ids.as_slice(), v.counts.as_slice()),
            ([3, 5, 9].as_slice(), [2, 3, 2].as_slice())
        );
        assert_eq!(v.encode(&sentences), [vec![2, 0, 2, 1], vec![0, 1]]);
    }

    #[test]
    fn frequent_items_are_thinned_out() {
        let v = Vocabulary {
            ids: vec![1, 2],
            counts: vec![990, 10],
        };
        assert_eq!(v.keep(0.0), [1.0, 1.0]);
        let keep = v.keep(1e-2);
        assert!((keep[0] - ((1e-2_f64 / 0.99).sqrt() + 1e-2 / 0.99)).abs() < 1e-12);
        assert!((keep[1] - 1.0).abs() < 1e-12);
    }
}
