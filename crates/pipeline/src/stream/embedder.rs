//! The ports to a model: one version of one of its sides, and where versions come from.
//!
//! Declared here because the stream needs them, implemented in process (`cli`) and over gRPC (`server`). The decision: a
//! row that cannot be embedded fails alone, so that one bad row never holds up the others.

use std::fmt;
use std::sync::Arc;

use rankine_config::nearest;
use rankine_feature::FieldType;
use serde::{Deserialize, Serialize};

use super::joined::JoinedRow;
use crate::error::PipelineError;

/// A vector per row, or why there is none.
pub type Embedded = Vec<Result<Vec<f32>, String>>;

/// Which model a version is of: two models may have a version of one number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The model's name.
    pub model: String,
    /// The artefact's checksum; empty where it is not known.
    pub checksum: String,
}

impl Identity {
    /// Whether both mean one artefact, as far as is known.
    #[must_use]
    pub fn is_same(&self, other: &Identity) -> bool {
        match self.checksum.is_empty() || other.checksum.is_empty() {
            true => self.model == other.model,
            false => self.checksum == other.checksum,
        }
    }

    /// Refuses to add to vectors of a version, items' or users' as `what` says, that another artefact has made.
    pub(crate) fn follows(
        &self,
        maker: Option<Identity>,
        (what, version): (&str, u64),
    ) -> Result<(), PipelineError> {
        match maker.filter(|maker| !maker.is_same(self)) {
            None => Ok(()),
            Some(maker) => Err(PipelineError::Embed {
                reason: format!(
                    "version {version} is of {self}, where the {what} of version {version} were made by {maker}: publish it once more, \
                     under a higher version, or begin a stream under another name"
                ),
                model: self.model.clone(),
                transient: false,
            }),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checksum = match self.checksum.as_str() {
            "" => "unknown",
            checksum => checksum,
        };
        write!(f, "`{}` (artefact {checksum})", self.model)
    }
}

/// One version of a model, for the rows of one side: items, or users.
pub trait Embedder: Send + Sync {
    /// The artefact's version.
    fn version(&self) -> u64;

    /// Which model it is a version of.
    fn identity(&self) -> Identity;

    /// Numbers per vector.
    fn width(&self) -> usize;

    /// The fields of that side it reads, with their types; none where the other side keeps that to itself.
    fn fields(&self) -> &[(Arc<str>, FieldType)];

    /// Those of them that what the model reads rests on: a row without any of them makes no vector; where it lacks some, that is told.
    fn needed(&self) -> &[Arc<str>] {
        &[]
    }

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

/// Whether a row has none of these columns: a slip, where a preference that is left out may be meant. All vectors would be one.
#[must_use]
pub fn is_bare(names: &[Arc<str>], row: &JoinedRow) -> bool {
    !names.is_empty() && !names.iter().any(|name| row.cells.contains_key(&**name))
}

/// The first column of these that a row does not have, with the nearest it has. A null is a value; a column that is not there may be a slip
/// in a statement.
#[must_use]
pub fn lacking<'a>(names: impl IntoIterator<Item = &'a str>, row: &JoinedRow) -> Option<String> {
    let name = names.into_iter().find(|name| !row.cells.contains_key(*name))?;
    let near = nearest(name, row.cells.keys().map(String::as_str));
    let near = near.map_or_else(String::new, |near| format!(" (there is `{near}`)"));
    Some(format!("the statement gives no column `{name}`{near}"))
}

/// A version's vectors of rows; one that no store would take, with all of its batch, is a row's own fault.
pub(crate) fn vectors_of(embedder: &dyn Embedder, rows: &[JoinedRow]) -> Result<Embedded, PipelineError> {
    let made = embedder.embed(rows)?;
    if made.len() != rows.len() {
        return Err(PipelineError::Embed {
            model: embedder.identity().model,
            reason: format!("expected {} vectors, got {}", rows.len(), made.len()),
            transient: false,
        });
    }
    let width = embedder.width();
    let checked = |vector: Vec<f32>| match vector.iter().copied().find(|number| !number.is_finite()) {
        Some(number) => Err(format!("expected finite numbers, got {number}")),
        None if vector.len() != width => Err(format!("expected {width} numbers, got {}", vector.len())),
        None => Ok(vector),
    };
    Ok(made.into_iter().map(|one| one.and_then(checked)).collect())
}
