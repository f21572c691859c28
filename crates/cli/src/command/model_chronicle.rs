//! `rankine model chronicle`: what a model's trainings came to, night by night: published, blocked by the gate, rolled back.
//!
//! Everything stands in the file that `train` and `model rollback` write; here it is shown, as a table, as JSON or as a page.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use rankine_dict::pin;
use rankine_model::versions;
use rankine_pipeline::describe::instant;
use rankine_table::AtomicFile;
use rankine_train::chronicle::{FILE, read};
use rankine_train::report::chronicle::{HEAD, page, rows};
use serde_json::json;

use super::Globals;
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine model chronicle widedeep\n  \
    rankine model chronicle widedeep --html nights.html")]
pub(crate) struct Options {
    /// The model's folder name
    name: String,
    /// Write a page with the curve of what the gate compared
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Shows the chronicle.
///
/// # Errors
/// A model without one, files that cannot be read or written.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let folder = globals.home().models().join(&options.name);
    let chronicle = read(&folder)?;
    for (line, reason) in &chronicle.broken {
        output::note(&format!("{}:{line}: {reason}", folder.join(FILE).display()));
    }
    if chronicle.events.is_empty() {
        bail!(
            "{}: nothing was trained into it by `rankine train`",
            folder.display()
        );
    }
    let newest = versions(&folder).pop().map(|(version, _)| version);
    let serves = pin::pinned(&folder)?.or(newest);
    let when = |micros: i64| instant(micros - micros.rem_euclid(1_000_000));
    if let Some(path) = &options.html {
        let mut file = AtomicFile::create(path)?;
        let page = page(&options.name, serves, &chronicle, &when);
        file.write_all(page.as_bytes())
            .with_context(|| path.display().to_string())?;
        file.commit()?;
        output::note(&format!("the page is {}", path.display()));
    }
    if globals.json {
        return output::json(&json!({ "name": options.name, "serves": serves, "events": chronicle.events }));
    }
    output::line(&output::table(&HEAD, &rows(&chronicle.trainings(), &when)));
    Ok(())
}
