//! The state of a served model, for `/status`, model status and metrics.

use rankine_dict::Status;

/// One listed conf or lookup dictionary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DictionaryState {
    /// `conf`, `items`, `vectors`, `vocabulary`, `boundaries` or `keyed`.
    pub kind: &'static str,
    /// Its state.
    pub status: Status,
}

/// One configured model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelStatus {
    /// Its name.
    pub name: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// The version that answers requests that name none.
    pub version: Option<u64>,
    /// Bytes of cached item parts of the default generation.
    pub item_cache_bytes: usize,
    /// Item vectors of the default generation that a dictionary has; none where it has none of this version.
    pub item_vectors: Option<usize>,
    /// One dictionary for the latest version, or one per pinned version, in order of configuration.
    pub dictionaries: Vec<Status>,
}
