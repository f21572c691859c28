//! `rankine feature binning`: boundaries of numeric columns by quantiles, as the table that `bucketize` reads.

use std::path::{Path, PathBuf};

use clap::Args;
use rankine_pipeline::binning::{Boundaries, boundaries, write};
use serde_json::json;

use super::Globals;
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine feature binning samples/dt=*/samples.parquet --columns price,age --buckets 10 --out boundaries.csv\n  \
    rankine feature binning rows.csv.gz --columns price --out boundaries.csv\n\n\
    A conf reads it as the dictionary `boundaries`: class = \"bucketize\", str_args = [\"@bounds\"].")]
pub(crate) struct Options {
    /// The rows: Parquet, CSV, TSV or JSON lines, one file after another
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Which columns
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required = true)]
    columns: Vec<String>,
    /// Buckets of about equal size; equal values are never parted, so there may be fewer
    #[arg(long, default_value_t = 10, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(2..=1024))]
    buckets: u16,
    /// Where the table goes
    #[arg(long, value_name = "FILE.csv")]
    out: PathBuf,
}

/// Reads, writes, tells the buckets.
///
/// # Errors
/// Files that cannot be read, a column that is not there, a cell that is no finite number, the disk's.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let files: Vec<&Path> = options.files.iter().map(PathBuf::as_path).collect();
    let columns: Vec<&str> = options.columns.iter().map(String::as_str).collect();
    let found = boundaries(&files, &columns, usize::from(options.buckets))?;
    write(&options.out, &found)?;
    if globals.json {
        let row = |row: &Boundaries| json!({ "feature": row.feature, "boundaries": row.boundaries, "missing": row.missing });
        let rows: Vec<_> = found.iter().map(row).collect();
        return output::json(&json!({ "out": options.out, "features": rows }));
    }
    for row in found.iter().filter(|row| row.boundaries.is_empty()) {
        output::note(&format!("`{}` has no two values, it is left out", row.feature));
    }
    let row = |row: &Boundaries| {
        let list: Vec<String> = row.boundaries.iter().map(ToString::to_string).collect();
        vec![row.feature.clone(), row.missing.to_string(), list.join(" ")]
    };
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    output::line(&output::table(&["feature", "missing", "boundaries"], &rows));
    Ok(())
}
