//! `Heritage`: the rows that a run of today's users and items takes from an earlier version, and what becomes of the others.
//!
//! Decision: rows are found by the key of a user or item, never by place. Who is not among today's samples is dropped and counted:
//! these kinds learn from all there is, so a row that nothing speaks of would only grow old.

use crate::TrainError;
use crate::warm::{Restored, Start, numbers};

/// What is taken from a version, and told of it.
pub(crate) struct Heritage<'a> {
    start: &'a Start,
    told: Restored,
    known: Vec<String>,
}

impl<'a> Heritage<'a> {
    pub(crate) fn of(start: &'a Start) -> Heritage<'a> {
        Heritage {
            start,
            told: Restored::of(start),
            known: Vec::new(),
        }
    }

    /// Gives `put` the place of every key that a table has a row for, and the row.
    pub(crate) fn take(
        &mut self,
        table: &str,
        (keys, dim): (&[u64], usize),
        mut put: impl FnMut(usize, &[f32]),
    ) {
        let name = format!("emb.{table}");
        self.known.push(table.to_owned());
        let Some(rows) = self.start.parameters.tables.get(table) else {
            return self.told.added.push(name);
        };
        if rows.dim() != dim {
            return self.told.reshaped.push(numbers(&name, (rows.dim(), dim)));
        }
        let mut taken = 0;
        for (at, key) in keys.iter().enumerate() {
            if let Some(row) = rows.find(*key) {
                put(at, rows.weights(row));
                taken += 1;
            }
        }
        self.told
            .rows
            .insert(table.to_owned(), (taken, keys.len() - taken));
        if rows.len() > taken {
            let gone = rows.len() - taken;
            self.told.dropped_rows.insert(table.to_owned(), gone);
        }
        self.told.restored.push(name);
    }

    /// The same of the optimiser's state; `false` where none was kept, or of another shape.
    pub(crate) fn state(
        &self,
        table: &str,
        (keys, dim): (&[u64], usize),
        mut put: impl FnMut(usize, &[f32]),
    ) -> bool {
        let state = self.start.optimizer.as_ref();
        let Some(rows) = state.and_then(|state| state.tables.get(table)) else {
            return false;
        };
        if rows.dim() != dim {
            return false;
        }
        for (at, key) in keys.iter().enumerate() {
            if let Some(row) = rows.find(*key) {
                put(at, rows.weights(row));
            }
        }
        true
    }

    /// What became of the version; tensors are computed from the vectors and are not spoken of.
    ///
    /// # Errors
    /// A version of which nothing was taken; these kinds begin from their own alone.
    pub(crate) fn told(mut self, optimizer: bool) -> Result<Restored, TrainError> {
        let (own, told) = (&self.told.added, &self.told);
        if told.restored.is_empty() {
            return Err(self.start.unrelated(&self.start.kind, own, &told.reshaped));
        }
        let others = self.start.parameters.tables.keys();
        let others = others.filter(|name| !self.known.contains(name));
        self.told.dropped = others.map(|name| format!("emb.{name}")).collect();
        self.told.optimizer = optimizer;
        Ok(self.told)
    }
}
