//! `Hot`: the rows that several samples of a block have, learnt by each thread in copies of its own.
//!
//! Only where several threads learn rows of factors, from the second reading on. Decision: every copy is folded back after 64 uses at most, the
//! rows of every eighth sample after 64 samples, those of every sixty-fourth after 512, the others at their block's end: so little
//! goes from core to core, and no thread is long alone with a row. While steps are large all of it happens eight times as often, since
//! two threads that both run to an optimum overshoot it together. The block's rows are renamed once; the inner loop is that of one thread.

use rankine_kernel::factor::{Copies, FactorTable};

use super::block::Block;

/// Most copies of a thread.
pub(super) const MOST: usize = 4096;
/// Samples of the epoch behind which steps are small.
const EARLY: u64 = 8192;
/// Samples between two folds of the hottest rows, in the beginning and later.
const OFTEN: (usize, usize) = (8, 64);
/// From one class of rows to the next the uses are an eighth, or less.
const STEP: usize = 8;
/// Samples of a block that have a row of which copies are worth their folding.
const LEAST: u32 = 4;

/// One thread's copies.
pub(super) struct Hot<'a> {
    table: &'a FactorTable<f32>,
    copies: Copies<f32>,
    /// Where the copies of the first class end, those of the second, and all.
    ends: [usize; 3],
    /// For each row how many samples of the block have it, later its copy's number plus one.
    noted: Vec<u32>,
    rows: Vec<u32>,
}

