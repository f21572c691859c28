//! Rows in order of their score, tied rows together: what AUC and PR-AUC walk over.
//!
//! Decision: sorting is separated from summing, because a bootstrap asks for the same AUC under a thousand different
//! weightings: one sort, then one pass each.

use super::{positive, valid};

/// Rows sorted by falling score. Cost: O(n log n) to make, O(n) per figure.
#[derive(Debug, Clone)]
pub struct Ranked {
    /// Row numbers, best score first.
    order: Vec<u32>,
    /// Whether the row at that place is positive.
    positive: Vec<bool>,
    /// Ends (exclusive) of the runs of equal scores.
    ends: Vec<usize>,
}

/// Weight of positives and negatives in a run of equal scores.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Run {
    pub(crate) positives: f64,
    pub(crate) negatives: f64,
}

impl Ranked {
    /// Sorts rows; `None` when lengths differ, something is `NaN` or there are 2³² rows or more.
    pub fn new(labels: &[f64], scores: &[f64]) -> Option<Ranked> {
        valid(labels, scores, None)?;
        let rows = u32::try_from(labels.len()).ok()?;
        let score = |row: u32| scores[row as usize] + 0.0;
        let mut order: Vec<u32> = (0..rows).collect();
        order.sort_unstable_by(|a, b| score(*b).total_cmp(&score(*a)));
        let changes = order
            .windows(2)
            .enumerate()
            .filter(|(_, pair)| score(pair[0]) != score(pair[1]));
        let mut ends: Vec<usize> = changes.map(|(at, _)| at + 1).collect();
        ends.push(order.len());
        let positive = order.iter().map(|row| positive(labels[*row as usize])).collect();
        Some(Ranked {
            order,
            positive,
            ends,
        })
    }

    /// ROC-AUC with `weights[row]` per row (1 each without); ties count half. `None` when a class has no weight.
    ///
    /// AUC = Σ over positives i and negatives j of wᵢ wⱼ \[sᵢ > sⱼ\] + ½ \[sᵢ = sⱼ\], over Σ wᵢ Σ wⱼ
    /// (Hanley and McNeil 1982).
    pub fn auc(&self, weights: Option<&[f64]>) -> Option<f64> {
        self.areas(weights).0
    }

    /// [`Ranked::auc`], and average precision as [`super::pr_auc`] tells it, in one pass.
    pub(crate) fn areas(&self, weights: Option<&[f64]>) -> (Option<f64>, Option<f64>) {
        let (mut positives, mut negatives, mut area, mut precision) = (0.0, 0.0, 0.0, 0.0);
        let passed = self.for_each_run(weights, |run| {
            area += run.negatives * (positives + 0.5 * run.positives);
            positives += run.positives;
            negatives += run.negatives;
            if run.positives > 0.0 {
                precision += run.positives * positives / (positives + negatives);
            }
        });
        let told = passed.filter(|()| positives > 0.0);
        let roc = told.filter(|()| negatives > 0.0);
        (
            roc.map(|()| area / (positives * negatives)),
            told.map(|()| precision / positives),
        )
    }

    /// Calls `visit` with each run of equal scores, best first; `None` when there are fewer weights than rows.
    pub(crate) fn for_each_run(&self, weights: Option<&[f64]>, mut visit: impl FnMut(Run)) -> Option<()> {
        if weights.is_some_and(|w| w.len() != self.order.len()) {
            return None;
        }
        let mut start = 0;
        for &end in &self.ends {
            let mut run = Run::default();
            for place in start..end {
                let weight = weights.map_or(1.0, |w| w[self.order[place] as usize]);
                let side = if self.positive[place] {
                    &mut run.positives
                } else {
                    &mut run.negatives
                };
                *side += weight;
            }
            visit(run);
            start = end;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_are_one_run_and_minus_zero_is_zero() {
        let ranked = Ranked::new(&[1.0, 0.0, 1.0, 0.0], &[0.5, -0.0, 0.0, 0.5]).unwrap();
        let mut runs = Vec::new();
        ranked.for_each_run(None, |run| runs.push(run)).unwrap();
        assert_eq!(
            runs,
            [Run {
                positives: 1.0,
                negatives: 1.0
            }; 2]
        );
    }

    #[test]
    fn infinite_scores_have_their_place() {
        let ranked = Ranked::new(&[1.0, 0.0], &[f64::INFINITY, f64::NEG_INFINITY]).unwrap();
        assert_eq!(ranked.auc(None), Some(1.0));
        assert_eq!(ranked.auc(Some(&[1.0])), None);
    }
}
