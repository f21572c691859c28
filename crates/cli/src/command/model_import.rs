//! `rankine model import`: an ONNX file that `export` wrote, its weights perhaps changed since, as a new version.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use rankine_model::{onnx, publish};
use serde_json::json;

use super::Globals;
use crate::{clock, keys, output};

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine model import widedeep.onnx\n  \
    rankine model import tuned.onnx --name tuned --keys widedeep.keys.parquet")]
pub(crate) struct Options {
    /// The file; its graph must be as exported
    #[arg(value_name = "FILE")]
    onnx: PathBuf,
    /// The name to publish under; default: the one it was exported from
    #[arg(long)]
    name: Option<String>,
    /// The keys of its rows; default: FILE with .keys.parquet in place of .onnx
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

/// Reads, compares, publishes.
///
/// # Errors
/// A file that is none of ours, with the node that does not fit; keys that are not its own; what publishing refuses.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let path = options.onnx.display();
    let bytes = std::fs::read(&options.onnx).with_context(|| path.to_string())?;
    let foreign = onnx::Foreign::read(&bytes).with_context(|| path.to_string())?;
    let beside = options
        .keys
        .clone()
        .unwrap_or_else(|| keys::beside(&options.onnx));
    let keys = keys::read(&beside)?;
    let (draft, moved) =
        onnx::draft(&foreign, &keys, options.name.as_deref()).with_context(|| path.to_string())?;
    let version = publish(&globals.home().models(), &draft, clock::now_micros())?;
    if globals.json {
        let parent = &draft.parents[0];
        return output::json(
            &json!({ "name": draft.name, "version": version, "parent": parent, "moved": moved }),
        );
    }
    output::line(&format!(
        "{} version {version}, from {}; golden scores moved by {moved:e} at most",
        draft.name, draft.parents[0]
    ));
    Ok(())
}