impl<'a> Hot<'a> {
    /// The copies of thread number `thread`, which stand behind the first `rows` rows.
    pub(super) fn new((table, rows): (&'a FactorTable<f32>, usize), thread: usize) -> Hot<'a> {
        Hot {
            table,
            copies: Copies::new(u32::try_from(rows + thread * MOST).unwrap_or(u32::MAX)),
            ends: [0; 3],
            noted: vec![0; rows],
            rows: Vec::new(),
        }
    }

    /// Takes copies of the rows that several of the block's samples have, and names them in the block instead.
    pub(super) fn focus(&mut self, block: &mut Block) {
        self.rank(block);
        for (row, copy) in self.copies.take(self.table, &self.rows) {
            self.noted[row as usize] = copy + 1;
        }
        for row in &mut block.rows {
            let copy = self.noted[*row as usize];
            *row = if copy > 0 { copy - 1 } else { *row };
        }
        self.rows.iter().for_each(|row| self.noted[*row as usize] = 0);
    }

    /// The rows that at least [`LEAST`] samples of a block have, by class, in the order in which they are met within one.
    fn rank(&mut self, block: &Block) {
        let mut met = Vec::new();
        for row in &block.rows {
            let count = &mut self.noted[*row as usize];
            *count += 1;
            if *count == LEAST {
                met.push(*row);
            }
        }
        let least = |share: usize| u32::try_from(block.len() / share).unwrap_or(u32::MAX).max(LEAST);
        let classes = [
            least(STEP)..u32::MAX,
            least(STEP * STEP)..least(STEP),
            LEAST..least(STEP * STEP),
        ];
        self.rows.clear();
        for (class, end) in classes.into_iter().zip(&mut self.ends) {
            let within = met
                .iter()
                .filter(|row| class.contains(&self.noted[**row as usize]));
            self.rows.extend(within.take(MOST - self.rows.len()));
            *end = self.rows.len();
        }
        block.rows.iter().for_each(|row| self.noted[*row as usize] = 0);
    }

    /// Samples until the hottest rows are folded, behind so many samples of the epoch.
    pub(super) fn stretch(seen: u64) -> usize {
        if seen < EARLY { OFTEN.0 } else { OFTEN.1 }
    }

    /// Folds what is due behind the stretch number `stretch` of a block, counted from 1, or all at its end.
    pub(super) fn fold(&mut self, stretch: usize, end: bool) {
        let due = self.due(stretch, end);
        self.copies.fold(self.table, 0..due);
    }

    /// How many copies, the hottest first, are due.
    fn due(&self, stretch: usize, end: bool) -> usize {
        let [first, second, all] = self.ends;
        match () {
            () if end || stretch.is_multiple_of(STEP * STEP) => all,
            () if stretch.is_multiple_of(STEP) => second,
            () => first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_kernel::factor::{Entries, Learner, Rates, Rule, RuleKind, Shape};

    const RATES: Rates = Rates {
        rate: 0.1,
        l1: 0.0,
        l2: 0.0,
    };

    fn table(rows: usize) -> FactorTable<f32> {
        let rule = Rule {
            kind: RuleKind::Sgd,
            weight: RATES,
            factor: RATES,
        };
        let mut table = FactorTable::new(Shape { fields: 1, k: 2 }, rule);
        for _ in 0..rows {
            table.push(|_| ()).unwrap();
        }
        table
    }

    /// 128 samples: row 0 in each, row 1 in every eighth, row 2 in every thirty-second, rows from 3 on in one or two.
    fn block() -> Block {
        let mut block = Block::default();
        for at in 0..128_u32 {
            block.rows.extend([0, if at % 8 == 0 { 1 } else { 3 + at / 2 }]);
            block.rows.extend((at % 32 == 0).then_some(2));
            block.labels.push(0.0);
        }
        block
    }

    #[test]
    fn rows_of_four_samples_and_more_are_ranked_by_how_many_have_them() {
        let rows = 67;
        let table = table(rows + MOST);
        let mut hot = Hot::new((&table, rows), 0);
        let (plain, mut named) = (block(), block());
        hot.focus(&mut named);
        assert_eq!((hot.rows.as_slice(), hot.ends), ([0, 1, 2].as_slice(), [2, 3, 3]));
        for (row, name) in plain.rows.iter().zip(&named.rows) {
            let place = hot.rows.iter().position(|hot| hot == row);
            assert_eq!(place.map_or(*row, |at| u32::try_from(rows + at).unwrap()), *name);
        }
        assert!(hot.noted.iter().all(|n| *n == 0), "ready for the next block");
        hot.focus(&mut Block::default());
        assert_eq!(hot.ends, [0; 3]);
    }

    #[test]
    fn the_hottest_are_folded_most_often_and_all_at_the_end() {
        let table = table(3);
        let mut hot = Hot::new((&table, 3), 0);
        hot.ends = [1, 2, 3];
        let due = [1, 7, 8, 24, 64].map(|stretch| hot.due(stretch, false));
        assert_eq!((due, hot.due(3, true)), ([1, 1, 2, 2, 3], 3));
        assert_eq!((Hot::stretch(0), Hot::stretch(1 << 20)), (8, 64));
    }

    #[test]
    fn what_is_folded_is_in_the_row() {
        let rows = 2;
        let mut table = table(rows + MOST);
        table.begin_row(1, 0.5, &[1.0, 2.0]);
        let mut hot = Hot::new((&table, rows), 0);
        let mut block = Block::default();
        block.rows.extend([1, 1, 1, 1, 0]);
        block.labels.extend([0.0; 5]);
        hot.focus(&mut block);
        assert_eq!(block.rows, [2, 2, 2, 2, 0]);
        let mut factors = [0.0; 2];
        assert_eq!(
            (table.read(2, &mut factors), factors),
            (0.5, [1.0, 2.0]),
            "the copy is the row"
        );
        let mut learner = Learner::new(&table);
        let entries = Entries {
            rows: &[2],
            fields: &[0],
            values: &[1.0],
        };
        learner.predict(&table, entries);
        learner.update(&table, entries, 1.0, &[]);
        assert!(
            (table.read(1, &mut factors) - 0.5).abs() < 1e-9,
            "learnt in the copy"
        );
        hot.fold(1, true);
        assert!((table.read(1, &mut factors) - 0.4).abs() < 1e-6);
        assert_eq!(table.read(1, &mut factors), table.read(2, &mut factors));
    }
}
