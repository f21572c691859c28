//! Layers, models, serving forward, parameters, artefact format.
//!
//! Between training and serving: `train` fills [`Parameters`] for a [`Network`] and publishes a [`Draft`]; `predict`
//! opens the [`Artefact`] and asks its [`Scorer`]. Both sides read the same [`ModelConfig`] and the same tensor names,
//! so a trained model is served without conversion. Decision: a model is a composition of a few parts (embeddings, dense
//! stack, wide, product, towers) that compile into one [`Network`]; a kind of model is one file that says which parts it has.

pub mod artefact;
pub mod config;
mod error;
pub mod graph;
pub mod layer;
pub mod linear;
pub mod matrix;
pub mod model;
mod network;
pub mod onnx;
pub mod outline;
mod parameters;
mod scorer;
#[cfg(test)]
mod testing;
mod tower;

pub use artefact::{
    Artefact, DataInfo, Draft, Golden, GoldenSample, Manifest, Vectors, check_name, publish, read_parameters,
    versions, write_parameters,
};
pub use config::{Kind, Loss, ModelConfig, SentenceEvents};
pub use error::ModelError;
pub use network::{Column, Network, Pooling, Product, Role, TableSpec, TensorSpec, width};
pub use parameters::{Parameters, Table, Tensor};
pub use scorer::{Common, Hidden, ScoreScratch, Scorer};
pub use tower::{ABSENT, Combination, Halves, Preference, Tower, Towers, split};
