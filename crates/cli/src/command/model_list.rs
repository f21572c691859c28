//! `rankine model list`: names, versions, kinds and their main figure.

use clap::Args;
use rankine_model::{Manifest, versions};
use serde_json::json;

use super::Globals;
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rankine model list --json")]
pub(crate) struct Options {}

/// Lists every complete version.
///
/// # Errors
/// A models folder that cannot be read.
pub(crate) fn run(_: &Options, globals: &Globals) -> anyhow::Result<()> {
    let mut found = Vec::new();
    let models = globals.home().models();
    if models.is_dir() {
        let mut names: Vec<_> = std::fs::read_dir(&models)?.collect::<Result<_, _>>()?;
        names.sort_by_key(std::fs::DirEntry::file_name);
        for folder in names {
            for (_, path) in versions(&folder.path()) {
                found.push(Manifest::read(&path)?);
            }
        }
    }
    if globals.json {
        let short = |m: &Manifest| json!({"name": m.name, "version": m.version, "kind": m.kind, "metrics": m.metrics});
        return output::json(&found.iter().map(short).collect::<Vec<_>>());
    }
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    output::line(&output::table(&["model", "version", "kind", "auc"], &rows));
    Ok(())
}

fn row(manifest: &Manifest) -> Vec<String> {
    let auc = manifest
        .metrics
        .get(&manifest.name)
        .and_then(|m| m.get("roc_auc"))
        .and_then(serde_json::Value::as_f64);
    vec![
        manifest.name.clone(),
        manifest.version.to_string(),
        manifest.kind.clone(),
        auc.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}")),
    ]
}
