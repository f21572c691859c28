//! What every source of changes does: say what was there, then what changes, and take back what is safe.
//!
//! Implemented by PostgreSQL and by files. The decision: a source is a plain blocking reader that fails at the first
//! fault; waiting, reconnecting and starting over stand in one place above all sources.

use std::time::Duration;

use super::change::{Change, Position};
use crate::error::PipelineError;

/// What an earlier run has left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// Up to where everything is safe.
    pub confirmed: Option<u64>,
    /// Which source that was (a database cluster, a file).
    pub origin: Option<String>,
    /// What is added to the source's own places, so that they stand above those of an earlier source; 0 for the first. A source
    /// sees its own places alone.
    pub base: u64,
}

/// How the stream begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Which source this is; kept, so that another one under the same name is noticed.
    pub origin: String,
    /// The first change comes after this place.
    pub from: u64,
    /// What was added to it; a source itself says 0.
    pub base: u64,
    /// Whether rows were handed to the backfill: the rows that were there at `from`.
    pub snapshot: bool,
}

/// What comes out of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// A changed row.
    Change(Change),
    /// All changes before it are complete up to `end`, which may be confirmed once they are safe.
    Commit {
        /// The place to confirm.
        end: u64,
    },
    /// A record that could not be read, with the reason.
    Unreadable {
        /// The record as it came.
        raw: String,
        /// What is wrong with it.
        reason: String,
        /// Where it stood.
        position: Position,
    },
}

/// What a source keeps for this stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retained {
    /// Bytes of log it cannot throw away because of this stream.
    pub bytes: u64,
    /// Bytes between what was confirmed and what has been written.
    pub behind: u64,
}

/// Takes the keys of rows that were there before the stream began, some at a time, with their place in its order.
pub trait Backfill {
    /// Keeps `keys`; a failure stops the snapshot.
    ///
    /// # Errors
    /// When they cannot be kept.
    fn rows(&mut self, at: Position, keys: &[i64]) -> Result<(), PipelineError>;

    /// The highest place that anything was applied at, or waits for; 0 where nothing was.
    ///
    /// # Errors
    /// When it cannot be found out.
    fn highest(&mut self) -> Result<u64, PipelineError> {
        Ok(0)
    }
}

/// A source of changes.
///
/// # Contract
/// - Changes come in the order of their positions, each followed at last by a `Commit` whose `end` is above them.
/// - After `open` with what was confirmed, every later change comes again; earlier ones may.
/// - Without a confirmed place, or where it is lost, `open` hands all rows to the backfill and the stream goes on from
///   that very state: nothing between the two, nothing twice.
pub trait Source: Send {
    /// Connects, and finds out where to begin.
    ///
    /// # Errors
    /// The source's own; [`PipelineError::is_transient`] says whether to try again.
    fn open(&mut self, past: &Past, backfill: &mut dyn Backfill) -> Result<Opened, PipelineError>;

    /// The next arrival, or none within `wait`.
    ///
    /// # Errors
    /// The source's own; it has to be opened again afterwards.
    fn next(&mut self, wait: Duration) -> Result<Option<Arrival>, PipelineError>;

    /// Says that everything up to `end` is safe. Called with growing places, any number of times.
    ///
    /// # Errors
    /// As [`Source::next`].
    fn confirm(&mut self, end: u64) -> Result<(), PipelineError>;

    /// What it keeps for us, where it knows. Asked every few seconds.
    ///
    /// # Errors
    /// Where it keeps more than it is allowed to and has let go of it: the stream has to begin again with a snapshot.
    fn retained(&mut self) -> Result<Option<Retained>, PipelineError> {
        Ok(None)
    }
}

/// Stands where a source is while that is being read by its thread.
pub(crate) struct NoSource;

impl Source for NoSource {
    fn open(&mut self, _: &Past, _: &mut dyn Backfill) -> Result<Opened, PipelineError> {
        Err(PipelineError::Stopped)
    }

    fn next(&mut self, _: Duration) -> Result<Option<Arrival>, PipelineError> {
        Err(PipelineError::Stopped)
    }

    fn confirm(&mut self, _: u64) -> Result<(), PipelineError> {
        Err(PipelineError::Stopped)
    }
}
