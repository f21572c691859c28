//! `rankine sample build TEMPLATE.json`: a sample template run day by day over files or in PostgreSQL, into Parquet.
//!
//! The decision: a day that is there is left alone if the same statement made it, so that the nightly run with the next
//! `--date` builds one day.

use std::path::PathBuf;

use clap::Args;
use rankine_pipeline::sample_sql::build::{BuildReport, Job, Partition, Source, build};
use rankine_pipeline::sample_sql::{Day, Variables};
use rankine_table::Progress;

use super::{Globals, sample_sql};
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
pub(crate) struct FromTemplate {
    /// A sample template to run; without it the imported events are replayed
    #[arg(value_name = "TEMPLATE.json", requires_all = ["from", "out", "date"])]
    template: Option<PathBuf>,
    /// Of a template: behaviour, user and item tables; default: those of the template, else the documented names
    #[arg(long, value_name = "TABLES.json", requires = "template")]
    tables: Option<PathBuf>,
    /// Which template of a file that holds several
    #[arg(long = "template", value_name = "NAME", requires = "template")]
    name: Option<String>,
    /// Where a template's tables are: a folder of Parquet, CSV or TSV files, or postgres://…
    #[arg(long, value_name = "FOLDER|URL", requires = "template")]
    from: Option<String>,
    /// Where a template's days go: `OUT/dt=DAY/samples.parquet`
    #[arg(long, value_name = "FOLDER", requires = "template")]
    out: Option<PathBuf>,
    /// The last day, `${bizdate}`, as 20261122 or 2026-11-22
    #[arg(long, value_name = "DAY", value_parser = Day::parse, requires = "template")]
    date: Option<Day>,
    /// How many days back from --date, with it; default: the template's `train_days`
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=3660), requires = "template")]
    days: Option<u32>,
    /// What `${NAME}` stands for
    #[arg(long, value_name = "NAME=VALUE", requires = "template")]
    var: Vec<String>,
    /// Build days that are there, too: their tables have changed since
    #[arg(long, requires = "template")]
    again: bool,
    /// Build even if a feature leaks
    #[arg(long, requires = "template")]
    allow_leaks: bool,
}

impl FromTemplate {
    /// The run that was asked for; none without a template.
    ///
    /// # Errors
    /// A `--var` without `=`.
    pub(crate) fn job(&self) -> anyhow::Result<Option<Job>> {
        let given = (&self.template, &self.from, &self.out, self.date);
        let (Some(template), Some(from), Some(out), Some(date)) = given else {
            return Ok(None);
        };
        let is_url = ["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| from.starts_with(scheme));
        let Variables { named, .. } = sample_sql::variables(None, &self.var)?;
        Ok(Some(Job {
            template: template.clone(),
            tables: self.tables.clone(),
            name: self.name.clone(),
            source: match is_url {
                true => Source::Postgres(from.clone()),
                false => Source::Files(PathBuf::from(from)),
            },
            out: out.clone(),
            date,
            days: self.days,
            named,
            again: self.again,
            allow_leaks: self.allow_leaks,
        }))
    }
}

/// Builds what is missing.
///
/// # Errors
/// Faults of the template, features that leak, tables that do not fit, the disk's and the database's.
pub(crate) fn run(job: &Job, globals: &Globals) -> anyhow::Result<()> {
    let progress = match globals.json {
        true => Progress::silent(),
        false => Progress::stderr(),
    };
    let report = build(job, &progress)?;
    report.leaks.iter().for_each(|leak| output::note(leak));
    if report.days.iter().all(|day| day.rows == 0) {
        let date = job.date;
        output::note(&format!(
            "no day has a sample; are the behaviour table's days written as {date}?"
        ));
    } else if let Some(last) = report.days.last().filter(|day| day.rows == 0) {
        let (day, state) = (&last.day, if last.kept { "was" } else { "is" });
        output::note(&format!(
            "{day} {state} built without a sample; where its events came later, build it `--again`"
        ));
    }
    if globals.json {
        return output::json(&report);
    }
    output::line(&describe(&report));
    Ok(())
}

fn describe(report: &BuildReport) -> String {
    let row = |day: &Partition| {
        let state = if day.kept { "there" } else { "built" };
        vec![
            day.day.clone(),
            day.rows.to_string(),
            day.positive.to_string(),
            state.to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = report.days.iter().map(row).collect();
    output::table(&["day", "samples", "positive", ""], &rows)
}
