//! `rankine index measure`: several pairs of user and item vectors on the same held-out samples: AUC, and lists over all candidates.
//!
//! All are measured on the samples that every pair has vectors for, and a list leaves out what its user had met. Without
//! vectors of users the item's own number is the score: so popularity is a pair, too. Every figure has a bootstrap interval over
//! users; those of all pairs are of the same resamples.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, ensure};
use clap::Args;
use rankine_model::config::{Meaning, MetricName};
use rankine_table::for_each_row;
use rankine_table::vectors::VectorTable;
use rankine_train::bootstrap::{Bootstrap, Unit};
use rankine_train::metric::{Bounds, Evaluator, Observed, top};
use serde::Serialize;

use super::Globals;
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  rankine index measure test.csv --candidates counts.txt --seen behaviour.csv --top 20 \\\n    \
    --vectors fine-tuned=items64.txt,users64.txt --vectors raw=items.txt,users.txt,cosine --vectors popularity=counts.txt"
)]
pub(crate) struct Options {
    /// Held-out samples: a table with the columns label, user, item
    #[arg(value_name = "SAMPLES")]
    samples: PathBuf,
    /// What is measured: a name, vectors of items, of users, and `cosine` where lengths shall not count
    #[arg(long, required = true, value_name = "NAME=ITEMS[,USERS][,cosine]")]
    vectors: Vec<Named>,
    /// Lists are made of the ids of this file of vectors; default: of the first items
    #[arg(long, value_name = "FILE")]
    candidates: Option<PathBuf>,
    /// Who had met what (columns user, item): lists leave it out
    #[arg(long, value_name = "FILE")]
    seen: Option<PathBuf>,
    /// Items per list
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    top: usize,
}

/// One pair of files.
#[derive(Debug, Clone)]
struct Named {
    name: String,
    items: PathBuf,
    users: Option<PathBuf>,
    cosine: bool,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Named, String> {
        let expected = || "expected NAME=ITEMS[,USERS][,cosine]".to_owned();
        let (name, rest) = text.split_once('=').ok_or_else(expected)?;
        let mut parts: Vec<&str> = rest.split(',').collect();
        let cosine = parts.last() == Some(&"cosine");
        parts.truncate(parts.len() - usize::from(cosine));
        let (items, users) = match parts[..] {
            [items] => (items, None),
            [items, users] => (items, Some(users)),
            _ => return Err(expected()),
        };
        Ok(Named {
            name: name.to_owned(),
            items: items.into(),
            users: users.map(Into::into),
            cosine,
        })
    }
}

/// A pair, read.
struct Pair {
    name: String,
    items: BTreeMap<String, Vec<f32>>,
    users: Option<BTreeMap<String, Vec<f32>>>,
}

/// One line of the answer.
#[derive(Debug, Serialize)]
struct Line {
    name: String,
    auc: Option<f64>,
    gauc: Option<f64>,
    recall: f64,
    ndcg: f64,
    /// How sure they are, users drawn with replacement.
    intervals: Intervals,
}

/// Ends of the figures of a [`Line`].
#[derive(Debug, Serialize)]
struct Intervals {
    auc: Option<Bounds>,
    gauc: Option<Bounds>,
    recall: Option<Bounds>,
    ndcg: Option<Bounds>,
}

type Samples = Vec<(bool, String, String)>;

