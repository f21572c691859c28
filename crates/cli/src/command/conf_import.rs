//! `rankine conf import`: a conf out of another system's feature configuration, and what could not be said in it.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use rankine_feature::import::{self, Note};
use serde_json::json;

use super::Globals;
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rankine conf import fg.json --out shop.feature.toml")]
pub(crate) struct Options {
    /// A feature generator's `fg.json` (EasyRec, TorchEasyRec)
    #[arg(value_name = "FG.json")]
    file: PathBuf,
    /// Write the conf here instead of printing it
    #[arg(long, value_name = "CONF.toml")]
    out: Option<PathBuf>,
    /// The conf's name; by default the file's
    #[arg(long)]
    name: Option<String>,
}

/// Imports. The conf goes to standard output or the file, what was not mapped to standard error.
///
/// # Errors
/// The file is not readable or no feature configuration; the conf cannot be written.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let file = options.file.display().to_string();
    let text = std::fs::read_to_string(&options.file).with_context(|| file.clone())?;
    let imported = import::fg(&text, &name(options)).with_context(|| file.clone())?;
    if let Some(path) = &options.out {
        std::fs::write(path, &imported.conf).with_context(|| path.display().to_string())?;
    }
    if globals.json {
        let notes: Vec<_> = imported.notes.iter().map(as_json).collect();
        return output::json(&json!({
            "found": imported.found, "mapped": imported.mapped, "notes": notes, "conf": imported.conf,
        }));
    }
    if options.out.is_none() {
        output::line(imported.conf.trim_end());
    }
    imported
        .notes
        .iter()
        .for_each(|note| output::note(&note.to_string()));
    output::note(&format!(
        "{file}: {} of {} features mapped",
        imported.mapped, imported.found
    ));
    Ok(())
}

fn as_json(note: &Note) -> serde_json::Value {
    json!({ "feature": note.feature, "lost": note.lost, "message": note.message })
}

/// A name that a conf may have.
fn name(options: &Options) -> String {
    let stem = options
        .file
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let name = options.name.clone().or(stem).unwrap_or_default();
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = name.chars().take(100).map(plain).collect();
    if name.is_empty() || name.starts_with('.') {
        format!("fg{name}")
    } else {
        name
    }
}
