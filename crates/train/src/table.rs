//! A sparse table while it is trained: the kernel's rows (weights and optimiser state adjacent) and the gradients of
//! the rows that the batch touches.
//!
//! A row used many times in a batch is stepped once, and a table of a million rows costs nothing but the rows of the
//! batch. L2 is lazy in the same way: each use of a row in a batch of B samples adds `l2 / (B · uses) · w` to its
//! gradient, where `uses` counts the row's training samples. Over an epoch of N samples that is the gradient of
//! `l2 / 2N · |w|²`, however rare the row and whatever the batch: the ridge of a mean with `l2` doubting samples, which
//! shrinks a user of two ratings and leaves one of two hundred alone.

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::Real;
use rankine_kernel::dense::{axpy, dot, scale};
use rankine_kernel::rows::{MISSING, RowGradients, RowTable, SharedRows, gather};
use rankine_model::config::Spread;

use crate::backward::initial;
use crate::checkpoint::tape::Tape;
use crate::encode::Vocabulary;
use crate::model::Mover;

/// A table under training; row 0 is the missing row.
#[derive(Clone, Debug)]
pub struct Table<T> {
    /// The table's name.
    pub name: String,
    mover: Mover,
    rows: RowTable<T>,
    /// The rows while several threads share them; `rows` is empty then.
    shared: Option<Arc<SharedRows<T>>>,
    /// Rows of a step on shared ones.
    scratch: Vec<T>,
    gradients: RowGradients<T>,
    decay: T,
    /// 1 / uses of each row; 0 for the missing row, which stands for many.
    shares: Arc<Vec<T>>,
    /// Whether the rows stay as they are.
    frozen: bool,
}

impl<T: Real> Table<T> {
    /// A table of `dim` weights per row with only the missing row.
    #[must_use]
    pub fn new(name: &str, dim: usize, mover: Mover) -> Self {
        let (rows, gradients) = (RowTable::new(dim, &mover.optimiser), RowGradients::new(dim));
        Self {
            name: name.into(),
            mover,
            rows,
            shared: None,
            scratch: Vec::new(),
            gradients,
            decay: T::ZERO,
            shares: Arc::new(vec![T::ZERO]),
            frozen: false,
        }
    }

    /// Adds a row for each sign, in order, its weights drawn from a normal distribution of mean 0 (none drawn for
    /// deviation 0). The missing row stays zero.
    pub fn fill(&mut self, signs: &[u64], deviation: f64, random: &mut Xoshiro256PlusPlus) {
        for &sign in signs {
            self.rows.intern(sign, |weights| {
                initial::fill(Spread::Normal(deviation), weights, random);
            });
        }
        let mut shares = vec![T::ONE; self.rows.len() + 1];
        shares[0] = T::ZERO;
        self.shares = Arc::new(shares);
    }

    /// A table of `dim` weights per row with a row for each sign of `vocabulary`, as [`Table::fill`] and [`Table::count`] would
    /// make it, without a second copy of signs and index.
    #[must_use]
    pub fn of(
        name: &str,
        (dim, mover): (usize, Mover),
        vocabulary: &Vocabulary,
        spread: Spread,
        random: &mut Xoshiro256PlusPlus,
    ) -> Self {
        let mut table = Self::new(name, dim, mover);
        table.rows = RowTable::of_keys(dim, &mover.optimiser, vocabulary.shared());
        // memory of zeros is not touched
        if spread != Spread::Normal(0.0) {
            for (row, _) in (1..).zip(vocabulary.signs()) {
                initial::fill(spread, table.rows.row_mut(row).0, random);
            }
        }
        if mover.l2 > 0.0 {
            table.count(vocabulary.counts());
        }
        table
    }

    /// Gives the rows away to be shared by threads, until [`Table::take_back`].
    pub(crate) fn lend(&mut self) -> Arc<SharedRows<T>> {
        let empty = RowTable::plain(self.dim());
        Arc::new(SharedRows::new(std::mem::replace(&mut self.rows, empty)))
    }

