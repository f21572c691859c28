//! `rankine extract`: a conf's plan over a file or a stream: the features training reads and serving computes, to the bit.
//!
//! The decision: nothing disappears silently. Rows that do not fit go to a reject file beside the output; where there is
//! no such place (standard output, no `--rejects`) or with `--strict` the first of them ends the run.

mod explain;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use rankine_feature::{Fit, Plan};
use rankine_model::Artefact;
use rankine_pipeline::extract::{
    ExtractOptions, Extracted, Input, InputForm, Output, OutputForm, extract, sample_at,
};
use rankine_pipeline::sample::TimeUnit;
use rankine_predict::Explanation;
use rankine_table::{Progress, stream};
use serde_json::json;

use super::{Globals, model_named};
use crate::dictionaries::Dictionaries;
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine extract --model widedeep samples.parquet --out features.parquet --keep label\n  \
    rankine extract --conf shop.toml --fit fit.json rows.csv --out features.jsonl\n  \
    rankine extract --model widedeep rows.parquet --explain 7 --online http://127.0.0.1:8501\n  \
    cat rows.txt | rankine extract --model widedeep > features.txt\n  \
    hadoop jar hadoop-streaming.jar -files widedeep -mapper 'rankine extract --conf widedeep/feature.toml' …")]
pub(crate) struct Options {
    /// What to read; `-`: lines of the standard input
    #[arg(value_name = "INPUT", default_value = "-")]
    input: PathBuf,
    /// The model whose conf, with its statistics, to run
    #[arg(
        long,
        value_name = "NAME[@VERSION]",
        conflicts_with = "conf",
        required_unless_present = "conf"
    )]
    model: Option<String>,
    /// A conf file to run
    #[arg(long, value_name = "CONF.toml")]
    conf: Option<PathBuf>,
    /// Statistics of the conf; default: `fit.json` beside a `feature.toml`, `NAME.fit.json` beside a `NAME.toml`
    #[arg(long, value_name = "FIT.json", requires = "conf")]
    fit: Option<PathBuf>,
    /// How the input is written; default: what its name tells, of the standard input `lines`
    #[arg(long, value_enum)]
    from: Option<From>,
    /// Of `lines`: the columns; default: all fields of the conf in their order
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    /// Where to write; `-`: the standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// How to write; default: what the output's name tells, on the standard output `text`
    #[arg(long, value_enum)]
    to: Option<To>,
    /// Columns of the input to hand through, before the slots
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    keep: Vec<String>,
    /// Fields that count as missing if the input has no such column
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    optional: Vec<String>,
    /// What times that stand as plain numbers count
    #[arg(long, value_enum, default_value_t = Unit::Microseconds)]
    time_unit: Unit,
    /// Working threads; 0: one per core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Rows handed to a thread at a time; the output does not depend on it
    #[arg(long, default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    batch: u32,
    /// Where rows that do not fit are listed; default: beside the output, `OUT.rejects.tsv`
    #[arg(long, value_name = "FILE", conflicts_with = "strict")]
    rejects: Option<PathBuf>,
    /// Stop at the first row that does not fit
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    dictionaries: Dictionaries,
    /// Instead of extracting, explain the row on this line (of Parquet: this row), as reject files count
    #[arg(long, value_name = "LINE", conflicts_with_all = ["out", "to", "keep", "rejects"])]
    explain: Option<u64>,
    /// With --explain: the predictor port of a running server, to put what it makes of the same row beside
    #[arg(long, value_name = "URL", requires = "explain")]
    online: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum From {
    Parquet,
    Csv,
    Tsv,
    Jsonl,
    Lines,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum To {
    Text,
    Jsonl,
    Parquet,
    Bytes,
}

/// What times that stand as plain numbers count.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
}

impl std::convert::From<Unit> for TimeUnit {
    fn from(unit: Unit) -> TimeUnit {
        match unit {
            Unit::Seconds => TimeUnit::Seconds,
            Unit::Milliseconds => TimeUnit::Milliseconds,
            Unit::Microseconds => TimeUnit::Microseconds,
        }
    }
}

/// Extracts.
///
/// # Errors
/// Files that cannot be read or written, a conf with faults or without its statistics, columns that are not there, and in
/// strict mode rows that do not fit.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let conf = Conf::open(options, globals)?;
    let plan = &conf.plan;
    if let Some(line) = options.explain {
        return explained(options, line, &conf, globals.json);
    }
    let (input, output) = (input(options)?, target(options)?);
    let standard = stream::is_standard(&output.path);
    if standard && globals.json {
        bail!("--json prints a summary on standard output, where the features go; name a file with --out");
    }
    let work = work(options, standard);
    let progress = if globals.json {
        Progress::silent()
    } else {
        Progress::stderr()
    };
    let begun = Instant::now();
    let done = extract(plan, (&input, &output), &work, &progress)?;
    told(
        &done,
        (plan, &output.path, begun.elapsed().as_secs_f64()),
        (&work, standard),
        globals,
    )
}

fn told(
    done: &Extracted,
    (plan, out, seconds): (&Plan, &Path, f64),
    (work, standard): (&ExtractOptions, bool),
    globals: &Globals,
) -> anyhow::Result<()> {
    let listed = work.rejects.as_ref().filter(|_| done.rejects > 0);
    if globals.json {
        return output::json(&json!({
            "out": out.display().to_string(), "conf": plan.name(), "conf_hash": plan.hash(),
            "rows": done.rows, "slots": done.slots, "rejects": done.rejects,
            "reject_file": listed.map(|path| path.display().to_string()), "seconds": seconds,
        }));
    }
    if let Some(path) = listed {
        output::note(&format!(
            "{} rows do not fit and are listed in {}",
            done.rejects,
            path.display()
        ));
    }
    if !standard {
        let rate = done.slots as f64 / seconds.max(1e-9) / 1e6;
        let text = format!("{}: {} rows, {:.2} M slots/s", out.display(), done.rows, rate);
        output::line(&text);
    }
    Ok(())
}

