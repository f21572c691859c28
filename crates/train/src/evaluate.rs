//! Judging a model as it will be served: held-out samples through the plan and the serving [`Scorer`].
//!
//! Training's own forward is never used here, so that a figure in a card is a figure of what answers requests.

use rankine_feature::{Part, Plan, Rows, Scratch};
use rankine_model::{Hidden, ScoreScratch, Scorer};

use crate::TrainError;
use crate::bootstrap::Bootstrap;
use crate::metric::{Evaluation, Evaluator, Observed};
use crate::source::{SampleRow, SampleSource, for_each};

/// Held-out rows with the scores of one model; one entry per row in each list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scored {
    /// Labels, weights and users.
    pub observed: Observed,
    /// Item ids.
    pub items: Vec<i64>,
    /// Times, microseconds UTC.
    pub times: Vec<i64>,
    /// The model's scores.
    pub scores: Vec<f64>,
}

/// Scores every sample of `source` with the serving scorer.
///
/// # Errors
/// What the source reports.
pub fn score(plan: &Plan, scorer: &Scorer, source: &mut dyn SampleSource) -> Result<Scored, TrainError> {
    let mut scored = Scored::default();
    let mut weights = Vec::new();
    let mut serving = Serving::default();
    for_each(source, |row| {
        scored.scores.push(f64::from(serving.score(plan, scorer, row)));
        scored.observed.labels.push(f64::from(row.label));
        weights.push(f64::from(row.weight));
        scored.observed.groups.push(row.group);
        scored.items.push(row.item_id);
        scored.times.push(row.time);
        Ok(())
    })?;
    scored.observed.weights = Some(weights);
    Ok(scored)
}

/// Evaluates a model beside baselines that `baselines` computes from the rows (their users, items and times).
///
/// # Errors
/// What the source reports.
pub fn evaluate(
    title: &str,
    (name, plan, scorer): (&str, &Plan, &Scorer),
    source: &mut dyn SampleSource,
    baselines: impl FnOnce(&Scored) -> Vec<(String, Vec<f64>)>,
    bootstrap: &Bootstrap,
) -> Result<Evaluation, TrainError> {
    let scored = score(plan, scorer, source)?;
    let baselines = baselines(&scored);
    let evaluator = Evaluator::new(title, scored.observed).model(name, scored.scores);
    let with_baselines = baselines
        .into_iter()
        .fold(evaluator, |e, (name, scores)| e.baseline(name, scores));
    Ok(with_baselines.finish(bootstrap))
}

/// The buffers of one scoring thread.
#[derive(Default)]
struct Serving {
    scratch: Scratch,
    common: Part,
    item: Part,
    cross: Part,
    hidden: (Hidden, Hidden),
    score: ScoreScratch,
}

impl Serving {
    fn score(&mut self, plan: &Plan, scorer: &Scorer, row: &SampleRow) -> f32 {
        plan.common(&row.user, &row.context, &mut self.scratch, &mut self.common);
        plan.item(&row.item, &mut self.scratch, &mut self.item);
        if scorer.has_cross() {
            let rows = Rows {
                user: &row.user,
                item: &row.item,
                context: &row.context,
            };
            plan.cross(rows, &self.common, &self.item, &mut self.scratch, &mut self.cross);
        }
        scorer.common(&self.common, &mut self.hidden.0);
        scorer.item(&self.item, &mut self.hidden.1);
        scorer.score(&self.hidden.0, &self.hidden.1, &self.cross, &mut self.score)
    }
}
