//! GAUC: AUC within each user, averaged over users (Zhou et al. 2018, Deep Interest Network).
//!
//! Decision: a user whose rows are all of one class has no AUC and is left out, and how many were is part of the answer:
//! on sparse data it is most of them, and the figure then speaks of few.

use super::{auc, valid};

/// The answer of [`gauc`].
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Gauc {
    /// Mean AUC weighted by each user's rows (or weights); `None` when no user has both classes.
    pub value: Option<f64>,
    /// Users with both classes.
    pub users: usize,
    /// Users with one class only, left out.
    pub left_out: usize,
    /// Rows of the users that count.
    pub rows: usize,
}

/// Σᵤ nᵤ AUCᵤ / Σᵤ nᵤ, where nᵤ is the number of rows of user u (the sum of weights when given).
///
/// Order: `groups[row]` is the user of the row. Cost: O(n log n).
pub fn gauc(labels: &[f64], scores: &[f64], weights: Option<&[f64]>, groups: &[i64]) -> Gauc {
    let mut answer = Gauc::default();
    if valid(labels, scores, weights).is_none() || groups.len() != labels.len() {
        return answer;
    }
    let (mut sum, mut total) = (0.0, 0.0);
    for_each_group(groups, |rows| {
        let pick = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
        let own = weights.map(pick);
        let Some(area) = auc(&pick(labels), &pick(scores), own.as_deref()) else {
            answer.left_out += 1;
            return;
        };
        let weight = own.map_or(rows.len() as f64, |w| w.iter().sum());
        (sum, total) = (sum + weight * area, total + weight);
        answer.users += 1;
        answer.rows += rows.len();
    });
    answer.value = (total > 0.0).then(|| sum / total);
    answer
}

/// Calls `visit` with the row numbers of each group, groups ascending, rows in input order.
pub(crate) fn for_each_group(groups: &[i64], mut visit: impl FnMut(&[usize])) {
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|row| groups[*row]);
    order
        .chunk_by(|a, b| groups[*a] == groups[*b])
        .for_each(&mut visit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_weigh_by_their_rows_and_one_class_is_left_out() {
        let groups = [7, 7, 3, 3, 3, 9, 9];
        let labels = [1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0];
        let scores = [0.9, 0.1, 0.2, 0.1, 0.3, 0.4, 0.5];
        let found = gauc(&labels, &scores, None, &groups);
        // user 7: 1 (2 rows); user 3: 0.5 (3 rows); user 9: one class
        assert_eq!((found.users, found.left_out, found.rows), (2, 1, 5));
        assert!((found.value.unwrap() - 3.5 / 5.0).abs() < 1e-15);
    }

    #[test]
    fn one_user_is_plain_auc() {
        let (labels, scores, weights) = super::super::golden::rows();
        let found = gauc(&labels, &scores, Some(&weights), &vec![1; labels.len()]);
        super::super::golden::assert_agrees(found.value, "auc_weighted");
    }

    #[test]
    fn scores_of_different_users_are_never_compared() {
        let labels = [1.0, 0.0, 1.0, 0.0];
        let near = gauc(&labels, &[0.2, 0.1, 0.9, 0.8], None, &[1, 1, 2, 2]);
        assert_eq!(near.value, Some(1.0));
        assert_eq!(auc(&labels, &[0.2, 0.1, 0.9, 0.8], None), Some(0.75));
    }

    #[test]
    fn nobody_with_both_classes_is_none() {
        let found = gauc(&[1.0, 0.0], &[0.5, 0.5], None, &[1, 2]);
        assert_eq!((found.value, found.left_out), (None, 2));
        assert_eq!(gauc(&[1.0], &[0.5], None, &[]), Gauc::default());
    }
}
