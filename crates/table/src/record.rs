//! One row as text cells, and the fault of a row that could not be read.
//!
//! The decision: cells share one buffer that is reused from row to row, so reading allocates
//! nothing in steady state; the source text is kept beside them for the reject file.

use std::path::Path;

use crate::TableError;

/// One row: its cells, its place, its source text. Reused from row to row.
#[derive(Debug, Clone, Default)]
pub struct Record {
    pub(crate) line: u64,
    pub(crate) raw: String,
    pub(crate) text: String,
    pub(crate) spans: Vec<Option<(usize, usize)>>,
}

impl Record {
    /// Line the row starts on, from 1 (for Parquet the row).
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The row as it stands in the source.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The text of a cell; `None` if it is absent or null (an empty CSV cell is `Some("")`).
    pub fn get(&self, cell: usize) -> Option<&str> {
        let (from, to) = (*self.spans.get(cell)?)?;
        self.text.get(from..to)
    }

    /// All cells in order.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        (0..self.len()).map(|cell| self.get(cell))
    }

    /// A fault of this row.
    pub fn fault(&self, rule: &'static str, reason: impl Into<String>) -> RowFault {
        RowFault {
            line: self.line,
            rule,
            reason: reason.into(),
            raw: self.raw.clone(),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.raw.clear();
        self.clear_cells();
    }

    pub(crate) fn clear_cells(&mut self) {
        self.text.clear();
        self.spans.clear();
    }

    pub(crate) fn push(&mut self, cell: Option<&str>) {
        let from = self.text.len();
        self.text.push_str(cell.unwrap_or_default());
        self.spans.push(cell.map(|_| (from, self.text.len())));
    }
}

/// Why a row was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// Line the row starts on, from 1 (for Parquet the row).
    pub line: u64,
    /// Short name of the rule that was broken; rejects are counted by it.
    pub rule: &'static str,
    /// What was expected and what was there.
    pub reason: String,
    /// The row as it stands in the source.
    pub raw: String,
}

impl RowFault {
    /// The fault as what stops the reading of `path`.
    #[must_use]
    pub fn refused(self, path: &Path) -> TableError {
        TableError::Rejected {
            path: path.to_owned(),
            line: self.line,
            rule: self.rule,
            reason: self.reason,
        }
    }
}

/// What a reader found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A row; the record holds it.
    Row,
    /// A row that cannot be read; reading may go on behind it.
    Fault(RowFault),
    /// The end of the file.
    End,
}
