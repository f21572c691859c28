//! `rankine replay LOG`: logged requests through two versions of a model: what their scores, features and latencies do.
//!
//! The decision: both versions are loaded by the serving predictor itself and asked as a server asks it, in turn request by
//! request (A B, then B A), so that neither has the warmer caches; items are given with all their logged fields, and only rows
//! that the model scored when they were logged are sent: a log folder holds those of every conf and model.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use rankine_feature::{Plan, Side, canonical};
use rankine_pipeline::sample_log::{self, LogRow};
use rankine_predict::{
    Ask, ItemScore, ModelEntry, PredictConfig, Predictor, Question, QuestionItem, Row, Snapshot,
    VersionPolicy,
};
use serde_json::{Value, json};

use super::check_skew::plan_of;
use super::{Globals, model_named};
use crate::clock;
use crate::dictionaries::Dictionaries;
use crate::home::Home;
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine replay .rankine/logs/samples --model widedeep --versions 3,4\n  \
    rankine replay .rankine/logs/samples --model widedeep --versions 3,4 --requests 1000 --json")]
pub(crate) struct Options {
    /// A log file, or a folder of them
    #[arg(value_name = "LOG")]
    log: PathBuf,
    /// The model, named as the logged requests name it
    #[arg(long, value_name = "NAME")]
    model: String,
    /// Two of its versions
    #[arg(long, value_name = "A,B", value_delimiter = ',', required = true)]
    versions: Vec<u64>,
    /// Most requests that are sent
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    requests: usize,
    #[command(flatten)]
    dictionaries: Dictionaries,
}

/// What was seen of one version.
#[derive(Debug, Default)]
struct Seen {
    millis: Vec<f64>,
    absent: u64,
}

/// One logged request: the plan of its conf, its rows.
type Logged = (Arc<Plan>, Vec<LogRow>);

/// What was seen of both.
#[derive(Debug, Default)]
struct Both {
    /// Logged rows that other models scored.
    others: u64,
    versions: [Seen; 2],
    items: u64,
    /// |B − A| of items that both scored.
    differences: Vec<f64>,
    /// Sum of B − A.
    drift: f64,
    /// Requests whose best item is another.
    other_best: u64,
    /// Slots that differ, with how many items.
    slots: BTreeMap<u32, (String, u64)>,
}

/// Replays.
///
/// # Errors
/// Logs that cannot be read, versions that do not load, requests that are refused.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let &[a, b] = &options.versions[..] else {
        bail!("--versions: expected two, got {}", options.versions.len());
    };
    let home = globals.home();
    let predictor = predictor(&home, options, [a, b])?;
    let snapshot = predictor.snapshot();
    for version in [a, b] {
        snapshot
            .metadata(&options.model, Some(version))
            .with_context(|| format!("version {version}"))?;
    }
    let mut both = Both::default();
    let requests = requests(&home, options, &mut both.others)?;
    if requests.is_empty() {
        bail!(
            "{}: no logged sample was scored by `{}`; {} were by other models",
            options.log.display(),
            options.model,
            both.others
        );
    }
    for request in requests {
        one(&predictor, &snapshot, (options, [a, b]), &request, &mut both)?;
    }
    told(&both, (&options.model, [a, b]), globals.json)
}

/// A predictor of both versions and of what their confs read.
fn predictor(home: &Home, options: &Options, versions: [u64; 2]) -> anyhow::Result<Predictor> {
    let entry = ModelEntry {
        versions: VersionPolicy::Pinned(versions.to_vec()),
        ..ModelEntry::named(&options.model)
    };
    let mut config = PredictConfig::new(home.models(), clock::now_micros).model(entry);
    config.threads = 1;
    config.item_cache_bytes = 0;
    for version in versions {
        // a version that does not open is told by the predictor
        let Ok(artefact) = model_named(home, &format!("{}@{version}", options.model)) else {
            continue;
        };
        let reads = artefact
            .plan()
            .map(|plan| options.dictionaries.entries(plan, home));
        for entry in reads.transpose()?.into_iter().flatten() {
            if config.dictionaries.iter().all(|known| known.name != entry.name) {
                config.dictionaries.push(entry);
            }
        }
    }
    Ok(Predictor::open(config)?)
}

