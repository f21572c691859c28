//! Figures of rankings, as text, Markdown and JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::split::{Split, SplitRecall};
use crate::metric::markdown_cell;

/// Figures of lists over all items: means over users; errors are standard errors of the mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Share of lists with anything relevant.
    pub hit_rate: f64,
    /// Its standard error.
    pub hit_error: f64,
    /// Share of the relevant items that lists have.
    pub recall: f64,
    /// Share of lists that is relevant.
    pub precision: f64,
    /// How well lists are ordered.
    pub ndcg: f64,
    /// Its standard error.
    pub ndcg_error: f64,
    /// Mean average precision.
    pub map: f64,
    /// Mean reciprocal rank.
    pub mrr: f64,
    /// Share of items that any list has.
    pub coverage: f64,
    /// How little the items of a list have in common.
    pub diversity: f64,
    /// How few met the items of a list, in bits.
    pub novelty: f64,
}

/// Figures of held-out items, each among sampled others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sampled {
    /// Share that came among the first k.
    pub hit_rate: f64,
    /// Its standard error.
    pub hit_error: f64,
    /// Mean of 1 / log₂(place + 1) of those.
    pub ndcg: f64,
    /// Its standard error.
    pub ndcg_error: f64,
    /// Mean of 1 / place of those.
    pub mrr: f64,
}

impl Sampled {
    /// Figures of places, counted from 0.
    pub(super) fn of(places: &[usize], k: usize) -> Sampled {
        let within = |figure: &dyn Fn(f64) -> f64| {
            mean(
                places
                    .iter()
                    .map(|place| if *place < k { figure(*place as f64) } else { 0.0 }),
            )
        };
        let (hit_rate, hit_error) = within(&|_| 1.0);
        let (ndcg, ndcg_error) = within(&|place| 1.0 / (place + 2.0).log2());
        Sampled {
            hit_rate,
            hit_error,
            ndcg,
            ndcg_error,
            mrr: within(&|place| 1.0 / (place + 1.0)).0,
        }
    }
}

/// One ranker's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankingLine {
    /// Name of the model or baseline.
    pub name: String,
    /// Whether it is a baseline.
    pub baseline: bool,
    /// Over all items.
    pub all: Figures,
    /// Among sampled items, where asked for.
    pub sampled: Option<Sampled>,
    /// Of the ranking's splits, in their order.
    #[serde(default)]
    pub splits: Vec<SplitRecall>,
}

/// A model's rankings beside those of baselines. `Display` prints aligned text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// Name of the held-out rows.
    pub title: String,
    /// Places of a list that count.
    pub k: usize,
    /// Others that held-out items were ranked among; 0: none.
    pub negatives: usize,
    /// Users with a list.
    pub users: usize,
    /// Items that were ranked.
    pub items: usize,
    /// Held-out items they liked.
    pub relevant: usize,
    /// Cold and warm lists, where anything held out is cold.
    #[serde(default)]
    pub splits: Vec<Split>,
    /// The model, then baselines.
    pub lines: Vec<RankingLine>,
}

/// Heads of the columns of [`cells`].
const HEADS: [&str; 9] = [
    "hit rate",
    "recall",
    "precision",
    "NDCG",
    "MAP",
    "MRR",
    "coverage",
    "diversity",
    "novelty",
];

fn cells(f: &Figures) -> [f64; 9] {
    [
        f.hit_rate,
        f.recall,
        f.precision,
        f.ndcg,
        f.map,
        f.mrr,
        f.coverage,
        f.diversity,
        f.novelty,
    ]
}

impl Ranking {
    /// The rows of a table: heads, then a row per line.
    fn table(&self) -> Vec<Vec<String>> {
        let mut heads = vec![format!("@{}, all items", self.k)];
        heads.extend(HEADS.iter().map(ToString::to_string));
        if self.negatives > 0 {
            let n = self.negatives;
            heads.extend([format!("hit rate of {n}"), format!("NDCG of {n}")]);
        }
        heads.extend(self.splits.iter().map(|split| format!("recall, {}", split.name)));
        let row = |line: &RankingLine| {
            let name = if line.baseline {
                format!("({})", line.name)
            } else {
                line.name.clone()
            };
            let mut row = vec![name];
            row.extend(cells(&line.all).map(|v| format!("{v:.4}")));
            row.extend(
                line.sampled
                    .iter()
                    .flat_map(|s| [s.hit_rate, s.ndcg])
                    .map(|v| format!("{v:.4}")),
            );
            row.extend(line.splits.iter().map(|split| format!("{:.4}", split.recall)));
            row
        };
        std::iter::once(heads).chain(self.lines.iter().map(row)).collect()
    }

    /// The table as Markdown, with what was ranked.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!("{}\n\n", self.about());
        for (at, row) in self.table().iter().enumerate() {
            let cells: Vec<String> = row.iter().map(|cell| markdown_cell(cell)).collect();
            text += &format!("| {} |\n", cells.join(" | "));
            if at == 0 {
                text += &format!("|---|{}\n", "---:|".repeat(row.len() - 1));
            }
        }
        text
    }

    fn about(&self) -> String {
        let (title, users, items, relevant) = (&self.title, self.users, self.items, self.relevant);
        let mut text = format!(
            "Lists of {users} users over {items} items, {relevant} of them liked in {title}; what a user had met is left out."
        );
        if self.negatives > 0 {
            let n = self.negatives;
            text += &format!(" \"of {n}\": each liked item among {n} drawn from those the user never met.");
        }
        for split in &self.splits {
            let (name, users, items, relevant) = (&split.name, split.users, split.items, split.relevant);
            text += &format!(" {name}: {items} ranked alone, {relevant} of them liked by {users} users.");
        }
        text
    }

    /// The figures of the model.
    #[must_use]
    pub fn own(&self) -> Option<&RankingLine> {
        self.lines.iter().find(|line| !line.baseline)
    }
}

impl fmt::Display for Ranking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table();
        let columns = table.first().map_or(0, Vec::len);
        let width = |c: usize| table.iter().map(|row| row[c].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        write!(f, "{}", self.about())?;
        for row in &table {
            write!(f, "\n{:<1$}", row[0], widths[0])?;
            for (cell, width) in row.iter().zip(&widths).skip(1) {
                write!(f, "  {cell:>width$}")?;
            }
        }
        Ok(())
    }
}

/// The mean and its standard error; zeros without numbers.
pub(super) fn mean(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for number in numbers {
        n += 1.0;
        sum += number;
        squares += number * number;
    }
    if n == 0.0 {
        return (0.0, 0.0);
    }
    let mean: f64 = sum / n;
    (mean, ((squares / n - mean * mean).max(0.0) / n).sqrt())
}
