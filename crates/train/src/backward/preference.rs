//! Preference: the part of a tower's input that may be missing or is taken away while learning (`dropoutnet`).
//!
//! After the input is gathered its last number becomes m (1: the preference is there, 0: it is not) and, where that is 0, the
//! preference's stretches zeros; backward nothing goes up there. Decision: what is taken away is a sample's whole
//! preference and nothing is scaled, so that it looks as it does in serving where there is none.

use std::ops::Range;

use rankine_kernel::Real;
use rankine_kernel::rows::MISSING;
use rankine_model::{ABSENT, Network, Tower};

use super::{Dropout, Mode};
use crate::encode::Batch;

/// The preference of a tower under training.
#[derive(Clone, Debug)]
pub struct Preference<T> {
    /// Columns of the batch.
    columns: Vec<usize>,
    /// Stretches of the input.
    spans: [Range<usize>; 2],
    /// Numbers of the batch's dense block that say whether it is missing.
    absent: Option<Range<usize>>,
    /// Takes preferences away.
    pub dropout: Option<Dropout<T>>,
    coins: Vec<T>,
    marks: Vec<T>,
}

impl<T: Real> Preference<T> {
    /// The preference of `tower`, its dropout seeded by `seed`; none where it has none.
    #[must_use]
    pub fn new(network: &Network, tower: &Tower, seed: u64) -> Option<Self> {
        let preference = tower.preference.as_ref()?;
        Some(Self {
            columns: tower.columns[tower.columns.len() - preference.columns..].to_vec(),
            spans: tower.preference_spans(network)?,
            absent: tower.absent_dense(network),
            dropout: Dropout::new(preference.dropout, seed),
            coins: Vec::new(),
            marks: Vec::new(),
        })
    }

    /// Marks each row of the gathered input `x`, `width` numbers apart.
    pub fn forward(&mut self, batch: &Batch<T>, mode: Mode, (x, width): (&mut [T], usize)) {
        self.look(batch, mode);
        for (row, mark) in x.chunks_exact_mut(width).zip(&self.marks) {
            row[width - 1] = *mark;
        }
        self.blank((x, width));
    }

    /// The stretches of the input that are preference: columns, numbers.
    #[must_use]
    pub fn spans(&self) -> &[Range<usize>; 2] {
        &self.spans
    }

    /// Finds, and returns, the mark of each sample: 1 where its preference is there and stays, else 0.
    pub fn look(&mut self, batch: &Batch<T>, mode: Mode) -> &[T] {
        let Self {
            columns,
            absent,
            dropout,
            coins,
            marks,
            ..
        } = self;
        marks.clear();
        marks.extend((0..batch.len()).map(|i| {
            let seen = sees(batch, i, columns, absent.as_ref());
            if seen { T::ONE } else { T::ZERO }
        }));
        if let (Some(dropout), Mode::Learn) = (dropout, mode) {
            coins.clear();
            coins.resize(marks.len(), T::ONE);
            dropout.forward(coins);
            let taken = marks.iter_mut().zip(coins).filter(|(_, coin)| **coin <= T::ZERO);
            taken.for_each(|(mark, _)| *mark = T::ZERO);
        }
        &self.marks
    }

    /// Takes the gradient of what was not there out of `dx`, which may have the columns alone.
    pub fn backward(&self, dx: (&mut [T], usize)) {
        self.blank(dx);
    }

    fn blank(&self, (x, width): (&mut [T], usize)) {
        let rows = x.chunks_exact_mut(width).zip(&self.marks);
        for (row, _) in rows.filter(|(_, mark)| **mark <= T::ZERO) {
            let there = self.spans.iter().filter(|span| span.end <= width);
            there.for_each(|span| row[span.clone()].fill(T::ZERO));
        }
    }
}

/// Whether sample `i` has a preference.
pub(crate) fn sees<T: Real>(
    batch: &Batch<T>,
    i: usize,
    columns: &[usize],
    absent: Option<&Range<usize>>,
) -> bool {
    let said = absent.is_some_and(|range| {
        let from = i * batch.dense_width;
        let numbers = &batch.dense[from + range.start..from + range.end];
        numbers.iter().any(|x| *x < T::of(f64::from(ABSENT)))
    });
    said || columns.iter().any(|column| {
        let column = &batch.columns[*column];
        column.rows()[column.entries(i)].iter().any(|row| *row != MISSING)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::batch::BatchColumn;

    /// Input [one column of 2 | one number | m], the column and the number being preference.
    fn preference(rate: f64) -> Preference<f64> {
        Preference {
            columns: vec![0],
            spans: [0..2, 3..4],
            absent: Some(1..2),
            dropout: Dropout::new(rate, 7),
            coins: Vec::new(),
            marks: Vec::new(),
        }
    }

    fn batch(rows: Vec<u32>, absent: &[f64]) -> Batch<f64> {
        let n = rows.len();
        Batch {
            columns: vec![BatchColumn::Single(rows)],
            dense: absent.iter().flat_map(|a| [0.0, *a]).collect(),
            dense_width: 2,
            span: 0..2,
            labels: vec![0.0; n],
            weights: vec![1.0; n],
            others: Vec::new(),
            others_width: 0,
        }
    }

    #[test]
    fn a_row_of_its_own_or_the_slot_says_that_it_is_there_and_zeros_say_nothing() {
        let batch = batch(vec![3, 0, 0], &[1.0, 0.0, 1.0]);
        let mut layer = preference(0.0);
        let mut x = vec![9.0; 15];
        layer.forward(&batch, Mode::Learn, (&mut x, 5));
        assert_eq!(x[..5], [9.0, 9.0, 9.0, 9.0, 1.0]);
        assert_eq!(x[5..10], [9.0, 9.0, 9.0, 9.0, 1.0]);
        assert_eq!(x[10..], [0.0, 0.0, 9.0, 0.0, 0.0]);
        let mut dx = vec![2.0; 15];
        layer.backward((&mut dx, 5));
        assert_eq!(dx[10..], [0.0, 0.0, 2.0, 0.0, 2.0]);
        assert!(dx[..10].iter().all(|g| *g == 2.0));
        let mut columns = vec![2.0; 6];
        layer.backward((&mut columns, 2));
        assert_eq!(columns, [2.0, 2.0, 2.0, 2.0, 0.0, 0.0]);
    }

    #[test]
    fn whole_preferences_are_taken_away_at_the_rate_the_same_by_seed_and_none_in_judging() {
        let n = 20_000;
        let batch = batch(vec![1; n], &vec![0.0; n]);
        let run = |mode| {
            let (mut layer, mut x) = (preference(0.3), vec![1.0; n * 5]);
            layer.forward(&batch, mode, (&mut x, 5));
            x
        };
        let x = run(Mode::Learn);
        let cold = x.chunks(5).filter(|row| row[4] == 0.0).count() as f64 / n as f64;
        assert!((cold - 0.3).abs() < 0.02, "{cold}");
        for row in x.chunks(5) {
            let kept = if row[4] == 0.0 {
                [0.0, 0.0, 1.0, 0.0]
            } else {
                [1.0; 4]
            };
            assert_eq!(row[..4], kept);
        }
        assert_eq!(x, run(Mode::Learn));
        assert!(run(Mode::Judge).iter().all(|x| *x == 1.0));
    }
}
