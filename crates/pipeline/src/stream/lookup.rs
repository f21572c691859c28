//! Lookup join and projection: the user's statement, run for the changed ids where the tables live.
//!
//! The third step of a micro-batch. Two implementations: PostgreSQL, and the embedded SQLite that sources outside a
//! database land in. The decision: the statement is run as if for each id alone, with that row's own commit time, so a
//! batch of many gives the same rows as many batches of one.

use super::change::Change;
use super::joined::JoinedRow;
use crate::error::PipelineError;

/// A table whose changes re-emit the items that rest on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    /// The table.
    pub table: String,
    /// Its key column.
    pub key: String,
    /// A statement that gives the ids of the items resting on rows with the keys `:keys` (texts).
    pub items: String,
}

/// What the statement said about one id.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// Its row.
    Row(JoinedRow),
    /// There is none (any more).
    Nothing,
    /// The statement fails for it, or gives several rows.
    Faulty(String),
}

/// Runs the user's statements.
pub trait Lookup: Send {
    /// Rows of (id, as-of time) pairs, in their order. A pair on which the statement fails is `Faulty`; the others are
    /// not touched by that.
    ///
    /// # Errors
    /// Where nothing could be asked at all, or the statement is wrong whatever the rows.
    fn join(&mut self, wanted: &[(i64, i64)]) -> Result<Vec<Found>, PipelineError>;

    /// Waits until what these changes did can be read. PostgreSQL hands a commit to replication a moment before other
    /// sessions see it; without this, a join right after it would miss the row.
    ///
    /// # Errors
    /// As [`Lookup::join`].
    fn settle(&mut self, changes: &[Change]) -> Result<(), PipelineError> {
        let _ = changes;
        Ok(())
    }

    /// Ids of the items that rest on rows of a dimension.
    ///
    /// # Errors
    /// As [`Lookup::join`].
    fn items_of(&mut self, dimension: usize, keys: &[String]) -> Result<Vec<i64>, PipelineError>;

    /// Which of these items are in the item table.
    ///
    /// # Errors
    /// As [`Lookup::join`].
    fn present(&mut self, ids: &[i64]) -> Result<Vec<i64>, PipelineError>;

    /// Brings changes into the tables, where they are ours to keep; those that the tables refuse, by their place, with the
    /// reason, while the others are in. In PostgreSQL they are there already.
    ///
    /// # Errors
    /// As [`Lookup::join`].
    fn land(&mut self, changes: &[Change]) -> Result<Vec<(usize, String)>, PipelineError> {
        let _ = changes;
        Ok(Vec::new())
    }
}

/// Joins all at once; where that fails on data, each alone, so that the row at fault is found.
pub(crate) fn each_alone(
    wanted: &[(i64, i64)],
    mut join: impl FnMut(&[(i64, i64)]) -> Result<Vec<Found>, PipelineError>,
) -> Result<Vec<Found>, PipelineError> {
    match join(wanted) {
        Err(error) if error.is_about_data() => {}
        other => return other,
    }
    let one = |pair: &(i64, i64)| match join(std::slice::from_ref(pair)) {
        Ok(mut found) => Ok(found.pop().unwrap_or(Found::Nothing)),
        Err(error) if error.is_about_data() => Ok(Found::Faulty(error.to_string())),
        Err(error) => Err(error),
    };
    wanted.iter().map(one).collect()
}
