//! Figures of rankings, as text, Markdown and JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::by_user::{ByUser, bounds};
use super::split::{Split, SplitFigures};
use crate::bootstrap::Bootstrap;
use crate::metric::{Bounds, markdown_cell};

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

/// Bootstrap intervals of [`Figures`], users drawn with replacement. Coverage is no mean over users and has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListIntervals {
    /// Of the hit rate.
    pub hit_rate: Option<Bounds>,
    /// Of recall.
    pub recall: Option<Bounds>,
    /// Of precision.
    pub precision: Option<Bounds>,
    /// Of NDCG.
    pub ndcg: Option<Bounds>,
    /// Of MAP.
    pub map: Option<Bounds>,
    /// Of MRR.
    pub mrr: Option<Bounds>,
    /// Of diversity.
    pub diversity: Option<Bounds>,
    /// Of novelty.
    pub novelty: Option<Bounds>,
}

impl Figures {
    /// Means and errors in the order of [`ListIntervals`].
    pub(super) fn of(means: &[(f64, f64); 8], coverage: f64) -> Figures {
        let [hit_rate, recall, precision, ndcg, map, mrr, diversity, novelty] = means;
        Figures {
            hit_rate: hit_rate.0,
            hit_error: hit_rate.1,
            recall: recall.0,
            precision: precision.0,
            ndcg: ndcg.0,
            ndcg_error: ndcg.1,
            map: map.0,
            mrr: mrr.0,
            coverage,
            diversity: diversity.0,
            novelty: novelty.0,
        }
    }
}

impl ListIntervals {
    pub(super) fn of(bounds: [Option<Bounds>; 8]) -> ListIntervals {
        let [hit_rate, recall, precision, ndcg, map, mrr, diversity, novelty] = bounds;
        ListIntervals {
            hit_rate,
            recall,
            precision,
            ndcg,
            map,
            mrr,
            diversity,
            novelty,
        }
    }
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
    /// How sure they are.
    #[serde(default)]
    pub intervals: SampledIntervals,
}

/// Bootstrap intervals of [`Sampled`], users drawn with replacement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SampledIntervals {
    /// Of the hit rate.
    pub hit_rate: Option<Bounds>,
    /// Of NDCG.
    pub ndcg: Option<Bounds>,
    /// Of MRR.
    pub mrr: Option<Bounds>,
}

