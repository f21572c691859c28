//! `rankine sample build`: the events replayed in time order into train, valid and test samples; with a template, samples of
//! tables (`sample_template`).

use clap::{Args, ValueEnum};
use rankine_pipeline::sample::input_hash;
use rankine_pipeline::{AggregateConfig, Catalogue, Event, Split, SplitReport, events, write_samples};

use super::{Globals, sample_template};
use crate::home::Home;
use crate::output;
use crate::preparing::Preparing;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine sample build\n  \
    rankine sample build --split global-time --test 0.2\n  \
    rankine sample build template.json --tables tables.json --from data/ --date 20261122 --out samples/\n  \
    rankine sample build template.json --from postgres://me@db/shop --date 20261122 --out samples/")]
pub(crate) struct Options {
    #[command(flatten)]
    template: sample_template::FromTemplate,
    /// How samples are divided
    #[arg(long, value_enum, default_value_t = Kind::PerUserTime, conflicts_with = "template")]
    split: Kind,
    /// Fraction for validation
    #[arg(long, default_value_t = 0.1, conflicts_with = "template")]
    valid: f64,
    /// Fraction for the test
    #[arg(long, default_value_t = 0.1, conflicts_with = "template")]
    test: f64,
    /// Seed of the random split
    #[arg(long, default_value_t = 1, conflicts_with = "template")]
    seed: u64,
    /// Name of the conf the samples are for
    #[arg(long, default_value = "movielens", conflicts_with = "template")]
    conf: String,
}

/// Names of the splits.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Each user's last samples by time are the test
    PerUserTime,
    /// The last samples of all by time are the test; most of their users are cold
    GlobalTime,
    /// Drawn without regard to time
    Random,
}

/// Builds the samples, unless the same ones are there.
///
/// # Errors
/// Data not imported, fractions that leave no training part, the disk's; a template's as [`sample_template::run`].
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    if let Some(job) = options.template.job()? {
        return sample_template::run(&job, globals);
    }
    let (valid, test) = (options.valid, options.test);
    let split = match options.split {
        Kind::PerUserTime => Split::PerUserTime { valid, test },
        Kind::GlobalTime => Split::GlobalTime { valid, test },
        Kind::Random => Split::Random {
            seed: options.seed,
            valid,
            test,
        },
    };
    let home = globals.home();
    let _alone = Preparing::alone(&home)?;
    let catalogue = Catalogue::load(home.root())?;
    let log = events::load(&home.base_events())?;
    let (report, _) = build(&home, &options.conf, (&catalogue, &log), &split)?;
    if globals.json {
        return output::json(&report);
    }
    output::line(&describe(&report));
    Ok(())
}

/// Builds the samples of a conf; tells whether they were there already. Damaged ones are named and built again.
///
/// # Errors
/// As [`run`].
pub(crate) fn build(
    home: &Home,
    conf: &str,
    (catalogue, log): (&Catalogue, &[Event]),
    split: &Split,
) -> anyhow::Result<(SplitReport, bool)> {
    let (folder, config) = (home.samples(conf), AggregateConfig::default());
    if let Some(report) = SplitReport::load(&folder)
        && report.input == input_hash(catalogue, log, &config, split)
    {
        match report.verify(&folder) {
            Ok(()) => return Ok((report, true)),
            Err(damage) => output::note(&format!("{damage}; building the samples again")),
        }
    }
    Ok((write_samples(catalogue, log, &config, split, &folder)?, false))
}

/// Counts by part.
fn describe(report: &SplitReport) -> String {
    let row = |name: &str, part: &rankine_pipeline::sample::PartReport| {
        vec![
            name.to_owned(),
            part.rows.to_string(),
            part.positives.to_string(),
            part.users.to_string(),
            part.items.to_string(),
            format!("{:.1} %", 100.0 * part.cold_user_share),
            format!("{:.1} %", 100.0 * part.cold_item_share),
        ]
    };
    let rows = [
        row("train", &report.train),
        row("valid", &report.valid),
        row("test", &report.test),
    ];
    let head = [
        "part",
        "samples",
        "positive",
        "users",
        "items",
        "of cold users",
        "of cold items",
    ];
    output::table(&head, &rows)
}
