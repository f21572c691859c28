//! What can go wrong in the crate while something is loaded; ranking faults are [`crate::rank::RankError`].
//!
//! Recall has no errors: a strategy without data finds nothing, which is an answer.

/// Faults found while loading.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecommendError {
    /// Item vectors whose parts do not fit together or that the index refuses.
    #[error("item vectors of version {version}: {cause}")]
    Vectors {
        /// Artefact version.
        version: u64,
        /// What does not fit.
        cause: String,
    },
}