impl Sampled {
    /// Figures of each user's places, counted from 0.
    pub(super) fn of(places: &[Vec<usize>], k: usize, bootstrap: &Bootstrap) -> Sampled {
        let mut told: [ByUser; 3] = Default::default();
        let [hit_rate, ndcg, mrr] = &mut told;
        for places in places {
            let each = |figure: fn(f64) -> f64| {
                let places = places.iter();
                places.map(move |place| if *place < k { figure(*place as f64) } else { 0.0 })
            };
            hit_rate.user(each(|_| 1.0));
            ndcg.user(each(|place| 1.0 / (place + 2.0).log2()));
            mrr.user(each(|place| 1.0 / (place + 1.0)));
        }
        let [(hit_rate, hit_error), (ndcg, ndcg_error), (mrr, _)] = told.each_ref().map(ByUser::mean);
        let ends = bounds(&told, bootstrap);
        Sampled {
            hit_rate,
            hit_error,
            ndcg,
            ndcg_error,
            mrr,
            intervals: SampledIntervals {
                hit_rate: ends[0],
                ndcg: ends[1],
                mrr: ends[2],
            },
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
    /// How sure they are.
    #[serde(default)]
    pub intervals: ListIntervals,
    /// Among sampled items, where asked for.
    pub sampled: Option<Sampled>,
    /// Of the ranking's splits, in their order.
    #[serde(default)]
    pub splits: Vec<SplitFigures>,
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
    /// Groups of items and users whose lists are looked at on their own.
    #[serde(default)]
    pub splits: Vec<Split>,
    /// How the intervals were made (users drawn with replacement).
    #[serde(default)]
    pub bootstrap: Bootstrap,
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

/// A table with a heading; of the first row are heads.
pub(crate) struct RankingTable {
    pub(crate) heading: String,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Ranking {
    /// All tables: every ranker, the model's intervals, and groups.
    pub(crate) fn tables(&self) -> Vec<RankingTable> {
        let with = |heading: String, rows: Vec<Vec<String>>| RankingTable { heading, rows };
        let percent = (1_000.0 * self.bootstrap.level).round() / 10.0;
        let (resamples, seed) = (self.bootstrap.resamples, self.bootstrap.seed);
        let intervals = format!("{percent} % intervals ({resamples} resamples of users, seed {seed})");
        let groups = "By group of items and users".to_owned();
        let all = [
            with(String::new(), self.table()),
            with(intervals, self.intervals()),
            with(groups, self.by_group()),
        ];
        all.into_iter().filter(|table| table.rows.len() > 1).collect()
    }

    /// A row per ranker.
    fn table(&self) -> Vec<Vec<String>> {
        let mut heads = vec![format!("@{}, all items", self.k)];
        heads.extend(HEADS.iter().map(ToString::to_string));
        if self.negatives > 0 {
            let n = self.negatives;
            heads.extend(["hit rate", "NDCG", "MRR"].map(|figure| format!("{figure} of {n}")));
        }
        let row = |line: &RankingLine| {
            let mut row = vec![name(line)];
            row.extend(cells(&line.all).map(|v| format!("{v:.4}")));
            let sampled = line.sampled.iter().flat_map(|s| [s.hit_rate, s.ndcg, s.mrr]);
            row.extend(sampled.map(|v| format!("{v:.4}")));
            row
        };
        std::iter::once(heads).chain(self.lines.iter().map(row)).collect()
    }

    /// A row per figure of the model.
    fn intervals(&self) -> Vec<Vec<String>> {
        let of = |line: &RankingLine| {
            let (i, n) = (&line.intervals, self.negatives);
            let ends = [
                i.hit_rate,
                i.recall,
                i.precision,
                i.ndcg,
                i.map,
                i.mrr,
                None,
                i.diversity,
                i.novelty,
            ];
            let mut all: Vec<_> = HEADS.iter().map(ToString::to_string).zip(ends).collect();
            if let Some(i) = line.sampled.map(|sampled| sampled.intervals) {
                let named = [("hit rate", i.hit_rate), ("NDCG", i.ndcg), ("MRR", i.mrr)];
                all.extend(named.map(|(what, ends)| (format!("{what} of {n}"), ends)));
            }
            let row = |(what, ends): (String, Option<Bounds>)| {
                let Bounds { low, high } = ends?;
                Some(vec![
                    line.name.clone(),
                    what,
                    format!("{low:.4}"),
                    format!("{high:.4}"),
                ])
            };
            all.into_iter().filter_map(row).collect::<Vec<_>>()
        };
        let heads = ["", "figure", "low", "high"].map(str::to_owned).to_vec();
        let models = self.lines.iter().filter(|line| !line.baseline);
        std::iter::once(heads).chain(models.flat_map(of)).collect()
    }

    /// A row per group and ranker, the model's with intervals.
    fn by_group(&self) -> Vec<Vec<String>> {
        let heads = [format!("@{}", self.k), String::new()];
        let heads = heads
            .into_iter()
            .chain(["hit rate", "recall", "NDCG"].map(str::to_owned));
        let row = |line: &RankingLine, at: usize| {
            let own = line.splits.get(at)?;
            let cell = |value: f64, ends: Option<Bounds>| {
                let ends = ends.filter(|_| !line.baseline);
                let range = ends.map_or(String::new(), |b| format!(" ({:.4} … {:.4})", b.low, b.high));
                format!("{value:.4}{range}")
            };
            let i = &own.intervals;
            Some(vec![
                own.split.clone(),
                name(line),
                cell(own.hit_rate, i.hit_rate),
                cell(own.recall, i.recall),
                cell(own.ndcg, i.ndcg),
            ])
        };
        let rows = (0..self.splits.len()).flat_map(|at| self.lines.iter().filter_map(move |l| row(l, at)));
        std::iter::once(heads.collect()).chain(rows).collect()
    }

    /// The tables as Markdown, with what was ranked.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!("{}\n", self.about());
        for table in self.tables() {
            if !table.heading.is_empty() {
                text += &format!("\n{}\n", table.heading);
            }
            text.push('\n');
            for (at, row) in table.rows.iter().enumerate() {
                let cells: Vec<String> = row.iter().map(|cell| markdown_cell(cell)).collect();
                text += &format!("| {} |\n", cells.join(" | "));
                if at == 0 {
                    text += &format!("|---|{}\n", "---:|".repeat(row.len() - 1));
                }
            }
        }
        text
    }

    /// What was ranked, for whom.
    pub(crate) fn about(&self) -> String {
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
            text += &match items < self.items {
                true => format!(" {name}: {items} ranked alone, {relevant} of them liked by {users} users."),
                false => format!(" {name}: {users}, who liked {relevant} items."),
            };
        }
        text
    }

    /// The figures of the model.
    #[must_use]
    pub fn own(&self) -> Option<&RankingLine> {
        self.lines.iter().find(|line| !line.baseline)
    }
}

/// A ranker's name, in brackets where it is a baseline.
fn name(line: &RankingLine) -> String {
    if line.baseline {
        format!("({})", line.name)
    } else {
        line.name.clone()
    }
}

impl fmt::Display for Ranking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.about())?;
        for table in self.tables() {
            if !table.heading.is_empty() {
                write!(f, "\n{}", table.heading)?;
            }
            aligned(f, &table.rows)?;
        }
        Ok(())
    }
}

/// First column to the left, the others to the right, two spaces between.
fn aligned(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |c: usize| rows.iter().map(|row| row[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        write!(f, "\n{:<1$}", row[0], widths[0])?;
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            write!(f, "  {cell:>width$}")?;
        }
    }
    Ok(())
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
