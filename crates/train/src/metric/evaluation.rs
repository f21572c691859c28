//! Models beside baselines on the same held-out rows, with the certainty of each difference.
//!
//! Flow: [`Observed`] rows → [`Evaluator`] collects scores → [`Evaluation`], which prints itself (see `report`). Decision:
//! there is no way to make an evaluation of a model alone that forgets its baselines silently: without any, the report
//! says so.

use rankine_model::config::{Meaning, MetricName, Metrics};
use serde::{Deserialize, Serialize};

use super::intervals::resampled;
use super::{
    CalibrationBin, Gauc, Intervals, Slice, SliceRows, accuracy, auc, brier, calibration, ece, gauc, logloss,
    mae, ndcg_by_group, pr_auc, rmse,
};
use crate::bootstrap::{Bootstrap, Interval};

/// What was observed on the held-out rows; one entry per row in each list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// Labels, 0 … 1.
    pub labels: Vec<f64>,
    /// Weights, 0 or more; `None` means 1 each.
    pub weights: Option<Vec<f64>>,
    /// The user of each row; empty where the samples name none.
    pub groups: Vec<i64>,
}

impl Observed {
    /// Whether rows can be drawn: each has its user, or none has one.
    pub(super) fn is_drawn(&self) -> bool {
        self.groups.is_empty() || self.groups.len() == self.labels.len()
    }
}

/// All figures of one scorer.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Measures {
    /// Area under the ROC curve.
    pub roc_auc: Option<f64>,
    /// Average precision.
    pub pr_auc: Option<f64>,
    /// Negative log-likelihood per row, natural logarithm.
    pub logloss: Option<f64>,
    /// AUC within users.
    pub gauc: Gauc,
    /// Share right at threshold 0.5.
    pub accuracy: Option<f64>,
    /// Mean squared error of the probability.
    pub brier: Option<f64>,
    /// Mean NDCG@10 over users with a positive, ties averaged.
    pub ndcg_10: Option<f64>,
    /// Expected calibration error of the probability.
    #[serde(default)]
    pub ece: Option<f64>,
    /// Root of the mean squared error of the score as it is.
    #[serde(default)]
    pub rmse: Option<f64>,
    /// Mean absolute error of the score as it is.
    #[serde(default)]
    pub mae: Option<f64>,
}

/// A figure of labels, scores and weights; none where the rows have it not.
type Figure = fn(&[f64], &[f64], Option<&[f64]>) -> Option<f64>;

impl Measures {
    /// Measures `scores` (one per row): what their order is worth, their distance to the labels where they are numbers, and
    /// what a probability alone can be measured by where they are probabilities.
    pub fn of(observed: &Observed, scores: &[f64], meaning: Meaning) -> Measures {
        Measures::some((meaning, Metrics::default()), observed, scores)
    }

    /// As [`Measures::of`], of these figures alone; the others are not computed.
    pub fn some((meaning, metrics): (Meaning, Metrics), observed: &Observed, scores: &[f64]) -> Measures {
        let (labels, weights) = (&observed.labels, observed.weights.as_deref());
        let is = |name: MetricName| name.is_of(meaning) && metrics.has(name);
        let of = |name, figure: Figure| is(name).then(|| figure(labels, scores, weights)).flatten();
        let gauc = || gauc(labels, scores, weights, &observed.groups);
        let ndcg = || ndcg_by_group(labels, scores, &observed.groups, 10).map(|(mean, _)| mean);
        Measures {
            roc_auc: of(MetricName::Auc, auc),
            pr_auc: of(MetricName::PrAuc, pr_auc),
            logloss: of(MetricName::Logloss, logloss),
            gauc: is(MetricName::Gauc).then(gauc).unwrap_or_default(),
            accuracy: of(MetricName::Accuracy, |y, s, w| accuracy(y, s, w, 0.5)),
            brier: of(MetricName::Brier, brier),
            ndcg_10: is(MetricName::Ndcg).then(ndcg).flatten(),
            ece: of(MetricName::Ece, ece),
            rmse: of(MetricName::Rmse, rmse),
            mae: of(MetricName::Mae, mae),
        }
    }
}

