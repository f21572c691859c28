//! Figures by group: the same measures over the rows of new users, of cold items and of what is left.
//!
//! Decision: a group is a list of rows with a name, made by whoever knows how often a user or an item was seen in training;
//! metrics know nothing of counts.

use rankine_model::config::Metrics;
use serde::{Deserialize, Serialize};

use super::evaluation::Entry;
use super::intervals::resampled;
use super::{Intervals, Line, Measures, Observed};
use crate::bootstrap::Bootstrap;

/// A group of rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SliceRows {
    /// What they share: `cold items (fewer than 5 training samples)`.
    pub name: String,
    /// Whether each row is one of them.
    pub rows: Vec<bool>,
}

/// All lines over a group of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// What the rows share.
    pub name: String,
    /// How many there are.
    pub rows: usize,
    /// How many of them are positive.
    pub positives: usize,
    /// The figures, as in the evaluation itself.
    pub lines: Vec<Line>,
}

impl SliceRows {
    /// Measures these figures of all entries on these rows, those of models with intervals; none where there are no rows.
    pub(super) fn measure(
        &self,
        observed: &Observed,
        (entries, metrics): (&[Entry], Metrics),
        bootstrap: &Bootstrap,
    ) -> Option<Slice> {
        let own = Observed {
            labels: self.of(&observed.labels),
            weights: observed.weights.as_ref().map(|weights| self.of(weights)),
            groups: self.of(&observed.groups),
        };
        let lines = entries
            .iter()
            .map(|entry| entry.of_rows(&own, (&self.of(&entry.scores), metrics), bootstrap));
        (!own.labels.is_empty()).then(|| Slice {
            name: self.name.clone(),
            rows: own.labels.len(),
            positives: own.labels.iter().filter(|label| **label > 0.5).count(),
            lines: lines.collect(),
        })
    }

    fn of<T: Copy>(&self, values: &[T]) -> Vec<T> {
        let kept = values.iter().zip(&self.rows).filter(|(_, own)| **own);
        kept.map(|(value, _)| *value).collect()
    }
}

impl Entry {
    /// These figures of some rows' scores.
    fn of_rows(&self, rows: &Observed, (scores, metrics): (&[f64], Metrics), bootstrap: &Bootstrap) -> Line {
        let measures = Measures::some((self.meaning, metrics), rows, scores);
        let told = !self.baseline && rows.is_drawn();
        let drawn = told.then(|| resampled(rows, &[(scores, &measures)], bootstrap).pop());
        Line {
            name: self.name.clone(),
            baseline: self.baseline,
            measures,
            intervals: drawn
                .flatten()
                .map_or_else(Intervals::default, |(found, _)| found),
            calibration: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rankine_model::config::Meaning;

    use super::super::{Evaluation, Evaluator};
    use super::*;

    #[test]
    fn a_group_has_the_figures_of_its_rows_alone() {
        let observed = Observed {
            labels: vec![1.0, 0.0, 1.0, 0.0],
            weights: None,
            groups: vec![1, 1, 2, 2],
        };
        let slice = |name: &str, rows: [bool; 4]| SliceRows {
            name: name.to_owned(),
            rows: rows.to_vec(),
        };
        let found = Evaluator::new("t", observed)
            .model("m", vec![0.9, 0.1, 0.2, 0.8])
            .baseline("b", vec![0.5; 4])
            .slice(slice("known", [true, true, false, false]))
            .slice(slice("new", [false, false, true, true]))
            .slice(slice("nobody", [false; 4]))
            .finish(&Bootstrap {
                resamples: 10,
                ..Bootstrap::default()
            });
        let figures: Vec<_> = found
            .slices
            .iter()
            .map(|s| (s.name.as_str(), s.rows, s.positives, s.lines[0].measures.roc_auc))
            .collect();
        assert_eq!(figures, [("known", 2, 1, Some(1.0)), ("new", 2, 1, Some(0.0))]);
        assert_eq!(found.slices[1].lines[1].name, "b");
        let sure = found.slices.iter().flat_map(|slice| &slice.lines);
        let sure: Vec<bool> = sure.map(|line| line.intervals.roc_auc.is_some()).collect();
        assert_eq!(sure, [true, false, true, false]);
        assert!(found.to_string().contains("new: 2 rows"), "{found}");
        assert!(found.markdown().contains("| new |"), "{}", found.markdown());
    }

    #[test]
    fn scores_that_are_no_probabilities_have_no_figures_of_some_in_any_table() {
        let observed = || Observed {
            labels: vec![1.0, 0.0, 1.0, 0.0],
            weights: None,
            groups: vec![1, 1, 2, 2],
        };
        let of = |meaning| {
            Evaluator::new("t", observed())
                .model("m", vec![7.0, -1.0, 3.0, 2.0])
                .baseline("b", vec![0.5; 4])
                .slice(SliceRows {
                    name: "known".to_owned(),
                    rows: vec![true, true, false, false],
                })
                .saying(meaning)
                .finish(&Bootstrap {
                    resamples: 10,
                    ..Bootstrap::default()
                })
        };
        let lines = |found: &Evaluation| [found.lines.clone(), found.slices[0].lines.clone()].concat();
        let order = of(Meaning::Order);
        for line in lines(&order) {
            let m = &line.measures;
            assert!(m.roc_auc.is_some() && m.gauc.value.is_some());
            let of_probabilities = [m.logloss, m.accuracy, m.brier, m.ece, m.rmse, m.mae];
            assert!(
                of_probabilities
                    .iter()
                    .all(|figure| figure.is_some() == line.baseline),
                "{line:?}"
            );
            assert!(line.calibration.is_empty() && (line.baseline || line.intervals.logloss.is_none()));
        }
        assert!(order.to_string().contains("they are no probabilities"));
        for line in lines(&of(Meaning::Number)) {
            let m = &line.measures;
            assert!(m.rmse.is_some() && m.mae.is_some(), "{line:?}");
            assert_eq!([m.logloss, m.accuracy, m.brier, m.ece], [None; 4]);
        }
    }
}
