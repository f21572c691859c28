//! Gate: may a new version take the place of the serving one?
//!
//! Both rank the same items for the same users; what is compared is the recall of lists of cold items, for which such models are made, and where
//! nothing cold was held out that of all lists. Decision: only a loss beyond the margin stops a version; a gain is not asked for,
//! because yesterday's version does not become better by staying.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::split::COLD_ITEMS;
use super::{Ranking, RankingLine};

/// What a gate compared, and what came of it. `Display` says it in a sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether the new version may serve.
    pub passed: bool,
    /// What was ranked.
    pub split: String,
    /// Places of a list that count.
    pub k: usize,
    /// Recall of the new version.
    pub recall: f64,
    /// Its standard error.
    pub error: f64,
    /// Name and version of the serving one.
    pub serving: String,
    /// Its recall.
    pub serving_recall: f64,
    /// What the new version may lose.
    pub margin: f64,
}

impl Verdict {
    /// Compares the rankings of a new version and of the serving one, called `serving`.
    #[must_use]
    pub fn of(new: &Ranking, old: &Ranking, serving: &str, margin: f64) -> Verdict {
        let (split, (recall, error)) = judged(new);
        let (_, (serving_recall, _)) = judged(old);
        Verdict {
            // a recall that is no number passes nothing
            passed: recall >= serving_recall - margin,
            split,
            k: new.k,
            recall,
            error,
            serving: serving.to_owned(),
            serving_recall,
            margin,
        }
    }
}

/// Recall on cold items, or of all lists, with its error.
fn judged(ranking: &Ranking) -> (String, (f64, f64)) {
    let own = ranking.own();
    let cold = own.and_then(|line| line.splits.iter().find(|found| found.split == COLD_ITEMS));
    let all = |line: &RankingLine| (line.all.recall, 0.0);
    match cold {
        Some(cold) => (COLD_ITEMS.to_owned(), (cold.recall, cold.error)),
        None => ("all items".to_owned(), own.map_or((f64::NAN, 0.0), all)),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (k, split, serving, margin) = (self.k, &self.split, &self.serving, self.margin);
        let (own, other) = (self.recall, self.serving_recall);
        let told = match self.passed {
            true => "within",
            false => "worse by more than",
        };
        write!(
            f,
            "recall@{k} of {split} is {own:.4} (± {:.4}), that of {serving}, which serves, {other:.4}: {told} the margin of {margin}",
            self.error
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Figures, ListIntervals, SplitFigures};
    use super::*;
    use crate::bootstrap::Bootstrap;

    fn ranking(all: f64, cold: Option<f64>) -> Ranking {
        let splits = cold.map(|recall| SplitFigures {
            split: COLD_ITEMS.to_owned(),
            recall,
            error: 0.01,
            ..SplitFigures::default()
        });
        let line = RankingLine {
            name: "own".to_owned(),
            baseline: false,
            all: Figures {
                recall: all,
                ..Figures::default()
            },
            intervals: ListIntervals::default(),
            sampled: None,
            splits: splits.into_iter().collect(),
        };
        Ranking {
            title: "test".to_owned(),
            k: 10,
            negatives: 0,
            users: 1,
            items: 1,
            relevant: 1,
            splits: Vec::new(),
            bootstrap: Bootstrap::default(),
            lines: vec![line],
        }
    }

    #[test]
    fn a_loss_beyond_the_margin_on_cold_items_stops_a_version() {
        let of = |new, old, margin| Verdict::of(&new, &old, "m@3", margin);
        let old = || ranking(0.5, Some(0.4));
        // whatever becomes of all lists
        let worse = of(ranking(0.9, Some(0.35)), old(), 0.02);
        assert!(!worse.passed);
        assert_eq!(
            worse.to_string(),
            "recall@10 of cold items is 0.3500 (± 0.0100), that of m@3, which serves, 0.4000: worse by more than the margin of 0.02"
        );
        assert!(of(ranking(0.1, Some(0.39)), old(), 0.02).passed);
        assert!(of(ranking(0.1, Some(0.41)), old(), 0.0).passed);
        assert!(!of(ranking(0.1, Some(f64::NAN)), old(), 0.02).passed);
    }

    #[test]
    fn without_cold_items_all_lists_are_compared() {
        let told = Verdict::of(&ranking(0.3, None), &ranking(0.5, None), "m@3", 0.1);
        assert!(!told.passed && told.split == "all items");
    }
}
