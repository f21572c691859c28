//! `rankine data import`: a data set into the home's catalogue and event log.

use std::path::PathBuf;

use clap::Args;
use rankine_pipeline::import::{ImportOptions, ImportSummary, import};
use rankine_table::Progress;

use super::Globals;
use crate::output;
use crate::preparing::Preparing;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine data import data/movielens-small\n  \
    rankine data import ~/ml-1m --strict\n  \
    rankine data import logs/ --mapping mapping.toml\n\n\
    Formats: MovieLens latest-small/20M/25M, 1M, 100K; RecBole atomic files; SparrowRecSys samples; any CSV, JSON lines \
    or Parquet through a mapping file (config/mapping.toml explains it).")]
pub(crate) struct Options {
    /// The folder or file to read
    #[arg(value_name = "PATH")]
    source: PathBuf,
    /// Read it as this format; default: found out from the files
    #[arg(long)]
    format: Option<String>,
    /// Mapping file for CSV, JSON lines or Parquet of any shape; default: mapping.toml in the folder
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Stop at the first bad row instead of putting it aside
    #[arg(long)]
    strict: bool,
}

/// Imports.
///
/// # Errors
/// An unknown format, unreadable files, with `--strict` the first bad row.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let _alone = Preparing::alone(&globals.home())?;
    let summary = import(
        &ImportOptions {
            source: options.source.clone(),
            home: globals.home().root().to_owned(),
            format: options.format.clone(),
            mapping: options.mapping.clone(),
            strict: options.strict,
        },
        &if globals.json {
            Progress::silent()
        } else {
            Progress::stderr()
        },
    )?;
    if globals.json {
        return output::json(&summary);
    }
    output::line(&describe(&summary));
    Ok(())
}

/// The summary in sentences.
fn describe(summary: &ImportSummary) -> String {
    let mut lines = vec![format!(
        "{}: {} items, {} users, {} events{}",
        summary.format,
        summary.items,
        summary.users,
        summary.events,
        if summary.unchanged {
            " (already imported)"
        } else {
            ""
        }
    )];
    let rejected: u64 = summary.rejected.values().sum();
    if rejected > 0 {
        lines.push(format!("{rejected} rows put aside in data/rejects.tsv:"));
        lines.extend(
            summary
                .rejected
                .iter()
                .map(|(rule, count)| format!("  {count:>8}  {rule}")),
        );
    }
    lines.extend(summary.notes.iter().cloned());
    lines.join("\n")
}
