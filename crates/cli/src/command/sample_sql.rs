//! `rankine sample sql TEMPLATE.json`: the SQL of a sample template, for a dialect.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use rankine_pipeline::sample_sql::{Day, Dialect, Template, Variables, leaks, statement};
use serde_json::json;

use super::Globals;
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine sample sql examples/samples/cold_start.json --dialect spark\n  \
    rankine sample sql template.json --tables tables.json --dialect postgres --date 20261122")]
pub(crate) struct Options {
    /// The template: label, days, grain, negatives, and tables if --tables does not give them
    #[arg(value_name = "TEMPLATE.json")]
    template: PathBuf,
    /// Behaviour, user and item tables; default: those of the template, else the documented names
    #[arg(long, value_name = "TABLES.json")]
    tables: Option<PathBuf>,
    /// Which template of a file that holds several
    #[arg(long = "template", value_name = "NAME")]
    name: Option<String>,
    /// sqlite, postgres, spark, maxcompute or hive
    #[arg(long, default_value = "sqlite", value_parser = Dialect::of)]
    dialect: Dialect,
    /// The last day, `${bizdate}`, as 20261122 or 2026-11-22; without it the variables stand in the SQL
    #[arg(long, value_name = "DAY", value_parser = Day::parse)]
    date: Option<Day>,
    /// What `${NAME}` stands for
    #[arg(long, value_name = "NAME=VALUE")]
    var: Vec<String>,
    /// Print the SQL even if a feature leaks
    #[arg(long)]
    allow_leaks: bool,
}

/// Prints it; leaks go to standard error, and are an error unless they are allowed.
///
/// # Errors
/// All faults of the template; features that leak.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let variables = variables(options.date, &options.var)?;
    let (path, tables) = (options.template.as_path(), options.tables.as_deref());
    let template = Template::load(path, tables, options.name.as_deref(), &variables)?;
    let leaks: Vec<String> = leaks(&template).iter().map(ToString::to_string).collect();
    if !leaks.is_empty() && !options.allow_leaks {
        bail!("{}: {}", path.display(), leaks.join("\n"));
    }
    leaks.iter().for_each(|leak| output::note(leak));
    let sql = statement(&template, options.dialect, template.train_days, &variables);
    if globals.json {
        return output::json(&json!({
            "template": template.name, "dialect": options.dialect.label(), "open": variables.open(&sql),
            "leaks": leaks, "sql": sql,
        }));
    }
    output::line(sql.trim_end());
    Ok(())
}

/// `--date` and `--var`.
pub(crate) fn variables(date: Option<Day>, given: &[String]) -> anyhow::Result<Variables> {
    let mut variables = Variables {
        date,
        ..Variables::default()
    };
    for text in given {
        let (name, value) = text
            .split_once('=')
            .with_context(|| format!("--var: expected NAME=VALUE, got `{text}`"))?;
        variables.named.insert(name.to_owned(), value.to_owned());
    }
    Ok(variables)
}
