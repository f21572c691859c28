//! Files of vectors by id: Parquet, word2vec's text, CSV, NumPy's `.npy` with its ids beside it.
//!
//! | name ends in | what |
//! |---|---|
//! | `.parquet` | a column of ids (the first of whole numbers or text) and one of vectors; read: the number in `version` of all rows, too |
//! | `.csv` | `id,x1,…,xn` without a header |
//! | `.npy` | a matrix `<f4` (read: `<f8`, too); ids in `NAME.ids.txt`, one per line |
//! | `.faiss` | faiss's `IndexFlatIP` with ids (`IndexIDMap`); ids that are text in `NAME.ids.txt` |
//! | anything else | word2vec: `count width`, then `id x1 … xn` with spaces |
//! | `.sql` | written only: statements for `psql` that fill a table of pgvector's |
//! | `.resp` | written only: commands for `redis-cli --pipe`, `SET NAME:ID` the floats as bytes |
//!
//! Each but Parquet also `.gz` or `.zst` for reading. Decision: ids are text here, whatever they are elsewhere, since foreign
//! files name items by words; a number is its decimal.

mod faiss;
mod npy;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;

/// Vectors of one width by id, in file order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VectorTable {
    /// The ids, each once.
    pub ids: Vec<String>,
    /// Numbers per vector.
    pub width: usize,
    /// ids × width.
    pub floats: Vec<f32>,
    /// Version of the model that made them, where the file says it.
    pub version: Option<u64>,
}

impl VectorTable {
    /// The vector of an id's place.
    #[must_use]
    pub fn row(&self, at: usize) -> &[f32] {
        &self.floats[at * self.width..(at + 1) * self.width]
    }

    /// Where each id stands.
    #[must_use]
    pub fn places(&self) -> BTreeMap<&str, usize> {
        self.ids
            .iter()
            .enumerate()
            .map(|(at, id)| (id.as_str(), at))
            .collect()
    }
}