    /// Takes lent rows back.
    ///
    /// # Panics
    /// If a hand still has them.
    pub(crate) fn take_back(&mut self, rows: Arc<SharedRows<T>>) {
        let rows = Arc::into_inner(rows);
        assert!(rows.is_some(), "a hand has not let go of table {}", self.name);
        if let Some(rows) = rows {
            self.rows = rows.into_inner();
        }
    }

    /// The table of a thread that learns with others: gradients of its own, rows to be borrowed.
    pub(crate) fn hand(&self) -> Self {
        Self {
            name: self.name.clone(),
            rows: RowTable::plain(self.dim()),
            gradients: RowGradients::new(self.dim()),
            scratch: Vec::new(),
            shares: Arc::clone(&self.shares),
            shared: None,
            ..*self
        }
    }

    /// Reads and moves these rows from here on.
    pub(crate) fn borrow(&mut self, rows: &Arc<SharedRows<T>>) {
        self.shared = Some(Arc::clone(rows));
    }

    /// Lets borrowed rows go.
    pub(crate) fn let_go(&mut self) {
        self.shared = None;
    }

    /// Keeps the rows as they are.
    pub fn freeze(&mut self) {
        self.frozen = true;
    }

    /// The sum of the squares of the batch's gradient; 0 where the rows stay as they are.
    #[must_use]
    pub fn square(&self) -> f64 {
        if self.frozen {
            0.0
        } else {
            dot(self.gradients.all(), self.gradients.all()).to_f64()
        }
    }

    /// Multiplies the batch's gradient.
    pub fn scale(&mut self, factor: T) {
        scale(factor, self.gradients.all_mut());
    }

    /// Writes or reads back all rows with their optimiser state.
    pub(crate) fn exchange(&mut self, tape: &mut Tape<'_>) {
        let mut rows = self.rows.len();
        tape.count(&mut rows);
        if rows != self.rows.len() {
            return tape.refuse("a table has another number of rows");
        }
        for row in (0..).take(rows + 1) {
            let (weights, state) = self.rows.row_mut(row);
            tape.numbers(weights);
            tape.numbers(state);
        }
    }

    /// The rows without optimiser state; the state's memory is given back on the way.
    #[must_use]
    pub fn into_plain(self) -> RowTable<T> {
        self.rows.into_plain()
    }

    /// The rows with their keys, to be changed.
    pub fn rows_mut(&mut self) -> &mut RowTable<T> {
        &mut self.rows
    }

    /// Tells how many training samples use each row, the missing row first; without it, one each.
    pub fn count(&mut self, uses: &[u32]) {
        let share = |&uses: &u32| {
            if uses == 0 {
                T::ZERO
            } else {
                T::of(1.0 / f64::from(uses))
            }
        };
        let mut shares: Vec<T> = uses.iter().map(share).collect();
        shares.resize(self.rows.len() + 1, T::ZERO);
        self.shares = Arc::new(shares);
    }

    /// The rows with their keys.
    #[must_use]
    pub fn rows(&self) -> &RowTable<T> {
        &self.rows
    }

    /// Whether L2 pulls on the rows.
    #[must_use]
    pub fn decays(&self) -> bool {
        self.mover.l2 > 0.0
    }

    /// The gradients of the rows that the last batch used, one after another.
    #[must_use]
    pub fn slopes(&self) -> &[T] {
        self.gradients.all()
    }

