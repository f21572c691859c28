//! `rankine model rollback`: an older version serves, by a pin that every server on the folder obeys.
//!
//! The decision: nothing is deleted or republished. The pin is one small file beside the versions; servers see it
//! within half a second and swap as they do for a new version, and it stays until it is moved or taken away.

use anyhow::{Context, bail, ensure};
use clap::Args;
use rankine_dict::pin;
use rankine_model::{Artefact, versions};
use rankine_train::chronicle::{Event, Serving, add};
use serde_json::json;
use std::path::Path;

use super::Globals;
use crate::{clock, output};

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine model rollback widedeep            (to the version before the one that serves)\n  \
    rankine model rollback widedeep 3\n  \
    rankine model rollback widedeep --latest   (take the pin away: the newest version serves again)")]
pub(crate) struct Options {
    /// The model's folder name
    name: String,
    /// The version that shall serve; default: the one before the version that serves now
    version: Option<u64>,
    /// Take the pin away
    #[arg(long, conflicts_with = "version")]
    latest: bool,
}

/// Pins or unpins, and says what serves then.
///
/// # Errors
/// No such model or version, a damaged version, a folder that cannot be written.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let folder = globals.home().models().join(&options.name);
    let there: Vec<u64> = versions(&folder)
        .into_iter()
        .map(|(version, _)| version)
        .collect();
    let Some(newest) = there.last().copied() else {
        bail!("no model {} in {}", options.name, folder.display());
    };
    let before = pin::pinned(&folder)?.unwrap_or(newest);
    let after = if options.latest {
        pin::unpin(&folder).with_context(|| folder.display().to_string())?;
        newest
    } else {
        let version = chosen(options, &there, before)?;
        verify(&folder, version)?;
        pin::pin(&folder, version).with_context(|| folder.display().to_string())?;
        version
    };
    written_down(&folder, (before, after), !options.latest);
    if globals.json {
        return output::json(
            &json!({ "name": options.name, "before": before, "version": after, "pinned": !options.latest }),
        );
    }
    let pinned = if options.latest { "the newest" } else { "pinned" };
    output::line(&format!(
        "{}: version {after} serves ({pinned}); before: {before}",
        options.name
    ));
    Ok(())
}

/// Adds a line to the model's chronicle where another version serves now; one that cannot be written fails nothing.
fn written_down(folder: &Path, (before, version): (u64, u64), pinned: bool) {
    let event = Event::Serving(Serving {
        time: clock::now_micros(),
        before,
        version,
        pinned,
    });
    if before != version
        && let Err(fault) = add(folder, &event)
    {
        output::note(&fault.to_string());
    }
}

fn chosen(options: &Options, there: &[u64], before: u64) -> anyhow::Result<u64> {
    let version = match options.version {
        Some(version) => Some(version).filter(|version| there.contains(version)),
        None => there.iter().rev().find(|version| **version < before).copied(),
    };
    let list = there.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let wanted = options
        .version
        .map_or_else(|| format!("before {before}"), |version| version.to_string());
    version.with_context(|| {
        format!(
            "model {}: no version {wanted}; versions there: [{list}]",
            options.name
        )
    })
}

/// What is pinned must be fit to serve: a server would refuse it and go on with what it has.
fn verify(folder: &Path, version: u64) -> anyhow::Result<()> {
    let found = versions(folder).into_iter().find(|(v, _)| *v == version);
    let (_, path) = found.with_context(|| format!("version {version} has gone"))?;
    let artefact = Artefact::open(&path)?;
    ensure!(
        artefact.manifest().version == version,
        "{}: holds another version",
        path.display()
    );
    Ok(())
}
