//! The n best of a list of scores: selection first, then a sort of the selected, so the cost is linear in the list.

use std::cmp::Ordering;

/// Returns up to `n` pairs (index, score), best first: higher score, then lower index; NaN comes last.
///
/// Cost: O(len + n log n), one allocation of `len` indices.
#[must_use]
pub fn top_n(scores: &[f32], n: usize) -> Vec<(usize, f32)> {
    let mut best: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
    let n = n.min(best.len());
    if n == 0 {
        return Vec::new();
    }
    if n < best.len() {
        best.select_nth_unstable_by(n - 1, order);
        best.truncate(n);
    }
    best.sort_unstable_by(order);
    best
}

/// Orders (index, score) pairs best first; a total order, so results never depend on the input's arrangement.
#[must_use]
pub fn order(a: &(usize, f32), b: &(usize, f32)) -> Ordering {
    let by_score = match (a.1.is_nan(), b.1.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => b.1.partial_cmp(&a.1).unwrap_or(Ordering::Equal),
    };
    by_score.then(a.0.cmp(&b.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ties_take_the_lower_index_and_nan_is_last() {
        let scores = [1.0, f32::NAN, 3.0, 3.0, -0.0, 0.0, f32::NEG_INFINITY];
        let indices: Vec<usize> = top_n(&scores, 7).iter().map(|p| p.0).collect();
        assert_eq!(indices, [2, 3, 0, 4, 5, 6, 1]);
        assert!(top_n(&scores, 0).is_empty());
        assert!(top_n(&[], 3).is_empty());
    }

    proptest! {
        #[test]
        fn equals_a_full_sort(scores in proptest::collection::vec(prop_oneof![Just(f32::NAN), -3.0f32..3.0, Just(1.0)], 0..60), n in 0usize..70) {
            let mut all: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
            all.sort_by(order);
            let expected: Vec<usize> = all.iter().take(n).map(|p| p.0).collect();
            let got: Vec<usize> = top_n(&scores, n).iter().map(|p| p.0).collect();
            prop_assert_eq!(got, expected);
        }
    }
}
