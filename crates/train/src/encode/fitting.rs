//! Statistics that operators need (means, deviations, bounds), from the training samples alone.
//!
//! Fitting reads the source once and returns a new plan; validation and test samples must never pass through here.

use rankine_feature::{Fitter, Plan, Rows};

use crate::TrainError;
use crate::source::{SampleSource, for_each};

/// The plan with the statistics it needs, from the samples of `source`; a plan that needs none comes back as it is.
///
/// # Errors
/// What the source reports, and statistics that the plan refuses (a feature without a single value).
pub fn fitted(plan: &Plan, source: &mut dyn SampleSource) -> Result<Plan, TrainError> {
    if !plan.needs_fit() {
        return plan
            .fitted(plan.fit())
            .map_err(|faults| TrainError::Model { faults });
    }
    let mut fitter = Fitter::new(plan);
    for_each(source, |row| {
        fitter.observe(Rows {
            user: &row.user,
            item: &row.item,
            context: &row.context,
        });
        Ok(())
    })?;
    plan.fitted(&fitter.finish())
        .map_err(|faults| TrainError::Model { faults })
}
