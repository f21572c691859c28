//! The ports to a model: one version of one of its sides, and where versions come from.
//!
//! Declared here because the stream needs them, implemented in process (`cli`) and over gRPC (`server`). The decision: a
//! row that cannot be embedded fails alone, so that one bad row never holds up the others.

use std::sync::Arc;

use rankine_feature::FieldType;

use super::joined::JoinedRow;
use crate::error::PipelineError;

/// A vector per row, or why there is none.
pub type Embedded = Vec<Result<Vec<f32>, String>>;

/// One version of a model, for the rows of one side: items, or users.
pub trait Embedder: Send + Sync {
    /// The artefact's version.
    fn version(&self) -> u64;

    /// Numbers per vector.
    fn width(&self) -> usize;

    /// The fields of that side it reads, with their types; none where the other side keeps that to itself.
    fn fields(&self) -> &[(Arc<str>, FieldType)];

    /// Makes the vectors, in the rows' order. The same row gives the same bits in any batch.
    ///
    /// # Errors
    /// When the model as a whole does not answer; transient ones are tried again.
    fn embed(&self, rows: &[JoinedRow]) -> Result<Embedded, PipelineError>;
}

/// Versions of a model as they are published, for one side of it.
pub trait Embedders: Send + Sync {
    /// The version to use, where there is one.
    ///
    /// # Errors
    /// When it cannot be found out.
    fn newest(&self) -> Result<Option<u64>, PipelineError>;

    /// Opens a version.
    ///
    /// # Errors
    /// It has no tower for that side, or is damaged.
    fn open(&self, version: u64) -> Result<Arc<dyn Embedder>, PipelineError>;
}
