//! SparrowRecSys's feature rows and embeddings, out of its Redis.
//!
//! Its Spark job leaves hashes `uf:<userId>` and `mf:<movieId>` with its feature names as fields (all text; what
//! is not known is the empty text) and strings `i2vEmb:<movieId>` with floats separated by spaces. They are
//! copied into a row store of ours, typed on the way. Decision: a value that does not fit is left out and
//! counted, because those rows were made by jobs nobody here can repeat; the rest of the row is good.

use rankine_feature::{FieldType, Value, text};
use rankine_store::{Cells, RedisRows, RowStore, Scanned};

use crate::aggregate::FieldSpec;
use crate::rows::{self, ITEM_VECTORS, ITEMS, USERS};
use crate::{Aggregates, PipelineError};

/// Rejects that are described; all are counted.
const DESCRIBED: usize = 100;

/// Rows per call of the store.
const BATCH: usize = 1000;

/// What an import took over.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SparrowImport {
    /// User rows written.
    pub users: usize,
    /// Item rows written.
    pub items: usize,
    /// Item vectors by ascending id, all of one width; also written to the store.
    pub vectors: Vec<(i64, Vec<f32>)>,
    /// Values, rows and vectors that were left out.
    pub rejected: u64,
    /// The first hundred of these.
    pub rejects: Vec<Reject>,
    /// Hash fields whose names are not SparrowRecSys's; left out too.
    pub unknown_fields: u64,
}

/// Something that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The Redis key.
    pub key: String,
    /// The hash field, if the fault is one field's.
    pub field: Option<String>,
    /// What was expected and what was there.
    pub reason: String,
}

impl SparrowImport {
    fn reject(&mut self, key: &str, field: Option<&str>, reason: String) {
        self.rejected += 1;
        if self.rejects.len() < DESCRIBED {
            let field = field.map(str::to_owned);
            self.rejects.push(Reject {
                key: key.to_owned(),
                field,
                reason,
            });
        }
    }
}

/// Copies user rows, item rows and item2vec vectors from SparrowRecSys's Redis into `target`. The first vector
/// (by id) sets the width; others of another width are rejected.
///
/// # Errors
/// [`PipelineError::Store`] if either store fails.
pub fn import(source: &RedisRows, target: &dyn RowStore) -> Result<SparrowImport, PipelineError> {
    let mut import = SparrowImport::default();
    import.users = copy(source, target, (USERS, Aggregates::user_fields()), &mut import)?;
    import.items = copy(source, target, (ITEMS, Aggregates::item_fields()), &mut import)?;
    import.vectors = vectors(source, &mut import)?;
    for batch in import.vectors.chunks(BATCH) {
        let cells: Vec<_> = batch
            .iter()
            .map(|(id, vector)| (*id, rows::encode_vector(vector)))
            .collect();
        target.put_many(ITEM_VECTORS, &cells)?;
    }
    Ok(import)
}

/// Copies one family of hashes; returns how many rows were written.
fn copy(
    source: &RedisRows,
    target: &dyn RowStore,
    (family, fields): (&str, &[FieldSpec]),
    import: &mut SparrowImport,
) -> Result<usize, PipelineError> {
    let mut rows: Vec<(i64, Cells)> = Vec::new();
    source.scan_foreign(family, &mut |entry| match entry {
        Scanned::Row(id, cells) => rows.push((id, typed(family, id, &cells, fields, import))),
        Scanned::Rejected { key, reason } => import.reject(&key, None, reason),
    })?;
    for batch in rows.chunks(BATCH) {
        target.put_many(family, batch)?;
    }
    Ok(rows.len())
}

/// The cells of one row that are known fields and fit their types, rewritten in our text form, and the id.
fn typed(family: &str, id: i64, cells: &Cells, fields: &[FieldSpec], import: &mut SparrowImport) -> Cells {
    let mut row = Cells::new();
    for (name, cell) in cells {
        let Some((_, ty)) = fields.iter().find(|(known, _)| known == name) else {
            import.unknown_fields += 1;
            continue;
        };
        match value(*ty, cell) {
            Ok(Some(text)) => {
                row.insert(name.clone(), text);
            }
            Ok(None) => {}
            Err(reason) => import.reject(&format!("{family}:{id}"), Some(name), reason),
        }
    }
    if let Some((name, _)) = fields.first() {
        row.insert((*name).to_owned(), id.to_string());
    }
    row
}

/// A cell in our text form; none if it is empty, which is how SparrowRecSys writes what it does not know.
fn value(ty: FieldType, cell: &str) -> Result<Option<String>, String> {
    if cell.is_empty() {
        return Ok(None);
    }
    let value = if ty == FieldType::String {
        Value::str(cell)
    } else {
        text::parse(ty, cell.trim()).map_err(|error| error.to_string())?
    };
    if matches!(&value, Value::Float(x) if !x.is_finite()) || value.is_missing() {
        return Err(format!("expected a finite number, got {cell:?}"));
    }
    let mut text = String::new();
    text::print(&value, &mut text);
    Ok(Some(text))
}

fn vectors(source: &RedisRows, import: &mut SparrowImport) -> Result<Vec<(i64, Vec<f32>)>, PipelineError> {
    let mut found: Vec<(i64, Vec<f32>)> = Vec::new();
    source.scan_foreign(ITEM_VECTORS, &mut |entry| match entry {
        Scanned::Rejected { key, reason } => import.reject(&key, None, reason),
        Scanned::Row(id, cells) => match vector(id, &cells, found.first().map(|(_, first)| first.len())) {
            Ok(vector) => found.push((id, vector)),
            Err(reason) => import.reject(&format!("{ITEM_VECTORS}:{id}"), None, reason),
        },
    })?;
    Ok(found)
}

fn vector(id: i64, cells: &Cells, width: Option<usize>) -> Result<Vec<f32>, String> {
    let vector = rows::decode_vector(id, cells).map_err(|error| error.to_string())?;
    match width {
        Some(width) if width != vector.len() => Err(format!(
            "expected {width} floats as in the first vector, got {}",
            vector.len()
        )),
        _ => Ok(vector),
    }
}
