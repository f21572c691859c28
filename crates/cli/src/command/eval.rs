//! `rankine eval`: a published model on held-out samples, beside baselines fitted on training samples.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use rankine_feature::Plan;

use super::{Globals, model_named};
use crate::output;
use crate::preparing::Preparing;
use crate::source::FileSource;
use crate::training::{Baselines, Files, judge};

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine eval widedeep\n  \
    rankine eval widedeep@3 --train train.csv.gz --test test.csv.gz --json")]
pub(crate) struct Options {
    /// The model, and with @ a version (default: the newest)
    #[arg(value_name = "NAME[@VERSION]")]
    model: String,
    /// Samples the baselines are fitted on; default: the home's training samples
    #[arg(long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// Samples to measure on; default: the home's test samples
    #[arg(long, value_name = "FILE")]
    test: Option<PathBuf>,
}

/// Measures and prints.
///
/// # Errors
/// No such model or samples, or damage to either.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let artefact = model_named(&globals.home(), &options.model)?;
    let name = &artefact.manifest().name;
    let (plan, scorer) = artefact
        .plan()
        .zip(artefact.scorer())
        .with_context(|| format!("{name} holds vectors, it scores nothing"))?;
    let _beside = Preparing::beside(&globals.home())?;
    let (train, test) = samples(options, globals, plan)?;
    let label = artefact.config().label(plan.sample_spec());
    let baselines = Baselines::fit(plan, &mut FileSource::open(&train, plan, label)?)?;
    let title = test.display().to_string();
    let evaluation = judge(
        &title,
        (name, plan, scorer),
        &mut FileSource::open(&test, plan, label)?,
        &baselines,
    )?;
    if globals.json {
        return output::json(&evaluation);
    }
    output::line(&evaluation.to_string());
    Ok(())
}

/// The given files, or the home's.
fn samples(options: &Options, globals: &Globals, plan: &Plan) -> anyhow::Result<(PathBuf, PathBuf)> {
    if let (Some(train), Some(test)) = (&options.train, &options.test) {
        return Ok((train.clone(), test.clone()));
    }
    let files = Files::of_home(&globals.home(), plan.name())?;
    let test = options.test.clone().or(files.test).context("no test samples")?;
    Ok((options.train.clone().unwrap_or(files.train), test))
}