/// One scorer's line in an [`Evaluation`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Name of the model or baseline.
    pub name: String,
    /// Whether it is a baseline.
    pub baseline: bool,
    /// Its figures.
    pub measures: Measures,
    /// How sure they are.
    #[serde(default)]
    pub intervals: Intervals,
    /// What it predicted and what happened, bin by bin; of models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calibration: Vec<CalibrationBin>,
}

/// How much better (in ROC-AUC) a model is than a baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Name of the model.
    pub model: String,
    /// Name of the baseline.
    pub baseline: String,
    /// Model − baseline with its bootstrap interval.
    pub interval: Interval,
}

/// Models and baselines on one set of held-out rows. `Display` prints aligned text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Name of the rows: `test`, say.
    pub title: String,
    /// Number of rows.
    pub rows: usize,
    /// Number of positive rows.
    pub positives: usize,
    /// Number of different users; 0 where the samples name none.
    pub users: usize,
    /// What the models' scores say; figures that would take them for more are not there.
    #[serde(default)]
    pub scores: Meaning,
    /// The figures that were asked for; the others are not there.
    #[serde(default, skip_serializing_if = "Metrics::is_all")]
    pub metrics: Metrics,
    /// Models first, then baselines, each in the order they were added.
    pub lines: Vec<Line>,
    /// Every model against every baseline, where defined.
    pub differences: Vec<Difference>,
    /// How the intervals were made (users drawn with replacement; rows, where the samples name none).
    pub bootstrap: Bootstrap,
    /// The same figures over groups of rows: new users, cold items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<Slice>,
    /// Evaluations of a model's further outputs on the same rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Evaluation>,
}

/// Collects scores for an [`Evaluation`].
///
/// ```
/// use rankine_train::{bootstrap::Bootstrap, metric::{Evaluator, Observed}};
///
/// let observed = Observed { labels: vec![1.0, 0.0, 1.0, 0.0], weights: None, groups: vec![1, 1, 2, 2] };
/// let evaluation = Evaluator::new("test", observed)
///     .model("widedeep", vec![0.9, 0.2, 0.7, 0.4])
///     .baseline("constant", vec![0.5; 4])
///     .finish(&Bootstrap { resamples: 100, ..Bootstrap::default() });
/// assert_eq!(evaluation.lines[0].measures.roc_auc, Some(1.0));
/// assert!(evaluation.differences[0].interval.above_zero());
/// ```
#[derive(Debug, Clone)]
pub struct Evaluator {
    title: String,
    observed: Observed,
    meaning: Meaning,
    metrics: Metrics,
    entries: Vec<Entry>,
    slices: Vec<SliceRows>,
}

/// A scorer's name and scores.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) baseline: bool,
    pub(super) scores: Vec<f64>,
    pub(super) meaning: Meaning,
}

impl Evaluator {
    /// Starts on the given rows.
    pub fn new(title: impl Into<String>, observed: Observed) -> Evaluator {
        Evaluator {
            title: title.into(),
            observed,
            meaning: Meaning::default(),
            metrics: Metrics::default(),
            entries: Vec::new(),
            slices: Vec::new(),
        }
    }

    /// The rows.
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// The same, the models' scores saying what `meaning` says; without it they are probabilities.
    #[must_use]
    pub fn saying(self, meaning: Meaning) -> Evaluator {
        Evaluator { meaning, ..self }
    }

    /// The same with these figures alone.
    #[must_use]
    pub fn measuring(self, metrics: Metrics) -> Evaluator {
        Evaluator { metrics, ..self }
    }

    /// Adds a model's scores, one per row; a wrong number of scores gives a line without figures.
    #[must_use]
    pub fn model(self, name: impl Into<String>, scores: Vec<f64>) -> Evaluator {
        self.push(name.into(), false, scores)
    }

    /// Adds a baseline's scores, one per row.
    #[must_use]
    pub fn baseline(self, name: impl Into<String>, scores: Vec<f64>) -> Evaluator {
        self.push(name.into(), true, scores)
    }

