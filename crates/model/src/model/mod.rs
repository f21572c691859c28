//! The kinds of model, one file each: which parts a network of that kind is composed of.

pub mod deepfm;
pub mod dssm;
pub mod embeddingmlp;
pub mod ffm;
pub mod fm;
pub mod item2vec;
pub mod lr;
pub mod neuralcf;
pub mod widedeep;
