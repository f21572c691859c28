//! `rankine demo`: from a MovieLens folder to a page of recommendations, in one command.
//!
//! Each step looks at what is there before it works, so that running again continues where the last run stopped; every
//! step publishes by rename, so that stopping it at any point leaves nothing half-written.

mod models;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use rankine_pipeline::import::{ImportOptions, ImportSummary, import, imported};
use rankine_pipeline::{Catalogue, Split, SplitReport, events};
use rankine_server::{Listeners, ServerConfig};
use rankine_table::Progress;

use super::{Globals, sample_build, serve};
use crate::home::Home;
use crate::preparing::Preparing;
use crate::{clock, output};
use summary::{Step, Summary};

/// Where the repository keeps the bundled data.
const BUNDLED: &str = "data/movielens-small";

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine demo\n  \
    rankine demo --once --json\n  \
    rankine demo --data ~/ml-25m --home ~/.rankine-25m")]
pub(crate) struct Options {
    /// Folder to import; default: the bundled MovieLens latest-small
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Stop before serving
    #[arg(long)]
    once: bool,
    /// Address of the API and the pages
    #[arg(long, value_name = "ADDRESS", env = "RANKINE_LISTEN_SITE")]
    site: Option<String>,
    /// Address of TensorFlow Serving REST
    #[arg(long, value_name = "ADDRESS", env = "RANKINE_LISTEN_REST")]
    rest: Option<String>,
    /// Address of gRPC
    #[arg(long, value_name = "ADDRESS", env = "RANKINE_LISTEN_GRPC")]
    grpc: Option<String>,
}

/// Runs the steps, prints the summary, serves.
///
/// # Errors
/// Whatever step failed; what earlier steps published stays.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let home = globals.home();
    let bound = match options.once {
        true => None,
        false => Some(bind(options, &home)?),
    };
    let summary = prepare(options, &home, globals)?;
    if globals.json {
        output::json(&summary)?;
    } else {
        output::line(&summary.text());
    }
    bound.map_or(Ok(()), |(listeners, config)| serve::on(listeners, config))
}

/// Takes the ports before the work, for a taken one is better told now than after the training.
fn bind(options: &Options, home: &Home) -> anyhow::Result<(Listeners, ServerConfig)> {
    let mut config = ServerConfig::for_home(home.root());
    config.listen.site = options.site.clone().unwrap_or(config.listen.site);
    config.listen.rest = options.rest.clone().unwrap_or(config.listen.rest);
    config.listen.grpc = options.grpc.clone().unwrap_or(config.listen.grpc);
    Ok((Listeners::bind(&config)?, config))
}

/// Import → samples → models and vectors.
fn prepare(options: &Options, home: &Home, globals: &Globals) -> anyhow::Result<Summary> {
    let _alone = Preparing::alone(home)?;
    let mut summary = Summary::new(clock::now_micros());
    summary.time("import", |step| read(options, home, globals, step))?;
    let catalogue = Catalogue::load(home.root())?;
    let log = events::load(&home.base_events())?;
    let report = summary.time("features and samples", |step| {
        let (report, there) =
            sample_build::build(home, models::CONF_NAME, (&catalogue, &log), &Split::default())?;
        step.skipped = there;
        step.outcome = format!(
            "{} training, {} validation, {} test samples",
            report.train.rows, report.valid.rows, report.test.rows
        );
        enough(&report, home.root())?;
        Ok(report)
    })?;
    let trained = summary.time("training", |step| {
        let trained = models::train_missing(home, globals, step)?;
        step.outcome = summary::told(&trained);
        Ok(trained)
    })?;
    summary.finish(trained, &report, clock::now_micros());
    Ok(summary)
}

/// Models need something to be judged on.
fn enough(report: &SplitReport, home: &Path) -> anyhow::Result<()> {
    let (train, valid, test) = (report.train.rows, report.valid.rows, report.test.rows);
    anyhow::ensure!(
        train > 0 && valid > 0 && test > 0,
        "{}: too few ratings to train on: {train} training, {valid} validation and {test} test samples",
        home.display()
    );
    Ok(())
}

/// Imports, or finds that done. Without `--data` and the bundled folder, a home that holds an import will do.
fn read(options: &Options, home: &Home, globals: &Globals, step: &mut Step) -> anyhow::Result<ImportSummary> {
    let imported = match (source(options), imported(home.root())?) {
        (Err(_), Some(there)) if options.data.is_none() => ImportSummary {
            unchanged: true,
            ..there
        },
        (source, _) => {
            let options = ImportOptions {
                source: source?,
                home: home.root().to_owned(),
                ..ImportOptions::default()
            };
            import(
                &options,
                &if globals.json {
                    Progress::silent()
                } else {
                    Progress::stderr()
                },
            )?
        }
    };
    step.skipped = imported.unchanged;
    let rejected: u64 = imported.rejected.values().sum();
    step.outcome = format!(
        "{} films, {} users, {} events, {rejected} rejected",
        imported.items, imported.users, imported.events
    );
    Ok(imported)
}

/// The folder to import: the given one, or the bundled one beside the working folder or the binary.
fn source(options: &Options) -> anyhow::Result<PathBuf> {
    if let Some(folder) = &options.data {
        return Ok(folder.clone());
    }
    let here = std::env::current_dir().context("working folder")?;
    let binary = std::env::current_exe().context("path of the binary")?;
    let roots = here.ancestors().chain(binary.ancestors());
    match roots
        .map(|root| root.join(BUNDLED))
        .find(|folder| folder.is_dir())
    {
        Some(folder) => Ok(folder),
        None => bail!(
            "{BUNDLED} is neither above {} nor above the binary; give --data DIR",
            here.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe;

    #[test]
    fn the_recipe_reads_the_demo_conf() {
        assert!(
            recipe::CONF
                .text
                .contains(&format!("name = \"{}\"", models::CONF_NAME))
        );
    }
}