    /// Adds a group of rows that is measured on its own, too.
    #[must_use]
    pub fn slice(mut self, slice: SliceRows) -> Evaluator {
        self.slices.push(slice);
        self
    }

    /// Measures everything, with as many resamples as [`Bootstrap::bounded`] leaves. Cost: a sort per scorer and one pass per
    /// scorer and resample; of groups of rows likewise, models alone.
    pub fn finish(mut self, bootstrap: &Bootstrap) -> Evaluation {
        let bootstrap = &bootstrap.bounded(self.observed.labels.len());
        if self.observed.groups.is_empty() {
            let mut told = Vec::from(self.metrics);
            told.retain(|name: &MetricName| !name.is_by_user());
            self.metrics = told.into();
        }
        self.entries.sort_by_key(|entry| entry.baseline);
        let meaning = self.meaning;
        for entry in &mut self.entries {
            // baselines are means of labels: of 0 and 1 they are probabilities, whatever a model beside them learns
            let order = entry.baseline && meaning == Meaning::Order;
            entry.meaning = if order { Meaning::Probability } else { meaning };
        }
        let mut lines: Vec<Line> = self.entries.iter().map(|entry| self.line(entry)).collect();
        let mut users = self.observed.groups.clone();
        users.sort_unstable();
        users.dedup();
        let differences = self.intervals(&mut lines, bootstrap);
        let (slices, metrics) = (self.slices.iter(), self.metrics);
        Evaluation {
            metrics,
            rows: self.observed.labels.len(),
            positives: self.observed.labels.iter().filter(|label| **label > 0.5).count(),
            users: users.len(),
            scores: meaning,
            differences,
            slices: slices
                .filter_map(|rows| rows.measure(&self.observed, (&self.entries, metrics), bootstrap))
                .collect(),
            others: Vec::new(),
            lines,
            bootstrap: *bootstrap,
            title: self.title,
        }
    }

    fn push(mut self, name: String, baseline: bool, scores: Vec<f64>) -> Evaluator {
        self.entries.push(Entry {
            name,
            baseline,
            scores,
            meaning: Meaning::default(),
        });
        self
    }

    fn line(&self, entry: &Entry) -> Line {
        let measures = Measures::some((entry.meaning, self.metrics), &self.observed, &entry.scores);
        let weights = self.observed.weights.as_deref();
        let drawn = !entry.baseline && entry.meaning == Meaning::Probability;
        let drawn = drawn && self.metrics.has(MetricName::Ece);
        let bins = drawn.then(|| calibration(&self.observed.labels, &entry.scores, weights));
        Line {
            name: entry.name.clone(),
            baseline: entry.baseline,
            measures,
            intervals: Intervals::default(),
            calibration: bins.flatten().unwrap_or_default(),
        }
    }

