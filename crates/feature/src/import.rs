//! Confs from other systems' feature configurations.
//!
//! [`fg`] reads what Alibaba's generator and EasyRec call `fg.json`. Decision: whatever cannot be said in a conf is left out
//! and told, feature by feature, and what is written is compiled before it is handed out: an imported conf always compiles.

mod demand;
mod draft;
mod fg;

pub use fg::fg;

/// An imported conf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The conf, TOML.
    pub conf: String,
    /// How many features the source has.
    pub found: usize,
    /// How many of them the conf has.
    pub mapped: usize,
    /// What could not be mapped, or not exactly.
    pub notes: Vec<Note>,
}

/// Something that a reader of an imported conf must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The feature it is about; empty when it is about the file.
    pub feature: String,
    /// The feature is not in the conf.
    pub lost: bool,
    /// What was not mapped, or what stands for it.
    pub message: String,
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = if self.lost { "not mapped" } else { "note" };
        match self.feature.as_str() {
            "" => write!(f, "{what}: {}", self.message),
            feature => write!(f, "{what}: {feature}: {}", self.message),
        }
    }
}
