//! The kinds of model, one file each: which parts a network of that kind is composed of.

pub mod autoint;
pub mod bpr;
pub mod dcn;
pub mod deep;
pub mod deepfm;
pub mod dien;
pub mod din;
pub mod dropoutnet;
pub mod dssm;
pub mod ease;
pub mod embeddingmlp;
pub mod esmm;
pub mod ffm;
pub mod fm;
pub mod ials;
pub mod item2vec;
pub mod itemknn;
pub mod lr;
pub mod mmoe;
pub mod neuralcf;
pub mod ple;
pub mod popularity;
pub mod twotower;
pub mod walk;
pub mod widedeep;
pub mod youtubednn;
