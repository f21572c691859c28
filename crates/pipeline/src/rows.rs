//! Feature rows in a row store: values to text cells and back.
//!
//! Offline this fills a store for serving, live the server writes the two rows an event changed. A missing value
//! has no cell. Decision: cells are the text form of samples (docs/features.md), except vectors, which are written as SparrowRecSys writes them (floats separated by spaces).

use rankine_feature::{FieldType, Value, text};
use rankine_store::{Cells, RowStore, VECTOR_CELL};

use crate::aggregate::FieldSpec;
use crate::{Aggregates, PipelineError};

/// Family of user feature rows.
pub const USERS: &str = "uf";
/// Family of item feature rows.
pub const ITEMS: &str = "mf";
/// Family of item2vec vectors.
pub const ITEM_VECTORS: &str = "i2vEmb";

/// Rows per call of the store.
const BATCH: usize = 1000;

/// A row as cells; `fields` and `row` are in the same order.
pub fn encode(fields: &[FieldSpec], row: &[Value]) -> Cells {
    let known = fields.iter().zip(row).filter(|(_, value)| !value.is_missing());
    known
        .map(|((name, _), value)| {
            let mut cell = String::new();
            text::print(value, &mut cell);
            ((*name).to_owned(), cell)
        })
        .collect()
}

/// Cells as a row in the order of `fields`. Fields without a cell, or with an empty one that is no text or
/// list, are missing (SparrowRecSys writes those); other cells are ignored.
///
/// # Errors
/// [`PipelineError::RowCell`] with key, field, expected and got.
pub fn decode<'a>(
    fields: impl IntoIterator<Item = (&'a str, FieldType)>,
    key: i64,
    cells: &Cells,
) -> Result<Vec<Value>, PipelineError> {
    let one = |(name, ty): (&str, FieldType)| match cells.get(name) {
        None => Ok(Value::Missing),
        Some(cell) if cell.is_empty() && !may_be_empty(ty) => Ok(Value::Missing),
        Some(cell) => text::parse(ty, cell).map_err(|error| PipelineError::RowCell {
            key,
            field: name.to_owned(),
            reason: error.to_string(),
        }),
    };
    fields.into_iter().map(one).collect()
}

fn may_be_empty(ty: FieldType) -> bool {
    match ty {
        FieldType::Int | FieldType::Float | FieldType::Timestamp | FieldType::Bool | FieldType::Vector(_) => {
            false
        }
        FieldType::String
        | FieldType::IntList
        | FieldType::FloatList
        | FieldType::StringList
        | FieldType::Weighted => true,
    }
}

/// A vector as the row of a vector family.
pub fn encode_vector(vector: &[f32]) -> Cells {
    let floats: Vec<String> = vector.iter().map(ToString::to_string).collect();
    Cells::from([(VECTOR_CELL.to_owned(), floats.join(" "))])
}

/// The vector of a row of a vector family: finite floats separated by spaces.
///
/// # Errors
/// [`PipelineError::RowCell`] if it is empty or holds anything else.
pub fn decode_vector(key: i64, cells: &Cells) -> Result<Vec<f32>, PipelineError> {
    let refuse = |reason: String| PipelineError::RowCell {
        key,
        field: VECTOR_CELL.to_owned(),
        reason,
    };
    let text = cells.get(VECTOR_CELL).map(String::as_str).unwrap_or_default();
    let one = |word: &str| {
        let number = word.parse::<f32>().ok().filter(|x| x.is_finite());
        number.ok_or_else(|| refuse(format!("expected a finite float, got {word:?}")))
    };
    let vector: Vec<f32> = text.split_whitespace().map(one).collect::<Result<_, _>>()?;
    if vector.is_empty() {
        return Err(refuse(
            "expected floats separated by spaces, got nothing".to_owned(),
        ));
    }
    Ok(vector)
}

/// Writes the rows of all users and items into a store; returns how many of each.
///
/// # Errors
/// [`PipelineError::Store`].
pub fn write_all(aggregates: &Aggregates, store: &dyn RowStore) -> Result<(usize, usize), PipelineError> {
    let (users, items) = (aggregates.users(), aggregates.items());
    write_users(aggregates, &users, store)?;
    write_items(aggregates, &items, store)?;
    Ok((users.len(), items.len()))
}

/// Writes the rows of some users.
///
/// # Errors
/// [`PipelineError::Store`].
pub fn write_users(aggregates: &Aggregates, ids: &[i64], store: &dyn RowStore) -> Result<(), PipelineError> {
    let fields = Aggregates::user_fields();
    write(store, USERS, ids, |id| encode(fields, &aggregates.user_row(id)))
}

