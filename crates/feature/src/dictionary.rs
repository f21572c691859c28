//! Dictionaries: the port through which extraction reads what lies outside the rows (item rows, vectors, key→value).
//!
//! A conf declares what it reads (`[[dictionary]]`: key and columns with types); operators name `@dictionary.column`.
//! Whoever owns the loaded state implements [`Lookup`] for one generation of it and binds a plan to it
//! ([`crate::Plan::bind`]). Decision: a bound plan *is* a plan plus one generation of everything it reads. Binding costs a
//! few counters and is done when a dictionary is swapped, never per request, so a request that holds one plan cannot
//! meet two generations, and extraction looks nothing up by name.

use crate::{FeatureError, FieldType, Value};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// What a row of a dictionary is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key<'a> {
    /// Of a dictionary with `key = "int"`.
    Int(i64),
    /// Of a dictionary with `key = "string"`.
    Text(&'a str),
}

impl<'a> Key<'a> {
    /// The key that a scalar value is; none for other types.
    #[must_use]
    pub fn of(value: &'a Value) -> Option<Key<'a>> {
        if let Value::Int(x) = value {
            return Some(Key::Int(*x));
        }
        if let Value::Str(x) = value {
            Some(Key::Text(x))
        } else {
            None
        }
    }
}

/// One generation of one dictionary. *Contract*: it never changes; equal keys give equal values; nothing here allocates,
/// locks or waits, because it is called while features are extracted.
pub trait Lookup: Send + Sync {
    /// The columns and their types. Their places are what `get` takes.
    fn columns(&self) -> &[(Arc<str>, FieldType)];

    /// One cell; [`Value::Missing`] where there is no such row or cell. A value of another type than its column's counts
    /// as missing.
    fn get(&self, key: Key<'_>, column: usize) -> &Value;

    /// The floats of a vector cell; empty where there is none. For dictionaries that keep vectors in one mapped matrix.
    fn vector(&self, key: Key<'_>, column: usize) -> &[f32] {
        self.get(key, column).as_vector()
    }

    /// Shows the cells of a column with their keys, in no order; false where the dictionary cannot be gone through.
    fn each(&self, column: usize, see: &mut dyn FnMut(Key<'_>, &Value)) -> bool {
        let _ = (column, see);
        false
    }

    /// A checksum of the content; enters the conf hash of dictionaries that a conf declares `frozen`.
    fn digest(&self) -> u64 {
        0
    }
}

/// What a conf says of a dictionary that it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DictionarySpec {
    /// Its name.
    pub name: Arc<str>,
    /// `FieldType::Int` or `FieldType::String`.
    pub key: FieldType,
    /// Columns that the conf reads, with types.
    pub columns: Vec<(Arc<str>, FieldType)>,
    /// Its content is part of the conf: another content makes another conf hash.
    pub frozen: bool,
}

/// One column that a feature reads, as the plan keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadSpec {
    /// Which of the conf's dictionaries.
    pub(crate) dictionary: usize,
    /// Which of the columns the conf declares.
    pub(crate) column: usize,
    /// A key that is known when the conf is compiled: the cell is read when the plan is bound.
    pub(crate) fixed: Option<Arc<str>>,
}

/// One bound column.
#[derive(Clone)]
pub(crate) enum Read {
    /// No dictionary yet: everything is missing.
    Unbound,
    /// A generation and the place of the column in it.
    Column(Arc<dyn Lookup>, usize, FieldType),
    /// The cell of a fixed key.
    Fixed(Value),
}

impl Read {
    /// The cell of a key, or the fixed cell. Missing when it does not fit its type.
    pub(crate) fn get(&self, key: Option<Key<'_>>) -> &Value {
        let value = match (self, key) {
            (Read::Fixed(value), _) => return value,
            (Read::Column(table, column, ty), Some(key)) => Some((table.get(key, *column), *ty)),
            (Read::Unbound | Read::Column(..), _) => None,
        };
        value
            .filter(|(value, ty)| value.fits(*ty))
            .map_or(&Value::Missing, |(value, _)| value)
    }

    /// The floats of a vector cell; empty where there is none.
    pub(crate) fn vector(&self, key: Key<'_>) -> &[f32] {
        if let Read::Column(table, column, _) = self {
            table.vector(key, *column)
        } else {
            &[]
        }
    }
}

/// Binds what a conf reads to generations. Checks columns and types here, once.
pub(crate) fn bind(
    specs: &[DictionarySpec],
    reads: &[ReadSpec],
    tables: &[Arc<dyn Lookup>],
) -> Result<Vec<Read>, FeatureError> {
    reads.iter().map(|read| bind_one(specs, read, tables)).collect()
}

fn bind_one(
    specs: &[DictionarySpec],
    read: &ReadSpec,
    tables: &[Arc<dyn Lookup>],
) -> Result<Read, FeatureError> {
    let (Some(spec), Some(table)) = (specs.get(read.dictionary), tables.get(read.dictionary)) else {
        return Ok(Read::Unbound);
    };
    let (name, ty) = &spec.columns[read.column];
    let found = table.columns().iter().position(|(column, _)| column == name);
    let got = found.map(|i| table.columns()[i].1);
    let Some((column, _)) = found.zip(got).filter(|(_, got)| got == ty) else {
        return Err(FeatureError::Column {
            dictionary: spec.name.to_string(),
            column: name.to_string(),
            expected: ty.to_string(),
            got: got.map_or_else(|| "no such column".to_owned(), |ty| ty.to_string()),
        });
    };
    let bound = Read::Column(table.clone(), column, *ty);
    Ok(match &read.fixed {
        Some(key) => Read::Fixed(bound.get(Some(Key::Text(key))).clone()),
        None => bound,
    })
}

/// A dictionary in memory, for files that were read whole and for tests.
#[derive(Debug, Clone, Default)]
pub struct MemoryDictionary {
    columns: Vec<(Arc<str>, FieldType)>,
    ints: FxHashMap<i64, Box<[Value]>>,
    texts: FxHashMap<Arc<str>, Box<[Value]>>,
    digest: u64,
}

impl MemoryDictionary {
    /// A dictionary without rows.
    #[must_use]
    pub fn new(columns: &[(&str, FieldType)]) -> MemoryDictionary {
        let columns = columns.iter().map(|(name, ty)| (Arc::from(*name), *ty));
        MemoryDictionary {
            columns: columns.collect(),
            ..MemoryDictionary::default()
        }
    }

