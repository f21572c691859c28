//! `rankine docs operators`: the operators' page, as the program itself knows them.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use rankine_feature::operator::{page, registry};
use serde_json::json;

use super::Globals;
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine docs operators\n  \
    rankine docs operators --out docs/operators.md")]
pub(crate) struct Options {
    /// Write the page here instead of printing it
    #[arg(long, value_name = "FILE.md")]
    out: Option<PathBuf>,
}

/// Prints or writes.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    if let Some(path) = &options.out {
        return std::fs::write(path, page()).with_context(|| path.display().to_string());
    }
    if globals.json {
        let operators: Vec<_> = registry()
            .iter()
            .map(|class| {
                let doc = class.doc;
                json!({
                    "name": class.name, "version": class.version, "what": doc.what, "inputs": doc.inputs,
                    "settings": doc.args, "output": doc.output, "formula": doc.formula, "missing": doc.missing,
                })
            })
            .collect();
        return output::json(&operators);
    }
    output::line(page().trim_end());
    Ok(())
}