    /// Weights per row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.rows.dim()
    }

    /// The weights of a row.
    #[inline]
    #[must_use]
    pub fn weights(&self, row: u32) -> &[T] {
        self.rows.weights(row)
    }

    /// Copies the weights of `rows[i]` to `out[i * stride..]`, for every i.
    pub fn read(&self, rows: &[u32], out: &mut [T], stride: usize) {
        match &self.shared {
            Some(shared) => shared.gather(rows, out, stride),
            None => gather(&self.rows, rows, out, stride),
        }
    }

    /// Adds `weight` times the weights of a row to `out`.
    #[inline]
    pub fn accumulate(&self, weight: T, row: u32, out: &mut [T]) {
        match &self.shared {
            Some(shared) => shared.accumulate(weight, row, out),
            None => axpy(weight, self.rows.weights(row), out),
        }
    }

    /// Begins a batch of `samples` samples: fixes what one use of a row adds for L2.
    pub fn begin(&mut self, samples: usize) {
        self.decay = T::of(self.mover.l2 / samples.max(1) as f64);
        self.gradients.clear();
    }

    /// Adds `weight · gradient`, and the L2 term of one use, to what the batch has for `row`.
    #[inline]
    pub fn add(&mut self, row: u32, weight: T, gradient: &[T]) {
        let sum = self.gradients.at(row);
        axpy(weight, gradient, sum);
        if self.decay > T::ZERO {
            let share = self.decay * self.shares[row as usize];
            match &self.shared {
                Some(shared) => shared.accumulate(share, row, sum),
                None => axpy(share, self.rows.weights(row), sum),
            }
        }
    }

    /// As [`Table::add`] with weight 1 for every row number in order: `rows[i]` gets `g[i * stride..]`.
    pub fn add_all(&mut self, rows: &[u32], g: &[T], stride: usize) {
        if self.decay == T::ZERO {
            return rankine_kernel::rows::scatter(&mut self.gradients, rows, g, stride);
        }
        for (&row, g) in rows.iter().zip(g.chunks(stride)) {
            self.add(row, T::ONE, &g[..self.gradients.dim()]);
        }
    }

    /// Moves the rows of the batch at step number `t` (from 1), the rate multiplied by `factor`.
    pub fn step(&mut self, t: u64, factor: f64) {
        if self.frozen {
            return;
        }
        let optimiser = crate::optimise::scaled(self.mover.optimiser, factor);
        match &self.shared {
            Some(shared) => shared.step(&optimiser, t, &self.gradients, &mut self.scratch),
            None => optimiser.step_rows(t, &mut self.rows, &self.gradients),
        }
    }

    /// The rows and gradients of the batch, in order of first touch.
    pub fn gradients(&self) -> impl Iterator<Item = (u32, &[T])> {
        self.gradients
            .rows()
            .iter()
            .enumerate()
            .map(|(at, &row)| (row, self.gradients.gradient(at)))
    }

    /// Takes over the weights of the missing row and of every key that both tables have.
    pub fn take<U: Real>(&mut self, from: &RowTable<U>) {
        let copy = |to: &mut [T], from: &[U]| {
            to.iter_mut()
                .zip(from)
                .for_each(|(to, v)| *to = T::of(v.to_f64()))
        };
        copy(self.rows.row_mut(MISSING).0, from.weights(MISSING));
        for (key, row) in self.rows.sorted() {
            if let Some(theirs) = from.find(key) {
                copy(self.rows.row_mut(row).0, from.weights(theirs));
            }
        }
    }

    /// Copies all weights, without state, into `to`; the missing row first.
    pub fn save(&self, to: &mut Vec<T>) {
        self.rows.save_weights(to);
    }

    /// Puts saved weights back.
    pub fn restore(&mut self, from: &[T]) {
        self.rows.load_weights(from);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rankine_kernel::optimiser::Optimiser;

    const PLAIN: Mover = Mover {
        optimiser: Optimiser::Sgd { rate: 1.0 },
        l2: 0.0,
    };

    /// A table with rows for signs 1..=`signs`, random weights everywhere, plain gradient descent of rate 1.
    pub(crate) fn table(signs: usize, dim: usize, seed: u64) -> Table<f64> {
        let mut table = Table::new("t", dim, PLAIN);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        table.fill(&(1..=signs as u64).collect::<Vec<_>>(), 0.0, &mut random);
        table.restore(&crate::check::random((signs + 1) * dim, seed));
        table
    }

    /// The gradient of the whole table, row after row.
    pub(crate) fn flat_gradient<T: Real>(table: &Table<T>) -> Vec<T> {
        let mut flat = vec![T::ZERO; (table.rows().len() + 1) * table.dim()];
        for (row, g) in table.gradients() {
            flat[row as usize * table.dim()..][..table.dim()].copy_from_slice(g);
        }
        flat
    }

    proptest! {
        #[test]
        fn a_batch_moves_each_row_by_its_summed_gradient_and_no_other(
            entries in proptest::collection::vec((0_u32..9, -2.0_f64..2.0, -1.0_f64..1.0), 1..60),
            l2 in prop_oneof![Just(0.0), 0.1_f64..2.0],
        ) {
            let mut table = table(8, 2, 3);
            table.mover.l2 = l2;
            let (mut before, mut after) = (Vec::new(), Vec::new());
            table.save(&mut before);
            let mut expected = before.clone();
            table.begin(entries.len());
            for &(row, weight, g) in &entries {
                table.add(row, weight, &[g, 1.0]);
                for (k, g) in [g, 1.0].into_iter().enumerate() {
                    let at = row as usize * 2 + k;
                    let ridge = if row == MISSING { 0.0 } else { l2 / entries.len() as f64 * before[at] };
                    expected[at] -= weight * g + ridge;
                }
            }
            table.step(1, 1.0);
            table.save(&mut after);
            for (a, e) in after.iter().zip(&expected) {
                prop_assert!((a - e).abs() < 1e-12);
            }
            table.begin(1);
            prop_assert_eq!(table.gradients().count(), 0);
        }
    }

    #[test]
    fn an_epoch_of_l2_shrinks_rare_and_frequent_rows_alike() {
        let mut table = table(2, 1, 3);
        table.mover.l2 = 0.4;
        table.mover.optimiser = Optimiser::Sgd { rate: 0.001 };
        table.count(&[0, 1, 4]);
        table.restore(&[1.0, 1.0, 1.0]);
        for row in [1, 2, 2, 2, 2] {
            table.begin(1);
            table.add(row, 0.0, &[0.0]);
            table.step(1, 1.0);
        }
        let moved = |row| 1.0 - table.weights(row)[0];
        assert!(
            (moved(1) - 0.0004).abs() < 1e-7 && (moved(2) - 0.0004).abs() < 1e-7,
            "{} {}",
            moved(1),
            moved(2)
        );
    }

    #[test]
    fn initial_rows_are_normal_and_the_missing_row_is_zero() {
        let mut table = Table::<f64>::new("t", 4, PLAIN);
        let signs: Vec<u64> = (1..=5000).collect();
        table.fill(&signs, 0.1, &mut Xoshiro256PlusPlus::seed_from_u64(1));
        let mut all = Vec::new();
        table.save(&mut all);
        assert_eq!(all.len(), 5001 * 4);
        assert_eq!(all[..4], [0.0; 4]);
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let deviation = (all.iter().map(|w| w * w).sum::<f64>() / all.len() as f64).sqrt();
        assert!(
            mean.abs() < 0.003 && (deviation - 0.1).abs() < 0.003,
            "{mean} {deviation}"
        );
    }

    #[test]
    fn reading_follows_the_row_numbers() {
        let table = table(40, 3, 1);
        let rows: Vec<u32> = (0..41).rev().collect();
        let mut out = vec![0.0; 41 * 4];
        table.read(&rows, &mut out, 4);
        for (row, seen) in rows.iter().zip(out.chunks_exact(4)) {
            assert_eq!(&seen[..3], table.weights(*row));
        }
    }

    #[test]
    fn adding_all_is_adding_each_with_or_without_l2() {
        for l2 in [0.0, 0.3] {
            let (mut one, mut all) = (table(3, 2, 1), table(3, 2, 1));
            let (rows, g) = ([1, 2, 1, 0], crate::check::random(11, 4));
            for table in [&mut one, &mut all] {
                table.mover.l2 = l2;
                table.begin(4);
            }
            rows.iter()
                .zip(g.chunks(3))
                .for_each(|(&row, g)| one.add(row, 1.0, &g[..2]));
            all.add_all(&rows, &g, 3);
            assert_eq!(flat_gradient(&one), flat_gradient(&all));
        }
    }
}
