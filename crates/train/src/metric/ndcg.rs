//! NDCG@k: how well a list is ordered, graded relevance discounted by place (Järvelin and Kekäläinen 2002).
//!
//! Decision: linear gain and log₂ discount as in scikit-learn, and both conventions for ties: averaged (McSherry and
//! Najork 2008; independent of the input's order, the default in reports) and in input order.

use super::gauc::for_each_group;
use super::valid;

/// What is done with equal scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ties {
    /// Every order of the tied rows counts alike: each gets the mean gain of its run.
    Averaged,
    /// Tied rows keep their input order.
    InOrder,
}

/// DCG@k over the best possible DCG@k of one list; `None` when no row is relevant or something is `NaN`.
///
/// DCG@k = Σᵢ≤ₖ relᵢ / log₂(i + 1), places counted from 1. Relevance is 0 or more.
pub fn ndcg(relevance: &[f64], scores: &[f64], k: usize, ties: Ties) -> Option<f64> {
    valid(relevance, scores, Some(relevance))?;
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| (scores[*b] + 0.0).total_cmp(&(scores[*a] + 0.0)));
    let mut gains: Vec<f64> = order.iter().map(|row| relevance[*row]).collect();
    if ties == Ties::Averaged {
        average_runs(&order, scores, &mut gains);
    }
    let mut best = relevance.to_vec();
    best.sort_by(|a, b| b.total_cmp(a));
    let ideal = dcg(&best, k);
    (ideal > 0.0).then(|| dcg(&gains, k) / ideal)
}

/// Mean NDCG@k over groups (users) with something relevant, ties averaged, and the number of those groups.
///
/// Order: one relevance, score and group per row. `None` when no group counts or lengths differ.
pub fn ndcg_by_group(relevance: &[f64], scores: &[f64], groups: &[i64], k: usize) -> Option<(f64, usize)> {
    valid(relevance, scores, Some(relevance))?;
    if groups.len() != scores.len() {
        return None;
    }
    let (mut sum, mut counted) = (0.0, 0);
    for_each_group(groups, |rows| {
        let pick = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
        if let Some(value) = ndcg(&pick(relevance), &pick(scores), k, Ties::Averaged) {
            (sum, counted) = (sum + value, counted + 1);
        }
    });
    (counted > 0).then(|| (sum / counted as f64, counted))
}

fn dcg(gains: &[f64], k: usize) -> f64 {
    gains
        .iter()
        .take(k)
        .enumerate()
        .map(|(place, gain)| gain / (place as f64 + 2.0).log2())
        .sum()
}

/// Replaces the gains of each run of equal scores by their mean.
fn average_runs(order: &[usize], scores: &[f64], gains: &mut [f64]) {
    let mut rest = gains;
    for run in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let (own, later) = rest.split_at_mut(run.len());
        let mean = own.iter().sum::<f64>() / own.len() as f64;
        own.fill(mean);
        rest = later;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::golden::{assert_agrees, numbers, oracle};
    use super::*;

    /// scikit-learn's `ignore_ties` keeps whatever order numpy's unstable sort leaves ties in: in these rows of the
    /// oracle the reverse of the input's, in all others the input's.
    const REVERSED: [usize; 5] = [2, 7, 12, 13, 16];

    fn lists() -> Vec<(Vec<f64>, Vec<f64>)> {
        let oracle = oracle();
        let rows = |name: &str| {
            oracle[name]
                .as_array()
                .unwrap()
                .iter()
                .map(numbers)
                .collect::<Vec<_>>()
        };
        rows("rel").into_iter().zip(rows("score")).collect()
    }

    fn mean(values: &[f64]) -> Option<f64> {
        Some(values.iter().sum::<f64>() / values.len() as f64)
    }

    #[test]
    fn averaged_ties_agree_with_the_oracle() {
        let found: Vec<f64> = lists()
            .iter()
            .map(|(r, s)| ndcg(r, s, 10, Ties::Averaged).unwrap())
            .collect();
        assert_agrees(mean(&found), "ndcg10_ties_averaged");
        for (found, expected) in found.iter().zip(numbers(&oracle()["ndcg10_per_row"])) {
            assert!((found - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn ties_in_order_agree_with_the_oracle() {
        let reverse = |values: &[f64]| values.iter().rev().copied().collect::<Vec<f64>>();
        let found: Vec<f64> = lists()
            .iter()
            .enumerate()
            .map(|(row, (r, s))| match REVERSED.contains(&row) {
                true => ndcg(&reverse(r), &reverse(s), 10, Ties::InOrder).unwrap(),
                false => ndcg(r, s, 10, Ties::InOrder).unwrap(),
            })
            .collect();
        assert_agrees(mean(&found), "ndcg10_ignore_ties");
    }

    #[test]
    fn ends_are_one_and_nothing_relevant_is_none() {
        assert_eq!(
            ndcg(&[3.0, 2.0, 0.0], &[0.9, 0.5, 0.1], 3, Ties::Averaged),
            Some(1.0)
        );
        assert_eq!(ndcg(&[0.0, 0.0], &[0.9, 0.5], 3, Ties::Averaged), None);
        assert_eq!(ndcg(&[1.0], &[0.9], 0, Ties::Averaged), None);
    }

    #[test]
    fn groups_without_relevance_do_not_count() {
        let found = ndcg_by_group(&[1.0, 0.0, 0.0], &[0.9, 0.1, 0.5], &[1, 1, 2], 10);
        assert_eq!(found, Some((1.0, 1)));
    }

    proptest! {
        #[test]
        fn averaging_does_not_depend_on_the_order(
            rows in prop::collection::vec((0..4_u8, 0..5_u8), 1..20), turn in 0..20_usize, k in 1..12_usize,
        ) {
            let split = |rows: &[(u8, u8)]| -> (Vec<f64>, Vec<f64>) {
                rows.iter().map(|r| (f64::from(r.0), f64::from(r.1))).unzip()
            };
            let (relevance, scores) = split(&rows);
            let mut turned = rows.clone();
            turned.rotate_left(turn % rows.len());
            let (relevance2, scores2) = split(&turned);
            let (a, b) = (ndcg(&relevance, &scores, k, Ties::Averaged), ndcg(&relevance2, &scores2, k, Ties::Averaged));
            prop_assert!(a.is_some() == b.is_some() && (a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs() < 1e-12);
            prop_assert!(a.is_none_or(|v| (0.0..=1.0 + 1e-12).contains(&v)));
        }
    }
}
