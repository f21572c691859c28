//! A model under training: the compiled network, how it is trained, and its weights.
//!
//! What a kind of model consists of is said once, in `rankine-model` ([`rankine_model::Network`], one file per kind);
//! training runs that network backwards and keeps its tensor names, so nothing is converted for serving. [`Settings`]
//! resolves the model file's training keys, [`Net`] holds parameters and gradients.

mod exchange;
mod net;
mod settings;
#[cfg(test)]
mod tests;
mod towers;

pub use net::{Net, Snapshot};
pub use settings::{Course, Mover, Settings, Watch};
