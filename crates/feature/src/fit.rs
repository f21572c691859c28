//! Fitted statistics: means, boundaries and the like, learnt from training rows and part of the conf from then on.
//!
//! `fit.json` lies beside the conf in every artefact and enters the conf hash. Decision: statistics are numbers by name,
//! one entry per feature, stamped with the operator's version; canonical JSON (sorted keys, shortest floats) so that
//! equal statistics are equal bytes.

use crate::operator::{Need, Observer};
use crate::plan::{Step, env};
use crate::{FeatureError, Group, Part, Plan, Rows, Scratch};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The fit format that this build reads and writes.
const FORMAT: u32 = 1;

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
    /// Statistics that are texts, for example a vocabulary's `words`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<String, Vec<String>>,
}

/// Statistics that operators need, by feature name; `fit.json` beside a conf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// The file format: 1.
    pub format: u32,
    /// By feature name.
    pub features: BTreeMap<String, FitEntry>,
}

impl Default for Fit {
    fn default() -> Self {
        Fit {
            format: FORMAT,
            features: BTreeMap::new(),
        }
    }
}

impl Fit {
    /// Canonical JSON: keys sorted, shortest floats, one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A struct of texts and numbers always serialises.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Fit::to_json`] wrote.
    ///
    /// # Errors
    /// `FeatureError::Fit` if it is not such JSON, `FeatureError::Format` if it is of another format.
    pub fn from_json(text: &str) -> Result<Fit, FeatureError> {
        let fit: Fit = serde_json::from_str(text).map_err(|error| FeatureError::Fit {
            message: error.to_string(),
        })?;
        if fit.format == FORMAT {
            Ok(fit)
        } else {
            Err(FeatureError::Format {
                expected: FORMAT,
                got: fit.format,
            })
        }
    }
}

/// Collects statistics over rows, in the order they come. Statistics that a conf writes down are not collected.
pub struct Fitter<'p> {
    plan: &'p Plan,
    observers: Vec<(Group, &'p Step, Box<dyn Observer>)>,
    scratch: Scratch,
    parts: [Part; 3],
}

impl<'p> Fitter<'p> {
    /// Starts with no rows.
    #[must_use]
    pub fn new(plan: &'p Plan) -> Fitter<'p> {
        let groups = [Group::Common, Group::Item, Group::Cross];
        let steps = groups
            .into_iter()
            .zip(plan.steps.iter())
            .flat_map(|(group, steps)| steps.iter().map(move |s| (group, s)));
        let fitted = steps.filter(|(_, step)| step.need != Need::None);
        let observers = fitted
            .filter_map(|(group, step)| Some((group, step, step.operator.observer()?)))
            .collect();
        Fitter {
            plan,
            observers,
            scratch: Scratch::default(),
            parts: <[Part; 3]>::default(),
        }
    }

    /// Takes one row into account.
    pub fn observe(&mut self, row: Rows<'_>) {
        let [common, item, cross] = &mut self.parts;
        self.plan.common(row.user, row.context, &mut self.scratch, common);
        self.plan.item(row.item, &mut self.scratch, item);
        self.plan.cross(row, common, item, &mut self.scratch, cross);
        let parts = [&*common, &*item, &*cross];
        for (group, step, observer) in &mut self.observers {
            let env = env(*group, row, [parts[0], parts[1]], parts[*group as usize]);
            observer.observe(&step.inputs(env, &self.plan.reads));
        }
    }

    /// The statistics; give them to [`Plan::fitted`] or [`Plan::compile`].
    #[must_use]
    pub fn finish(self) -> Fit {
        let mut fit = Fit::default();
        for (_, step, observer) in self.observers {
            let found = observer.finish();
            let entry = FitEntry {
                class: step.class.to_owned(),
                version: step.version,
                count: found.count,
                numbers: found.numbers,
                texts: found.texts,
            };
            fit.features.insert(step.name.to_string(), entry);
        }
        fit
    }
}
