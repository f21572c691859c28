//! Layers as ONNX nodes, one file per layer as in [`crate::graph`]; each is a method of [`super::sheet::Sheet`].

mod activation;
mod attention;
mod cross;
mod dense;
mod evolve;
mod gru;
mod interact;
mod mixture;
mod norm;
mod sums;
