//! A figure of lists by user: its mean, the standard error, and a bootstrap interval with users drawn with replacement.
//!
//! Decision: a user adds any number of values (places of several held-out items, say), and they are drawn together, because they
//! are not independent.

use super::report;
use crate::bootstrap::{Bootstrap, Sums, Unit};
use crate::metric::Bounds;

/// The values of one figure.
#[derive(Clone, Debug, Default)]
pub(super) struct ByUser {
    values: Vec<f64>,
    sums: Sums,
    users: usize,
}

impl ByUser {
    /// Adds a user's values; a user without any is drawn all the same.
    pub(super) fn user(&mut self, values: impl IntoIterator<Item = f64>) {
        let before = self.values.len();
        self.values.extend(values);
        self.sums.push(&self.values[before..]);
        self.users += 1;
    }

    /// The mean of all values, and its standard error as if they were independent.
    pub(super) fn mean(&self) -> (f64, f64) {
        report::mean(self.values.iter().copied())
    }
}

/// The intervals of figures of the same users, all on the same resamples.
pub(super) fn bounds<const N: usize>(figures: &[ByUser; N], bootstrap: &Bootstrap) -> [Option<Bounds>; N] {
    let users = figures.first().map_or(0, |figure| figure.users);
    let mut drawn: [Vec<Option<f64>>; N] = std::array::from_fn(|_| Vec::new());
    bootstrap.each(Unit::Row(users), None, |counts| {
        for (drawn, figure) in drawn.iter_mut().zip(figures) {
            drawn.push(figure.sums.under(counts));
        }
    });
    drawn.map(|drawn| bootstrap.bounds(&drawn))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    fn figure(users: &[Vec<f64>]) -> ByUser {
        let mut figure = ByUser::default();
        users
            .iter()
            .for_each(|values| figure.user(values.iter().copied()));
        figure
    }

    /// Users of none to three values, each about his own mean.
    fn users(random: &mut Xoshiro256PlusPlus, count: usize) -> Vec<Vec<f64>> {
        let one = |at: usize, random: &mut Xoshiro256PlusPlus| {
            let own: f64 = random.random();
            (0..at % 4)
                .map(|_| 0.5 * own + 0.5 * random.random::<f64>())
                .collect()
        };
        (0..count).map(|at| one(at, random)).collect()
    }

    #[test]
    fn intervals_are_those_of_users_drawn_one_by_one() {
        let users = users(&mut Xoshiro256PlusPlus::seed_from_u64(1), 30);
        let bootstrap = Bootstrap {
            resamples: 60,
            ..Bootstrap::default()
        };
        let mut slow = Vec::new();
        bootstrap.each(Unit::Row(30), None, |counts| {
            let mut all = Vec::new();
            for (values, count) in users.iter().zip(counts) {
                (0..30)
                    .filter(|copy| f64::from(*copy) < *count)
                    .for_each(|_| all.extend(values));
            }
            slow.push(Some(all.iter().sum::<f64>() / all.len() as f64));
        });
        let slow = bootstrap.bounds(&slow).unwrap();
        let [found, none] = bounds(&[figure(&users), figure(&vec![Vec::new(); 30])], &bootstrap);
        let found = found.unwrap();
        assert!((found.low - slow.low).abs() < 1e-12 && (found.high - slow.high).abs() < 1e-12);
        assert_eq!((none, bounds(&[figure(&[])], &bootstrap)), (None, [None]));
    }

    #[test]
    fn intervals_hold_what_is_true() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(2);
        let bootstrap = Bootstrap {
            resamples: 200,
            ..Bootstrap::default()
        };
        let held = (0..200).filter(|_| {
            let own = figure(&users(&mut random, 80));
            let [found] = bounds(&[own], &bootstrap);
            found.is_some_and(|found| found.low <= 0.5 && 0.5 <= found.high)
        });
        // 190 of 200, give or take three times 3.1
        let held = held.count();
        assert!((180..=199).contains(&held), "{held}");
    }
}
