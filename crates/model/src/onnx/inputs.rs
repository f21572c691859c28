//! What is fed: row numbers with weights, lists with their lengths, numbers. Extraction and the look-up of keys stay outside.
//!
//! | input | type, shape | what |
//! |---|---|---|
//! | `rows.TABLE.SLOT` | i64 `[batch, n.SLOT]` | the row of each sign of the slot; padded with the table's last |
//! | `weights.SLOT` | f32 `[batch, n.SLOT]` | the weight of each sign; 0 for padding |
//! | `list.TABLE.SLOT` | i64 `[batch, L]` | the rows of a history's latest L entries, the latest first |
//! | `list_weights.SLOT` | f32 `[batch, L]` | their weights |
//! | `list_length.SLOT` | i64 `[batch]` | how many there are |
//! | `dense.SLOT` | f32 `[batch, width]` | the floats of a dense slot |
//!
//! An empty slot is the missing row (the table's last) with weight 1; an empty list has length 0.

use super::proto::{FLOAT, INT64};
use super::sheet::{BATCH, Length};
use crate::network::{Network, width};
use rankine_feature::{Group, Part, SlotSpec};
use serde::Serialize;
use std::collections::BTreeMap;

/// Keys of each table by row: ascending; unknown keys read the row behind the last.
pub type Keys = BTreeMap<String, Vec<u64>>;

/// One input of an exported graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The slot it is made of.
    pub slot: SlotSpec,
    /// What of the slot.
    pub what: What,
}

/// What an input holds of its slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Rows of this table.
    Rows(String),
    /// Weights of the signs.
    Weights,
    /// Rows of this table, of at most so many entries.
    List(String, usize),
    /// Weights of so many entries.
    ListWeights(usize),
    /// How many entries there are, at most so many.
    ListLength(usize),
    /// Its floats.
    Dense,
}

/// Numbers of an input.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Numbers {
    /// Row numbers and lengths.
    Ints(Vec<i64>),
    /// Weights and floats.
    Floats(Vec<f32>),
}

/// An input filled for a batch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Feed {
    /// The input's name.
    pub name: String,
    /// Its lengths.
    pub shape: Vec<usize>,
    /// Row by row.
    pub data: Numbers,
}

impl Input {
    /// Returns its name in the graph.
    #[must_use]
    pub fn name(&self) -> String {
        let slot = self.slot.slot;
        match &self.what {
            What::Rows(table) => format!("rows.{table}.{slot}"),
            What::Weights => format!("weights.{slot}"),
            What::List(table, _) => format!("list.{table}.{slot}"),
            What::ListWeights(_) => format!("list_weights.{slot}"),
            What::ListLength(_) => format!("list_length.{slot}"),
            What::Dense => format!("dense.{slot}"),
        }
    }

    /// Its type and lengths.
    pub(super) fn shape(&self) -> (i32, Vec<Length>) {
        let batch = Length::Free(BATCH.to_owned());
        let free = || Length::Free(format!("n.{}", self.slot.slot));
        match &self.what {
            What::Rows(_) => (INT64, vec![batch, free()]),
            What::Weights => (FLOAT, vec![batch, free()]),
            What::List(_, most) => (INT64, vec![batch, Length::Fixed(*most)]),
            What::ListWeights(most) => (FLOAT, vec![batch, Length::Fixed(*most)]),
            What::ListLength(_) => (INT64, vec![batch]),
            What::Dense => (FLOAT, vec![batch, Length::Fixed(width(&self.slot))]),
        }
    }

    /// Fills it from extracted samples, each common, item and cross.
    #[must_use]
    pub fn feed(&self, network: &Network, keys: &Keys, samples: &[[Part; 3]]) -> Feed {
        let parts = samples.iter().map(|parts| match self.slot.group {
            Group::Common => &parts[0],
            Group::Item => &parts[1],
            Group::Cross => &parts[2],
        });
        let rows: Vec<Numbers> = parts.map(|part| self.row(network, keys, part)).collect();
        let wide = rows.iter().map(Numbers::len).max().unwrap_or(0);
        let shape = match &self.what {
            What::ListLength(_) => vec![samples.len()],
            What::List(_, most) | What::ListWeights(most) => vec![samples.len(), *most],
            What::Rows(_) | What::Weights | What::Dense => vec![samples.len(), wide],
        };
        let stride = shape.get(1).copied().unwrap_or(1);
        let mut all = match rows.first() {
            Some(Numbers::Ints(_)) => Numbers::Ints(Vec::new()),
            _ => Numbers::Floats(Vec::new()),
        };
        let mut padding = 0;
        if let What::Rows(table) = &self.what {
            padding = super::sheet::count(keys.get(table).map_or(0, Vec::len));
        }
        rows.into_iter().for_each(|row| all.push(row, (stride, padding)));
        Feed {
            name: self.name(),
            shape,
            data: all,
        }
    }

    fn row(&self, network: &Network, keys: &Keys, part: &Part) -> Numbers {
        if self.what == What::Dense {
            let mut floats = part.dense(self.slot.index, width(&self.slot)).to_vec();
            floats.resize(width(&self.slot), 0.0);
            return Numbers::Floats(floats);
        }
        let (signs, weights) = part.sparse(self.slot.index);
        let find = |table: &str, signs: &[u64]| -> Vec<i64> {
            let known = keys.get(table).map_or(&[][..], Vec::as_slice);
            let spec = network.tables.iter().find(|spec| spec.name == table);
            let row = |sign: &u64| {
                let key = spec.map_or(*sign, |spec| spec.key(*sign));
                super::sheet::count(known.binary_search(&key).unwrap_or(known.len()))
            };
            signs.iter().map(row).collect()
        };
        match &self.what {
            What::Rows(table) if signs.is_empty() => {
                let missing = keys.get(table).map_or(0, Vec::len);
                Numbers::Ints(vec![super::sheet::count(missing)])
            }
            What::Rows(table) => Numbers::Ints(find(table, signs)),
            What::Weights if signs.is_empty() => Numbers::Floats(vec![1.0]),
            What::Weights => Numbers::Floats(weights.to_vec()),
            What::List(table, most) => Numbers::Ints(find(table, &signs[..signs.len().min(*most)])),
            What::ListWeights(most) => Numbers::Floats(weights[..weights.len().min(*most)].to_vec()),
            What::ListLength(most) => Numbers::Ints(vec![super::sheet::count(signs.len().min(*most))]),
            What::Dense => Numbers::Floats(Vec::new()),
        }
    }
}

impl Numbers {
    fn len(&self) -> usize {
        match self {
            Numbers::Ints(values) => values.len(),
            Numbers::Floats(values) => values.len(),
        }
    }

    /// Appends a row, `padding` up to `stride` behind its numbers, zeros behind floats.
    fn push(&mut self, row: Numbers, (stride, padding): (usize, i64)) {
        match (self, row) {
            (Numbers::Ints(all), Numbers::Ints(mut row)) => {
                row.resize(stride, padding);
                all.extend(row);
            }
            (Numbers::Floats(all), Numbers::Floats(mut row)) => {
                row.resize(stride, 0.0);
                all.extend(row);
            }
            _ => {}
        }
    }
}