/// Rows of the log that the model scored, by request, in order; counts the others.
fn requests(home: &Home, options: &Options, others: &mut u64) -> anyhow::Result<Vec<Logged>> {
    let mut found: Vec<Logged> = Vec::new();
    let own = |models: &[String]| {
        let base = |model: &String| model.split(':').next() == Some(&options.model);
        models.iter().any(base)
    };
    for file in sample_log::files(&options.log)? {
        let (name, hash) = sample_log::conf_of(&file)?;
        let models = sample_log::models(&file)?;
        let here = models.iter().filter(|models| own(models)).count();
        *others += (models.len() - here) as u64;
        if here == 0 {
            continue;
        }
        let plan = plan_of(home, (&name, &hash))?;
        let plan = plan
            .with_context(|| format!("{}: no model here has the conf \"{name}\" {hash}", file.display()))?;
        let mut rows = sample_log::read(&file, &plan)?;
        rows.retain(|row| own(&row.models));
        for rows in rows.chunk_by(|a, b| a.request == b.request) {
            if found.len() == options.requests {
                return Ok(found);
            }
            found.push((Arc::clone(&plan), rows.to_vec()));
        }
    }
    Ok(found)
}

/// One logged request as a question to a version.
fn question((plan, rows): &Logged, (ask, items): (String, String)) -> Question {
    let side = |side: Side| {
        let fields = plan.schema().side(side).iter().zip(&rows[0].sides[side as usize]);
        Row::of(fields.map(|(field, value)| (&*field.name, value.clone())))
    };
    let item = |row: &LogRow| QuestionItem {
        id: row.item,
        given: row.sides[Side::Item as usize].iter().cloned().map(Some).collect(),
        models: Vec::new(),
    };
    Question {
        user: side(Side::User),
        context: side(Side::Context),
        item_fields: plan
            .schema()
            .side(Side::Item)
            .iter()
            .map(|field| field.name.clone())
            .collect(),
        items: rows.iter().map(item).collect(),
        asks: vec![Ask {
            conf: String::new(),
            models: vec![ask],
        }],
        item_dictionary: items,
        ..Question::default()
    }
}

fn one(
    predictor: &Predictor,
    snapshot: &Snapshot,
    (options, versions): (&Options, [u64; 2]),
    request: &Logged,
    both: &mut Both,
) -> anyhow::Result<()> {
    let ask = |version: u64| format!("{}:{version}", options.model);
    let items = item_dictionary(predictor);
    let questions = versions.map(|version| question(request, (ask(version), items.clone())));
    let mut scores: [Vec<ItemScore>; 2] = [Vec::new(), Vec::new()];
    let turn = both.versions[0].millis.len() % 2;
    for at in [turn, 1 - turn] {
        let begun = Instant::now();
        let answer = predictor.ask_on(snapshot, &questions[at])?;
        both.versions[at].millis.push(begun.elapsed().as_secs_f64() * 1e3);
        let model = answer
            .confs
            .into_iter()
            .flat_map(|conf| conf.models)
            .next()
            .context("no answer")?;
        scores[at] = model
            .outcome
            .map_err(|error| anyhow::anyhow!(error.message))?
            .scores;
    }
    features(predictor, snapshot, &questions, both)?;
    differences(&scores, both);
    Ok(())
}

/// The item dictionary that completes what another conf reads of items, where several are loaded: any, all logged fields being
/// given.
fn item_dictionary(predictor: &Predictor) -> String {
    let mut status = predictor.dictionary_status().into_iter();
    let items = status.find(|one| one.kind == "items");
    items.map(|one| one.status.name).unwrap_or_default()
}

/// Compares scores of one request.
fn differences([a, b]: &[Vec<ItemScore>; 2], both: &mut Both) {
    let best = |scores: &[ItemScore]| {
        let scored = scores
            .iter()
            .enumerate()
            .filter_map(|(i, score)| Some((i, *score.as_ref().ok()?)));
        scored
            .max_by(|x, y| x.1.total_cmp(&y.1).then(y.0.cmp(&x.0)))
            .map(|(i, _)| i)
    };
    both.other_best += u64::from(best(a) != best(b));
    for (a, b) in a.iter().zip(b) {
        both.items += 1;
        both.versions[0].absent += u64::from(a.is_err());
        both.versions[1].absent += u64::from(b.is_err());
        if let (Ok(a), Ok(b)) = (a, b) {
            let difference = f64::from(*b) - f64::from(*a);
            both.drift += difference;
            both.differences.push(difference.abs());
        }
    }
}

