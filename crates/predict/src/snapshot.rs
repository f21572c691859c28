//! One view of all generations, taken at a request's entry and kept to its end.

use std::sync::Arc;

use rankine_feature::Field;

/// All generations at one moment. Requests scored on one snapshot never see a swap.
pub struct Snapshot {}

/// What a model takes, for protocols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The model's name.
    pub name: String,
    /// Its kind, `widedeep` for instance.
    pub kind: String,
    /// The version described.
    pub version: u64,
    /// Every input field with type and side, in the schema's order.
    pub inputs: Vec<Field>,
    /// The user field that is the user's id: the samples' group field, else the first user field of type int.
    pub user_key: Option<Arc<str>>,
    /// The item field that is the item's id: the first item field of type int.
    pub item_key: Option<Arc<str>>,
}

impl Snapshot {
    /// What a model takes.
    ///
    /// # Errors
    /// `UnknownModel`, `UnknownVersion`, `NotLoaded`, `NoScores`.
    pub fn metadata(&self, model: &str, version: Option<u64>) -> Result<Metadata, crate::PredictError> {
        let _ = (model, version);
        todo!()
    }
}
