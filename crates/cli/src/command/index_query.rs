//! `rankine index query`: the nearest items of users, by their vectors.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use rankine_index::VectorIndex;
use rankine_table::vectors::VectorTable;
use serde_json::json;

use super::{Globals, index_build};
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rankine index query items.index --users users.csv --user 6 --top 10")]
pub(crate) struct Options {
    /// The index
    #[arg(value_name = "INDEX")]
    index: PathBuf,
    /// Vectors of users (.parquet, .csv, .npy with .ids.txt, word2vec text)
    #[arg(long, value_name = "FILE")]
    users: PathBuf,
    /// A user to ask for, repeatable; default: the first of the file
    #[arg(long = "user", value_name = "ID")]
    wanted: Vec<String>,
    /// Items per user
    #[arg(long, default_value_t = 10, value_name = "COUNT")]
    top: usize,
    /// Ask the graph, of an index with settings for one: it is made first
    #[arg(long)]
    approximate: bool,
}

/// Asks and prints, nearest first.
///
/// # Errors
/// A file that cannot be read, a user without a vector, vectors of another width or version.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let index = VectorIndex::load(&options.index)?;
    let users = VectorTable::read(&options.users)?;
    index_build::of_one_version(&index, &users, &options.users)?;
    let places = users.places();
    let first = users.ids.first().cloned();
    let wanted = match options.wanted.as_slice() {
        [] => first.as_slice(),
        wanted => wanted,
    };
    if options.approximate {
        index.accelerate()?;
    }
    let ask = |vector: &[f32]| match options.approximate {
        true => index.search_graph(vector, options.top, |_| true),
        false => index.search(vector, options.top, |_| true),
    };
    let mut answers = Vec::new();
    for id in wanted {
        let at = places.get(id.as_str());
        let at = at.with_context(|| format!("{} has no vector of user {id}", options.users.display()))?;
        answers.push((id, ask(users.row(*at))?));
    }
    if globals.json {
        let item = |n: &rankine_index::Neighbour| json!({ "item": n.id, "score": n.score });
        let all = answers
            .iter()
            .map(|(id, found)| json!({ "user": id, "items": found.iter().map(item).collect::<Vec<_>>() }));
        return output::json(&all.collect::<Vec<_>>());
    }
    for (id, found) in answers {
        let rows: Vec<Vec<String>> = found
            .iter()
            .map(|n| vec![n.id.to_string(), format!("{:.6}", n.score)])
            .collect();
        output::line(&format!(
            "user {id}\n{}",
            output::table(&["item", "score"], &rows)
        ));
    }
    Ok(())
}
