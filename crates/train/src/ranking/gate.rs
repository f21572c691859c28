//! Gate: may a new version take the place of the serving one?
//!
//! Both rank the same items for the same users; what is compared is a figure of their lists: unless the model file says otherwise the
//! recall of cold items, for which such models are made. Decision: only a loss beyond the margin stops a version; a gain is not asked
//! for, because yesterday's version does not become better by staying. A day on which nothing of the split was held out is judged by all
//! lists, and the verdict says so: a nightly job must not stand still because nothing was new.

use std::fmt;

use rankine_model::config::{Gate, GateMetric, GateSplit};
use serde::{Deserialize, Serialize};

use super::split::{COLD_ITEMS, FREQUENT_ITEMS, KNOWN_USERS, NEW_USERS, RARE_ITEMS, WARM_ITEMS};
use super::{Figures, ListIntervals, Ranking, SplitFigures};
use crate::metric::Bounds;

/// What a gate compared, and what came of it. `Display` says it in a sentence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether the new version may serve.
    pub passed: bool,
    /// What was ranked.
    pub split: String,
    /// The figure: recall, hit rate or NDCG.
    pub metric: String,
    /// Places of a list that count.
    pub k: usize,
    /// The figure of the new version.
    pub value: f64,
    /// Its standard error, where that is known: of recall and of all lists' hit rate and NDCG.
    pub error: Option<f64>,
    /// Its interval, users drawn with replacement.
    #[serde(default)]
    pub interval: Option<Bounds>,
    /// Name and version of the serving one.
    pub serving: String,
    /// Its figure.
    pub serving_value: f64,
    /// Its interval.
    #[serde(default)]
    pub serving_interval: Option<Bounds>,
    /// What the new version may lose.
    pub margin: f64,
}

impl Verdict {
    /// Compares the rankings of a new version and of the serving one, called `serving`.
    #[must_use]
    pub fn of(new: &Ranking, old: &Ranking, serving: &str, gate: &Gate) -> Verdict {
        let ((split, own), (_, old)) = (judged(new, gate), judged(old, gate));
        Verdict {
            // a figure that is no number passes nothing
            passed: own.value >= old.value - gate.margin,
            split,
            metric: gate.metric.name().to_owned(),
            k: new.k,
            value: own.value,
            error: own.error,
            interval: own.interval,
            serving: serving.to_owned(),
            serving_value: old.value,
            serving_interval: old.interval,
            margin: gate.margin,
        }
    }

    /// What was compared, in words.
    #[must_use]
    pub fn figure(&self) -> String {
        format!("{}@{} of {}", self.metric, self.k, self.split)
    }
}

/// A figure, and how sure it is.
struct Sure {
    value: f64,
    error: Option<f64>,
    interval: Option<Bounds>,
}

/// The name that a ranking has for what a gate ranks; none for everything.
fn named(split: GateSplit) -> Option<&'static str> {
    match split {
        GateSplit::ColdItems => Some(COLD_ITEMS),
        GateSplit::WarmItems => Some(WARM_ITEMS),
        GateSplit::RareItems => Some(RARE_ITEMS),
        GateSplit::FrequentItems => Some(FREQUENT_ITEMS),
        GateSplit::NewUsers => Some(NEW_USERS),
        GateSplit::KnownUsers => Some(KNOWN_USERS),
        GateSplit::All => None,
    }
}

/// What was ranked, and the model's figure of it.
fn judged(ranking: &Ranking, gate: &Gate) -> (String, Sure) {
    let own = ranking.own();
    let of_split = |name| own.and_then(|line| line.splits.iter().find(|found| found.split == name));
    match named(gate.split).and_then(of_split) {
        Some(split) => (split.split.clone(), split_figure(split, gate.metric)),
        None => {
            let nothing = Sure {
                value: f64::NAN,
                error: None,
                interval: None,
            };
            let all = own.map(|line| figure(&line.all, &line.intervals, gate.metric));
            ("all items".to_owned(), all.unwrap_or(nothing))
        }
    }
}

fn split_figure(of: &SplitFigures, metric: GateMetric) -> Sure {
    let (value, error, interval) = match metric {
        GateMetric::Recall => (of.recall, Some(of.error), of.intervals.recall),
        GateMetric::HitRate => (of.hit_rate, None, of.intervals.hit_rate),
        GateMetric::Ndcg => (of.ndcg, None, of.intervals.ndcg),
    };
    Sure {
        value,
        error,
        interval,
    }
}

fn figure(of: &Figures, intervals: &ListIntervals, metric: GateMetric) -> Sure {
    let (value, error, interval) = match metric {
        GateMetric::Recall => (of.recall, None, intervals.recall),
        GateMetric::HitRate => (of.hit_rate, Some(of.hit_error), intervals.hit_rate),
        GateMetric::Ndcg => (of.ndcg, Some(of.ndcg_error), intervals.ndcg),
    };
    Sure {
        value,
        error,
        interval,
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {:.4}", self.figure(), self.value)?;
        if let Some(error) = self.error {
            write!(f, " (± {error:.4})")?;
        }
        let told = match self.passed {
            true => "within",
            false => "worse by more than",
        };
        write!(
            f,
            ", that of {}, which serves, {:.4}: {told} the margin of {}",
            self.serving, self.serving_value, self.margin
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::RankingLine;
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
        let of = |new, old, margin| Verdict::of(&new, &old, "m@3", &Gate::of(margin));
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
    fn a_verdict_has_the_intervals_of_both() {
        let with = |low| {
            let mut made = ranking(0.5, Some(0.5));
            made.lines[0].splits[0].intervals.recall = Some(Bounds { low, high: 0.9 });
            made
        };
        let told = Verdict::of(&with(0.1), &with(0.2), "m@3", &Gate::of(0.1));
        let lows = [told.interval, told.serving_interval].map(|bounds| bounds.unwrap().low);
        assert_eq!(
            (lows, told.figure().as_str()),
            ([0.1, 0.2], "recall@10 of cold items")
        );
    }

    #[test]
    fn without_cold_items_all_lists_are_compared() {
        let told = Verdict::of(&ranking(0.3, None), &ranking(0.5, None), "m@3", &Gate::of(0.1));
        assert!(!told.passed && told.split == "all items");
    }

    #[test]
    fn the_figure_and_the_split_are_those_that_the_gate_names() {
        let with = |ndcg| {
            let mut made = ranking(0.5, Some(0.5));
            made.lines[0].all.hit_rate = ndcg;
            made.lines[0].splits[0].ndcg = ndcg;
            made
        };
        let gate = |metric, split| Gate {
            metric,
            split,
            ..Gate::of(0.05)
        };
        let told = |gate| Verdict::of(&with(0.1), &with(0.2), "m@3", &gate).to_string();
        assert_eq!(
            told(gate(GateMetric::Ndcg, GateSplit::ColdItems)),
            "NDCG@10 of cold items is 0.1000, that of m@3, which serves, 0.2000: worse by more than the margin of 0.05"
        );
        assert!(
            told(gate(GateMetric::HitRate, GateSplit::All))
                .starts_with("hit rate@10 of all items is 0.1000 (±")
        );
        // nothing of the split was held out
        let users = told(gate(GateMetric::Recall, GateSplit::NewUsers));
        assert!(users.starts_with("recall@10 of all items is 0.5000,"), "{users}");
    }
}
