//! Figures by group: the same measures over the rows of new users, of cold items and of what is left.
//!
//! Decision: a group is a list of rows with a name, made by whoever knows how often a user or an item was seen in training;
//! metrics know nothing of counts.

use serde::{Deserialize, Serialize};

use super::evaluation::Entry;
use super::{Intervals, Line, Measures, Observed};

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
    /// Measures all entries on these rows; none where there are no rows.
    pub(super) fn measure(&self, observed: &Observed, entries: &[Entry]) -> Option<Slice> {
        let own = Observed {
            labels: self.of(&observed.labels),
            weights: observed.weights.as_ref().map(|weights| self.of(weights)),
            groups: self.of(&observed.groups),
        };
        let line = |entry: &Entry| Line {
            name: entry.name.clone(),
            baseline: entry.baseline,
            measures: Measures::of(&own, &self.of(&entry.scores)),
            intervals: Intervals::default(),
            calibration: Vec::new(),
        };
        (!own.labels.is_empty()).then(|| Slice {
            name: self.name.clone(),
            rows: own.labels.len(),
            positives: own.labels.iter().filter(|label| **label > 0.5).count(),
            lines: entries.iter().map(line).collect(),
        })
    }

    fn of<T: Copy>(&self, values: &[T]) -> Vec<T> {
        let kept = values.iter().zip(&self.rows).filter(|(_, own)| **own);
        kept.map(|(value, _)| *value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Evaluator;
    use super::*;
    use crate::bootstrap::Bootstrap;

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
        assert!(found.to_string().contains("new: 2 rows"), "{found}");
        assert!(found.markdown().contains("| new |"), "{}", found.markdown());
    }
}
