//! Linear models, factorisation machines and their field-aware form: what `lr`, `fm` and `ffm` share.
//!
//! One table holds a row per sign: the linear weight, then `fields × k` factors. Decision: signs of different slots never
//! share a row by intent, even where a conf lets them share signs, so rows are found by a key of slot and sign; with
//! `hash_bits` its lowest bits number the row. Either way the artefact is an ordinary table of keys and rows.

mod key;
mod scorer;
#[cfg(test)]
mod tests;

pub use key::Keys;
pub(crate) use scorer::LinearScorer;

use crate::config::LinearConfig;
use crate::network::{Role, TableSpec, width};
use rankine_feature::{SlotKind, SlotSpec};
use rankine_kernel::factor::Shape;

/// Name of the table.
pub const TABLE: &str = "linear";
/// Name of the bias, a tensor of one number.
pub const BIAS: &str = "bias";

/// A linear model compiled with a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearPart {
    /// The slots in the order of the file: the fields.
    pub slots: Vec<SlotSpec>,
    /// Factors of a row.
    pub shape: Shape,
    /// How rows are found.
    pub keys: Keys,
    /// Whether an empty sparse slot reads its missing row.
    pub missing: bool,
    /// Bound of first factors.
    pub init: f64,
    /// Signs of sparse slots seen in fewer training samples read their missing row.
    pub min_count: u32,
    /// Trainings without use after which a row is dropped.
    pub expire: Option<u32>,
}

impl LinearPart {
    pub(crate) fn new(slots: Vec<SlotSpec>, fields: usize, config: &LinearConfig) -> LinearPart {
        let k = config.k.as_ref().map_or(0, |k| k.value);
        LinearPart {
            slots,
            shape: Shape {
                fields,
                k: if fields == 0 { 0 } else { k },
            },
            keys: Keys::new(config.hash_bits.as_ref().map(|b| b.value)),
            missing: config.missing,
            init: config.init(),
            min_count: config.min_count,
            expire: config.expire.as_ref().map(|v| v.value),
        }
    }

    /// Returns the table's name and shape.
    #[must_use]
    pub fn table(&self) -> TableSpec {
        TableSpec {
            name: TABLE.to_owned(),
            dim: 1 + self.shape.factors(),
            role: Role::Wide,
            min_count: self.min_count,
            l2: None,
            init: None,
            buckets: None,
            expire: self.expire,
        }
    }

    /// Calls `each` with the key and value of everything a slot contributes: its signs, the numbers of a dense slot that
    /// are not zero, or its missing row.
    pub fn entries(&self, slot: &SlotSpec, part: &rankine_feature::Part, mut each: impl FnMut(u64, f32)) {
        let of = |sign| self.keys.of(slot.slot, sign);
        if let SlotKind::Dense(_) = slot.kind {
            let floats = part.dense(slot.index, width(slot));
            for (sign, x) in (1u64..).zip(floats).filter(|(_, x)| **x != 0.0) {
                each(of(sign), *x);
            }
            return;
        }
        let (signs, weights) = part.sparse(slot.index);
        if signs.is_empty() && self.missing {
            each(of(Keys::MISSING), 1.0);
        }
        for (sign, x) in signs.iter().zip(weights) {
            each(of(*sign), *x);
        }
    }
}