    /// The same with a checksum of the file it came from.
    #[must_use]
    pub fn with_digest(self, digest: u64) -> MemoryDictionary {
        MemoryDictionary { digest, ..self }
    }

    /// Adds a row: a value per column. False (and nothing is added) if the key is there already.
    pub fn insert(&mut self, key: Key<'_>, values: Vec<Value>) -> bool {
        if self.row(key).is_some() {
            return false;
        }
        match key {
            Key::Int(key) => _ = self.ints.insert(key, values.into()),
            Key::Text(key) => _ = self.texts.insert(key.into(), values.into()),
        }
        true
    }

    fn row(&self, key: Key<'_>) -> Option<&[Value]> {
        match key {
            Key::Int(key) => self.ints.get(&key),
            Key::Text(key) => self.texts.get(key),
        }
        .map(|row| &**row)
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ints.len() + self.texts.len()
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Lookup for MemoryDictionary {
    fn columns(&self) -> &[(Arc<str>, FieldType)] {
        &self.columns
    }

    fn get(&self, key: Key<'_>, column: usize) -> &Value {
        self.row(key)
            .and_then(|row| row.get(column))
            .unwrap_or(&Value::Missing)
    }

    fn each(&self, column: usize, see: &mut dyn FnMut(Key<'_>, &Value)) -> bool {
        let ints = self.ints.iter().map(|(key, row)| (Key::Int(*key), row));
        let texts = self.texts.iter().map(|(key, row)| (Key::Text(key), row));
        for (key, row) in ints.chain(texts) {
            see(key, row.get(column).unwrap_or(&Value::Missing));
        }
        true
    }

    fn digest(&self) -> u64 {
        self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices() -> MemoryDictionary {
        let mut prices = MemoryDictionary::new(&[("price", FieldType::Float)]);
        assert!(prices.insert(Key::Text("a"), vec![Value::Float(1.5)]));
        assert!(
            !prices.insert(Key::Text("a"), vec![Value::Float(2.5)]),
            "keys are unique"
        );
        prices
    }

    fn spec(ty: FieldType) -> DictionarySpec {
        let columns = vec![("price".into(), ty)];
        DictionarySpec {
            name: "p".into(),
            key: FieldType::String,
            columns,
            frozen: false,
        }
    }

    fn read(fixed: Option<&str>) -> ReadSpec {
        ReadSpec {
            dictionary: 0,
            column: 0,
            fixed: fixed.map(Into::into),
        }
    }

    #[test]
    fn cells_are_found_and_others_missing() {
        let prices = prices();
        assert_eq!(prices.get(Key::Text("a"), 0), &Value::Float(1.5));
        assert_eq!(
            [prices.get(Key::Text("b"), 0), prices.get(Key::Text("a"), 1)],
            [&Value::Missing; 2]
        );
        assert_eq!((prices.len(), prices.get(Key::Int(1), 0)), (1, &Value::Missing));
    }

    #[test]
    fn binding_reads_fixed_keys_once() {
        let tables: Vec<Arc<dyn Lookup>> = vec![Arc::new(prices())];
        let bound = bind(&[spec(FieldType::Float)], &[read(None), read(Some("a"))], &tables).unwrap();
        assert_eq!(bound[0].get(Some(Key::Text("a"))), &Value::Float(1.5));
        assert_eq!(bound[1].get(None), &Value::Float(1.5));
        assert_eq!(Read::Unbound.get(Some(Key::Int(1))), &Value::Missing);
    }

    #[test]
    fn a_column_of_another_type_or_name_is_refused() {
        let tables: Vec<Arc<dyn Lookup>> = vec![Arc::new(prices())];
        let error = bind(&[spec(FieldType::Int)], &[read(None)], &tables)
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            "dictionary `p`, column `price`: expected int, got float"
        );
        let tables: Vec<Arc<dyn Lookup>> = vec![Arc::new(MemoryDictionary::new(&[]))];
        let error = bind(&[spec(FieldType::Int)], &[read(None)], &tables)
            .err()
            .unwrap();
        assert!(error.to_string().ends_with("got no such column"));
    }
}
