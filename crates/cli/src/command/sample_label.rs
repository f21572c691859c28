//! `rankine sample label LOG`: labels joined to logged samples, as a sample file for `train`.
//!
//! The decision: the fields are the logged ones, as they were served; what training then extracts of them is what was scored
//! (`check skew` proves it for the log).

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use rankine_feature::Plan;
use rankine_pipeline::sample_log::{self, LabelOptions};
use serde_json::json;

use super::Globals;
use super::check_skew::plan_of;
use super::extract::{Unit, conf_file};
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine sample label .rankine/logs/samples/shop-0123456789ab --labels clicks.csv --key user,item --otherwise 0 --out samples.parquet\n  \
    rankine train shop.toml --conf shop.feature.toml --train samples.parquet")]
pub(crate) struct Options {
    /// A log file, or a folder of them, of one conf
    #[arg(value_name = "LOG")]
    log: PathBuf,
    /// Labels: a table (.parquet, .csv, .tsv, .jsonl) with the key's columns and those that the conf names as labels
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    /// Columns by which labels and logged samples find each other: fields, _request, _item
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required = true)]
    key: Vec<String>,
    /// Labels of samples that none meets (shown and not clicked: 0); default: they are left out
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    otherwise: Option<f64>,
    /// What times that the label file holds as plain numbers count
    #[arg(long, value_enum, default_value_t = Unit::Microseconds)]
    time_unit: Unit,
    /// The conf of the log; default: that of the home's model with the same conf hash
    #[arg(long, value_name = "CONF.toml")]
    conf: Option<PathBuf>,
    /// The sample file to write (.parquet)
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
}

/// Joins.
///
/// # Errors
/// Logs of several confs, a conf that is not there, labels that do not read, and no sample at all.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let files = sample_log::files(&options.log)?;
    let plan = plan(options, globals, &files)?;
    let labelling = LabelOptions {
        labels: options.labels.clone(),
        key: options.key.clone(),
        otherwise: options.otherwise,
        time_unit: options.time_unit.into(),
    };
    let done = sample_log::label(&files, &plan, &labelling, &options.out)?;
    if globals.json {
        output::json(&json!({
            "out": options.out.display().to_string(), "conf": plan.name(), "rows": done.rows,
            "without_label": done.without, "unused_labels": done.unused,
        }))?;
    } else {
        output::line(&format!(
            "{}: {} samples; {} logged ones met no label, {} labels met no sample",
            options.out.display(),
            done.rows,
            done.without,
            done.unused
        ));
    }
    if done.rows == 0 {
        bail!("no logged sample met a label by {}", options.key.join(","));
    }
    Ok(())
}

/// The one conf of the log.
fn plan(options: &Options, globals: &Globals, files: &[PathBuf]) -> anyhow::Result<Arc<Plan>> {
    let mut confs = Vec::new();
    for file in files {
        let conf = sample_log::conf_of(file)?;
        if !confs.contains(&conf) {
            confs.push(conf);
        }
    }
    let [(name, hash)] = &confs[..] else {
        bail!(
            "{}: samples of {} confs; name the folder of one",
            options.log.display(),
            confs.len()
        );
    };
    let home = globals.home();
    let plan = match &options.conf {
        Some(path) => Some(Arc::new(conf_file(path, None)?)),
        None => plan_of(&home, (name, hash))?,
    };
    plan.with_context(|| {
        format!(
            "no model in {} has the conf \"{name}\" {hash}; name the conf with --conf",
            home.models().display()
        )
    })
}