/// Measures and prints.
///
/// # Errors
/// Files that cannot be read, widths that differ, no sample that all have vectors for.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let pairs = options.vectors.iter().map(Pair::read);
    let pairs = pairs.collect::<anyhow::Result<Vec<_>>>()?;
    let all = samples(&options.samples)?;
    let count = all.len();
    let kept: Samples = all
        .into_iter()
        .filter(|row| pairs.iter().all(|pair| pair.has(row)))
        .collect();
    ensure!(
        !kept.is_empty(),
        "{}: no sample has all its vectors",
        options.samples.display()
    );
    let candidates = candidates(options, &pairs)?;
    let seen = options.seen.as_deref().map(met).transpose()?.unwrap_or_default();
    let bootstrap = Bootstrap::default().bounded(kept.len());
    let measured = pairs
        .iter()
        .map(|pair| pair.measure(&kept, (&candidates, &seen), (options.top, &bootstrap)));
    let lines: Vec<Line> = measured.collect();
    if globals.json {
        return output::json(&serde_json::json!({
            "samples": kept.len(), "left_out": count - kept.len(), "candidates": candidates.len(),
            "top": options.top, "lines": lines, "bootstrap": bootstrap,
        }));
    }
    output::line(&format!(
        "{} samples ({} left out for want of a vector), lists of {} out of {}",
        kept.len(),
        count - kept.len(),
        options.top,
        candidates.len()
    ));
    output::line(&print(&lines, options.top));
    output::line(&format!(
        "in brackets: {} % intervals ({} resamples of users, seed {})",
        (1_000.0 * bootstrap.level).round() / 10.0,
        bootstrap.resamples,
        bootstrap.seed
    ));
    Ok(())
}

fn print(lines: &[Line], k: usize) -> String {
    let cell = |(value, ends): (Option<f64>, Option<Bounds>)| {
        let value = value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
        let range = ends.map_or(String::new(), |b| format!(" ({:.4} … {:.4})", b.low, b.high));
        value + &range
    };
    let row = |line: &Line| {
        let sure = &line.intervals;
        let figures = [
            (line.auc, sure.auc),
            (line.gauc, sure.gauc),
            (Some(line.recall), sure.recall),
            (Some(line.ndcg), sure.ndcg),
        ];
        let figures = figures.into_iter().map(cell);
        [line.name.clone()].into_iter().chain(figures).collect()
    };
    let rows: Vec<Vec<String>> = lines.iter().map(row).collect();
    let (recall, ndcg) = (format!("recall@{k}"), format!("NDCG@{k}"));
    output::table(&["", "AUC", "AUC per user", &recall, &ndcg], &rows)
}

impl Pair {
    fn read(named: &Named) -> anyhow::Result<Pair> {
        let read = |path: &PathBuf| -> anyhow::Result<(usize, BTreeMap<String, Vec<f32>>)> {
            let table = VectorTable::read(path)?;
            let row = |at: usize| (table.ids[at].clone(), scaled(table.row(at), named.cosine));
            Ok((table.width, (0..table.ids.len()).map(row).collect()))
        };
        let (width, items) = read(&named.items)?;
        let users = named.users.as_ref().map(read).transpose()?;
        let other = users.as_ref().map_or(1, |users| users.0);
        ensure!(
            width == other,
            "{}: items have {width} numbers, users {other}",
            named.name
        );
        Ok(Pair {
            name: named.name.clone(),
            items,
            users: users.map(|users| users.1),
        })
    }

    fn has(&self, (_, user, item): &(bool, String, String)) -> bool {
        self.items.contains_key(item) && self.users.as_ref().is_none_or(|users| users.contains_key(user))
    }

    /// The score of an item with a vector, for a user with one.
    fn score(&self, user: &str, item: &[f32]) -> f64 {
        let one = &vec![1.0];
        let user = self.users.as_ref().map_or(Some(one), |users| users.get(user));
        let product = |user: &Vec<f32>| {
            user.iter()
                .zip(item)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum()
        };
        user.map_or(f64::NEG_INFINITY, product)
    }

