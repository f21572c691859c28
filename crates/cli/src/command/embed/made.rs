//! Users' vectors on their way out: a Parquet file and a store take them chunk by chunk, other forms at the end.
//!
//! The decision: a user may come once; of two rows of one user nobody could say, over chunks, which is the later.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use rankine_model::Artefact;
use rankine_predict::ItemVectorRows;
use rankine_store::vectors::{Generation, VectorStore};
use rankine_table::Table;
use rankine_table::parquet::Writer;

use super::put;
use crate::sink;

/// Where users' vectors go.
pub(super) struct Places<'a> {
    /// A file.
    pub(super) out: Option<PathBuf>,
    /// What ids and vectors are called in a Parquet file.
    pub(super) names: (String, String),
    /// A store, the set in it, and the position.
    pub(super) store: Option<(&'a dyn VectorStore, String, i64)>,
}

/// What was made so far.
pub(super) struct Made<'a> {
    artefact: &'a Artefact,
    places: Places<'a>,
    writer: Option<Writer>,
    whole: ItemVectorRows,
    seen: BTreeSet<i64>,
    /// The generation that was written.
    pub(super) generation: Option<Generation>,
    /// Numbers per vector.
    pub(super) width: usize,
    /// The number beside every vector; none where they differ.
    pub(super) number: Option<f32>,
}

impl<'a> Made<'a> {
    pub(super) fn new(artefact: &'a Artefact, places: Places<'a>) -> Made<'a> {
        Made {
            artefact,
            places,
            writer: None,
            whole: ItemVectorRows::default(),
            seen: BTreeSet::new(),
            generation: None,
            width: 0,
            number: None,
        }
    }

    /// How many users have a vector.
    pub(super) fn count(&self) -> usize {
        self.seen.len()
    }

    /// Notes whose vectors are to be made.
    ///
    /// # Errors
    /// A user who was here before.
    pub(super) fn meet(&mut self, ids: impl Iterator<Item = i64>) -> anyhow::Result<()> {
        for id in ids {
            ensure!(
                self.seen.insert(id),
                "user {id} comes twice, expected one row per user"
            );
        }
        Ok(())
    }

    /// Takes vectors in.
    ///
    /// # Errors
    /// The disk's and the store's.
    pub(super) fn add(&mut self, vectors: ItemVectorRows) -> anyhow::Result<()> {
        let first = self.width == 0;
        self.width = vectors.width;
        if !vectors.ids.is_empty() {
            let number = vectors.number();
            self.number = number.filter(|number| first || self.number == Some(*number));
        }
        if let Some((store, set, position)) = &self.places.store {
            self.generation = Some(sink::write(*store, set, &vectors, *position)?);
        }
        match self.places.out.clone() {
            Some(out) if is_parquet(&out) => self.append(&out, &vectors),
            Some(_) => {
                self.gather(vectors);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn append(&mut self, out: &Path, vectors: &ItemVectorRows) -> anyhow::Result<()> {
        let table = self.table(vectors);
        if self.writer.is_none() {
            folder_of(out)?;
            self.writer = Some(Writer::create(out, &table, &vectors.metadata())?);
        }
        if let Some(writer) = &mut self.writer {
            writer.write(&table)?;
        }
        Ok(())
    }

    fn table(&self, vectors: &ItemVectorRows) -> Table {
        let mut table = vectors.table();
        let names = [&self.places.names.0, &self.places.names.1];
        for (column, name) in table.columns.iter_mut().zip(names) {
            column.0.clone_from(name);
        }
        table
    }

    fn gather(&mut self, vectors: ItemVectorRows) {
        if self.whole.width == 0 {
            self.whole = vectors;
            return;
        }
        self.whole.ids.extend(vectors.ids);
        self.whole.floats.extend(vectors.floats);
        self.whole.numbers.extend(vectors.numbers);
    }

    /// Makes the file visible; tells its name.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn finish(&mut self) -> anyhow::Result<Option<String>> {
        let Some(out) = self.places.out.clone() else {
            return Ok(None);
        };
        match self.writer.take() {
            Some(writer) => writer.commit()?,
            None => put(self.artefact, &ascending(std::mem::take(&mut self.whole)), &out)?,
        }
        Ok(Some(out.display().to_string()))
    }
}

/// Whether a file's name says Parquet.
pub(super) fn is_parquet(file: &Path) -> bool {
    file.extension().is_some_and(|e| e == "parquet")
}

/// The folder of a file that is to be written.
pub(super) fn folder_of(file: &Path) -> anyhow::Result<()> {
    match file.parent() {
        Some(folder) => std::fs::create_dir_all(folder).with_context(|| folder.display().to_string()),
        None => Ok(()),
    }
}

/// The same by ascending id.
fn ascending(vectors: ItemVectorRows) -> ItemVectorRows {
    if vectors.ids.is_sorted() {
        return vectors;
    }
    let mut order: Vec<usize> = (0..vectors.ids.len()).collect();
    order.sort_unstable_by_key(|at| vectors.ids[*at]);
    let width = vectors.width;
    ItemVectorRows {
        ids: order.iter().map(|at| vectors.ids[*at]).collect(),
        floats: order
            .iter()
            .flat_map(|at| vectors.floats[at * width..(at + 1) * width].iter().copied())
            .collect(),
        numbers: order.iter().map(|at| vectors.numbers[*at]).collect(),
        ..vectors
    }
}