    /// Fills in the intervals of all lines and returns those of the differences between models and baselines.
    fn intervals(&self, lines: &mut [Line], bootstrap: &Bootstrap) -> Vec<Difference> {
        let models = lines.iter().filter(|line| !line.baseline).count();
        if lines.is_empty() || !self.observed.is_drawn() {
            return Vec::new();
        }
        let scored = self.entries.iter().zip(lines.iter());
        let scored: Vec<_> = scored
            .map(|(e, line)| (e.scores.as_slice(), &line.measures))
            .collect();
        let (intervals, drawn): (Vec<Intervals>, Vec<_>) =
            resampled(&self.observed, &scored, bootstrap).into_iter().unzip();
        for (line, intervals) in lines.iter_mut().zip(intervals) {
            line.intervals = intervals;
        }
        let pairs =
            (0..models).flat_map(|model| (models..lines.len()).map(move |baseline| (model, baseline)));
        let difference = |(model, baseline): (usize, usize)| {
            let own = lines[model].measures.roc_auc? - lines[baseline].measures.roc_auc?;
            Some(Difference {
                model: lines[model].name.clone(),
                baseline: lines[baseline].name.clone(),
                interval: bootstrap.interval(own, &drawn[model], &drawn[baseline])?,
            })
        };
        pairs.filter_map(difference).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::Bounds;
    use super::*;

    /// 60 users with 10 rows; the model knows the labels with noise, the baseline nothing.
    pub(crate) fn example() -> Evaluation {
        let rows = 0_u32..600;
        let labels: Vec<f64> = rows.clone().map(|i| f64::from(i * 7 % 10 < 4)).collect();
        let groups = rows.clone().map(|i| i64::from(i / 10)).collect();
        let known = rows
            .map(|i| 0.25 + 0.3 * f64::from(i * 7 % 10 < 4) + f64::from(i * 13 % 29) / 70.0)
            .collect();
        Evaluator::new(
            "test",
            Observed {
                labels,
                weights: None,
                groups,
            },
        )
        .baseline("constant", vec![0.4; 600])
        .model("wide | deep", known)
        .finish(&Bootstrap {
            resamples: 200,
            ..Bootstrap::default()
        })
    }

    #[test]
    fn models_come_first_and_differ_from_every_baseline() {
        let found = example();
        assert_eq!((found.rows, found.positives, found.users), (600, 240, 60));
        assert_eq!(
            found.lines.iter().map(|l| l.baseline).collect::<Vec<_>>(),
            [false, true]
        );
        let difference = &found.differences[0];
        let own = found.lines[0].measures.roc_auc.unwrap() - 0.5;
        assert!((difference.interval.difference - own).abs() < 1e-15);
        assert!(difference.interval.above_zero() && difference.interval.high > own);
        assert_eq!(difference.interval.resamples, 200);
    }

    #[test]
    fn figures_have_intervals_around_them_and_models_bins() {
        let found = example();
        let (model, baseline) = (&found.lines[0], &found.lines[1]);
        let around = |value: Option<f64>, bounds: Option<Bounds>| {
            let (value, bounds) = (value.unwrap(), bounds.unwrap());
            assert!(bounds.low <= value && value <= bounds.high, "{value} {bounds:?}");
            assert!(bounds.high - bounds.low < 0.2, "{bounds:?}");
        };
        let (m, i) = (&model.measures, &model.intervals);
        around(m.roc_auc, i.roc_auc);
        around(m.pr_auc, i.pr_auc);
        around(m.logloss, i.logloss);
        around(m.gauc.value, i.gauc);
        around(m.accuracy, i.accuracy);
        around(m.brier, i.brier);
        around(m.ndcg_10, i.ndcg_10);
        around(m.rmse, i.rmse);
        around(m.mae, i.mae);
        assert!(i.ece.unwrap().low <= m.ece.unwrap() && i.ece.unwrap().high < m.ece.unwrap() + 0.1);
        assert_eq!(baseline.intervals.roc_auc, Some(Bounds { low: 0.5, high: 0.5 }));
        assert!(model.calibration.len() > 3 && baseline.calibration.is_empty());
    }

    #[test]
    fn only_the_figures_asked_for_are_computed_and_told() {
        let whole = example();
        let observed = Observed {
            labels: (0_u32..600).map(|i| f64::from(i * 7 % 10 < 4)).collect(),
            weights: None,
            groups: (0..600).map(|i| i / 10).collect(),
        };
        let evaluator = |metrics: Vec<MetricName>| {
            let scores = (0_u32..600).map(|i| f64::from(i * 13 % 29) / 30.0).collect();
            let evaluator = Evaluator::new("test", observed.clone()).measuring(metrics.into());
            evaluator.model("m", scores).baseline("constant", vec![0.4; 600])
        };
        let bootstrap = Bootstrap {
            resamples: 50,
            ..Bootstrap::default()
        };
        let found = evaluator(vec![MetricName::Logloss, MetricName::Gauc]).finish(&bootstrap);
        let own = &found.lines[0];
        assert!(own.measures.logloss.is_some() && own.measures.gauc.value.is_some());
        assert_eq!(
            (own.measures.roc_auc, own.measures.rmse, own.measures.ndcg_10),
            (None, None, None)
        );
        assert!(
            own.intervals.logloss.is_some() && own.intervals.rmse.is_none() && own.calibration.is_empty()
        );
        assert!(found.differences.is_empty());
        let text = found.to_string();
        let head: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(head, ["logloss", "GAUC"]);
        assert!(text.contains("GAUC over") && !text.contains("ROC-AUC"), "{text}");
        assert!(found.markdown().contains("|  | logloss | GAUC |"));
        assert!(found.json().contains("\"metrics\":[\"logloss\",\"gauc\"]"));
        assert!(!whole.json().contains("\"metrics\""));
        let plain = evaluator(vec![MetricName::Mae]).finish(&bootstrap).to_string();
        assert!(!plain.contains("GAUC") && plain.contains("MAE"), "{plain}");
    }

    /// One user was made up of all rows, and every interval had no width.
    #[test]
    fn rows_that_name_no_user_are_drawn_one_by_one_and_have_no_figure_by_user() {
        let observed = Observed {
            labels: (0_u32..600).map(|i| f64::from(i * 7 % 10 < 4)).collect(),
            weights: None,
            groups: Vec::new(),
        };
        let scores = (0_u32..600).map(|i| f64::from(i * 13 % 29) / 30.0).collect();
        let found = Evaluator::new("test", observed)
            .model("m", scores)
            .baseline("constant", vec![0.4; 600])
            .slice(SliceRows {
                name: "cold items".to_owned(),
                rows: (0..600).map(|i| i < 300).collect(),
            })
            .finish(&Bootstrap {
                resamples: 100,
                ..Bootstrap::default()
            });
        assert_eq!((found.rows, found.users), (600, 0));
        for own in [&found.lines[0], &found.slices[0].lines[0]] {
            let (measures, intervals) = (own.measures, own.intervals);
            assert_eq!((measures.gauc.value, measures.ndcg_10), (None, None));
            for bounds in [
                intervals.roc_auc,
                intervals.logloss,
                intervals.ece,
                intervals.rmse,
            ] {
                let bounds = bounds.unwrap();
                assert!(bounds.low < bounds.high, "{bounds:?}");
            }
        }
        let difference = found.differences[0].interval;
        assert!(difference.low < difference.high, "{difference:?}");
        let (text, markdown) = (found.to_string(), found.markdown());
        assert!(text.starts_with("test: 600 rows, 40.0 % positive\n"), "{text}");
        assert!(text.contains("(100 resamples of rows, seed 1)"), "{text}");
        for absent in ["user", "GAUC", "NDCG"] {
            assert!(
                !text.contains(absent) && !markdown.contains(absent),
                "{absent}: {text}"
            );
        }
    }

    #[test]
    fn wrong_numbers_of_scores_have_no_figures_and_no_differences() {
        let observed = Observed {
            labels: vec![1.0, 0.0],
            weights: None,
            groups: vec![1, 2],
        };
        let found = Evaluator::new("t", observed)
            .model("m", vec![0.5])
            .baseline("b", vec![0.1, 0.2])
            .finish(&Bootstrap::default());
        assert_eq!(found.lines[0].measures, Measures::default());
        assert!(found.differences.is_empty());
    }

    #[test]
    fn weights_reach_every_figure() {
        let labels = vec![1.0, 0.0, 1.0, 0.0];
        let observed = |weights| Observed {
            labels: labels.clone(),
            weights,
            groups: vec![1, 1, 2, 2],
        };
        let scores = [0.9, 0.2, 0.3, 0.4];
        let plain = Measures::of(&observed(None), &scores, Meaning::Probability);
        let weighted = Measures::of(
            &observed(Some(vec![1.0, 1.0, 0.1, 0.1])),
            &scores,
            Meaning::Probability,
        );
        assert!(weighted.roc_auc > plain.roc_auc && weighted.gauc.value > plain.gauc.value);
        assert!(weighted.logloss < plain.logloss && weighted.brier < plain.brier);
        assert!(weighted.accuracy > plain.accuracy && weighted.pr_auc > plain.pr_auc);
    }

    #[test]
    fn json_reads_back() {
        let found = example();
        let text = found.json();
        assert_eq!(serde_json::from_str::<Evaluation>(&text).unwrap(), found);
    }
}
