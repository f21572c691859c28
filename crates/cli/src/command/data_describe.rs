//! `rankine data describe`: what the imported data is like, with a histogram in the terminal.

use clap::Args;
use rankine_pipeline::describe::describe;

use super::Globals;
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rankine data describe")]
pub(crate) struct Options {}

/// Describes.
///
/// # Errors
/// Data not imported, or damaged.
pub(crate) fn run(_: &Options, globals: &Globals) -> anyhow::Result<()> {
    let description = describe(globals.home().root())?;
    if globals.json {
        return output::json(&description);
    }
    output::line(description.text().trim_end());
    Ok(())
}
