//! `rankine check skew LOG`: served samples against offline extraction, feature by feature.
//!
//! Two questions. Without `--against`: do the logged raw values, extracted here and now, give the logged features? (Another
//! build, another dictionary, a damaged log.) With it: does the offline row of the same key (a sample file, a table) give them?
//! (Fields that are computed otherwise offline than online.) The decisions: exit code 1 where anything differs and where nothing
//! was compared, so that it can stand in a schedule; of the offline file, which is read once per conf, only rows that the log
//! has are held.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use rankine_feature::{Extractor, Plan, Sample, canonical, text};
use rankine_model::{Artefact, Manifest, versions};
use rankine_pipeline::extract::{ExtractOptions, Input, InputForm, samples};
use rankine_pipeline::sample_log::{self, LogRow};
use serde_json::json;

use super::{Globals, extract::conf_file};
use crate::dictionaries::Dictionaries;
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
    #[command(flatten)]
    dictionaries: Dictionaries,
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
    /// Logged rows without an offline one, or with a missing key.
    alone: u64,
    different: u64,
    features: BTreeMap<u32, Skew>,
}

/// Compares.
///
/// # Errors
/// Files that cannot be read, a conf that is not there, an offline key that is there twice, any difference, and nothing to
/// compare.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let mut confs: BTreeMap<(String, String), Vec<PathBuf>> = BTreeMap::new();
    for file in sample_log::files(&options.log)? {
        confs.entry(sample_log::conf_of(&file)?).or_default().push(file);
    }
    let mut found = Found::default();
    for ((name, hash), files) in &confs {
        let plan = plan(options, &globals.home(), (name, hash))?;
        let offline = options
            .against
            .as_deref()
            .map(|against| offline((against, &options.key), &plan, files));
        let offline = offline.transpose()?;
        let mut extractor = Extractor::new(Arc::clone(&plan));
        for file in files {
            for row in sample_log::read(file, &plan)? {
                compare(&row, (&mut extractor, &options.key, offline.as_ref()), &mut found)?;
            }
        }
    }
    told(&found, globals.json)?;
    if found.different > 0 {
        bail!("{} of {} logged samples differ", found.different, found.rows);
    }
    if found.rows == found.alone {
        bail!(
            "nothing was compared: {} logged samples, none with an offline row of the same key",
            found.rows
        );
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
    options.dictionaries.bound(&plan, home)
}

/// Offline rows by key: those that the log has.
fn offline(
    (against, fields): (&Path, &[String]),
    plan: &Arc<Plan>,
    logs: &[PathBuf],
) -> anyhow::Result<BTreeMap<String, Sample>> {
    if let Some(unknown) = fields.iter().find(|name| plan.schema().find(name).is_none()) {
        bail!("--key: the conf has no field `{unknown}`");
    }
    let mut logged = BTreeSet::new();
    for file in logs {
        let rows = sample_log::read(file, plan)?;
        logged.extend(rows.iter().filter_map(|row| key(&sample(row, plan), fields)));
    }
    let form = InputForm::of(against)
        .with_context(|| format!("{}: its name does not tell its form", against.display()))?;
    let input = Input {
        path: against.to_owned(),
        form,
        columns: Vec::new(),
    };
    let mut rows: BTreeMap<String, (u64, Sample)> = BTreeMap::new();
    let mut twice = None;
    samples(plan, &input, &ExtractOptions::default(), |line, sample| {
        let key = key(sample, fields).filter(|key| logged.contains(key));
        let before = key.and_then(|key| Some((rows.insert(key.clone(), (line, sample.clone()))?.0, key)));
        twice = before.map(|(before, key)| (before, line, key));
        twice.is_none()
    })?;
    if let Some((before, line, key)) = twice {
        bail!(
            "{}:{line}: the key {} ({}) is also on line {before}; name fields that tell rows apart",
            against.display(),
            fields.join(","),
            key.replace('\t', ",")
        );
    }
    Ok(rows.into_iter().map(|(key, (_, sample))| (key, sample)).collect())
}

/// The key's values; none where one of them is missing, which is equal to nothing.
fn key(sample: &Sample, fields: &[String]) -> Option<String> {
    let mut key = String::new();
    for (at, name) in fields.iter().enumerate() {
        let (_, value) = sample.values().find(|(field, _)| *field.name == **name)?;
        if value.is_missing() {
            return None;
        }
        if at > 0 {
            key.push('\t');
        }
        text::print(value, &mut key);
    }
    Some(key)
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
        Some(rows) => key(&logged, fields).and_then(|key| rows.get(&key)),
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
    let (ours, theirs) = (slots(&bytes)?, slots(&row.bytes)?);
    let all: BTreeSet<u32> = ours.keys().chain(theirs.keys()).copied().collect();
    for slot in all {
        let (ours, theirs) = (ours.get(&slot), theirs.get(&slot));
        if ours.map(|(bytes, _)| bytes) == theirs.map(|(bytes, _)| bytes) {
            continue;
        }
        let skew = found.features.entry(slot).or_insert_with(|| Skew {
            name: plan
                .slot(slot)
                .map_or_else(|| "(not in the conf)".to_owned(), |spec| spec.name.to_string()),
            ..Skew::default()
        });
        skew.rows += 1;
        let printed = |one: Option<&(Vec<u8>, String)>| {
            one.map_or_else(|| "not there".to_owned(), |(_, content)| content.clone())
        };
        skew.first
            .get_or_insert_with(|| (row.request, row.item, printed(theirs), printed(ours)));
    }
    Ok(())
}

/// Each slot's bytes, and its content for people.
fn slots(bytes: &[u8]) -> anyhow::Result<BTreeMap<u32, (Vec<u8>, String)>> {
    let slot = |one: canonical::CanonicalSlot| {
        let mut text = String::new();
        one.content().print(&mut text);
        (one.slot, (bytes[one.range.clone()].to_vec(), text))
    };
    Ok(canonical::read(bytes)?.into_iter().map(slot).collect())
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

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_feature::Value;

    #[test]
    fn a_missing_key_is_equal_to_nothing_and_tabs_do_not_join_fields() {
        let conf = "format = 1\nname = \"c\"\nschema.user = [{ name = \"a\", type = \"string\" }, \
            { name = \"b\", type = \"string\" }]\n\
            feature = [{ name = \"f\", class = \"id\", slot = 1, depend = [\"a\"] }]";
        let plan = Plan::compile(conf, "c.toml", None).unwrap();
        let fields = ["a".to_owned(), "b".to_owned()];
        let of = |a: Value, b: Value| {
            let mut sample = Sample::new(plan.schema());
            sample.set(|field| if *field.name == *"a" { a.clone() } else { b.clone() });
            key(&sample, &fields)
        };
        assert_eq!(of(Value::str("x"), Value::Missing), None);
        let (one, other) = (
            of(Value::str("x\t"), Value::str("y")),
            of(Value::str("x"), Value::str("\ty")),
        );
        assert!(one.is_some() && other.is_some() && one != other);
    }
}
