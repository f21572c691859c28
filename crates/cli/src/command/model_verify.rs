//! `rankine model verify`: format, sizes, checksums and golden scores of a version.

use clap::Args;
use serde_json::json;

use super::{Globals, model_named};
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rankine model verify widedeep@2")]
pub(crate) struct Options {
    /// The model, and with @ a version (default: the newest)
    #[arg(value_name = "NAME[@VERSION]")]
    model: String,
}

/// Opens the version, which verifies all of it.
///
/// # Errors
/// Whatever is wrong with it.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let artefact = model_named(&globals.home(), &options.model)?;
    let manifest = artefact.manifest();
    if globals.json {
        let (name, version, files) = (&manifest.name, manifest.version, manifest.files.len());
        return output::json(&json!({ "name": name, "version": version, "files": files, "verified": true }));
    }
    let files = manifest.files.len();
    output::line(&format!(
        "{} version {}: {files} files, checksums and golden scores hold",
        manifest.name, manifest.version
    ));
    Ok(())
}
