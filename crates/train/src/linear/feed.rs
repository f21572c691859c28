//! `Feed`: where the streaming trainer's samples come from. [`PlanFeed`] extracts them from a [`SampleSource`] through the
//! plan that serves requests.

use std::sync::Arc;

use rankine_feature::Plan;
use rankine_model::linear::LinearPart;

use super::examples::Examples;
use crate::TrainError;
use crate::encode::{Extraction, check};
use crate::loss::Loss;
use crate::source::{SampleRow, SampleSource};

/// Samples as keys, front to back, and again from the start.
pub trait Feed {
    /// Appends at most `max` samples to `out` and returns how many; 0 means the end.
    ///
    /// # Errors
    /// What cannot be read.
    fn next(&mut self, out: &mut Examples, max: usize) -> Result<usize, TrainError>;

    /// Goes back to the first sample.
    ///
    /// # Errors
    /// A file that cannot be read again.
    fn rewind(&mut self) -> Result<(), TrainError>;

    /// How many samples there are, where known.
    fn len_hint(&self) -> Option<u64>;
}

/// Feeds one after another.
pub struct Feeds<'a> {
    parts: Vec<Box<dyn Feed + 'a>>,
    at: usize,
}

impl<'a> Feeds<'a> {
    /// The samples of all `parts`, in order.
    #[must_use]
    pub fn new(parts: Vec<Box<dyn Feed + 'a>>) -> Feeds<'a> {
        Feeds { parts, at: 0 }
    }
}

impl Feed for Feeds<'_> {
    fn next(&mut self, out: &mut Examples, max: usize) -> Result<usize, TrainError> {
        while let Some(part) = self.parts.get_mut(self.at) {
            let read = part.next(out, max)?;
            if read > 0 {
                return Ok(read);
            }
            self.at += 1;
        }
        Ok(0)
    }

    fn rewind(&mut self) -> Result<(), TrainError> {
        self.at = 0;
        self.parts.iter_mut().try_for_each(|part| part.rewind())
    }

    fn len_hint(&self) -> Option<u64> {
        self.parts.iter().map(|part| part.len_hint()).sum()
    }
}

/// Samples of a source, extracted through a plan.
pub struct PlanFeed<'a> {
    source: &'a mut dyn SampleSource,
    plan: Arc<Plan>,
    part: LinearPart,
    loss: Loss,
    extraction: Extraction,
    rows: Vec<SampleRow>,
    seen: u64,
}

impl<'a> PlanFeed<'a> {
    /// The samples of `source` as `part` reads them.
    pub fn new(
        source: &'a mut dyn SampleSource,
        plan: Arc<Plan>,
        part: &LinearPart,
        loss: Loss,
    ) -> PlanFeed<'a> {
        PlanFeed {
            source,
            plan,
            part: part.clone(),
            loss,
            extraction: Extraction::default(),
            rows: Vec::new(),
            seen: 0,
        }
    }
}

impl Feed for PlanFeed<'_> {
    fn next(&mut self, out: &mut Examples, max: usize) -> Result<usize, TrainError> {
        self.rows.clear();
        let read = self.source.next(&mut self.rows, max)?;
        for row in &self.rows {
            check(row, self.plan.schema(), self.loss, self.seen)?;
            self.seen += 1;
            self.extraction.run(&self.plan, row);
            for (field, slot) in (0u16..).zip(&self.part.slots) {
                let from = self.extraction.part(slot.group);
                self.part.entries(slot, from, |key, x| out.push(field, key, x));
            }
            out.close(row.label, row.weight);
        }
        Ok(read)
    }

    fn rewind(&mut self) -> Result<(), TrainError> {
        self.seen = 0;
        self.source.rewind()
    }

    fn len_hint(&self) -> Option<u64> {
        self.source.len_hint()
    }
}
