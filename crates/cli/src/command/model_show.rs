//! `rankine model show`: one version's card, or its manifest as JSON.

use anyhow::Context;
use clap::Args;

use super::{Globals, model_named};
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  rankine model show widedeep\n  rankine model show widedeep@2 --json")]
pub(crate) struct Options {
    /// The model, and with @ a version (default: the newest)
    #[arg(value_name = "NAME[@VERSION]")]
    model: String,
}

/// Prints the card.
///
/// # Errors
/// No such model, or a damaged one.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let artefact = model_named(&globals.home(), &options.model)?;
    if globals.json {
        return output::json(artefact.manifest());
    }
    let card = artefact.dir().join("card.md");
    output::line(&std::fs::read_to_string(&card).with_context(|| card.display().to_string())?);
    Ok(())
}
