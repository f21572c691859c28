//! `rankine check skew LOG`: served samples against offline extraction, feature by feature.
//!
//! Two questions. Without `--against`: do the logged raw values, extracted here and now, give the logged features? (Another
//! build, another dictionary, a damaged log.) With it: does the offline row of the same key (a sample file, a table) give them?
//! (Fields that are computed otherwise offline than online.) The decision: exit code 1 where anything differs, so that it can
//! stand in a schedule.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use rankine_feature::{Extractor, Plan, Sample, Value, canonical, text};
use rankine_model::{Artefact, Manifest, versions};
use rankine_pipeline::extract::{ExtractOptions, Input, InputForm, samples};
use rankine_pipeline::sample_log::{self, LogRow};
use serde_json::json;

use super::{Globals, extract::conf_file};
use crate::home::Home;
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine check skew .rankine/logs/samples\n  \
    rankine check skew .rankine/logs/samples --against samples.parquet --key userId,movieId,timestamp")]
pub(crate) struct Options {
    /// A log file, or a folder of them
    #[arg(value_name = "LOG")]
    log: PathBuf,
    /// The conf of the log; default: that of the home's model with the same conf hash
    #[arg(long, value_name = "CONF.toml")]
    conf: Option<PathBuf>,
    /// Offline rows to compare with instead of the logged raw values
    #[arg(long, value_name = "FILE", requires = "key")]
    against: Option<PathBuf>,
    /// Fields by which logged and offline rows find each other
    #[arg(long, value_name = "FIELDS", value_delimiter = ',', requires = "against")]
    key: Vec<String>,
}

/// What was found of one feature.
#[derive(Debug, Default)]
struct Skew {
    name: String,
    rows: u64,
    /// Of the first row: request, item, logged, offline.
    first: Option<(i64, i64, String, String)>,
}

/// What was found.
#[derive(Debug, Default)]
struct Found {
    rows: u64,
    /// Logged rows without an offline one.
    alone: u64,
    different: u64,
    features: BTreeMap<u32, Skew>,
}

/// Compares.
///
/// # Errors
/// Files that cannot be read, a conf that is not there, and any difference.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let mut found = Found::default();
    for file in sample_log::files(&options.log)? {
        let (name, hash) = sample_log::conf_of(&file)?;
        let plan = plan(options, &globals.home(), (&name, &hash))?;
        let offline = options
            .against
            .as_ref()
            .map(|_| offline(options, &plan))
            .transpose()?;
        let mut extractor = Extractor::new(Arc::clone(&plan));
        for row in sample_log::read(&file, &plan)? {
            compare(&row, (&mut extractor, &options.key, offline.as_ref()), &mut found)?;
        }
    }
    told(&found, globals.json)?;
    if found.different > 0 {
        bail!("{} of {} logged samples differ", found.different, found.rows);
    }
    Ok(())
}

/// The plan with this hash: of the conf that is named, or of a model in the home.
pub(super) fn plan_of(home: &Home, (name, hash): (&str, &str)) -> anyhow::Result<Option<Arc<Plan>>> {
    let models = std::fs::read_dir(home.models()).into_iter().flatten().flatten();
    for folder in models.flat_map(|entry| versions(&entry.path())) {
        let manifest = Manifest::read(&folder.1)?;
        if manifest
            .conf
            .as_ref()
            .is_some_and(|conf| conf.name == name && conf.hash == hash)
        {
            return Ok(Artefact::open(&folder.1)?.plan().cloned());
        }
    }
    Ok(None)
}

fn plan(options: &Options, home: &Home, (name, hash): (&str, &str)) -> anyhow::Result<Arc<Plan>> {
    let plan = match &options.conf {
        Some(path) => Some(Arc::new(conf_file(path, None)?)),
        None => plan_of(home, (name, hash))?,
    };
    let plan = plan.with_context(|| {
        format!(
            "no model in {} has the conf \"{name}\" {hash}; name the conf with --conf",
            home.models().display()
        )
    })?;
    if plan.hash() != hash {
        output::note(&format!(
            "the log was made with conf hash {hash}, the conf here has {}",
            plan.hash()
        ));
    }
    Ok(plan)
}

