//! Feature rows in a row store: values to text cells and back.
//!
//! The server writes the rows of a home at its start and the two rows an event changed; `data redis` brings rows of
//! others. A missing value has no cell. Decision: cells are the text form of samples (docs/features.md), except vectors, which are written as SparrowRecSys writes them (floats separated by spaces).

use rankine_feature::{FieldType, Value, text};
use rankine_store::{Cells, VECTOR_CELL};

use crate::PipelineError;
use crate::aggregate::FieldSpec;

/// Family of user feature rows.
pub const USERS: &str = "uf";
/// Family of item feature rows.
pub const ITEMS: &str = "mf";
/// Family of item2vec vectors.
pub const ITEM_VECTORS: &str = "i2vEmb";

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

#[cfg(test)]
mod tests {
    use rankine_store::{MemoryRows, RedbRows, RowStore};

    use super::*;
    use crate::aggregate::tests::{catalogue, rating};
    use crate::{AggregateConfig, Aggregates};

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
        let (users, items) = (Aggregates::user_fields(), Aggregates::item_fields());
        let there_and_back = |store: &dyn RowStore, family, fields: &[FieldSpec], id, row: Vec<Value>| {
            store.put_many(family, &[(id, encode(fields, &row))]).unwrap();
            let cells = store.get_many(family, &[id]).unwrap().remove(0).unwrap();
            assert_eq!(decode(fields.iter().copied(), id, &cells).unwrap(), row);
        };
        for store in [&redb as &dyn RowStore, &memory] {
            for user in aggregates.users() {
                there_and_back(store, USERS, users, user, aggregates.user_row(user));
            }
            for item in aggregates.items() {
                there_and_back(store, ITEMS, items, item, aggregates.item_row(item));
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
    }
}