/// Compares features of one request.
fn features(
    predictor: &Predictor,
    snapshot: &Snapshot,
    questions: &[Question; 2],
    both: &mut Both,
) -> anyhow::Result<()> {
    let mut slots = Vec::new();
    for question in questions {
        let conf = predictor
            .extract_on(snapshot, question)?
            .into_iter()
            .next()
            .context("no slots")?;
        slots.push(conf.items.map_err(|error| anyhow::anyhow!(error.message))?);
    }
    for (a, b) in slots[0].iter().zip(&slots[1]) {
        let (Ok((a, contents)), Ok((b, more))) = (&a.slots, &b.slots) else {
            continue;
        };
        if a == b {
            continue;
        }
        let (read_a, read_b) = (canonical::read(a)?, canonical::read(b)?);
        let name = |slot| {
            contents
                .iter()
                .chain(more)
                .find(|content| content.slot == slot)
                .map(|content| content.feature.to_string())
        };
        let bytes = |read: &[canonical::CanonicalSlot], bytes: &[u8], slot: u32| {
            read.iter()
                .find(|one| one.slot == slot)
                .map(|one| bytes[one.range.clone()].to_vec())
        };
        let all: std::collections::BTreeSet<u32> = read_a.iter().chain(&read_b).map(|one| one.slot).collect();
        for slot in all {
            if bytes(&read_a, a, slot) != bytes(&read_b, b, slot) {
                let entry = both
                    .slots
                    .entry(slot)
                    .or_insert_with(|| (name(slot).unwrap_or_default(), 0));
                entry.1 += 1;
            }
        }
    }
    Ok(())
}

/// A quantile of numbers, which are sorted by it.
fn quantile(numbers: &mut [f64], q: f64) -> f64 {
    numbers.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the count"
    )]
    let at = ((numbers.len().saturating_sub(1)) as f64 * q).round() as usize;
    numbers.get(at).copied().unwrap_or(f64::NAN)
}

fn told(both: &Both, (model, versions): (&str, [u64; 2]), as_json: bool) -> anyhow::Result<()> {
    let mut differences = both.differences.clone();
    let scored = differences.len().max(1) as f64;
    let (mean, p99) = (
        differences.iter().sum::<f64>() / scored,
        quantile(&mut differences, 0.99),
    );
    let most = differences.last().copied().unwrap_or(0.0);
    let requests = both.versions[0].millis.len();
    let version = |at: usize| -> (Value, Vec<String>) {
        let mut millis = both.versions[at].millis.clone();
        let (p50, p99) = (quantile(&mut millis, 0.5), quantile(&mut millis, 0.99));
        let absent = both.versions[at].absent;
        (
            json!({ "version": versions[at], "p50_ms": p50, "p99_ms": p99, "absent": absent }),
            vec![
                format!("{model}:{}", versions[at]),
                format!("{p50:.3}"),
                format!("{p99:.3}"),
                absent.to_string(),
            ],
        )
    };
    let (a, b) = (version(0), version(1));
    if as_json {
        let slot = |(slot, (feature, items)): (&u32, &(String, u64))| json!({ "slot": slot, "feature": feature, "items": items });
        return output::json(&json!({
            "model": model, "requests": requests, "items": both.items, "of_other_models": both.others, "versions": [a.0, b.0],
            "score": { "mean_difference": both.drift / scored, "mean_absolute": mean, "p99": p99, "most": most },
            "other_best": both.other_best, "features": both.slots.iter().map(slot).collect::<Vec<_>>(),
        }));
    }
    output::line(&output::table(
        &["version", "p50 ms", "p99 ms", "without score"],
        &[a.1, b.1],
    ));
    output::line(&format!(
        "\n{requests} requests, {} items; score difference: mean {:+.6}, absolute {mean:.6}, p99 {p99:.6}, most {most:.6}; \
         another best item in {} requests",
        both.items,
        both.drift / scored,
        both.other_best
    ));
    if both.others > 0 {
        output::line(&format!(
            "{} logged samples of other models were not sent",
            both.others
        ));
    }
    if both.slots.is_empty() {
        output::line("features: the same in every slot");
        return Ok(());
    }
    let row = |(slot, (feature, items)): (&u32, &(String, u64))| {
        vec![feature.clone(), slot.to_string(), items.to_string()]
    };
    let rows: Vec<_> = both.slots.iter().map(row).collect();
    output::line(&output::table(&["differing feature", "slot", "items"], &rows));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_compared_item_by_item() {
        let mut both = Both::default();
        differences(&[vec![Ok(0.5), Ok(0.25)], vec![Ok(0.25), Ok(0.5)]], &mut both);
        differences(&[vec![Ok(0.5)], vec![Ok(1.0)]], &mut both);
        assert_eq!((both.items, both.other_best, both.drift), (3, 1, 0.5));
        assert_eq!(quantile(&mut both.differences, 1.0), 0.5);
        assert!(quantile(&mut [], 0.5).is_nan());
    }
}
