//! Extraction results: what a plan writes and models read.

/// The extraction result of one group for one row. Reuse it: after the first rows it no longer allocates.
#[derive(Debug, Clone, Default)]
pub struct Part {
    pub(crate) signs: Vec<u64>,
    pub(crate) weights: Vec<f32>,
    pub(crate) ends: Vec<usize>,
    pub(crate) dense: Vec<f32>,
    pub(crate) missing: Vec<bool>,
}

impl Part {
    /// The signs of a sparse slot and their weights (equal lengths; empty when missing).
    #[must_use]
    pub fn sparse(&self, index: usize) -> (&[u64], &[f32]) {
        let _ = index;
        todo!()
    }

    /// The floats of a dense slot (0 where missing).
    #[must_use]
    pub fn dense(&self, offset: usize, width: usize) -> &[f32] {
        self.dense.get(offset..offset.saturating_add(width)).unwrap_or(&[])
    }
}

/// Working memory of an extraction. One per thread; reuse it.
#[derive(Debug, Default)]
pub struct Scratch {}
