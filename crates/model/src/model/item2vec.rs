//! item2vec: a vector per item, learnt by skip-gram with negative sampling over users' sequences of liked items.
//!
//! `maximise Σ ln σ(u·v) + Σ_negatives ln σ(−u·v)`; Barkan and Koenigstein 2016, arXiv:1603.04259, after Mikolov et al.
//! 2013. There is no network: the artefact holds the vectors alone, tensors [`IDS`] and [`ROWS`].

/// Tensor of item ids: i64, ascending.
pub const IDS: &str = "item.ids";
/// Tensor of vectors: f32, ids × dim.
pub const ROWS: &str = "item.rows";
