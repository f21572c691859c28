//! Artefacts: a trained model as a folder `<models>/<name>/<version>/`, immutable once published.
//!
//! `train` publishes a [`Draft`], `dict` finds complete [`versions`], `predict` opens an [`Artefact`]. Decision: opening
//! trusts nothing. Sizes, checksums, shapes, the conf's hash and the golden samples are all verified before a caller gets
//! a scorer, so a half-copied or damaged version can only be an error, never a wrong answer.

mod checksum;
mod golden;
mod index;
mod manifest;
mod open;
mod publish;
mod reads;
#[cfg(test)]
mod tests;
mod versions;
mod weights;

pub(crate) use golden::read as read_golden;
pub use golden::{Golden, GoldenSample};
pub use manifest::{ConfInfo, DataInfo, FileInfo, Input, Manifest, Output};
pub use open::Artefact;
pub use publish::{Draft, Vectors, check_name, publish};
pub use versions::versions;
pub use weights::{read_parameters, write_parameters};

/// The artefact format this program writes and reads.
pub const FORMAT: u32 = 1;

/// File names inside an artefact.
pub(crate) mod file {
    pub(crate) const MANIFEST: &str = "manifest.json";
    pub(crate) const WEIGHTS: &str = "weights.safetensors";
    pub(crate) const FEATURE: &str = "feature.toml";
    pub(crate) const FIT: &str = "fit.json";
    pub(crate) const GOLDEN: &str = "golden.jsonl";
    pub(crate) const CARD: &str = "card.md";
}