/// Writes the rows of some items.
///
/// # Errors
/// [`PipelineError::Store`].
pub fn write_items(aggregates: &Aggregates, ids: &[i64], store: &dyn RowStore) -> Result<(), PipelineError> {
    let fields = Aggregates::item_fields();
    write(store, ITEMS, ids, |id| encode(fields, &aggregates.item_row(id)))
}

/// Writes item vectors, `dim` floats per id.
///
/// # Errors
/// [`PipelineError::Store`].
pub fn write_vectors(
    store: &dyn RowStore,
    ids: &[i64],
    dim: usize,
    rows: &[f32],
) -> Result<(), PipelineError> {
    let vectors: Vec<&[f32]> = rows.chunks_exact(dim.max(1)).collect();
    let pairs: Vec<(i64, Cells)> = ids
        .iter()
        .zip(vectors)
        .map(|(id, vector)| (*id, encode_vector(vector)))
        .collect();
    Ok(pairs
        .chunks(BATCH)
        .try_for_each(|batch| store.put_many(ITEM_VECTORS, batch))?)
}

fn write(
    store: &dyn RowStore,
    family: &str,
    ids: &[i64],
    row: impl Fn(i64) -> Cells,
) -> Result<(), PipelineError> {
    for batch in ids.chunks(BATCH) {
        let rows: Vec<(i64, Cells)> = batch.iter().map(|id| (*id, row(*id))).collect();
        store.put_many(family, &rows)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rankine_store::{MemoryRows, RedbRows};

    use super::*;
    use crate::AggregateConfig;
    use crate::aggregate::tests::{catalogue, rating};

    fn busy() -> Aggregates {
        let mut aggregates = Aggregates::new(&catalogue(9), AggregateConfig::default());
        for n in 0..30_i64 {
            aggregates.observe(&rating(
                n,
                n.cast_unsigned(),
                n % 2,
                1 + n % 7,
                1.0 + (n % 9) as f64 / 2.0,
            ));
        }
        aggregates
    }

    #[test]
    fn rows_come_back_from_stores_as_they_went_in() {
        let folder = tempfile::tempdir().unwrap();
        let redb = RedbRows::open(&folder.path().join("rows.redb"), 1 << 20).unwrap();
        let memory = MemoryRows::new();
        let aggregates = busy();
        for store in [&redb as &dyn RowStore, &memory] {
            assert_eq!(write_all(&aggregates, store).unwrap(), (4, 9));
            for user in aggregates.users() {
                let cells = store.get_many(USERS, &[user]).unwrap().remove(0).unwrap();
                let fields = Aggregates::user_fields().iter().copied();
                assert_eq!(decode(fields, user, &cells).unwrap(), aggregates.user_row(user));
            }
            for item in aggregates.items() {
                let cells = store.get_many(ITEMS, &[item]).unwrap().remove(0).unwrap();
                let fields = Aggregates::item_fields().iter().copied();
                assert_eq!(decode(fields, item, &cells).unwrap(), aggregates.item_row(item));
            }
        }
    }

    #[test]
    fn missing_values_have_no_cell() {
        let cells = encode(Aggregates::user_fields(), &busy().user_row(3));
        let names: Vec<&str> = cells.keys().map(String::as_str).collect();
        assert_eq!(names, ["userHistory", "userId", "userRatingCount"]);
    }

    #[test]
    fn a_bad_cell_is_named() {
        let cells = Cells::from([("userRatingCount".to_owned(), "many".to_owned())]);
        let error = decode([("userRatingCount", FieldType::Int)], 6, &cells)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("row 6: field `userRatingCount`: expected int, got"),
            "{error}"
        );
    }

    #[test]
    fn vectors_are_words_as_sparrowrecsys_writes_them() {
        let cells = encode_vector(&[0.5, -1.0, 1e-7]);
        assert_eq!(cells[VECTOR_CELL], "0.5 -1 0.0000001");
        assert_eq!(decode_vector(1, &cells).unwrap(), [0.5, -1.0, 1e-7]);
        for bad in ["", "  ", "1 x", "1 NaN", "1 1e99"] {
            let cells = Cells::from([(VECTOR_CELL.to_owned(), bad.to_owned())]);
            assert!(decode_vector(1, &cells).is_err(), "{bad:?}");
        }
        let store = MemoryRows::new();
        write_vectors(&store, &[4, 9], 2, &[1.0, 2.0, 3.0, 4.0]).unwrap();
        let rows = store.get_many(ITEM_VECTORS, &[9, 4, 5]).unwrap();
        assert_eq!(
            rows,
            [
                Some(encode_vector(&[3.0, 4.0])),
                Some(encode_vector(&[1.0, 2.0])),
                None
            ]
        );
    }
}
