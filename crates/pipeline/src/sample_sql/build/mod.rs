//! Runs a sample template day by day: over files in an embedded SQLite, or where the tables live, in PostgreSQL.
//!
//! Where it sits: behind [`statement`](super::statement), before training. The decision: a day is a file,
//! `<out>/<partition>=<day>/samples.parquet`, written whole or not at all and marked with the statement that made it; a run
//! for one day more builds that day alone, and two databases write the same bytes.

mod cell;
mod embedded;
mod files;
mod kinds;
mod partition;
mod postgres;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rankine_table::{Column, Kind, Progress, Table};
use serde::Serialize;

use self::embedded::EmbeddedSamples;
use self::partition::{Stamp, stamped, write};
use self::postgres::PostgresSamples;
use super::dialect::Dialect;
use super::leak::leaks;
use super::outputs::twice;
use super::statement::statement;
use super::template::Template;
use super::variables::{Day, Variables};
use crate::PipelineError;

/// Where the tables are.
#[derive(Clone, Debug)]
pub enum Source {
    /// A folder with a file (Parquet, CSV, TSV) or a folder of files per table.
    Files(PathBuf),
    /// A PostgreSQL, by its connection string.
    Postgres(String),
}

/// What to build.
#[derive(Clone, Debug)]
pub struct Job {
    /// The template's file.
    pub template: PathBuf,
    /// The tables' file, if the template does not hold them.
    pub tables: Option<PathBuf>,
    /// Which template of the file.
    pub name: Option<String>,
    /// The tables' rows.
    pub source: Source,
    /// Where the days go.
    pub out: PathBuf,
    /// The last day.
    pub date: Day,
    /// How many days; none: the template's `train_days`.
    pub days: Option<u32>,
    /// Variables by name.
    pub named: BTreeMap<String, String>,
    /// Builds days that are there, too.
    pub again: bool,
    /// Builds although a feature leaks.
    pub allow_leaks: bool,
}

/// One day's samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// The day.
    pub day: String,
    /// Its file.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Those with a label above 0.
    pub positive: u64,
    /// Whether it was there already.
    pub kept: bool,
}

/// What a run left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BuildReport {
    /// The template's name.
    pub template: String,
    /// The days, oldest first.
    pub days: Vec<Partition>,
    /// Features that leak, where that was allowed.
    pub leaks: Vec<String>,
}

/// One day to run.
struct Task {
    day: Day,
    template: Template,
    variables: Variables,
    stamp: String,
    path: PathBuf,
}

/// What runs a statement.
trait Engine {
    /// The columns of a table.
    fn columns(&mut self, table: &str) -> Result<Vec<String>, PipelineError>;

    /// The samples of a task, ordered by time, user, item and request; `span` is the first and the last day of the run.
    fn samples(&mut self, task: &Task, span: (Day, Day), progress: &Progress)
    -> Result<Table, PipelineError>;
}

/// Builds the days that are not there yet, or that another statement made.
///
/// # Errors
/// All faults of the template; a feature that leaks; a variable without a value; tables that are not there or do not fit; the
/// disk's and the database's.
pub fn build(job: &Job, progress: &Progress) -> Result<BuildReport, PipelineError> {
    let mut engine: Box<dyn Engine> = match &job.source {
        Source::Files(folder) => Box::new(EmbeddedSamples::open(folder)?),
        Source::Postgres(dsn) => Box::new(PostgresSamples::connect(dsn)?),
    };
    let last = task(job, job.date, &mut *engine)?;
    let (template, days) = (
        last.template.name.clone(),
        job.days.unwrap_or(last.template.train_days),
    );
    let told: Vec<String> = leaks(&last.template).iter().map(ToString::to_string).collect();
    let mut tasks = Vec::new();
    for back in (1..days).rev() {
        tasks.push(task(job, job.date.back(back), &mut *engine)?);
    }
    tasks.push(last);
    Ok(BuildReport {
        template,
        days: run(job, &tasks, &mut *engine, progress)?,
        leaks: told,
    })
}

fn run(
    job: &Job,
    tasks: &[Task],
    engine: &mut dyn Engine,
    progress: &Progress,
) -> Result<Vec<Partition>, PipelineError> {
    let there = |task: &Task| stamped(&task.path).filter(|stamp| !job.again && stamp.statement == task.stamp);
    let kept: Vec<Option<Stamp>> = tasks.iter().map(there).collect();
    let missing = || tasks.iter().zip(&kept).filter(|(_, kept)| kept.is_none());
    let days = || missing().map(|(task, _)| task.day);
    let (Some(first), Some(last)) = (days().next(), days().next_back()) else {
        return Ok(tasks.iter().zip(&kept).filter_map(of_kept).collect());
    };
    let mut like = kept
        .iter()
        .zip(tasks)
        .find_map(|(kept, task)| Some((task.path.clone(), kept.as_ref()?.columns.clone())));
    let mut stage = progress.stage("samples", missing().count() as u64);
    let (mut done, mut rows) = (Vec::new(), 0);
    for pair in tasks.iter().zip(&kept) {
        if let Some(partition) = of_kept(pair) {
            done.push(partition);
            continue;
        }
        let table = engine.samples(pair.0, (first, last), progress)?;
        alike(&table, pair.0, &mut like)?;
        done.push(publish(&table, pair.0)?);
        rows += table.rows();
        stage.add(1);
    }
    stage.finish(&format!("{rows} rows of {} days", missing().count()));
    Ok(done)
}

