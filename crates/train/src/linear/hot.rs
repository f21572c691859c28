//! `Hot`: the rows of a block that most samples have, learnt by each thread in copies of its own.
//!
//! Only where several threads learn, from the second reading on. Decision: a row is hot when one in eight of the samples at a block's
//! head has it, so that a copy is used about eight times between two folds; the block's rows are renamed once, and the inner loop is
//! that of one thread. The first folds come sooner, since two threads that both run to the optimum overshoot it together.

use std::sync::{Mutex, PoisonError};

use rankine_kernel::factor::{Copies, FactorTable};

use super::block::Block;

/// Samples of a block that say which rows are hot.
const HEAD: usize = 1024;
/// One in so many of them has a hot row.
const SHARE: usize = 8;
/// Most copies of a thread.
pub(super) const MOST: usize = 64;

/// One thread's copies.
pub(super) struct Hot<'a> {
    table: &'a FactorTable<f32>,
    /// Folds of several threads do not fall into one another.
    folding: &'a Mutex<()>,
    copies: Copies<f32>,
    /// For each row how many samples of the head have it, later its copy's number plus one.
    noted: Vec<u32>,
}

impl<'a> Hot<'a> {
    /// The copies of thread number `thread`, which stand behind the first `rows` rows.
    pub(super) fn new(
        (table, rows): (&'a FactorTable<f32>, usize),
        thread: usize,
        folding: &'a Mutex<()>,
    ) -> Hot<'a> {
        Hot {
            table,
            folding,
            copies: Copies::new(u32::try_from(rows + thread * MOST).unwrap_or(u32::MAX)),
            noted: vec![0; rows],
        }
    }

    /// Takes copies of the block's hot rows, and names them in the block instead.
    pub(super) fn focus(&mut self, block: &mut Block) {
        let hot = self.hottest(block);
        let _alone = self.folding.lock().unwrap_or_else(PoisonError::into_inner);
        for (row, copy) in self.copies.take(self.table, &hot) {
            self.noted[row as usize] = copy + 1;
        }
        if !hot.is_empty() {
            let noted = &self.noted;
            let copies = block.rows.iter_mut().filter(|row| noted[**row as usize] > 0);
            copies.for_each(|row| *row = noted[*row as usize] - 1);
        }
        hot.iter().for_each(|row| self.noted[*row as usize] = 0);
    }

    /// The rows that at least one in [`SHARE`] of the block's first samples has, in the order of their numbers.
    fn hottest(&mut self, block: &Block) -> Vec<u32> {
        let head = block.len().min(HEAD);
        let least = u32::try_from(head.div_ceil(SHARE)).unwrap_or(u32::MAX).max(1);
        let rows = || (0..head).flat_map(|at| block.rows_of(at));
        let mut hot = Vec::new();
        for row in rows() {
            let count = &mut self.noted[*row as usize];
            *count += 1;
            if *count == least && hot.len() < MOST {
                hot.push(*row);
            }
        }
        rows().for_each(|row| self.noted[*row as usize] = 0);
        hot.sort_unstable();
        hot
    }

    /// Folds the copies back.
    pub(super) fn fold(&mut self) {
        let _alone = self.folding.lock().unwrap_or_else(PoisonError::into_inner);
        self.copies.fold(self.table);
    }
}