    fn measure(
        &self,
        samples: &Samples,
        lists: (&[String], &BTreeMap<String, BTreeSet<String>>),
        (k, bootstrap): (usize, &Bootstrap),
    ) -> Line {
        let labels: Vec<f64> = samples.iter().map(|row| f64::from(u8::from(row.0))).collect();
        let scores: Vec<f64> = samples
            .iter()
            .map(|row| self.score(&row.1, &self.items[&row.2]))
            .collect();
        let mut places: BTreeMap<&str, i64> = BTreeMap::new();
        for row in samples {
            let next = i64::try_from(places.len()).unwrap_or_default();
            places.entry(&row.1).or_insert(next);
        }
        let groups: Vec<i64> = samples.iter().map(|row| places[row.1.as_str()]).collect();
        let observed = Observed {
            labels,
            weights: None,
            groups,
        };
        let evaluator = Evaluator::new("", observed).saying(Meaning::Order);
        let evaluator = evaluator.measuring(vec![MetricName::Auc, MetricName::Gauc].into());
        let whole = evaluator.model(&self.name, scores).finish(bootstrap);
        let (own, sure) = (whole.lines[0].measures, whole.lines[0].intervals);
        let by_user = self.lists(samples, lists, k);
        let means = [0, 1].map(|at| {
            let values: Vec<f64> = by_user.iter().map(|figures| figures[at]).collect();
            mean(&values, bootstrap)
        });
        let [(recall, recalls), (ndcg, ndcgs)] = means;
        Line {
            name: self.name.clone(),
            auc: own.roc_auc,
            gauc: own.gauc.value,
            recall,
            ndcg,
            intervals: Intervals {
                auc: sure.roc_auc,
                gauc: sure.gauc,
                recall: recalls,
                ndcg: ndcgs,
            },
        }
    }

    /// Recall and NDCG of each user with a held-out item.
    fn lists(
        &self,
        samples: &Samples,
        (candidates, seen): (&[String], &BTreeMap<String, BTreeSet<String>>),
        k: usize,
    ) -> Vec<[f64; 2]> {
        let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (_, user, item) in samples.iter().filter(|row| row.0) {
            wanted.entry(user).or_default().insert(item);
        }
        let none = BTreeSet::new();
        let one = |(user, items): (&&str, &BTreeSet<&str>)| {
            let seen = seen.get(*user).unwrap_or(&none);
            let mut relevant = Vec::new();
            let mut scored: Vec<(f64, u32)> = Vec::new();
            for (place, id) in (0_u32..).zip(candidates) {
                if items.contains(id.as_str()) {
                    relevant.push(place);
                }
                if let Some(item) = self.items.get(id).filter(|_| !seen.contains(id)) {
                    scored.push((self.score(user, item), place));
                }
            }
            scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let list: Vec<u32> = scored.iter().take(k).map(|one| one.1).collect();
            [top::recall(&list, &relevant), top::ndcg(&list, &relevant, k)]
        };
        wanted.iter().map(one).collect()
    }
}

/// The mean of users' values, 0 of none, and its interval.
fn mean(values: &[f64], bootstrap: &Bootstrap) -> (f64, Option<Bounds>) {
    let under = |counts: &[f64]| {
        let sum: f64 = values
            .iter()
            .zip(counts)
            .map(|(value, count)| value * count)
            .sum();
        (!values.is_empty()).then(|| sum / values.len() as f64)
    };
    let drawn = bootstrap.figures(Unit::Row(values.len()), None, &[&under]);
    let own = under(&vec![1.0; values.len()]).unwrap_or_default();
    (own, drawn.first().and_then(|drawn| bootstrap.bounds(drawn)))
}

/// The row, at length 1 where only its direction counts.
fn scaled(row: &[f32], cosine: bool) -> Vec<f32> {
    let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
    let scale = if cosine && length > 0.0 {
        length.recip()
    } else {
        1.0
    };
    row.iter().map(|x| x * scale).collect()
}

/// Candidates that every pair has a vector of.
fn candidates(options: &Options, pairs: &[Pair]) -> anyhow::Result<Vec<String>> {
    let mut ids = match &options.candidates {
        Some(path) => VectorTable::read(path)?.ids,
        None => pairs[0].items.keys().cloned().collect(),
    };
    ids.retain(|id| pairs.iter().all(|pair| pair.items.contains_key(id)));
    Ok(ids)
}

