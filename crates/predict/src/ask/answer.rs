//! What is answered: by conf and model as asked, items in request order.

/// Why a score is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The item did not want this model.
    NotAsked,
    /// A field of the item does not fit the conf.
    BadItem,
    /// The model gave no finite number.
    NotFinite,
    /// A fault in the code, caught around this item.
    Internal,
}

/// An absent score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// The kind of reason.
    pub reason: Reason,
    /// Field, expected, got; empty for [`Reason::NotAsked`].
    pub message: String,
}

/// One item's score by one model: finite, or absent with a reason.
pub type ItemScore = Result<f32, Absence>;

/// Why a model gave no scores at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelFault {
    /// No model of this name is configured, or not in this version.
    Unknown,
    /// It is configured and nothing of it has loaded, or a dictionary that its conf reads has not.
    NotLoaded,
    /// It was trained with a conf of another name.
    OtherConf,
    /// It gives vectors and no scores.
    NoScores,
    /// A field of user or context does not fit its conf.
    Input,
    /// As many requests as permitted for it are under way.
    Busy,
    /// A fault in the code.
    Internal,
}

/// A model's failure; others are not touched by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelError {
    /// The kind of fault.
    pub fault: ModelFault,
    /// What is wrong, in words.
    pub message: String,
}

/// The scores of one model generation.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelScores {
    /// The version that scored.
    pub version: u64,
    /// Hash of its conf.
    pub conf_hash: String,
    /// One per item in request order.
    pub scores: Vec<ItemScore>,
}

/// One model's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelAnswer {
    /// The model as asked for.
    pub model: String,
    /// Its scores, or why there are none.
    pub outcome: Result<ModelScores, ModelError>,
}

/// One conf's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfAnswer {
    /// The conf as asked for.
    pub conf: String,
    /// Its models in the order asked.
    pub models: Vec<ModelAnswer>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// One per ask, in its order.
    pub confs: Vec<ConfAnswer>,
    /// How many tasks the items were cut into.
    pub tasks: usize,
}
