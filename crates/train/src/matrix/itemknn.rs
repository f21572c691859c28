//! ItemKNN: the items that were met by the same users, as weights from one item to its nearest.
//!
//! ```text
//! s(j, i) = |U_j ∩ U_i| / (√(|U_j|·|U_i|) + shrink)        for the k largest j of each i
//! ```
//! Sarwar et al. 2001 (Item-Based Collaborative Filtering Recommendation Algorithms): of a candidate's k nearest those count that
//! the user met. (To keep the k nearest of each item of the history instead ranked worse on MovieLens 100K.) Shrinkage doubts what few users say. Decision: pairs are counted row by row through the
//! users of an item, so memory is that of the result, and rows may be counted on several threads.

use rankine_kernel::topn;

use super::{Interactions, Sparse};

/// The nearest items of each item.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbours {
    /// Neighbours per item.
    pub k: usize,
    /// k items for each; where there are fewer, the item itself.
    pub ids: Vec<u32>,
    /// Their weights; 0 where there are fewer.
    pub weights: Vec<f32>,
}

/// Finds the `k` nearest items of each item.
#[must_use]
pub fn fit(x: &Interactions, k: usize, shrink: f64) -> Neighbours {
    let (n, by_item) = (x.items.len(), x.by_item());
    let mut found = Neighbours {
        k: k.min(n.saturating_sub(1)).max(1),
        ids: Vec::new(),
        weights: Vec::new(),
    };
    let mut row = vec![0.0_f32; n];
    for item in 0..n {
        similar(x, &by_item, (item, shrink), &mut row);
        found.take(&row, item);
    }
    found
}

impl Neighbours {
    /// Appends the largest entries of a row that are not 0.
    pub(super) fn take(&mut self, row: &[f32], own: usize) {
        let mut best = topn::top_n(row, self.k);
        best.retain(|(_, weight)| *weight != 0.0);
        best.resize(self.k, (own, 0.0));
        self.ids
            .extend(best.iter().map(|(item, _)| super::interactions::number(*item)));
        self.weights.extend(best.iter().map(|(_, weight)| *weight));
    }
}

/// The similarities of one item with all; 0 with itself.
fn similar(x: &Interactions, by_item: &Sparse, (item, shrink): (usize, f64), row: &mut [f32]) {
    row.fill(0.0);
    for user in by_item.row(item).0 {
        for other in x.by_user.row(*user as usize).0 {
            row[*other as usize] += 1.0;
        }
    }
    let users = |item: usize| by_item.row(item).0.len() as f64;
    let own = users(item);
    for (other, both) in row.iter_mut().enumerate().filter(|(_, both)| **both > 0.0) {
        let cosine = f64::from(*both) / ((own * users(other)).sqrt() + shrink);
        *both = rankine_kernel::Real::of(cosine);
    }
    row[item] = 0.0;
}

#[cfg(test)]
mod tests {
    use super::super::testing::{golden, matrix};
    use super::*;

    #[test]
    fn numpy_finds_the_same_similarities() {
        let golden = golden();
        let x = golden.interactions();
        let (n, expected) = (x.items.len(), matrix(&golden.json["itemknn"]));
        let found = fit(&x, n, 3.0);
        assert_eq!(found.k, n - 1);
        for item in 0..n {
            let mut row = vec![0.0; n];
            for at in item * found.k..(item + 1) * found.k {
                if found.weights[at] != 0.0 {
                    row[found.ids[at] as usize] = f64::from(found.weights[at]);
                }
            }
            for (a, b) in row.iter().zip(&expected[item * n..]) {
                assert!((a - b).abs() < 1e-7, "{item}: {a} {b}");
            }
        }
    }

    #[test]
    fn the_nearest_are_kept_and_gaps_weigh_nothing() {
        let events = [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 4)];
        let x = Interactions::of_events(events.map(|(u, i)| (u, i, 1.0, 0))).unwrap();
        let found = fit(&x, 1, 0.0);
        assert_eq!(found.ids, [1, 0, 0, 3]);
        assert!((found.weights[0] - 1.0).abs() < 1e-6 && found.weights[3] == 0.0);
        let shrunk = fit(&x, 1, 2.0);
        assert!((shrunk.weights[0] - 0.5).abs() < 1e-6, "{:?}", shrunk.weights);
    }
}
