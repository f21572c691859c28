//! Fitted statistics.
use crate::{FeatureError, Plan, Rows};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The statistics of one feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitEntry {
    /// The operator that asked.
    pub class: String,
    /// Its version.
    pub version: u32,
    /// How many values were not missing.
    pub count: u64,
    /// The statistics by name, for example `mean` and `std`.
    pub numbers: BTreeMap<String, Vec<f64>>,
}

/// Statistics that operators need, by feature name; `fit.json` beside a conf.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// The file format: 1.
    pub format: u32,
    /// By feature name.
    pub features: BTreeMap<String, FitEntry>,
}

impl Fit {
    /// Canonical JSON: keys sorted, shortest floats, one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        todo!()
    }

    /// Reads what [`Fit::to_json`] wrote.
    ///
    /// # Errors
    /// `FeatureError::Fit`, `FeatureError::Format`.
    pub fn from_json(text: &str) -> Result<Fit, FeatureError> {
        let _ = text;
        todo!()
    }
}

/// Collects statistics over rows, in the order they come.
pub struct Fitter<'p> {
    plan: &'p Plan,
}

impl<'p> Fitter<'p> {
    /// Starts with no rows.
    #[must_use]
    pub fn new(plan: &'p Plan) -> Fitter<'p> {
        Fitter { plan }
    }

    /// Takes one row into account.
    pub fn observe(&mut self, row: Rows<'_>) {
        let _ = (row, self.plan);
        todo!()
    }

    /// The statistics; give them to [`Plan::fitted`] or [`Plan::compile`].
    #[must_use]
    pub fn finish(self) -> Fit {
        todo!()
    }
}
