//! A plan with one generation of every dictionary it reads.

use std::sync::Arc;

use rankine_feature::{FeatureError, Plan};

use crate::dictionary::DictionarySnapshot;

/// See the module. A request holds one, so it cannot meet two generations of anything.
pub(crate) struct Bound {
    /// Reads the generations.
    pub(crate) plan: Arc<Plan>,
    /// Number of each generation read, by the dictionary's name.
    reads: Vec<(Arc<str>, u64)>,
    /// A number that item parts made with other generations do not have; 0 where nothing is read.
    mark: u64,
}

impl Bound {
    pub(crate) fn new(plan: &Arc<Plan>, dictionaries: &DictionarySnapshot) -> Result<Self, FeatureError> {
        let specs = plan.dictionaries();
        let plan = if specs.is_empty() {
            Arc::clone(plan)
        } else {
            Arc::new(plan.bind(|name| dictionaries.lookup(name))?)
        };
        let number = |name: &Arc<str>| (Arc::clone(name), dictionaries.number(name));
        let reads: Vec<_> = plan
            .dictionaries()
            .iter()
            .map(|spec| number(&spec.name))
            .collect();
        Ok(Self {
            mark: reads.iter().fold(0, |mark, (_, number)| mix(mark, *number)),
            plan,
            reads,
        })
    }

    /// Whether these are the generations it reads.
    pub(crate) fn reads(&self, dictionaries: &DictionarySnapshot) -> bool {
        self.reads
            .iter()
            .all(|(name, number)| dictionaries.number(name) == *number)
    }

    /// The version under which a part of a row may be kept; 0, which says not to, stays 0.
    pub(crate) fn version(&self, row: u64) -> u64 {
        if row == 0 || self.mark == 0 {
            return row;
        }
        mix(row, self.mark).max(1)
    }
}

/// Two numbers as one that other pairs seldom have.
fn mix(a: u64, b: u64) -> u64 {
    (a.rotate_left(29) ^ b.wrapping_add(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xD6E8_FEB8_6659_FD93)
}
