//! `rankine index check`: an index beside an exact search in double precision over the vectors it was made of.
//!
//! An item counts as found where the index has it among its best, or has in its place one of the same exact score (within
//! 1e-5 of the scores' size): ties may fall either way. An index with settings for a graph is asked through it.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use rankine_index::{Metric, VectorIndex};
use rankine_table::vectors::VectorTable;
use serde_json::json;

use super::{Globals, index_build};
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  rankine index check items.index items.parquet --users users.csv --top 100"
)]
pub(crate) struct Options {
    /// The index
    #[arg(value_name = "INDEX")]
    index: PathBuf,
    /// The vectors it was made of
    #[arg(value_name = "VECTORS")]
    vectors: PathBuf,
    /// Vectors of users to ask for; default: the items themselves
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// Users asked for at most
    #[arg(long, default_value_t = 1000, value_name = "COUNT")]
    most: usize,
    /// Items per user
    #[arg(long, default_value_t = 10, value_name = "COUNT")]
    top: usize,
    /// Share that has to be found; default: all, of an index with a graph 0.95
    #[arg(long, value_name = "SHARE")]
    least: Option<f64>,
}

/// The share that a graph has to find where nothing else is said.
const GRAPH: f64 = 0.95;

/// Asks both, prints the share found; fails below what is expected.
///
/// # Errors
/// Files that cannot be read or do not belong together, items not found.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let index = VectorIndex::load(&options.index)?;
    let items = VectorTable::read(&options.vectors)?;
    let ids = index_build::numbers(&items)?;
    ensure!(
        (index.len(), index.width()) == (ids.len(), items.width),
        "the index has {} vectors of {} numbers, the file {} of {}",
        index.len(),
        index.width(),
        ids.len(),
        items.width
    );
    index_build::of_one_version(&index, &items, &options.vectors)?;
    let users = match &options.users {
        Some(file) => {
            let users = VectorTable::read(file)?;
            index_build::of_one_version(&index, &users, file)?;
            users
        }
        None => items.clone(),
    };
    index.accelerate()?;
    let (mut found, mut wanted) = (0, 0);
    let asked = users.ids.len().min(options.most);
    for at in 0..asked {
        let exact = scores(&items, users.row(at), index.metric());
        let mut best = exact.clone();
        best.sort_by(|a, b| b.total_cmp(a));
        let top = options.top.min(best.len());
        let Some(lowest) = best[..top].last() else { break };
        let size = best[0].abs().max(lowest.abs()).max(1e-9);
        let places: std::collections::BTreeMap<i64, f64> = ids.iter().copied().zip(exact).collect();
        let answer = index.search_graph(users.row(at), top, |_| true)?;
        let good = |n: &&rankine_index::Neighbour| places[&n.id] >= lowest - 1e-5 * size;
        found += answer.iter().filter(good).count();
        wanted += top;
    }
    let share = found as f64 / wanted.max(1) as f64;
    if globals.json {
        output::json(&json!({ "users": asked, "top": options.top, "recall": share }))?;
    } else {
        output::line(&format!(
            "{asked} users, top {}: {share:.4} of the exact search found",
            options.top
        ));
    }
    let least = options
        .least
        .unwrap_or(if index.hnsw().is_some() { GRAPH } else { 1.0 });
    ensure!(
        wanted == 0 || share >= least,
        "{} of {wanted} items were not found, expected at least {least} of them",
        wanted - found
    );
    Ok(())
}

fn scores(items: &VectorTable, user: &[f32], metric: Metric) -> Vec<f64> {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
    };
    let length = |a: &[f32]| dot(a, a).sqrt().max(1e-12);
    let row = |at: usize| match metric {
        Metric::InnerProduct => dot(items.row(at), user),
        Metric::Cosine => dot(items.row(at), user) / length(items.row(at)) / length(user),
    };
    (0..items.ids.len()).map(row).collect()
}