fn samples(path: &Path) -> anyhow::Result<Samples> {
    let mut samples = Samples::new();
    for_each_row(path, &["label", "user", "item"], |record| -> anyhow::Result<()> {
        let cell = |at| record.get(at).unwrap_or_default();
        let label = cell(0).parse::<f64>();
        let label = label.with_context(|| format!("label `{}` is not a number", cell(0)));
        let label = label.with_context(|| path.display().to_string())?;
        samples.push((label > 0.5, cell(1).to_owned(), cell(2).to_owned()));
        Ok(())
    })?;
    Ok(samples)
}

fn met(path: &Path) -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let mut met: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for_each_row(path, &["user", "item"], |record| -> anyhow::Result<()> {
        let cell = |at| record.get(at).unwrap_or_default().to_owned();
        met.entry(cell(0)).or_default().insert(cell(1));
        Ok(())
    })?;
    Ok(met)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(items: &[(&str, f32)], user: f32) -> Pair {
        Pair {
            name: "x".to_owned(),
            items: items.iter().map(|(id, x)| ((*id).to_owned(), vec![*x])).collect(),
            users: Some(BTreeMap::from([("u".to_owned(), vec![user])])),
        }
    }

    #[test]
    fn lists_leave_out_what_was_seen() {
        let row = |label, item: &str| (label, "u".to_owned(), item.to_owned());
        let samples = vec![row(true, "b"), row(false, "c"), row(true, "d")];
        let ids = ["a", "b", "c", "d"].map(str::to_owned);
        let good = pair(&[("a", 9.0), ("b", 4.0), ("c", 3.0), ("d", 1.0)], 1.0);
        let drawn = &Bootstrap::default();
        let line = good.measure(&samples, (&ids, &BTreeMap::new()), (2, drawn));
        assert_eq!((line.auc, line.recall), (Some(0.5), 0.5));
        let seen = BTreeMap::from([("u".to_owned(), BTreeSet::from(["a".to_owned(), "c".to_owned()]))]);
        let line = good.measure(&samples, (&ids, &seen), (2, drawn));
        assert_eq!((line.recall, line.ndcg), (1.0, 1.0));
    }

    /// Users who like item `a` of two, or item `b`; the pair has `a` before `b`.
    #[test]
    fn every_figure_has_an_interval_that_more_users_make_narrower() {
        let rows = |users: usize| {
            let row = |user: usize, item: &str| {
                let liked = user.is_multiple_of(4) == (item == "b");
                (liked, format!("u{user}"), item.to_owned())
            };
            let both = |user| [row(user, "a"), row(user, "b")];
            (0..users).flat_map(both).collect::<Samples>()
        };
        let pair = Pair {
            users: None,
            ..pair(&[("a", 2.0), ("b", 1.0)], 0.0)
        };
        let ids = ["a", "b"].map(str::to_owned);
        let of = |users| pair.measure(&rows(users), (&ids, &BTreeMap::new()), (1, &Bootstrap::default()));
        let (few, many) = (of(40), of(400));
        let sure = |line: &Line| {
            let sure = &line.intervals;
            [sure.auc, sure.gauc, sure.recall, sure.ndcg].map(Option::unwrap)
        };
        for (few, many) in sure(&few).into_iter().zip(sure(&many)) {
            assert!(many.low < 0.75 && 0.75 < many.high, "{many:?}");
            assert!(
                2.0 * (many.high - many.low) < few.high - few.low,
                "{few:?} {many:?}"
            );
        }
        let text = print(&[many], 1);
        assert_eq!(text.matches("0.7500 (0.7").count(), 4, "{text}");
        assert!(mean(&[], &Bootstrap::default()) == (0.0, None));
    }

    #[test]
    fn what_is_measured_is_named_with_its_files() {
        let named: Named = "raw=a.txt,b.txt,cosine".parse().unwrap();
        assert_eq!((named.name.as_str(), named.cosine), ("raw", true));
        assert_eq!(named.users, Some(PathBuf::from("b.txt")));
        let named: Named = "popularity=counts.txt".parse().unwrap();
        assert!(named.users.is_none() && !named.cosine);
        assert!("raw".parse::<Named>().is_err() && "r=a,b,c".parse::<Named>().is_err());
    }
}
