//! The kinds of model, one file each: which parts a network of that kind is composed of.

pub mod bpr;
pub mod deepfm;
pub mod dssm;
pub mod ease;
pub mod embeddingmlp;
pub mod ffm;
pub mod fm;
pub mod ials;
pub mod item2vec;
pub mod itemknn;
pub mod lr;
pub mod neuralcf;
pub mod popularity;
pub mod walk;
pub mod widedeep;
