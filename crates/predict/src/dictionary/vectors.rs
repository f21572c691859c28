//! Item vectors by id, all made by one artefact version.

use std::path::Path;
use std::sync::Arc;

use rankine_dict::LoadFault;
use rankine_feature::FieldType;
use rankine_table::{Column, Kind, Table};
use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::pages::Pages;

/// Where a file's metadata names the artefact that made it: its manifest's checksum.
pub(crate) const ARTEFACT: &str = "artefact";

/// One generation of vectors, row by row in one block.
#[derive(Debug)]
pub struct VectorTable {
    column: [(Arc<str>, FieldType); 1],
    width: usize,
    version: u64,
    /// Checksum of the artefact that made them, where the file names it.
    artefact: Option<String>,
    places: FxHashMap<i64, usize>,
    floats: Vec<f32>,
    digest: u64,
}

/// Reads a file: id, vector, artefact version.
///
/// # Errors
/// What is wrong, with the row.
pub(super) fn load(path: &Path, max_mb_s: f64) -> Result<VectorTable, LoadFault> {
    let mut pages = Pages::open(path, max_mb_s)?;
    let columns = pages.columns();
    let [(_, Kind::Int), (name, Kind::Vector(width)), (_, Kind::Int)] = columns else {
        let found = columns.iter().map(|(name, kind)| format!("{name} {kind}"));
        let found = found.collect::<Vec<_>>().join(", ");
        return Err(format!("expected columns id int, vector, artefact version int; got {found}").into());
    };
    let column = [(Arc::from(name.as_str()), FieldType::Vector(*width))];
    let mut table = VectorTable {
        column,
        width: *width,
        version: 0,
        artefact: pages.note(ARTEFACT),
        places: FxHashMap::default(),
        floats: Vec::new(),
        digest: 0,
    };
    while let Some(batch) = pages.next()? {
        table.append(&batch)?;
    }
    Ok(table)
}

impl VectorTable {
    fn append(&mut self, batch: &Table) -> Result<(), LoadFault> {
        let [
            (_, Column::Int(ids)),
            (_, Column::Vector { rows, .. }),
            (_, Column::Int(versions)),
        ] = batch.columns.as_slice()
        else {
            return Err("columns changed within the file".into());
        };
        for ((id, vector), version) in ids.iter().zip(rows).zip(versions) {
            let row = self.places.len() + 1;
            let (Some(id), Some(vector), Some(version)) = (id, vector, version) else {
                return Err(format!("row {row}: id, vector or artefact version is missing").into());
            };
            self.add(row, (*id, vector), *version)?;
        }
        Ok(())
    }

    fn add(&mut self, row: usize, (id, vector): (i64, &[f32]), version: i64) -> Result<(), LoadFault> {
        let version = u64::try_from(version).unwrap_or(0);
        if version == 0 || row > 1 && version != self.version {
            let expected = if row > 1 {
                self.version.to_string()
            } else {
                "a version above 0".to_owned()
            };
            return Err(format!("row {row}: artefact version: expected {expected}, got {version}").into());
        }
        if vector.iter().any(|x| !x.is_finite()) {
            return Err(format!("row {row}: the vector of id {id} is not finite").into());
        }
        self.version = version;
        if let Some(first) = self.places.insert(id, row - 1) {
            return Err(format!("row {row}: key {id} is in row {} already", first + 1).into());
        }
        self.floats.extend_from_slice(vector);
        let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.digest = xxh3_64_with_seed(&bytes, self.digest ^ id.cast_unsigned());
        Ok(())
    }

    /// The vector of an id.
    #[must_use]
    pub fn get(&self, id: i64) -> Option<&[f32]> {
        let from = self.places.get(&id)? * self.width;
        self.floats.get(from..from + self.width)
    }

    /// The artefact version that made all of them; vectors of another version must not meet them.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether the artefact with this checksum made them, as far as the file says.
    #[must_use]
    pub fn made_by(&self, checksum: &str) -> bool {
        self.artefact.as_ref().is_none_or(|artefact| artefact == checksum)
    }

    /// Floats per vector.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The ids with their vectors, in no order.
    pub fn rows(&self) -> impl Iterator<Item = (i64, &[f32])> {
        let row = |(id, at): (&i64, &usize)| (*id, &self.floats[at * self.width..(at + 1) * self.width]);
        self.places.iter().map(row)
    }

    /// Number of vectors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn columns(&self) -> &[(Arc<str>, FieldType)] {
        &self.column
    }

    /// Tells two contents apart.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest
    }
}