fn of_kept((task, kept): (&Task, &Option<Stamp>)) -> Option<Partition> {
    kept.as_ref().map(|stamp| Partition {
        day: task.day.to_string(),
        path: task.path.clone(),
        rows: stamp.rows,
        positive: stamp.positive,
        kept: true,
    })
}

/// The day's template with its features listed, checked, and the mark of its statement.
fn task(job: &Job, day: Day, engine: &mut dyn Engine) -> Result<Task, PipelineError> {
    let variables = Variables {
        date: Some(day),
        named: job.named.clone(),
    };
    let (path, tables) = (job.template.as_path(), job.tables.as_deref());
    let mut template = Template::load(path, tables, job.name.as_deref(), &variables)?;
    let fault = |template: &Template, reason: String| PipelineError::Template {
        template: template.name.clone(),
        reason,
    };
    for side in [&mut template.tables.user, &mut template.tables.item] {
        if let Some(side) = side.as_mut().filter(|side| side.features.is_none()) {
            side.list(&engine.columns(&side.table)?);
        }
    }
    let found: Vec<String> = leaks(&template).iter().map(ToString::to_string).collect();
    if !found.is_empty() && !job.allow_leaks {
        return Err(fault(&template, found.join("\n")));
    }
    if let Some(name) = twice(&template) {
        let reason = format!("two columns of the sample are named `{name}`; list one as `{name} as other`");
        return Err(fault(&template, reason));
    }
    let sql = statement(&template, Dialect::Sqlite, 1, &variables);
    if let Some(open) = variables.open(&sql).first() {
        let reason = format!("`${{{open}}}` stands for nothing, expected --var {open}=VALUE");
        return Err(fault(&template, reason));
    }
    let day_text = format!("{}={day}", template.tables.behaviour.partition);
    Ok(Task {
        day,
        stamp: partition::mark(&sql, &template.tables),
        path: job.out.join(day_text).join("samples.parquet"),
        template,
        variables,
    })
}

/// Days of one template have the same columns.
fn alike(
    table: &Table,
    task: &Task,
    like: &mut Option<(PathBuf, Vec<(String, Kind)>)>,
) -> Result<(), PipelineError> {
    let own = table
        .columns
        .iter()
        .map(|(name, column)| (name.clone(), column.kind()));
    let own: Vec<(String, Kind)> = own.collect();
    let Some((path, columns)) = like else {
        *like = Some((task.path.clone(), own));
        return Ok(());
    };
    let differs = own.iter().zip(columns.iter()).find(|(a, b)| a != b);
    match differs {
        None => Ok(()),
        Some(((name, kind), (other, expected))) => Err(PipelineError::Malformed {
            path: task.path.clone(),
            reason: format!(
                "expected column `{other}` of type {expected} as in {}, got `{name}` of type {kind}; text files are typed by \
                 what they hold, `types` of the table says it once",
                path.display()
            ),
        }),
    }
}

fn publish(table: &Table, task: &Task) -> Result<Partition, PipelineError> {
    let label = table.column(&task.template.label)?;
    let positive = if let Column::Float(rows) = label {
        rows.iter().flatten().filter(|label| **label > 0.0).count()
    } else if let Column::Int(rows) = label {
        rows.iter().flatten().filter(|label| **label > 0).count()
    } else {
        0
    } as u64;
    write(&task.path, table, (&task.stamp, positive))?;
    Ok(Partition {
        day: task.day.to_string(),
        path: task.path.clone(),
        rows: table.rows() as u64,
        positive,
        kept: false,
    })
}

/// An empty table of these columns.
fn empty(columns: &[(String, Kind)]) -> Table {
    let column = |(name, kind): &(String, Kind)| (name.clone(), Column::new(*kind, 0));
    Table {
        columns: columns.iter().map(column).collect(),
    }
}

/// The columns that samples are ordered by.
fn order(template: &Template) -> Vec<String> {
    let behaviour = &template.tables.behaviour;
    let mut order = vec![
        behaviour.time.clone(),
        behaviour.user.clone(),
        behaviour.item.clone(),
    ];
    let names: Vec<String> = super::outputs::outputs(template)
        .into_iter()
        .map(|o| o.name)
        .collect();
    let more = [
        Some(super::pairs::second(&behaviour.item)),
        behaviour.request.clone(),
    ];
    order.extend(more.into_iter().flatten().filter(|name| names.contains(name)));
    order
}

/// A fault of a file.
fn malformed(path: &Path, reason: impl Into<String>) -> PipelineError {
    PipelineError::Malformed {
        path: path.to_owned(),
        reason: reason.into(),
    }
}
