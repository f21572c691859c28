//! `rankine data check`: what is wrong with the imported data; fails if something is broken.

use anyhow::bail;
use clap::Args;
use rankine_pipeline::check::check;

use super::Globals;
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rankine data check --json")]
pub(crate) struct Options {}

/// Checks and prints; findings that are faults make the verb fail.
///
/// # Errors
/// Data not imported, damaged, or at fault.
pub(crate) fn run(_: &Options, globals: &Globals) -> anyhow::Result<()> {
    let report = check(globals.home().root())?;
    if globals.json {
        output::json(&report)?;
    } else {
        output::line(report.text().trim_end());
    }
    if !report.is_good() {
        bail!("the data has faults");
    }
    Ok(())
}