/// Offline rows by key.
fn offline(options: &Options, plan: &Arc<Plan>) -> anyhow::Result<BTreeMap<String, Sample>> {
    let path = options.against.clone().context("expected a file")?;
    if let Some(unknown) = options.key.iter().find(|name| plan.schema().find(name).is_none()) {
        bail!("--key: the conf has no field `{unknown}`");
    }
    let form = InputForm::of(&path)
        .with_context(|| format!("{}: its name does not tell its form", path.display()))?;
    let input = Input {
        path,
        form,
        columns: Vec::new(),
    };
    let mut rows = BTreeMap::new();
    samples(plan, &input, &ExtractOptions::default(), |_, sample| {
        rows.insert(key(sample, &options.key), sample.clone());
        true
    })?;
    Ok(rows)
}

fn key(sample: &Sample, fields: &[String]) -> String {
    let mut key = String::new();
    for name in fields {
        let value = sample
            .values()
            .find(|(field, _)| *field.name == **name)
            .map(|(_, value)| value);
        text::print(value.unwrap_or(&Value::Missing), &mut key);
        key.push('\t');
    }
    key
}

/// A logged row's raw values.
pub(super) fn sample(row: &LogRow, plan: &Plan) -> Sample {
    let mut sample = Sample::new(plan.schema());
    sample.set(|field| {
        let place = plan.schema().find(&field.name);
        let value = place.and_then(|(side, at)| row.sides[side as usize].get(at));
        value.cloned().unwrap_or_default()
    });
    sample
}

fn compare(
    row: &LogRow,
    (extractor, fields, offline): (&mut Extractor, &[String], Option<&BTreeMap<String, Sample>>),
    found: &mut Found,
) -> anyhow::Result<()> {
    found.rows += 1;
    let plan = Arc::clone(extractor.plan());
    let logged = sample(row, &plan);
    let own = match offline {
        None => Some(&logged),
        Some(rows) => rows.get(&key(&logged, fields)),
    };
    let Some(own) = own else {
        found.alone += 1;
        return Ok(());
    };
    let mut bytes = Vec::new();
    extractor.run(own.rows());
    extractor.encode(&mut bytes);
    if bytes == row.bytes {
        return Ok(());
    }
    found.different += 1;
    let (ours, theirs) = (canonical::read(&bytes)?, canonical::read(&row.bytes)?);
    for ours in &ours {
        let theirs = theirs.iter().find(|slot| slot.slot == ours.slot);
        let content = theirs.map(canonical::CanonicalSlot::content);
        if content.is_some_and(|content| same(content, ours.content())) {
            continue;
        }
        let skew = found.features.entry(ours.slot).or_default();
        skew.name = plan
            .slot(ours.slot)
            .map(|spec| spec.name.to_string())
            .unwrap_or_default();
        skew.rows += 1;
        let printed = |content: rankine_feature::Content<'_>| {
            let mut text = String::new();
            content.print(&mut text);
            text
        };
        skew.first.get_or_insert_with(|| {
            let logged = content.map_or_else(|| "not there".to_owned(), printed);
            (row.request, row.item, logged, printed(ours.content()))
        });
    }
    Ok(())
}

/// To the bit, as the bytes are compared.
fn same(a: rankine_feature::Content<'_>, b: rankine_feature::Content<'_>) -> bool {
    let bytes = |content| {
        let mut out = Vec::new();
        canonical::write(0, content, &mut out);
        out
    };
    bytes(a) == bytes(b)
}

fn told(found: &Found, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let feature = |(slot, skew): (&u32, &Skew)| {
            let first = skew.first.as_ref().map(|(request, item, logged, offline)| {
                json!({ "request": request, "item": item, "logged": logged, "offline": offline })
            });
            json!({ "slot": slot, "feature": skew.name, "rows": skew.rows, "first": first })
        };
        return output::json(&json!({
            "rows": found.rows, "without_offline_row": found.alone, "different": found.different,
            "features": found.features.iter().map(feature).collect::<Vec<_>>(),
        }));
    }
    let compared = found.rows - found.alone;
    output::line(&format!(
        "{} logged samples, {compared} compared, {} differ",
        found.rows, found.different
    ));
    let row = |(slot, skew): (&u32, &Skew)| {
        let first = skew.first.as_ref();
        let example = first.map(|(request, item, logged, offline)| {
            format!("request {request}, item {item}: logged {logged}, offline {offline}")
        });
        vec![
            skew.name.clone(),
            slot.to_string(),
            skew.rows.to_string(),
            example.unwrap_or_default(),
        ]
    };
    if !found.features.is_empty() {
        let rows: Vec<_> = found.features.iter().map(row).collect();
        output::line(&output::table(&["feature", "slot", "samples", "first"], &rows));
    }
    Ok(())
}
