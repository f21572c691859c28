//! `rankine index build`: an index of a file of vectors.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use rankine_index::{Metric, VectorIndex};
use rankine_table::vectors::VectorTable;
use serde_json::json;

use super::Globals;
use crate::output;

/// How nearness is measured.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum MetricName {
    /// The inner product
    Inner,
    /// The inner product of vectors of length 1
    Cosine,
}

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rankine index build items.parquet --out items.index")]
pub(crate) struct Options {
    /// Vectors by id (.parquet, .csv, .npy with .ids.txt, word2vec text)
    #[arg(value_name = "VECTORS")]
    vectors: PathBuf,
    /// Where the index goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How nearness is measured; vectors by `embed` are ready for the inner product
    #[arg(long, value_enum, default_value_t = MetricName::Inner)]
    metric: MetricName,
    /// The version of the model that made the vectors
    #[arg(long, default_value_t = 0)]
    model_version: u64,
}

/// Reads, builds, saves.
///
/// # Errors
/// A file that cannot be read or written, ids that are no numbers, numbers that are not finite.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let table = VectorTable::read(&options.vectors)?;
    let metric = match options.metric {
        MetricName::Inner => Metric::InnerProduct,
        MetricName::Cosine => Metric::Cosine,
    };
    let ids = numbers(&table)?;
    let index = VectorIndex::build(metric, options.model_version, &ids, table.width, &table.floats)?;
    index.save(&options.out)?;
    let (file, count) = (options.out.display().to_string(), index.len());
    if globals.json {
        return output::json(&json!({ "file": file, "vectors": count, "width": table.width }));
    }
    output::line(&format!("{count} vectors of {} numbers: {file}", table.width));
    Ok(())
}

/// The ids as numbers.
pub(super) fn numbers(table: &VectorTable) -> anyhow::Result<Vec<i64>> {
    let number = |id: &String| id.parse().with_context(|| format!("id `{id}` is not a number"));
    table.ids.iter().map(number).collect()
}
