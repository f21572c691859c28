//! Rows of dimensions that have changed: the items that rest on them wait to be made again.
//!
//! Between the worker's batches of news and the rows that wait. The decision: of a change the row's key alone is kept beside the
//! news, and its items are asked for when those of earlier changes are made. An author of ten thousand films who changes at
//! every moment costs the news one row, and his films are made again as often as the rate of such rows allows.

use super::change::{Cell, Change, Fields, Kind};
use super::dead::{DIMENSION, Letter};
use super::lookup::{Dimension, Resting};
use super::sort::Work;
use super::state::{Moved, Outcome, Pending, Reason};
use super::worker::{Worker, retry};
use crate::error::PipelineError;

/// Items asked for at once, about.
const ITEMS: usize = 500;
/// Rows of a dimension whose items are asked for at once, at most.
const ROWS: usize = 256;

/// How what rests on dimensions takes turns with what else waits.
#[derive(Debug)]
pub(crate) struct Turns {
    /// Rows of dimensions to ask for at once: so many that about [`ITEMS`] rest on them.
    rows: usize,
    /// Whose turn it was last.
    of_dimensions: bool,
}

impl Default for Turns {
    fn default() -> Turns {
        Turns {
            rows: 8,
            of_dimensions: false,
        }
    }
}

impl Turns {
    /// Whose turn it is now: steady changes of dimensions must not hold up a backfill for ever, nor it them.
    fn next(&mut self) -> bool {
        self.of_dimensions = !self.of_dimensions;
        self.of_dimensions
    }

    /// Learns how many items rest on the rows that were asked for.
    fn learn(&mut self, items: usize) {
        self.rows = match items {
            0..ITEMS => (self.rows * 2).min(ROWS),
            ITEMS => self.rows,
            _ => (self.rows / 2).max(1),
        };
    }
}

impl Worker {
    /// Notes what the changes moved, with the batch's outcome; where a change does not say which row, all that lives waits.
    pub(crate) fn note_moved(&mut self, work: &mut Work) -> Result<(), PipelineError> {
        if let Some((position, as_of)) = work.unsettled.take() {
            self.state.unsettle(position, as_of)?;
        }
        let moved = std::mem::take(&mut work.dimensions);
        let named = moved.into_iter().filter_map(|((at, key), (position, as_of))| {
            Some(Moved {
                dimension: self.settings.dimensions.get(at)?.name(),
                key,
                position,
                as_of,
            })
        });
        work.outcome.moved.extend(named);
        Ok(())
    }

    /// Rows to be made again, in turn what rests on dimensions and what else waits.
    pub(crate) fn next_waiting(&mut self, count: usize) -> Result<Vec<Pending>, PipelineError> {
        let of_dimensions = self.turns.next();
        let rows = self.waiting(of_dimensions, count)?;
        match rows.is_empty() {
            true => self.waiting(!of_dimensions, count),
            false => Ok(rows),
        }
    }

    fn waiting(&mut self, of_dimensions: bool, count: usize) -> Result<Vec<Pending>, PipelineError> {
        let rows = self.state.next_pending(of_dimensions, count)?;
        match rows.is_empty() && of_dimensions && self.spread()? {
            true => self.state.next_pending(true, count),
            false => Ok(rows),
        }
    }

    /// Lets the items of the next changed rows wait; whether there were such rows.
    fn spread(&mut self) -> Result<bool, PipelineError> {
        let moved = self.state.next_moved(self.turns.rows)?;
        if moved.is_empty() {
            return Ok(false);
        }
        let (mut outcome, mut letters) = (Outcome::default(), Vec::new());
        let mut found = 0;
        for dimension in 0..self.settings.dimensions.len() {
            found += self.spread_of(dimension, &moved, (&mut outcome.pending, &mut letters))?;
        }
        self.turns.learn(found);
        outcome.spread = moved;
        self.bury_all(&letters)?;
        self.state.commit(&outcome)?;
        Ok(true)
    }

    /// Of one dimension, the items to be made again and the letters of rows on which its statement fails; how many items rest on the rows.
    fn spread_of(
        &mut self,
        at: usize,
        moved: &[Moved],
        (pending, letters): (&mut Vec<Pending>, &mut Vec<Letter>),
    ) -> Result<usize, PipelineError> {
        let Some(dimension) = self.settings.dimensions.get(at).cloned() else {
            return Ok(0);
        };
        let name = dimension.name();
        let of_this: Vec<&Moved> = moved.iter().filter(|one| one.dimension == name).collect();
        let Some(latest) = of_this.iter().max_by_key(|one| one.position) else {
            return Ok(0);
        };
        let keys: Vec<String> = of_this.iter().map(|one| one.key.clone()).collect();
        let Worker {
            lookup, status, stop, ..
        } = self;
        let Resting { items, faulty } = retry(status, stop, || lookup.items_of(at, &keys))?;
        for (key, reason) in faulty {
            let row = of_this.iter().find(|one| one.key == key).unwrap_or(latest);
            letters.push(self.dimension_letter(&dimension, &reason, row));
        }
        let applied = self.state.applied(&items)?;
        // what was joined since has been joined with the row as it is
        let resting = items
            .iter()
            .zip(applied)
            .filter(|(_, applied)| applied.is_some_and(|a| a.may_live() && latest.position > a.position));
        pending.extend(resting.map(|(key, _)| Pending {
            key: *key,
            position: latest.position,
            as_of: latest.as_of,
            reason: Reason::Dimension,
        }));
        Ok(items.len())
    }

    /// The letter of a dimension's row on which the statement that finds its items fails. The row itself is in its table: the
    /// record has its key alone.
    fn dimension_letter(&self, dimension: &Dimension, reason: &str, moved: &Moved) -> Letter {
        let key = (dimension.key.as_str().into(), Cell::Text(moved.key.clone()));
        let change = Change {
            table: dimension.table.as_str().into(),
            kind: Kind::Update,
            fields: Fields::from([key]),
            position: moved.position,
            commit_time: moved.as_of,
            received: moved.as_of,
            xid: None,
        };
        self.letter_of(DIMENSION, reason, &change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_rows_are_asked_for_that_few_items_wait() {
        let mut turns = Turns::default();
        for _ in 0..20 {
            turns.learn(3);
        }
        assert_eq!(turns.rows, ROWS);
        for _ in 0..20 {
            turns.learn(10_000);
        }
        assert_eq!(turns.rows, 1);
        turns.learn(ITEMS);
        assert_eq!(turns.rows, 1);
    }
}
