//! Item rows by id: what completes the items of a request, and what confs look up.
//!
//! The decision here: a row's version is a hash of its content, so that a reload drops the kept parts of the items that
//! changed and no others. Vectors go into it as their bytes: as text they took longer than all the rest of a load.

use std::path::Path;
use std::sync::Arc;

use rankine_dict::LoadFault;
use rankine_feature::{FieldType, Key, Value, text};
use rankine_table::{Kind, Table};
use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64;

use super::cells;
use super::pages::Pages;
use crate::row::{Row, RowLayout};
use crate::rows::FeatureRows;

/// One generation of item rows.
pub(crate) struct ItemTable {
    columns: Vec<(Arc<str>, FieldType)>,
    layout: RowLayout,
    places: FxHashMap<i64, usize>,
    rows: Vec<(Row, u64)>,
    digest: u64,
}

/// Reads a file.
///
/// # Errors
/// What is wrong, with the row.
pub(super) fn load(path: &Path, max_mb_s: f64) -> Result<ItemTable, LoadFault> {
    let mut pages = Pages::open(path, max_mb_s)?;
    let columns = pages.columns().iter().map(cells::typed);
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    match pages.columns().first() {
        Some((_, Kind::Int)) => {}
        Some((name, kind)) => return Err(format!("key column `{name}`: expected int, got {kind}").into()),
        None => return Err("expected a key column, got none".into()),
    }
    let mut table = ItemTable {
        layout: RowLayout::new(columns.iter().map(|(name, _)| Arc::clone(name))),
        columns,
        places: FxHashMap::default(),
        rows: Vec::new(),
        digest: 0,
    };
    while let Some(batch) = pages.next()? {
        table.append(&batch)?;
    }
    Ok(table)
}

impl ItemTable {
    /// Reads a file with no bound of speed.
    ///
    /// # Errors
    /// As [`load`].
    pub(crate) fn load(path: &Path) -> Result<Self, LoadFault> {
        load(path, 0.0)
    }

    /// The rows with their ids, in the file's order.
    pub(crate) fn into_rows(self) -> Vec<(i64, Row)> {
        let id = |row: &Row| match row.values().first() {
            Some(Value::Int(id)) => *id,
            _ => 0,
        };
        self.rows.into_iter().map(|(row, _)| (id(&row), row)).collect()
    }

    fn append(&mut self, batch: &Table) -> Result<(), LoadFault> {
        let (mut form, mut cell) = (Vec::new(), String::new());
        for row in 0..batch.rows() {
            let values: Vec<Value> = batch
                .columns
                .iter()
                .map(|(_, column)| cells::value(column, row))
                .collect();
            let place = self.rows.len();
            let Some(Value::Int(id)) = values.first() else {
                return Err(format!("row {}: the key is missing", place + 1).into());
            };
            if let Some(first) = self.places.insert(*id, place) {
                return Err(format!("row {}: key {id} is in row {} already", place + 1, first + 1).into());
            }
            form.clear();
            for value in &values {
                spell(value, &mut form, &mut cell);
            }
            let version = xxh3_64(&form).max(1);
            self.digest = self.digest.rotate_left(1) ^ version;
            self.rows.push((Row::new(&self.layout, values), version));
        }
        Ok(())
    }

    /// One cell of an item's row.
    pub(super) fn cell(&self, key: Key<'_>, column: usize) -> &Value {
        let Key::Int(id) = key else {
            return &Value::Missing;
        };
        let row = self.places.get(&id).map(|place| &self.rows[*place].0);
        row.and_then(|row| row.values().get(column))
            .unwrap_or(&Value::Missing)
    }

    /// Shows a column's cells.
    pub(super) fn each(&self, column: usize, see: &mut dyn FnMut(Key<'_>, &Value)) {
        for (id, place) in &self.places {
            let cell = self.rows[*place].0.values().get(column);
            see(Key::Int(*id), cell.unwrap_or(&Value::Missing));
        }
    }

    pub(super) fn columns(&self) -> &[(Arc<str>, FieldType)] {
        &self.columns
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }
}

/// Appends a cell to what a row's version is made of; `cell` is working memory.
fn spell(value: &Value, form: &mut Vec<u8>, cell: &mut String) {
    if let Value::Vector(floats) = value {
        // no text begins with it
        form.push(0xFF);
        form.extend((floats.len() as u64).to_le_bytes());
        form.reserve(4 * floats.len());
        return floats
            .iter()
            .for_each(|x| form.extend_from_slice(&x.to_le_bytes()));
    }
    cell.clear();
    text::print(value, cell);
    form.extend_from_slice(cell.as_bytes());
    form.push(b'\t');
}

impl FeatureRows for ItemTable {
    fn user(&self, _id: i64) -> Option<Row> {
        None
    }

    fn item(&self, id: i64) -> Option<(Row, u64)> {
        self.places.get(&id).map(|place| self.rows[*place].clone())
    }
}
