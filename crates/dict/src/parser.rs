//! The seam between a dictionary and what it holds: a parser turns a candidate into a value or refuses it.

use crate::source::Candidate;

/// Why a parser refused; any error converts with `?`.
pub type LoadFault = Box<dyn std::error::Error + Send + Sync>;

/// A refusal whose cause lies outside the candidate (something else that has not loaded yet): it is tried again at every
/// look, although nothing of the candidate changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Waiting {
    /// What it waits for.
    pub message: String,
}

/// Turns what lies on disk into a value. Closures `Fn(&Candidate) -> Result<T, LoadFault>` are parsers.
///
/// # Contract
/// - `load` verifies (checksums, shapes, golden samples) and warms before it returns: what it returns is served.
/// - Incomplete or damaged input is an error, never a partial value; [`crate::conformance`] tests this.
/// - It may be slow and may be called again for the same candidate; it runs on the loader thread, never on a request.
pub trait Parser: Send + Sync + 'static {
    /// What one generation holds.
    type Output: Send + Sync + 'static;

    /// Reads, verifies and warms one candidate.
    ///
    /// # Errors
    /// Anything that makes the candidate unfit to serve.
    fn load(&self, candidate: &Candidate) -> Result<Self::Output, LoadFault>;
}

impl<T, F> Parser for F
where
    T: Send + Sync + 'static,
    F: Fn(&Candidate) -> Result<T, LoadFault> + Send + Sync + 'static,
{
    type Output = T;

    fn load(&self, candidate: &Candidate) -> Result<T, LoadFault> {
        self(candidate)
    }
}
