//! Popularity: an item's score is the share of users who met it, the same for everybody.
//!
//! `s(i) = |U_i| / |U|`. The baseline that every personal ranking has to beat, as a model like any other (see Ji et al. 2020,
//! A Re-visit of the Popularity Baseline in Recommender Systems, for what it leaves out: time).

use super::Interactions;

/// The share of users who met each item.
#[must_use]
pub fn fit(x: &Interactions) -> Vec<f32> {
    let by_item = x.by_item();
    let share = |item| by_item.row(item).0.len() as f64 / x.users.len() as f64;
    (0..x.items.len())
        .map(|item| rankine_kernel::Real::of(share(item)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_counts_once_however_often_he_came() {
        let events = [(1, 1), (1, 1), (2, 1), (3, 2), (4, 2), (5, 2)];
        let x = Interactions::of_events(events.map(|(u, i)| (u, i, 1.0, 0))).unwrap();
        assert_eq!(fit(&x), [0.4, 0.6]);
    }
}
