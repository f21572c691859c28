//! `Copies`: rows that one thread learns in copies of its own for a while, and then folds back into the shared ones.
//!
//! A row that most samples have is written by every thread all the time, and its lines travel from core to core: thirteen rows of a kilobyte
//! in every sample made a machine of two threads no faster than one. Decision: copies are further rows of the same table, so the inner loop
//! knows nothing of them; a fold adds what a copy has gained since it was taken, weights and states alike, which is right for rules
//! whose states are sums ([`Copies::fit`]). Between folds a thread does not see what the others learn of these rows: fold often.

use std::ops::Range;

use super::rule::{Kind, Rule};
use super::table::FactorTable;
use crate::real::Real;

/// Copies of some rows, the property of one thread.
#[derive(Debug)]
pub struct Copies<T> {
    /// The first copy's row number.
    first: u32,
    /// The row that each copy is of.
    of: Vec<u32>,
    /// What each row was when it was copied.
    base: Vec<T>,
}

impl<T: Real> Copies<T> {
    /// Whether a rule's rows can be learnt in copies: the states are sums over samples.
    #[must_use]
    pub fn fit(rule: &Rule) -> bool {
        matches!(rule.kind, Kind::Sgd | Kind::Adagrad { .. })
    }

    /// Makes copies that will stand in rows from `first` on.
    #[must_use]
    pub fn new(first: u32) -> Copies<T> {
        Copies {
            first,
            of: Vec::new(),
            base: Vec::new(),
        }
    }

    /// Takes copies of these rows in the place of those before; returns each row with its copy's number.
    ///
    /// # Panics
    /// If one of the rows, or of those that the copies stand in, does not exist.
    pub fn take(&mut self, table: &FactorTable<T>, rows: &[u32]) -> impl Iterator<Item = (u32, u32)> {
        self.of.clear();
        self.of.extend_from_slice(rows);
        self.base.clear();
        self.base.resize(rows.len() * table.numbers(), T::ZERO);
        let numbers = self.base.chunks_exact_mut(table.numbers());
        for (copy, (row, base)) in (self.first..).zip(rows.iter().zip(numbers)) {
            table.copy_row(*row, copy, base);
        }
        self.of.iter().copied().zip(self.first..)
    }

    /// Adds what the copies at these places have gained since they were taken, or since the last fold, to their rows; they are then what the
    /// rows are.
    ///
    /// # Panics
    /// As [`Copies::take`], if there are fewer copies, or on a table of another shape.
    pub fn fold(&mut self, table: &FactorTable<T>, places: Range<usize>) {
        let numbers = table.numbers();
        let base = &mut self.base[places.start * numbers..places.end * numbers];
        let copies = (self.first..).skip(places.start);
        for (copy, (row, base)) in copies.zip(self.of[places].iter().zip(base.chunks_exact_mut(numbers))) {
            table.fold_row(*row, copy, base);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::Rates;
    use super::super::{Entries, Learner, Shape};
    use super::*;

    fn table(rows: usize) -> FactorTable<f32> {
        let rates = Rates {
            rate: 0.1,
            l1: 0.0,
            l2: 0.0,
        };
        let rule = Rule {
            kind: Kind::Adagrad { initial: 1.0 },
            weight: rates,
            factor: rates,
        };
        let mut table = FactorTable::new(Shape { fields: 2, k: 4 }, rule);
        for row in 0..rows {
            let fill = |factors: &mut [f32]| {
                (0u8..)
                    .zip(factors)
                    .for_each(|(i, x)| *x = f32::from(i) * 0.1 + row as f32)
            };
            table.push(fill).unwrap();
        }
        table
    }

    fn row(table: &FactorTable<f32>, row: u32) -> Vec<f32> {
        let mut out = vec![0.0; table.numbers()];
        table.save_row(row, &mut out);
        out
    }

    fn learn(table: &FactorTable<f32>, rows: [u32; 2], slope: f32) {
        let (mut learner, entries) = (
            Learner::new(table),
            Entries {
                rows: &rows,
                fields: &[0, 1],
                values: &[1.0, 1.0],
            },
        );
        learner.predict(table, entries);
        learner.update(table, entries, slope, &[]);
    }

    #[test]
    fn a_row_learnt_in_a_copy_is_the_row_learnt_itself_once_folded() {
        let (plain, copied) = (table(3), table(5));
        let mut copies = Copies::new(3);
        let told: Vec<_> = copies.take(&copied, &[2, 0]).collect();
        assert_eq!(told, [(2, 3), (0, 4)]);
        assert_eq!(row(&copied, 3), row(&copied, 2));
        for slope in [0.5, -0.25, 0.125] {
            learn(&plain, [0, 1], slope);
            learn(&copied, [4, 1], slope);
        }
        assert_ne!(row(&copied, 0), row(&plain, 0), "nothing is folded yet");
        copies.fold(&copied, 0..2);
        for (a, b) in row(&copied, 0).iter().zip(row(&plain, 0)) {
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
        assert_eq!(row(&copied, 4), row(&copied, 0));
        assert_eq!(row(&copied, 2), row(&plain, 2), "nobody learnt it");
        let once = row(&copied, 0);
        copies.fold(&copied, 0..2);
        assert_eq!(row(&copied, 0), once, "what is folded is folded once");
    }

    #[test]
    fn folds_of_two_add_up() {
        let table = table(4);
        let (before, mut one, mut two) = (row(&table, 0), Copies::new(2), Copies::new(3));
        let _ = (one.take(&table, &[0]).count(), two.take(&table, &[0]).count());
        learn(&table, [2, 1], 0.5);
        learn(&table, [3, 1], -0.5);
        let gain = |copy: u32| -> Vec<f32> {
            row(&table, copy)
                .iter()
                .zip(&before)
                .map(|(now, then)| now - then)
                .collect()
        };
        let (first, second) = (gain(2), gain(3));
        one.fold(&table, 0..1);
        two.fold(&table, 0..1);
        for (at, now) in row(&table, 0).iter().enumerate() {
            assert!((now - (before[at] + first[at] + second[at])).abs() < 1e-5, "{at}");
        }
    }

    #[test]
    fn a_table_cut_short_has_fresh_rows_again() {
        let mut table = table(2);
        learn(&table, [0, 1], 0.5);
        table.truncate(1);
        assert_eq!(table.len(), 1);
        table.push(|_| ()).unwrap();
        let fresh = row(&table, 1);
        let lanes = table.shape().lanes();
        assert!(
            fresh[..lanes].iter().all(|w| *w == 0.0) && fresh[lanes..].iter().all(|s| *s == 1.0),
            "{fresh:?}"
        );
        table.truncate(9);
        assert_eq!(table.len(), 2);
    }

    #[test]
    #[should_panic(expected = "row 7 of 2")]
    fn a_row_that_does_not_exist_has_no_copy() {
        let _ = Copies::new(1).take(&table(2), &[7]).count();
    }
}
