//! Judging a model as it will be served: held-out samples through the plan and the serving [`Scorer`].
//!
//! Training's own forward is never used here, so that a figure in a card is a figure of what answers requests.

use rankine_feature::{Part, Plan, Rows, Scratch};
use rankine_model::config::{Meaning, Metrics};
use rankine_model::graph::Aim;
use rankine_model::{Hidden, Network, ScoreScratch, Scorer};

use crate::TrainError;
use crate::bootstrap::Bootstrap;
use crate::metric::{Evaluation, Evaluator, Observed, SliceRows};
use crate::source::{SampleRow, SampleSource, for_each};

/// Held-out rows with the scores of one model; one entry per row in each list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scored {
    /// Labels, weights and users, where they are named.
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
    score_output((plan, scorer), Asked::default(), source)
}

/// One of a model's outputs, by number, and the label it answers, by its number in the model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Asked {
    /// Number of the output among [`Scorer::outputs`].
    pub output: usize,
    /// Number of the label.
    pub label: usize,
    /// What its scores say.
    pub meaning: Meaning,
    /// The figures to compute.
    pub metrics: Metrics,
}

/// The outputs of a network that learn a label, by name, the model's score first.
#[must_use]
pub fn asked(network: &Network) -> Vec<(String, Asked)> {
    let (meaning, metrics) = (network.meaning, network.metrics);
    let Some(graph) = &network.graph else {
        let score = Asked {
            meaning,
            metrics,
            ..Asked::default()
        };
        return vec![("score".to_owned(), score)];
    };
    let served = graph.served().enumerate();
    let learnt = served.filter_map(|(output, served)| match served.aim {
        Aim::Label { label, .. } => {
            let asked = Asked {
                output,
                label,
                meaning,
                metrics,
            };
            Some((served.name.clone(), asked))
        }
        Aim::Nothing | Aim::Small { .. } => None,
    });
    learnt.collect()
}

/// Scores every sample of `source` with one output of the serving scorer.
///
/// # Errors
/// What the source reports, and samples without the label.
pub fn score_output(
    (plan, scorer): (&Plan, &Scorer),
    asked: Asked,
    source: &mut dyn SampleSource,
) -> Result<Scored, TrainError> {
    let mut scored = Scored::default();
    let mut weights = Vec::new();
    let (mut serving, named) = (Serving::default(), source.names());
    for_each(source, |row| {
        scored
            .scores
            .push(f64::from(serving.score((plan, scorer), asked.output, row)));
        let other = asked.label.checked_sub(1).and_then(|at| row.others.get(at));
        scored
            .observed
            .labels
            .push(f64::from(*other.unwrap_or(&row.label)));
        weights.push(f64::from(row.weight));
        scored.observed.groups.extend(named.users.then_some(row.group));
        scored.items.push(row.item_id);
        scored.times.push(row.time);
        Ok(())
    })?;
    scored.observed.weights = Some(weights);
    Ok(scored)
}

/// What a model is held against on some rows, and the groups of rows that are looked at on their own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beside {
    /// Trivial scorers by name, a score per row.
    pub baselines: Vec<(String, Vec<f64>)>,
    /// Groups of rows.
    pub slices: Vec<SliceRows>,
}

/// Evaluates one output of a model beside what `beside` says of the rows.
///
/// # Errors
/// What the source reports.
pub fn evaluate_output(
    title: &str,
    (name, plan, scorer): (&str, &Plan, &Scorer),
    asked: Asked,
    source: &mut dyn SampleSource,
    beside: impl FnOnce(&Scored) -> Beside,
) -> Result<Evaluation, TrainError> {
    let scored = score_output((plan, scorer), asked, source)?;
    let beside = beside(&scored);
    let mut evaluator = Evaluator::new(title, scored.observed)
        .saying(asked.meaning)
        .measuring(asked.metrics)
        .model(name, scored.scores);
    for (name, scores) in beside.baselines {
        evaluator = evaluator.baseline(name, scores);
    }
    let evaluator = beside.slices.into_iter().fold(evaluator, Evaluator::slice);
    Ok(evaluator.finish(&Bootstrap::default()))
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
    fn score(&mut self, (plan, scorer): (&Plan, &Scorer), output: usize, row: &SampleRow) -> f32 {
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
        let Self {
            hidden, cross, score, ..
        } = self;
        let mut out = [0.0];
        scorer.score_output(output, &hidden.0, &|_| (&hidden.1, &*cross), score, &mut out);
        out[0]
    }
}