/// Explains one row.
fn explained(options: &Options, line: u64, conf: &Conf, json: bool) -> anyhow::Result<()> {
    let input = input(options)?;
    let found = sample_at(&conf.plan, &input, line, &work(options, true))?;
    let sample = found.with_context(|| format!("{}: no row on line {line}", input.path.display()))?;
    let scorer = conf.artefact.as_ref().and_then(Artefact::scorer);
    let mut explanation = Explanation::offline(&conf.plan, scorer, &sample);
    if let Some(url) = &options.online {
        let url = url.trim_end_matches('/');
        explain::ask(&mut explanation, (url, options.model.as_deref()), &sample)?;
    }
    explain::print(&explanation, json)
}

fn work(options: &Options, standard: bool) -> ExtractOptions {
    ExtractOptions {
        optional: options.optional.clone(),
        time_unit: options.time_unit.into(),
        threads: threads(options.threads),
        batch: options.batch as usize,
        rejects: rejects(options, standard),
    }
}

/// What is run: a plan with its statistics, and the model it came with.
struct Conf {
    plan: Arc<Plan>,
    artefact: Option<Artefact>,
}

impl Conf {
    fn open(options: &Options, globals: &Globals) -> anyhow::Result<Conf> {
        let conf = match &options.model {
            Some(name) => {
                let artefact = model_named(&globals.home(), name)?;
                let plan = artefact
                    .plan()
                    .with_context(|| format!("{name} holds vectors, it has no conf"))?;
                Conf {
                    plan: plan.clone(),
                    artefact: Some(artefact),
                }
            }
            None => {
                let path = options.conf.as_deref().context("expected --model or --conf")?;
                let plan = conf_file(path, options.fit.as_deref())?;
                Conf {
                    plan: Arc::new(plan),
                    artefact: None,
                }
            }
        };
        let plan = options.dictionaries.bound(&conf.plan, &globals.home())?;
        Ok(Conf { plan, ..conf })
    }
}

/// A conf file with the statistics beside it, or with others.
pub(crate) fn conf_file(path: &Path, fit: Option<&Path>) -> anyhow::Result<Plan> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| file.clone())?;
    let beside = beside(path);
    let fit_file = fit.or_else(|| Some(beside.as_path()).filter(|path| path.exists()));
    let fit = fit_file.map(|path| -> anyhow::Result<Fit> {
        let name = || path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(name)?;
        Fit::from_json(&text).with_context(name)
    });
    let plan = Plan::compile(&text, &file, fit.transpose()?.as_ref())?;
    if plan.needs_fit() {
        bail!(
            "{file}: some features need statistics of training rows and there are none in {}; \
             name them with --fit, or take a trained model with --model",
            beside.display()
        );
    }
    Ok(plan)
}

/// Where a conf's statistics lie.
fn beside(conf: &Path) -> PathBuf {
    if conf.file_name().is_some_and(|name| name == "feature.toml") {
        return conf.with_file_name("fit.json");
    }
    conf.with_extension("fit.json")
}

fn input(options: &Options) -> anyhow::Result<Input> {
    let path = options.input.clone();
    let form = match options.from {
        Some(From::Parquet) => InputForm::Parquet,
        Some(From::Csv) => InputForm::Csv,
        Some(From::Tsv) => InputForm::Tsv,
        Some(From::Jsonl) => InputForm::JsonLines,
        Some(From::Lines) => InputForm::Lines,
        None if stream::is_standard(&path) => InputForm::Lines,
        None => InputForm::of(&path)
            .with_context(|| format!("{}: its name does not tell its form; say --from", path.display()))?,
    };
    if !options.columns.is_empty() && form != InputForm::Lines {
        bail!(
            "--columns names the columns of lines without header; {} has its own",
            path.display()
        );
    }
    Ok(Input {
        path,
        form,
        columns: options.columns.clone(),
    })
}

fn target(options: &Options) -> anyhow::Result<Output> {
    let path = options.out.clone();
    let form = match options.to {
        Some(To::Text) => OutputForm::Text,
        Some(To::Jsonl) => OutputForm::JsonLines,
        Some(To::Parquet) => OutputForm::Parquet,
        Some(To::Bytes) => OutputForm::Bytes,
        None if stream::is_standard(&path) => OutputForm::Text,
        None => OutputForm::of(&path)
            .with_context(|| format!("{}: its name does not tell its form; say --to", path.display()))?,
    };
    Ok(Output {
        path,
        form,
        keep: options.keep.clone(),
    })
}

/// Where rejects are listed; nowhere when the first ends the run.
fn rejects(options: &Options, standard: bool) -> Option<PathBuf> {
    if options.strict || options.rejects.is_some() {
        return options.rejects.clone();
    }
    let mut beside = options.out.clone().into_os_string();
    beside.push(".rejects.tsv");
    (!standard).then(|| beside.into())
}

fn threads(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        asked => asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_lie_beside_their_conf() {
        assert_eq!(beside(Path::new("m/feature.toml")), Path::new("m/fit.json"));
        assert_eq!(beside(Path::new("m/shop.toml")), Path::new("m/shop.fit.json"));
    }
}
